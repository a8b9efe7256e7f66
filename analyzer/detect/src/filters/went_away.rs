//! Did the rise go away by itself? `docs/filters/went-away.md`

use crate::stats::moments::median;

/// Values at the end that say where the series is now.
const NOW: usize = 5;

/// A rise of which less than this is left has gone away.
const LEFT_MIN: f64 = 0.5;

/// Whether a step up at `at` is over: the level now lies closer to the level before the step than to that behind it.
/// `end` is where the regime behind the step ends. Values that are not finite are missing.
pub fn went_away(values: &[f64], at: usize, end: usize) -> bool {
    let level = |range: Option<&[f64]>| {
        let present: Vec<f64> =
            range.unwrap_or_default().iter().copied().filter(|value| value.is_finite()).collect();
        (!present.is_empty()).then(|| median(&present))
    };
    let behind = values.get(at..).unwrap_or_default().iter().copied();
    let mut last: Vec<f64> = behind.rev().filter(|value| value.is_finite()).take(NOW).collect();
    last.reverse();
    let levels = (level(values.get(..at)), level(values.get(at..end)), level(Some(&last)));
    let (Some(before), Some(behind), Some(now)) = levels else { return false };
    now - before < LEFT_MIN * (behind - before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(levels: &[(f64, usize)], expected: bool) {
        let values: Vec<f64> = levels.iter().flat_map(|&(level, count)| vec![level; count]).collect();
        let at = levels[0].1;
        assert_eq!(went_away(&values, at, at + levels[1].1), expected, "{levels:?}");
    }

    #[test]
    fn a_level_that_returns_is_over() {
        check(&[(1.0, 20), (2.0, 20)], false);
        check(&[(1.0, 20), (2.0, 10), (1.1, 10)], true);
        check(&[(1.0, 20), (2.0, 10), (1.8, 10)], false);
        check(&[(1.0, 20), (2.0, 10), (3.0, 10)], false);
        check(&[(1.0, 20), (2.0, 10), (f64::NAN, 10)], false);
    }
}
