//! Whether one side tends to be higher, whatever the distribution: Mann and Whitney 1947, "On a test of whether one of
//! two random variables is stochastically larger than the other", with the normal approximation, the correction for
//! ties and the correction for continuity.

use super::distribution::normal_tail;

/// The outcome of a rank-sum test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RankSum {
    /// Pairs in which the candidate is higher, equal ones counting half.
    pub pairs_higher: f64,
    /// Probability of ranks at least as uneven, if both sides are alike.
    pub p_value: f64,
}

/// Ranks both sides together. None when a side is empty or holds something that is not a number.
pub fn mann_whitney(baseline: &[f64], candidate: &[f64]) -> Option<RankSum> {
    let mut ranked: Vec<(f64, bool)> = baseline.iter().map(|value| (*value, false)).collect();
    ranked.extend(candidate.iter().map(|value| (*value, true)));
    if baseline.is_empty() || candidate.is_empty() || ranked.iter().any(|(value, _)| value.is_nan()) {
        return None;
    }
    ranked.sort_unstable_by(|left, right| left.0.total_cmp(&right.0));
    let (mut below, mut rank_sum, mut ties) = (0.0, 0.0, 0.0);
    for equal in ranked.chunk_by(|left, right| left.0 == right.0) {
        let count = equal.len() as f64;
        let candidates = equal.iter().filter(|(_, is_candidate)| *is_candidate).count() as f64;
        rank_sum += candidates * (below + (count + 1.0) / 2.0);
        ties += count.powi(3) - count;
        below += count;
    }
    let (first, second) = (baseline.len() as f64, candidate.len() as f64);
    let total = first + second;
    let pairs_higher = rank_sum - second * (second + 1.0) / 2.0;
    let variance = first * second / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
    let distance = ((pairs_higher - first * second / 2.0).abs() - 0.5).max(0.0);
    let p_value = if variance > 0.0 { (2.0 * normal_tail(distance / variance.sqrt())).min(1.0) } else { 1.0 };
    Some(RankSum { pairs_higher, p_value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::assert_close;

    /// As `scipy.stats.mannwhitneyu(method="asymptotic")` gives.
    fn check(baseline: &[f64], candidate: &[f64], pairs_higher: f64, p_value: f64) {
        let found = mann_whitney(baseline, candidate).unwrap();
        assert_close(found.pairs_higher, pairs_higher);
        assert_close(found.p_value, p_value);
    }

    #[test]
    fn ranks_agree_with_scipy() {
        check(
            &[10.1, 9.7, 10.4, 10.0, 9.9, 10.2, 10.6],
            &[10.9, 11.2, 10.7, 11.8, 10.8, 11.1, 11.0, 12.0],
            56.0,
            0.0014600619162422478,
        );
        check(
            &[1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0, 5.0],
            &[2.0, 3.0, 3.0, 4.0, 4.0, 5.0, 6.0, 6.0, 7.0],
            55.5,
            0.062484795672341206,
        );
        let counted: Vec<f64> = (0..20).map(f64::from).collect();
        let shifted: Vec<f64> = (5..25).map(f64::from).collect();
        check(&counted, &shifted, 287.5, 0.01852194627574225);
    }

    #[test]
    fn what_cannot_be_ranked_is_no_difference() {
        check(&[1.0; 8], &[1.0; 8], 32.0, 1.0);
        assert_eq!(mann_whitney(&[], &[1.0]), None);
        assert_eq!(mann_whitney(&[f64::NAN], &[1.0]), None);
    }
}
