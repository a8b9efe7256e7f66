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

/// Of a rise, what a variant must bring to carry it.
const CARRIED_MIN: f64 = 0.6;

/// Of the carrying variant's rise, what the others may have.
const OTHERS_MAX: f64 = 0.4;

/// The position of the variant that carries a rise of cost per request: it rose by itself, and by enough to make the rise
/// of all. None when all rose alike, or there is only one.
pub fn carrier(variants: &[Unit], rise_ns: f64) -> Option<usize> {
    let cost = |served: &Served| (served.requests >= REQUESTS_MIN).then(|| served.cpu_ns / served.requests);
    let all: f64 = variants.iter().map(|one| one.variant.requests).sum();
    // A variant that is new is compared with what the others cost before.
    let (cpu_ns, requests) = variants
        .iter()
        .fold((0.0, 0.0), |sum, one| (sum.0 + one.baseline.cpu_ns, sum.1 + one.baseline.requests));
    let usual = (requests >= REQUESTS_MIN).then(|| cpu_ns / requests)?;
    let rises: Vec<Option<f64>> =
        variants.iter().map(|one| Some(cost(&one.variant)? - cost(&one.baseline).unwrap_or(usual))).collect();
    let known = rises.iter().enumerate().filter_map(|(at, rise)| Some((at, (*rise)?)));
    let (most, rise) = known.clone().max_by(|left, right| left.1.total_cmp(&right.1))?;
    let others = known.filter(|(at, _)| *at != most).map(|(_, rise)| rise);
    let next = others.max_by(f64::total_cmp)?;
    let share = variants.get(most)?.variant.requests / all;
    (rise * share >= CARRIED_MIN * rise_ns && next <= OTHERS_MAX * rise && rise_ns > 0.0).then_some(most)
}

/// Requests of the units of two flags at once: neither, only the first, only the second, both.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Both {
    /// Neither has its variant.
    pub neither: Served,
    /// Only the first has.
    pub first: Served,
    /// Only the second has.
    pub second: Served,
    /// Both have.
    pub both: Served,
}

/// How much more both flags cost together than each by itself, in nanoseconds per request, over units that served all
/// four. None below two of those.
pub fn interaction(units: &[Both]) -> Option<Estimate> {
    let cost = |served: &Served| (served.requests >= REQUESTS_MIN).then(|| served.cpu_ns / served.requests);
    let each = units.iter().filter_map(|unit| {
        let alone =
            (cost(&unit.first)? - cost(&unit.neither)?) + (cost(&unit.second)? - cost(&unit.neither)?);
        Some(cost(&unit.both)? - cost(&unit.neither)? - alone)
    });
    Estimate::of_mean(&each.collect::<Vec<f64>>())
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

    fn served(each: f64, requests: f64) -> Served {
        Served { cpu_ns: each * requests, requests }
    }

    #[test]
    fn the_variant_that_rose_by_itself_carries_the_rise() {
        let variant = |before: (f64, f64), after: (f64, f64)| Unit {
            baseline: served(before.0, before.1),
            variant: served(after.0, after.1),
        };
        let off = variant((10.0, 800.0), (10.1, 800.0));
        let on = variant((10.0, 200.0), (20.0, 200.0));
        assert_eq!(carrier(&[off, on], 2.0), Some(1));
        assert_eq!(carrier(&[off, variant((0.0, 0.0), (20.0, 200.0))], 2.0), Some(1), "it is new");
        assert_eq!(carrier(&[off, on], 9.0), None, "most of the rise is elsewhere");
        let alike = variant((10.0, 800.0), (12.0, 800.0));
        assert_eq!(carrier(&[alike, variant((10.0, 200.0), (12.1, 200.0))], 2.0), None);
        assert_eq!(carrier(&[on], 2.0), None);
        assert_eq!(carrier(&[], 2.0), None);
    }

    #[test]
    fn two_flags_cost_more_together_than_apart() {
        let unit = |host: f64, extra: f64| Both {
            neither: served(10.0 * host, 100.0),
            first: served(11.0 * host, 100.0),
            second: served(12.0 * host, 100.0),
            both: served((13.0 + extra) * host, 100.0),
        };
        let found = interaction(&[1.0, 1.1, 0.9].map(|host| unit(host, 3.0))).unwrap();
        assert!((found.value - 3.0).abs() < 1e-9 && found.p_value() < 0.01, "{found:?}");
        let none = interaction(&[1.0, 1.1, 0.9].map(|host| unit(host, 0.0))).unwrap();
        assert!(none.value.abs() < 1e-9, "{none:?}");
        assert_eq!(interaction(&[unit(1.0, 3.0)]), None);
    }

    #[test]
    fn one_unit_says_nothing() {
        let mut noise = Noise::new(3);
        assert_eq!(cost(&units(&mut noise, 1, 1.0, true), 0.95), None);
        assert_eq!(cost(&units(&mut noise, 2, 1.0, false), 0.95), None);
        assert_eq!(cost(&[], 0.95), None);
    }
}
