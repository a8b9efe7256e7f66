//! Few false findings among many tests.

/// The p-values adjusted by Benjamini and Hochberg 1995, "Controlling the false discovery rate": those at most q are
/// findings of which a share of q is expected to be false, when tests are independent or rise and fall together.
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    adjusted(p_values, 1.0)
}

/// The same under any dependence, by Benjamini and Yekutieli 2001, "The control of the false discovery rate in multiple
/// testing under dependency": for what gates a change or wakes a person.
pub fn benjamini_yekutieli(p_values: &[f64]) -> Vec<f64> {
    adjusted(p_values, (1..=p_values.len()).map(|rank| 1.0 / rank as f64).sum())
}

/// The smallest `factor × m × p / rank` of this p-value or any larger one, at most 1, in the order given.
fn adjusted(p_values: &[f64], factor: f64) -> Vec<f64> {
    let mut falling: Vec<(usize, f64)> = p_values.iter().copied().enumerate().collect();
    falling.sort_by(|left, right| right.1.total_cmp(&left.1));
    let count = p_values.len();
    let mut least = 1.0f64;
    let mut adjusted = vec![1.0; count];
    for (at, (position, p_value)) in falling.into_iter().enumerate() {
        least = least.min(factor * count as f64 * p_value / (count - at) as f64);
        if let Some(slot) = adjusted.get_mut(position) {
            *slot = least;
        }
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::assert_close;

    /// As `statsmodels.stats.multitest.multipletests` gives for `fdr_bh` and `fdr_by`.
    fn check(p_values: &[f64], hochberg: &[f64], yekutieli: &[f64]) {
        for (found, expected) in
            [(benjamini_hochberg(p_values), hochberg), (benjamini_yekutieli(p_values), yekutieli)]
        {
            assert_eq!(found.len(), expected.len());
            found.iter().zip(expected).for_each(|(found, expected)| assert_close(*found, *expected));
        }
    }

    #[test]
    fn adjusted_values_agree_with_statsmodels() {
        check(
            &[0.01, 0.04, 0.03, 0.005, 0.2],
            &[0.025, 0.05, 0.05, 0.025, 0.2],
            &[
                0.05708333333333333,
                0.11416666666666667,
                0.11416666666666665,
                0.05708333333333333,
                0.45666666666666667,
            ],
        );
        check(
            &[0.9, 0.001, 0.02, 0.02, 0.8, 0.04],
            &[0.9, 0.006, 0.04, 0.04, 0.9, 0.06],
            &[1.0, 0.0147, 0.098, 0.098, 1.0, 0.147],
        );
        check(&[0.5], &[0.5], &[0.5]);
        check(&[], &[], &[]);
    }
}
