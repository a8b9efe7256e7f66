//! One answer from several groups of hosts that must not be mixed (instance type, kernel, zone): each group's
//! difference weighted by the inverse of its variance (Cochran 1954, "The combination of estimates from different
//! experiments"), degrees of freedom by Satterthwaite 1946.

use super::Estimate;

/// The weighted mean of independent estimates. Those without a standard error above 0 cannot be weighed and stay out;
/// None when that is all of them.
pub fn combined(strata: &[Estimate]) -> Option<Estimate> {
    let weighed: Vec<(f64, &Estimate)> = strata
        .iter()
        .map(|stratum| (stratum.standard_error.powi(-2), stratum))
        .filter(|(weight, _)| weight.is_finite() && *weight > 0.0)
        .collect();
    let total: f64 = weighed.iter().map(|(weight, _)| weight).sum();
    let spread: f64 =
        weighed.iter().map(|(weight, stratum)| (weight / total).powi(2) / stratum.degrees_of_freedom).sum();
    (total > 0.0).then(|| Estimate {
        value: weighed.iter().map(|(weight, stratum)| weight / total * stratum.value).sum(),
        standard_error: total.powf(-0.5),
        degrees_of_freedom: 1.0 / spread,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::assert_close;

    fn stratum(value: f64, standard_error: f64) -> Estimate {
        Estimate { value, standard_error, degrees_of_freedom: 10.0 }
    }

    fn check(strata: &[Estimate], value: f64, standard_error: f64, degrees_of_freedom: f64) {
        let found = combined(strata).unwrap();
        assert_close(found.value, value);
        assert_close(found.standard_error, standard_error);
        assert_close(found.degrees_of_freedom, degrees_of_freedom);
    }

    #[test]
    fn precise_strata_weigh_more() {
        check(&[stratum(3.0, 2.0)], 3.0, 2.0, 10.0);
        check(&[stratum(1.0, 1.0), stratum(3.0, 1.0)], 2.0, 0.5f64.sqrt(), 20.0);
        check(&[stratum(1.0, 1.0), stratum(6.0, 2.0)], 2.0, 0.8f64.sqrt(), 10.0 / 0.68);
        check(&[stratum(1.0, 1.0), stratum(9.0, 0.0)], 1.0, 1.0, 10.0);
    }

    #[test]
    fn nothing_to_weigh_gives_nothing() {
        assert_eq!(combined(&[]), None);
        assert_eq!(combined(&[stratum(1.0, 0.0)]), None);
    }
}
