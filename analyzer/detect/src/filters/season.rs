//! Does this rise come every day? `docs/filters/season.md`

use crate::stats::moments::median;

/// A rise of which a period earlier had this much is the season's.
const PART_MIN: f64 = 0.5;

/// Whether the values behind the step at `at` were as high one period earlier: then it is the time of day. False where
/// there is no earlier period to look at.
pub fn is_season(values: &[f64], at: usize, end: usize, period: usize) -> bool {
    let Some(earlier) = at.checked_sub(period).filter(|_| period > 0) else { return false };
    let end = end.min(at + period);
    let present = |range: Option<&[f64]>| -> Vec<f64> {
        range.unwrap_or_default().iter().copied().filter(|value| value.is_finite()).collect()
    };
    let behind = present(values.get(at..end));
    let then = present(values.get(earlier..end - period));
    // Just before the step, for as long as what lies behind it.
    let before = present(values.get(at.saturating_sub(end - at)..at));
    if behind.is_empty() || then.is_empty() || before.is_empty() {
        return false;
    }
    let step = median(&behind) - median(&before);
    median(&then) - median(&before) >= PART_MIN * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_every_day_is_the_season() {
        let daily: Vec<f64> = (0..72).map(|hour| if hour % 24 >= 12 { 2.0 } else { 1.0 }).collect();
        assert!(is_season(&daily, 60, 72, 24));
        assert!(!is_season(&daily, 12, 24, 24), "nothing to compare with");
        let once: Vec<f64> = (0..72).map(|hour| if hour >= 60 { 2.0 } else { 1.0 }).collect();
        assert!(!is_season(&once, 60, 72, 24));
        assert!(!is_season(&once, 60, 72, 0));
    }
}
