//! Has it lasted? `docs/filters/persistence.md`

use crate::stats::moments::{median, robust_deviation};

/// A regime of this many values is a change point's; fewer are pending.
const LASTING: usize = 5;

/// The fewest values that are more than an outlier.
const LEAST: usize = 2;

/// The fewest values before.
const BEFORE_MIN: usize = 10;

/// Values before that say where the series was: a step long ago is not news.
const BEFORE_MAX: usize = 24;

/// Robust standard deviations above the median of what came before.
const DEVIATIONS_MIN: f64 = 4.0;

/// A rise too young to be judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Young {
    /// Index of its first value.
    pub at: usize,
    /// Median before.
    pub before: f64,
    /// Median since.
    pub after: f64,
}

/// The rise at the end of a series that is too short yet to be told from an outlier: the next windows decide. Values that
/// are not finite are missing.
pub fn young(values: &[f64]) -> Option<Young> {
    let present: Vec<(usize, f64)> =
        values.iter().copied().enumerate().filter(|(_, value)| value.is_finite()).collect();
    (LEAST..LASTING).rev().find_map(|length| {
        let split = present.len().checked_sub(length).filter(|before| *before >= BEFORE_MIN)?;
        let (before, after) = present.split_at(split);
        let value = |side: &[(usize, f64)]| side.iter().map(|(_, value)| *value).collect::<Vec<f64>>();
        let recent = before.get(before.len().saturating_sub(BEFORE_MAX)..).unwrap_or_default();
        let (before, values) = (value(recent), value(after));
        let level = median(&before);
        let limit = level + DEVIATIONS_MIN * robust_deviation(&before);
        let at = after.first()?.0;
        values.iter().all(|value| *value > limit).then(|| Young { at, before: level, after: median(&values) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(last: &[f64], expected: Option<usize>) {
        let before = (0..30).map(|at| 10.0 + f64::from(at % 3) * 0.1);
        let values: Vec<f64> = before.chain(last.iter().copied()).collect();
        assert_eq!(young(&values).map(|young| young.at), expected, "{last:?}");
    }

    #[test]
    fn two_windows_are_young_and_one_is_an_outlier() {
        check(&[12.0], None);
        check(&[12.0, 12.1], Some(30));
        check(&[12.0, f64::NAN, 12.1], Some(30));
        check(&[12.0, 12.2, 11.9, 12.0], Some(30));
        check(&[12.0, 10.0], None);
        check(&[], None);
        assert_eq!(young(&[1.0, 1.0, 5.0, 5.0]), None);
    }
}
