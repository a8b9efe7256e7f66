//! What a feature flag costs: one variant against another within one endpoint, per request.
//!
//! A host that served both variants is its own control, so differences are taken within hosts where at least two have
//! both, and between hosts otherwise. Where one host is all there is, stretches of time stand in for hosts, which says
//! nothing about other hosts.

use crate::stats::{Estimate, detectable, paired, welch};

/// What one unit (a host, or a stretch of time) served of both variants.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Unit {
    /// Under the variant that is the baseline.
    pub baseline: Served,
    /// Under the variant in question.
    pub variant: Served,
}

/// CPU and requests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Served {
    /// CPU of the requests, in nanoseconds.
    pub cpu_ns: f64,
    /// How many.
    pub requests: f64,
}

/// How the units were compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Within units that served both.
    Within,
    /// Between units that served one of them.
    Between,
}

/// What a variant costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FlagCost {
    /// CPU per request more than under the baseline, in nanoseconds.
    pub difference_ns: Estimate,
    /// CPU per request under the baseline, in nanoseconds, over all requests.
    pub baseline_ns: f64,
    /// The same under the variant.
    pub variant_ns: f64,
    /// The smallest difference that this data would have shown four times in five.
    pub detectable_ns: f64,
    /// How it was compared.
    pub comparison: Comparison,
    /// Units that took part.
    pub units: usize,
}

/// Fewer requests of a variant make a unit that is nothing but noise.
const REQUESTS_MIN: f64 = 10.0;

/// Compares; None when neither two units have both, nor two units have each.
pub fn cost(units: &[Unit], confidence: f64) -> Option<FlagCost> {
    let per_request =
        |served: &Served| (served.requests >= REQUESTS_MIN).then(|| served.cpu_ns / served.requests);
    let both: Vec<(f64, f64)> =
        units.iter().filter_map(|unit| per_request(&unit.baseline).zip(per_request(&unit.variant))).collect();
    let (before, after): (Vec<f64>, Vec<f64>) = both.into_iter().unzip();
    let (difference_ns, comparison, taking_part) = match paired(&before, &after) {
        Some(difference) => (difference, Comparison::Within, before.len()),
        None => {
            let before: Vec<f64> = units.iter().filter_map(|unit| per_request(&unit.baseline)).collect();
            let after: Vec<f64> = units.iter().filter_map(|unit| per_request(&unit.variant)).collect();
            (welch(&before, &after)?, Comparison::Between, before.len() + after.len())
        }
    };
    let demand = detectable::Demand { alpha: 1.0 - confidence, power: crate::comparison::POWER };
    let whole = |side: fn(&Unit) -> Served| {
        let sum = units
            .iter()
            .map(side)
            .fold((0.0, 0.0), |(cpu, requests), served| (cpu + served.cpu_ns, requests + served.requests));
        sum.0 / f64::max(sum.1, 1.0)
    };
    Some(FlagCost {
        difference_ns,
        baseline_ns: whole(|unit| unit.baseline),
        variant_ns: whole(|unit| unit.variant),
        detectable_ns: detectable::change(&difference_ns, &demand),
        comparison,
        units: taking_part,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::Noise;

    /// Hosts of different speed that serve both variants, or one each.
    fn units(noise: &mut Noise, hosts: usize, rise: f64, serves_both: bool) -> Vec<Unit> {
        let mut units = Vec::new();
        for at in 0..hosts {
            let host = 1e6 * (0.2 * noise.normal()).exp();
            let mut served = |factor: f64, is_served: bool| {
                let requests = if is_served { 500.0 } else { 0.0 };
                Served { cpu_ns: requests * host * factor * (1.0 + 0.02 * noise.normal()), requests }
            };
            let (baseline, variant) =
                (served(1.0, serves_both || at % 2 == 0), served(1.0 + rise, serves_both || at % 2 == 1));
            units.push(Unit { baseline, variant });
        }
        units
    }

    #[test]
    fn a_host_is_its_own_control() {
        let mut noise = Noise::new(1);
        let found = cost(&units(&mut noise, 10, 0.1, true), 0.95).unwrap();
        assert_eq!((found.comparison, found.units), (Comparison::Within, 10));
        let (low, high) = found.difference_ns.interval(0.95);
        assert!(low > 0.0 && (low..=high).contains(&1e5), "{found:?}");
        let between = cost(&units(&mut noise, 10, 0.1, false), 0.95).unwrap();
        assert_eq!(between.comparison, Comparison::Between);
        assert!(between.detectable_ns > 3.0 * found.detectable_ns, "{between:?}");
    }

    #[test]
    fn intervals_hold_the_truth_whatever_the_hosts_are() {
        for serves_both in [true, false] {
            let mut noise = Noise::new(2);
            let held = (0..1_000).filter(|_| {
                let found = cost(&units(&mut noise, 12, 0.0, serves_both), 0.95).unwrap();
                found.difference_ns.p_value() > 0.05
            });
            assert!(held.count() >= 930, "{serves_both}");
        }
    }

    #[test]
    fn one_unit_says_nothing() {
        let mut noise = Noise::new(3);
        assert_eq!(cost(&units(&mut noise, 1, 1.0, true), 0.95), None);
        assert_eq!(cost(&units(&mut noise, 2, 1.0, false), 0.95), None);
        assert_eq!(cost(&[], 0.95), None);
    }
}
