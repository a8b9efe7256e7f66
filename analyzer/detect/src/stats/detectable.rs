//! The smallest change that data of this size could have shown, which belongs beside every "no change".
//!
//! The usual approximation to the power of a two-sided test (Cohen 1988, "Statistical power analysis for the
//! behavioral sciences"), with the variance of a host's share as sampling plus host-to-host variation.

use super::{Estimate, distribution::student_quantile};

/// How often a true change may be missed, and a false one seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    /// Two-sided probability of seeing a change where there is none.
    pub alpha: f64,
    /// Probability of seeing a change of the size asked for.
    pub power: f64,
}

/// What a comparison of two equal arms rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Design {
    /// Share of the frame in all samples, above 0 and at most 1.
    pub share: f64,
    /// Samples taken on each host.
    pub samples_per_host: f64,
    /// Hosts in each arm.
    pub hosts_per_arm: f64,
    /// Coefficient of variation of the share from host to host.
    pub host_variation: f64,
}

/// The smallest relative change that a planned comparison shows as often as demanded, with Student's t for the few hosts
/// that there are. It holds for changes small against 1: the noise of the dearer arm grows with it.
pub fn relative_change(design: &Design, demand: &Demand) -> f64 {
    let sampling = (1.0 - design.share) / (design.samples_per_host * design.share);
    let variance = 2.0 / design.hosts_per_arm * (sampling + design.host_variation.powi(2));
    let degrees_of_freedom = 2.0 * design.hosts_per_arm - 2.0;
    change(&Estimate { value: 0.0, standard_error: variance.sqrt(), degrees_of_freedom }, demand)
}

/// The smallest change, in the estimate's unit, that a comparison already made would have shown.
pub fn change(estimate: &Estimate, demand: &Demand) -> f64 {
    let quantile = |probability| student_quantile(probability, estimate.degrees_of_freedom);
    (quantile(1.0 - demand.alpha / 2.0) + quantile(demand.power)) * estimate.standard_error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::assert_close;

    const USUAL: Demand = Demand { alpha: 0.05, power: 0.8 };

    fn check(samples_per_host: f64, expected: f64) {
        let design = Design { share: 0.01, samples_per_host, hosts_per_arm: 40.0, host_variation: 0.1 };
        assert_close(relative_change(&design, &USUAL), expected);
    }

    #[test]
    fn more_samples_help_down_to_the_hosts_variation() {
        check(5_000.0, 0.10951356175836538);
        check(f64::INFINITY, 0.06343950299248882);
    }

    #[test]
    fn a_comparison_knows_what_it_could_not_see() {
        let known = Estimate { value: 0.0, standard_error: 2.0, degrees_of_freedom: f64::INFINITY };
        assert_close(change(&known, &USUAL), 2.0 * 2.8015852181129683);
        let few = Estimate { degrees_of_freedom: 4.0, ..known };
        assert_close(change(&few, &USUAL), 7.43481936486595);
    }
}
