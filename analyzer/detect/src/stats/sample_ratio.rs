//! Whether the arms have the sizes that the split promised: Pearson's chi-squared test (1900), used as Fabijan et al. 2019
//! ("Diagnosing sample ratio mismatch in online controlled experiments") say. A mismatch means that something else than
//! the flag told the arms apart, and no effect should be read.

use super::distribution::chi_squared_tail;

/// Probability of counts at least as far from the promised shares. The shares need not sum to 1. None for fewer than two
/// arms, lists of different lengths, or an arm that was promised nothing.
pub fn mismatch(counts: &[u64], shares: &[f64]) -> Option<f64> {
    let total: u64 = counts.iter().sum();
    let whole: f64 = shares.iter().sum();
    if counts.len() != shares.len() || counts.len() < 2 || shares.iter().any(|share| *share <= 0.0) {
        return None;
    }
    if total == 0 {
        return Some(1.0);
    }
    let distance = counts.iter().zip(shares).map(|(count, share)| {
        let expected = total as f64 * share / whole;
        (*count as f64 - expected).powi(2) / expected
    });
    Some(chi_squared_tail(distance.sum(), counts.len() as f64 - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::assert_close;

    /// As `scipy.stats.chisquare` gives.
    fn check(counts: &[u64], shares: &[f64], p_value: f64) {
        assert_close(mismatch(counts, shares).unwrap(), p_value);
    }

    #[test]
    fn probabilities_agree_with_scipy() {
        check(&[5_050, 4_950], &[0.5, 0.5], 0.31731050786291115);
        check(&[1_050, 950, 1_000], &[1.0, 1.0, 1.0], 0.0820849986238988);
        check(&[700, 300], &[0.667, 0.333], 0.0268107963816869);
        check(&[0, 0], &[0.5, 0.5], 1.0);
    }

    #[test]
    fn what_promises_nothing_cannot_be_tested() {
        assert_eq!(mismatch(&[1], &[1.0]), None);
        assert_eq!(mismatch(&[1, 2], &[1.0]), None);
        assert_eq!(mismatch(&[1, 2], &[1.0, 0.0]), None);
    }
}
