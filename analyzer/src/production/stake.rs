//! Cost of the changed functions, and what a measured change of them is worth: numbers in, numbers out.

use std::collections::BTreeMap;

use analyzer_detect::stats::{Estimate, moments::mean, servers::Sizing};
use analyzer_report::check::{FunctionRow, Range};
use model::Batch;

const CONFIDENCE: f64 = 0.95;

/// Half the width of a 95 % interval in standard errors.
const REACH: f64 = 1.96;

/// Cores by unit of evidence.
#[derive(Clone, Debug, Default)]
pub(super) struct Cost {
    units: Vec<UnitCost>,
    /// What the mean of one unit is multiplied by for the fleet.
    scale: f64,
}

/// What one unit spends.
#[derive(Clone, Debug, Default)]
struct UnitCost {
    cores: f64,
    /// Cores by the changed functions that a stack runs through, outermost first, each once.
    by_path: BTreeMap<Vec<usize>, f64>,
}

/// The relative change of a function as CI measured it. Some of the baseline's CPU has no function of the repository in its
/// stack (`outside_ns`), and any part of it may be this function's, not named yet: the difference is known better than
/// what it is relative to.
pub(super) fn ratio(row: &FunctionRow, outside_ns: f64) -> Option<Estimate> {
    let most_ns = row.baseline_ns + outside_ns;
    let baseline_ns = (row.baseline_ns * most_ns).sqrt();
    let difference_ns = row.candidate_ns - row.baseline_ns;
    let of_difference = (row.interval_ns.1 - row.interval_ns.0).abs() / (2.0 * REACH * baseline_ns);
    let of_baseline = difference_ns * (1.0 / row.baseline_ns - 1.0 / most_ns) / (2.0 * REACH);
    (row.baseline_ns > 0.0).then(|| Estimate {
        value: difference_ns / baseline_ns,
        standard_error: of_difference.hypot(of_baseline),
        degrees_of_freedom: f64::INFINITY,
    })
}

impl Cost {
    pub(super) fn new(scale: f64) -> Self {
        Self { units: Vec::new(), scale }
    }

    /// Adds one unit; `touched` tells for each frame the changed function that it is in.
    pub(super) fn add(&mut self, profile: &Batch, seconds: f64, touched: &[Option<usize>]) {
        let cores = |value: i64| value as f64 / 1e9 / seconds;
        let mut unit = UnitCost { cores: cores(profile.total()), ..UnitCost::default() };
        for sample in profile.profiles.iter().flat_map(|one| &one.samples) {
            let mut path = Vec::new();
            for frame in profile.stack(sample.stack).iter().rev() {
                if let Some(at) =
                    touched.get(frame.0 as usize).copied().flatten().filter(|at| !path.contains(at))
                {
                    path.push(at);
                }
            }
            if !path.is_empty() {
                *unit.by_path.entry(path).or_default() += cores(sample.value);
            }
        }
        self.units.push(unit);
    }

    /// True when no changed function runs.
    pub(super) fn is_empty(&self) -> bool {
        self.units.iter().all(|unit| unit.by_path.is_empty())
    }

    /// Cores of a unit that run through one changed function, or through any of them.
    pub(super) fn mean(&self, function: Option<usize>) -> f64 {
        mean(&self.of_units(function))
    }

    /// Cores of the fleet.
    pub(super) fn cores(&self, function: Option<usize>) -> Option<Range> {
        let cores = Estimate::of_mean(&self.of_units(function))?;
        Some(spent(scaled(cores, self.scale)))
    }

    /// Servers of the fleet.
    pub(super) fn servers(&self, function: Option<usize>, sizing: &Sizing) -> Option<Range> {
        let cores = Estimate::of_mean(&self.of_units(function))?;
        Some(spent(scaled(cores, self.scale * sizing.servers_for_cores(1.0))))
    }

    /// The share of all CPU.
    pub(super) fn share(&self, function: Option<usize>) -> Option<f64> {
        let all: Vec<f64> = self.units.iter().map(|unit| unit.cores).collect();
        let all = mean(&all);
        (all > 0.0).then(|| self.mean(function) / all)
    }

    /// Servers that the change costs: each stack's cores times the relative change of the outermost function on it that
    /// was measured, which has those further in within it. Where none was, all of them change as the whole run did.
    pub(super) fn at_stake(
        &self,
        ratios: &BTreeMap<usize, Estimate>,
        whole: Option<Estimate>,
        sizing: &Sizing,
    ) -> Option<Range> {
        let whole = whole.filter(|_| ratios.is_empty());
        if ratios.is_empty() && whole.is_none() {
            return None;
        }
        let ratio_of = |path: &Vec<usize>| match whole {
            Some(_) => Some((usize::MAX, whole?)),
            None => path.iter().find_map(|at| Some((*at, *ratios.get(at)?))),
        };
        let mut by_function: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
        let of_units: Vec<f64> = self
            .units
            .iter()
            .map(|unit| {
                let mut cores = 0.0;
                for (path, path_cores) in &unit.by_path {
                    let Some((at, ratio)) = ratio_of(path) else { continue };
                    cores += path_cores * ratio.value;
                    let known = by_function.entry(at).or_insert((0.0, ratio.standard_error));
                    known.0 += path_cores / self.units.len() as f64;
                }
                cores
            })
            .collect();
        let hosts = Estimate::of_mean(&of_units)?;
        // The change was measured apart from the hosts, and its uncertainty is the same for all of them.
        let change: f64 = by_function.values().map(|(cores, error)| (cores * error).powi(2)).sum();
        let both = Estimate { standard_error: hosts.standard_error.hypot(change.sqrt()), ..hosts };
        Some(range(&scaled(both, self.scale * sizing.servers_for_cores(1.0))))
    }

    fn of_units(&self, function: Option<usize>) -> Vec<f64> {
        let has = |path: &[usize]| function.is_none_or(|function| path.contains(&function));
        let of_unit =
            |unit: &UnitCost| unit.by_path.iter().filter(|(path, _)| has(path)).map(|(_, cores)| cores).sum();
        self.units.iter().map(of_unit).collect()
    }
}

/// What is spent is never less than nothing.
fn spent(estimate: Estimate) -> Range {
    let range = range(&estimate);
    Range { low: range.low.max(0.0), ..range }
}

fn scaled(estimate: Estimate, by: f64) -> Estimate {
    Estimate { value: estimate.value * by, standard_error: estimate.standard_error * by, ..estimate }
}

fn range(estimate: &Estimate) -> Range {
    let (low, high) = estimate.interval(CONFIDENCE);
    Range { value: estimate.value, low, high }
}

#[cfg(test)]
mod tests {
    use testkit::batch_from_folded;

    use super::*;

    const SIZING: Sizing =
        Sizing { cores: 16.0, target_utilisation: 0.5, growth: 0.0, regions: 1, reserve: 0 };

    /// Three hosts; function 0 is `rank` and 1 is `key`, which only `rank` calls.
    fn cost() -> Cost {
        let mut cost = Cost::new(30.0);
        for more in [0, 100, 200] {
            let text = format!(
                "# period=1000000 service.name=x\nmain;rank {}\nmain;rank;key {}\nmain;other 1000\n",
                1000 + more,
                500
            );
            let profile = batch_from_folded(&text);
            let touched = |name: &str| ["rank", "key"].iter().position(|one| *one == name);
            let touched: Vec<_> = profile.frames.iter().map(|frame| touched(&frame.function)).collect();
            cost.add(&profile, 1.0, &touched);
        }
        cost
    }

    fn unit_of_folded() -> f64 {
        // The fixture's values may be samples or nanoseconds; the tests ask only for relations.
        cost().mean(Some(1)) / 500.0
    }

    fn assert_close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-6 * expected.abs().max(1e-9), "{found}, not {expected}");
    }

    #[test]
    fn a_stack_counts_once_however_many_changed_functions_it_has() {
        let (cost, unit) = (cost(), unit_of_folded());
        assert_close(cost.mean(None), 1_600.0 * unit);
        assert_close(cost.mean(Some(0)), 1_600.0 * unit);
        assert_close(cost.share(None).unwrap(), 1_600.0 / 2_600.0);
        let cores = cost.cores(None).unwrap();
        assert_close(cores.value, 30.0 * 1_600.0 * unit);
        // The standard error of 1500, 1600 and 1700 is 100/√3; Student's t has 4.303 for two degrees of freedom.
        assert_close((cores.high - cores.value) / (30.0 * unit), 4.302652729911275 * 100.0 / 3_f64.sqrt());
        assert_close(cost.servers(None, &SIZING).unwrap().value, cores.value / 8.0);
    }

    #[test]
    fn at_stake_is_cost_times_change_without_counting_a_callee_twice() {
        let (cost, unit) = (cost(), unit_of_folded());
        let exact = |value: f64| Estimate { value, standard_error: 0.0, degrees_of_freedom: f64::INFINITY };
        let ratios = BTreeMap::from([(0, exact(0.1)), (1, exact(0.5))]);
        let both = cost.at_stake(&ratios, Some(exact(9.0)), &SIZING).unwrap();
        assert_close(both.value, 0.1 * 1_600.0 * 30.0 / 8.0 * unit);
        let inner = cost.at_stake(&BTreeMap::from([(1, exact(0.5))]), None, &SIZING).unwrap();
        assert_close(inner.value, 0.5 * 500.0 * 30.0 / 8.0 * unit);
        assert_close(inner.high - inner.low, 0.0);
        let unsure = Estimate { standard_error: 0.05, ..exact(0.1) };
        let wide = cost.at_stake(&BTreeMap::from([(1, unsure)]), None, &SIZING).unwrap();
        assert!(wide.low < 0.0 && wide.high > 2.0 * wide.value, "{wide:?}");
        assert_close(
            cost.at_stake(&BTreeMap::new(), Some(exact(0.2)), &SIZING).unwrap().value,
            0.2 * 1_600.0 * 30.0 / 8.0 * unit,
        );
        assert_eq!(cost.at_stake(&BTreeMap::new(), None, &SIZING), None);
    }

    #[test]
    fn a_function_that_is_new_has_no_ratio() {
        assert_eq!(ratio(&FunctionRow { candidate_ns: 5.0, ..FunctionRow::default() }, 0.0), None);
        let row = FunctionRow {
            baseline_ns: 100.0,
            candidate_ns: 130.0,
            interval_ns: (20.0, 40.0),
            ..FunctionRow::default()
        };
        let found = ratio(&row, 0.0).unwrap();
        assert_close(found.value, 0.3);
        assert_close(found.standard_error, 10.0 / 196.0);
        let vague = ratio(&row, 300.0).unwrap();
        assert_close(vague.value, 0.15);
        // From 30 of 400 to 30 of 100, and a little more.
        assert!(vague.interval(0.95).0 < 0.075 && vague.interval(0.95).1 > 0.26, "{vague:?}");
    }
}
