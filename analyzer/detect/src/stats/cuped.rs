//! Less noise by what was known before: Deng, Xu, Kohavi and Walker 2013, "Improving the sensitivity of online
//! controlled experiments by utilizing pre-experiment data". A host that was dear before is expected to be dear now;
//! the part that its past explains is taken away, and the variance shrinks by 1 - r².

use super::moments::{covariance, mean, variance};

/// One arm's hosts, in the same order in both lists.
#[derive(Clone, Copy, Debug)]
pub struct Arm<'a> {
    /// Each host's value before anything differed.
    pub before: &'a [f64],
    /// Each host's value in the comparison.
    pub now: &'a [f64],
}

/// Each arm's values with the part removed that the past explains. The slope comes from within the arms, so that a real
/// difference between them is kept; with no variation in the past the values stay as they are.
pub fn adjusted(arms: &[Arm]) -> Vec<Vec<f64>> {
    let degrees = |arm: &Arm| arm.before.len().min(arm.now.len()).saturating_sub(1) as f64;
    let shared: f64 = arms.iter().map(|arm| degrees(arm) * covariance(arm.before, arm.now)).sum();
    let own: f64 = arms.iter().map(|arm| degrees(arm) * variance(arm.before)).sum();
    let slope = if own > 0.0 { shared / own } else { 0.0 };
    let everyone: Vec<f64> = arms.iter().flat_map(|arm| arm.before).copied().collect();
    let center = mean(&everyone);
    arms.iter()
        .map(|arm| {
            arm.now.iter().zip(arm.before).map(|(now, before)| now - slope * (before - center)).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::assert_close;

    const BEFORE: [f64; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    const NOW: [f64; 6] = [1.2, 2.1, 2.8, 4.4, 4.9, 6.3];

    #[test]
    fn variance_shrinks_by_the_squared_correlation() {
        let found = adjusted(&[Arm { before: &BEFORE, now: &NOW }]);
        let correlation = covariance(&BEFORE, &NOW) / (variance(&BEFORE) * variance(&NOW)).sqrt();
        assert_close(variance(&found[0]), variance(&NOW) * (1.0 - correlation.powi(2)));
        assert_close(mean(&found[0]), mean(&NOW));
    }

    #[test]
    fn a_difference_between_arms_is_kept() {
        let dearer = NOW.map(|now| now + 10.0);
        let found = adjusted(&[Arm { before: &BEFORE, now: &NOW }, Arm { before: &BEFORE, now: &dearer }]);
        assert_close(mean(&found[1]) - mean(&found[0]), 10.0);
    }

    #[test]
    fn a_past_without_variation_changes_nothing() {
        assert_eq!(adjusted(&[Arm { before: &[3.0; 6], now: &NOW }]), [NOW.to_vec()]);
    }
}
