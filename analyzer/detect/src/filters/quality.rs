//! Is there enough to look at? `docs/filters/quality.md`

/// Fewer values make no series.
const VALUES_MIN: usize = 10;

/// A series of which more than this part is missing is not judged.
const MISSING_MAX: f64 = 0.5;

/// Whether a series has values enough, and not too many gaps. Values that are not finite are missing.
pub fn is_sound(values: &[f64]) -> bool {
    let present = values.iter().filter(|value| value.is_finite()).count();
    present >= VALUES_MIN && present as f64 >= (1.0 - MISSING_MAX) * values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_short_series_are_not_judged() {
        let check = |present: usize, missing: usize, expected: bool| {
            let values = [vec![1.0; present], vec![f64::NAN; missing]].concat();
            assert_eq!(is_sound(&values), expected, "{present} and {missing}");
        };
        check(10, 0, true);
        check(9, 0, false);
        check(20, 20, true);
        check(20, 21, false);
        check(0, 0, false);
    }
}
