//! A number with its uncertainty.

use super::{
    distribution::{student_quantile, student_tail},
    moments::{mean, variance},
};

/// A value estimated from hosts, how far off it may be, and how well that is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The likeliest value.
    pub value: f64,
    /// The standard deviation that the value would have over repetitions.
    pub standard_error: f64,
    /// Degrees of freedom of the standard error; infinite when it is known.
    pub degrees_of_freedom: f64,
}

/// One in so many values is left out on either side by a trimmed mean.
const TRIMMED_ONE_IN: usize = 5;

impl Estimate {
    /// The mean of one value per host. None below two hosts: one host says nothing about hosts.
    pub fn of_mean(values: &[f64]) -> Option<Self> {
        let count = values.len() as f64;
        (values.len() >= 2).then(|| Self {
            value: mean(values),
            standard_error: (variance(values) / count).sqrt(),
            degrees_of_freedom: count - 1.0,
        })
    }

    /// The mean of the middle: a fifth of the values on either side counts as the nearest of the rest, as far as the spread
    /// goes, and not at all for the mean (Tukey and McLaughlin 1963, "Less vulnerable confidence and significance
    /// procedures for location based on a single sample"). For values whose noise is even on both sides and now and then
    /// large. None below two values.
    pub fn of_trimmed_mean(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let cut = sorted.len() / TRIMMED_ONE_IN;
        let middle = sorted.get(cut..sorted.len() - cut).filter(|middle| middle.len() >= 2)?;
        let (Some(least), Some(most)) = (middle.first(), middle.last()) else { return None };
        let winsorised: Vec<f64> = sorted.iter().map(|value| value.clamp(*least, *most)).collect();
        let kept_share = middle.len() as f64 / sorted.len() as f64;
        Some(Self {
            value: mean(middle),
            standard_error: (variance(&winsorised) / sorted.len() as f64).sqrt() / kept_share,
            degrees_of_freedom: middle.len() as f64 - 1.0,
        })
    }

    /// This less an independent other, with the degrees of freedom by Satterthwaite 1946, "An approximate distribution
    /// of estimates of variance components".
    pub fn minus(self, other: Self) -> Self {
        let (own, others) = (self.standard_error.powi(2), other.standard_error.powi(2));
        let spread = own.powi(2) / self.degrees_of_freedom + others.powi(2) / other.degrees_of_freedom;
        let degrees_of_freedom = if spread > 0.0 {
            (own + others).powi(2) / spread
        } else {
            self.degrees_of_freedom + other.degrees_of_freedom
        };
        Self { value: self.value - other.value, standard_error: (own + others).sqrt(), degrees_of_freedom }
    }

    /// The range that holds the truth with this confidence, by Student's t.
    pub fn interval(&self, confidence: f64) -> (f64, f64) {
        let reach = student_quantile(0.5 + confidence / 2.0, self.degrees_of_freedom) * self.standard_error;
        (self.value - reach, self.value + reach)
    }

    /// The probability of a value at least as far from 0, on either side, if the truth is 0.
    pub fn p_value(&self) -> f64 {
        2.0 * self.tail(self.value.abs())
    }

    /// The probability of a value at least this large if the truth does not exceed `margin`: the test for "dearer by
    /// more than the margin".
    pub fn p_value_above(&self, margin: f64) -> f64 {
        self.tail(self.value - margin)
    }

    fn tail(&self, distance: f64) -> f64 {
        match self.standard_error > 0.0 {
            true => student_tail(distance / self.standard_error, self.degrees_of_freedom),
            false if distance > 0.0 => 0.0,
            false => 0.5,
        }
    }
}

/// How much higher the candidate's hosts are on average than the baseline's (Welch 1947, "The generalization of
/// 'Student's' problem when several different population variances are involved"). None below two hosts on a side.
pub fn welch(baseline: &[f64], candidate: &[f64]) -> Option<Estimate> {
    Some(Estimate::of_mean(candidate)?.minus(Estimate::of_mean(baseline)?))
}

/// How much higher the same hosts are on average under the candidate. Hosts stand at the same position in both; None
/// when the lists differ in length or have fewer than two.
pub fn paired(baseline: &[f64], candidate: &[f64]) -> Option<Estimate> {
    if baseline.len() != candidate.len() {
        return None;
    }
    let differences: Vec<f64> =
        candidate.iter().zip(baseline).map(|(after, before)| after - before).collect();
    Estimate::of_mean(&differences)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::assert_close;

    const BASELINE: [f64; 7] = [10.1, 9.7, 10.4, 10.0, 9.9, 10.2, 10.6];
    const CANDIDATE: [f64; 8] = [10.9, 11.2, 10.7, 11.8, 10.8, 11.1, 11.0, 12.0];

    /// Degrees of freedom, p-value and 95 % interval as `scipy.stats.ttest_ind(equal_var=False)` and `ttest_rel` give.
    fn check(found: Option<Estimate>, expected: [f64; 4]) {
        let found = found.unwrap();
        let (low, high) = found.interval(0.95);
        for (found, expected) in
            [found.degrees_of_freedom, found.p_value(), low, high].into_iter().zip(expected)
        {
            assert_close(found, expected);
        }
    }

    #[test]
    fn welch_agrees_with_scipy() {
        check(
            welch(&BASELINE, &CANDIDATE),
            [12.068490707946246, 0.00020423754385000292, 0.6188183790930808, 1.499038763764063],
        );
        check(welch(&BASELINE, &BASELINE), [12.0, 1.0, -0.35397869132688237, 0.35397869132688237]);
        check(
            welch(&[1.0, 2.0, 3.0], &[2.0, 4.0, 9.0, 1.0]),
            [3.6049046321525893, 0.3513453396308049, -3.4266591871128123, 7.426659187112812],
        );
    }

    /// Mean by `scipy.stats.trim_mean`, standard error from the winsorised variance.
    #[test]
    fn one_wild_value_moves_a_trimmed_mean_little() {
        let values = [10.1, 9.7, 10.4, 10.0, 9.9, 10.2, 10.6, 31.0, 9.8, 10.3];
        let found = Estimate::of_trimmed_mean(&values).unwrap();
        assert_close(found.value, 10.15);
        assert_close(found.standard_error, 0.11453071182271282);
        assert_eq!(found.degrees_of_freedom, 5.0);
        assert_eq!(Estimate::of_trimmed_mean(&[1.0]), None);
    }

    #[test]
    fn pairs_agree_with_scipy() {
        check(
            paired(&BASELINE, &CANDIDATE[..7]),
            [6.0, 0.0037561441156160357, 0.439524786792569, 1.4461894989217172],
        );
    }

    #[test]
    fn hosts_without_variation_are_certain() {
        let same = welch(&[2.0; 3], &[2.0; 3]).unwrap();
        assert_eq!((same.p_value(), same.interval(0.95)), (1.0, (0.0, 0.0)));
        let other = welch(&[2.0; 3], &[3.0; 3]).unwrap();
        assert_eq!((other.p_value(), other.interval(0.95)), (0.0, (1.0, 1.0)));
    }

    #[test]
    fn too_few_hosts_give_nothing() {
        assert_eq!(welch(&[1.0], &CANDIDATE), None);
        assert_eq!(welch(&BASELINE, &[]), None);
        assert_eq!(paired(&BASELINE, &CANDIDATE), None);
    }

    #[test]
    fn a_margin_moves_the_test() {
        let estimate = welch(&BASELINE, &CANDIDATE).unwrap();
        assert_close(estimate.p_value_above(0.0), estimate.p_value() / 2.0);
        assert_close(estimate.p_value_above(estimate.value), 0.5);
    }
}
