//! Two versions as the fleet ran them: CPU per request, function by function, and the commits that a rise is from.

use std::collections::BTreeMap;

use analyzer_detect::{
    blame::Stack,
    canary::{CanaryLimits, Host, look},
    comparison::Verdict,
    stats::{false_discovery::benjamini_yekutieli, moments::mean, welch},
};
use analyzer_report::check::{Change, Conclusion, FunctionChange, Range, Released};
use calltree::Function;
use model::{Batch, FrameKind, keys};
use wire::api::Breakdown;

use super::{
    Fleet, Versions,
    commits::{Numbered, Rise, suspects},
    said,
    units::{Unit, stretches},
};
use crate::{
    collector::{Question, narrowed},
    error::AnalyzerError,
    git::Repository,
};

/// Units of a version whose profiles are read.
const UNITS_MAX: usize = 20;

/// Stretches of time that stand in for hosts.
const STRETCHES: i64 = 24;

/// Distinct stacks that are kept; what lies beyond is left out of the blame.
const STACKS_MAX: usize = 200_000;

/// Functions below this share of the CPU are not compared.
const SHARE_MIN: f64 = 0.005;

/// Differences that are likely false among those reported.
const FALSE_SHARE: f64 = 0.05;

/// A function whose difference is less its own than this is dearer because of what it calls, and left out.
const OWN_PART_MIN: f64 = 0.2;

/// Functions that are reported.
const ROWS_MAX: usize = 100;

/// One version: its units of evidence with their requests and CPU.
struct Arm {
    units: Vec<(Unit, Host)>,
    hosts: u64,
    cores: f64,
}

/// Per request, for each unit.
#[derive(Default)]
struct Costs {
    total_ns: Vec<f64>,
    self_ns: Vec<f64>,
}

/// Both arms' profiles, by function and by stack.
#[derive(Default)]
struct Profiles {
    functions: BTreeMap<Function, [Costs; 2]>,
    numbered: Numbered,
    stacks: BTreeMap<Vec<u32>, [f64; 2]>,
    counts: [usize; 2],
}

/// Compares two versions and looks for who is to blame for a rise; `revisions` are theirs.
pub(crate) fn released(
    fleet: &Fleet,
    repository: &Repository,
    revisions: (&str, &str),
    versions: &Versions,
) -> Result<(Conclusion, Released), AnalyzerError> {
    let mut shown = Released { from: versions.from.clone(), to: versions.to.clone(), ..Released::default() };
    let arms = match arms(fleet, versions) {
        Ok(arms) => arms,
        Err(reason) => {
            shown.reason = Some(reason);
            return Ok((Conclusion::NoVerdict, shown));
        }
    };
    let [from, to] = &arms;
    (shown.hosts_from, shown.hosts_to) = (from.hosts, to.hosts);
    let hosts = |arm: &Arm| -> Vec<Host> { arm.units.iter().map(|(_, host)| *host).collect() };
    let limits = CanaryLimits { cpu: fleet.limits, errors_margin: 1.0 };
    let found = look(&hosts(from), &hosts(to), &limits);
    shown.reason = found.reason;
    if let Some(cpu) = found.cpu {
        let servers = |ratio: f64| fleet.sizing.servers_for_cores(to.cores * ratio / (1.0 + ratio));
        shown.servers = Some(Range {
            value: servers(cpu.value),
            low: servers(cpu.interval.0),
            high: servers(cpu.interval.1),
        });
        shown.change = Some(Change { value: cpu.value, interval: cpu.interval, detectable: cpu.detectable });
    }
    match Profiles::read(fleet, &arms) {
        Ok(profiles) => {
            shown.functions = profiles.rows();
            if shown.change.as_ref().is_some_and(|change| change.interval.0 > 0.0) {
                match suspects(repository, revisions, &profiles.into_rise(&arms, fleet))? {
                    Ok(suspects) => shown.suspects = suspects,
                    Err(reason) => shown.reason = shown.reason.or(Some(reason)),
                }
            }
        }
        Err(reason) => shown.reason = shown.reason.or(Some(reason)),
    }
    let conclusion = match found.verdict {
        Verdict::Pass => Conclusion::Pass,
        Verdict::Fail => Conclusion::Fail,
        Verdict::NoVerdict => Conclusion::NoVerdict,
    };
    Ok((conclusion, shown))
}

/// Hosts if both versions ran on two at least, else stretches of time.
fn arms(fleet: &Fleet, versions: &Versions) -> Result<[Arm; 2], String> {
    let selectors = [&versions.from, &versions.to]
        .map(|version| narrowed(&fleet.selector, keys::SERVICE_VERSION, version));
    let mut arms = Vec::new();
    for selector in &selectors {
        arms.push(by_host(fleet, selector)?);
    }
    if arms.iter().any(|arm| arm.units.len() < 2) {
        for (arm, selector) in arms.iter_mut().zip(&selectors) {
            arm.units = by_stretch(fleet, selector)?;
        }
    }
    for (arm, version) in arms.iter().zip([&versions.from, &versions.to]) {
        if arm.units.len() < 2 {
            return Err(format!(
                "requests of version `{version}` were counted in too small a part of the time range"
            ));
        }
    }
    arms.try_into().map_err(|_| "there are two versions".to_owned())
}

fn by_host(fleet: &Fleet, selector: &str) -> Result<Arm, String> {
    let whole = Question { selector, start_ns: fleet.start_ns, end_ns: fleet.end_ns };
    let by = [("by", keys::HOST_NAME), ("limit", "10000")];
    let hosts: Breakdown = fleet.collector.ask("breakdown", &whole, &by).map_err(said)?;
    let rows = hosts.rows.iter().filter(|row| row.rest == 0 && row.requests > 0 && !row.value.is_empty());
    let units: Vec<(Unit, Host)> = rows
        .take(UNITS_MAX)
        .map(|row| {
            let selector = narrowed(selector, keys::HOST_NAME, &row.value);
            (
                Unit { selector, start_ns: fleet.start_ns, end_ns: fleet.end_ns },
                host(row.cpu_ns, row.requests),
            )
        })
        .collect();
    Ok(Arm { units, hosts: hosts.values_total, cores: hosts.total.cores })
}

fn by_stretch(fleet: &Fleet, selector: &str) -> Result<Vec<(Unit, Host)>, String> {
    let mut units = Vec::new();
    for unit in stretches(selector, (fleet.start_ns, fleet.end_ns), STRETCHES) {
        let question = Question { selector: &unit.selector, start_ns: unit.start_ns, end_ns: unit.end_ns };
        let all: Breakdown = fleet.collector.ask("breakdown", &question, &[("limit", "1")]).map_err(said)?;
        if all.total.requests > 0 && all.total.cpu_ns > 0 {
            units.push((unit, host(all.total.cpu_ns, all.total.requests)));
        }
    }
    Ok(units)
}

fn host(cpu_ns: i64, requests: u64) -> Host {
    let requests = requests as f64;
    Host { cpu_ns: cpu_ns as f64, requests, ended: requests, ..Host::default() }
}

impl Profiles {
    fn read(fleet: &Fleet, arms: &[Arm; 2]) -> Result<Self, String> {
        let mut profiles = Self::default();
        for (side, arm) in arms.iter().enumerate() {
            for (unit, host) in &arm.units {
                profiles.add(side, &unit.profile(&fleet.collector)?, host.requests);
            }
        }
        Ok(profiles)
    }

    fn add(&mut self, side: usize, profile: &Batch, requests: f64) {
        let at = self.counts.get(side).copied().unwrap_or_default();
        for row in calltree::top(profile).into_iter().filter(|row| row.function.kind != FrameKind::Marker) {
            let costs = self.functions.entry(row.function).or_default();
            let Some(costs) = costs.get_mut(side) else { continue };
            for (values, value) in [(&mut costs.total_ns, row.total), (&mut costs.self_ns, row.self_value)] {
                values.resize(at + 1, 0.0);
                values.last_mut().into_iter().for_each(|last| *last += value as f64 / requests);
            }
        }
        let numbers: Vec<u32> = profile
            .frames
            .iter()
            .map(|frame| self.numbered.number(&frame.display_name(), &frame.file))
            .collect();
        for sample in profile.profiles.iter().flat_map(|one| &one.samples) {
            let stack: Vec<u32> = profile
                .stack(sample.stack)
                .iter()
                .filter_map(|frame| numbers.get(frame.0 as usize).copied())
                .collect();
            if self.stacks.len() < STACKS_MAX || self.stacks.contains_key(&stack) {
                let cost = self.stacks.entry(stack).or_default();
                cost.get_mut(side).into_iter().for_each(|cost| *cost += sample.value as f64 / requests);
            }
        }
        self.counts.get_mut(side).into_iter().for_each(|count| *count += 1);
    }

    /// Functions that differ beyond chance and not only by what they call, the largest rise first.
    fn rows(&self) -> Vec<FunctionChange> {
        let padded = |costs: &Costs, side: usize| {
            let count = self.counts.get(side).copied().unwrap_or_default();
            let fill = |values: &[f64]| {
                let mut values = values.to_vec();
                values.resize(count, 0.0);
                values
            };
            (fill(&costs.total_ns), fill(&costs.self_ns))
        };
        let whole: f64 = self.functions.values().flatten().flat_map(|costs| &costs.self_ns).sum();
        let mut rows = Vec::new();
        let mut p_values = Vec::new();
        for (function, [from, to]) in &self.functions {
            let ((before, own_before), (after, own_after)) = (padded(from, 0), padded(to, 1));
            let share = (before.iter().sum::<f64>() + after.iter().sum::<f64>()) / whole.max(1.0);
            let Some(difference) = welch(&before, &after).filter(|_| share >= SHARE_MIN) else { continue };
            p_values.push(difference.p_value());
            let own = mean(&own_after) - mean(&own_before);
            let row = FunctionChange {
                function: function.name.to_string(),
                file: function.file.to_string(),
                before_ns: mean(&before),
                after_ns: mean(&after),
                interval_ns: difference.interval(0.95),
                adjusted_p_value: 1.0,
            };
            rows.push((row, own / difference.value >= OWN_PART_MIN));
        }
        for ((row, _), adjusted) in rows.iter_mut().zip(benjamini_yekutieli(&p_values)) {
            row.adjusted_p_value = adjusted;
        }
        let mut rows: Vec<FunctionChange> =
            rows.into_iter().filter(|(_, is_own)| *is_own).map(|(row, _)| row).collect();
        rows.retain(|row| row.adjusted_p_value <= FALSE_SHARE);
        let rise = |row: &FunctionChange| row.after_ns - row.before_ns;
        rows.sort_by(|left, right| rise(right).total_cmp(&rise(left)));
        rows.truncate(ROWS_MAX);
        rows
    }

    /// Every stack's cost per request, and how sure the sum of them is.
    fn into_rise(self, arms: &[Arm; 2], fleet: &Fleet) -> Rise {
        let mean_of =
            |cost: f64, side: usize| cost / self.counts.get(side).copied().unwrap_or(1).max(1) as f64;
        let stacks = self.stacks.iter().map(|(functions, [from, to])| Stack {
            functions: functions.clone(),
            baseline: mean_of(*from, 0),
            candidate: mean_of(*to, 1),
        });
        let per_request = |arm: &Arm| -> Vec<f64> {
            arm.units.iter().map(|(_, host)| host.cpu_ns / host.requests).collect()
        };
        let [from, to] = arms;
        let standard_error =
            welch(&per_request(from), &per_request(to)).map_or(f64::INFINITY, |rise| rise.standard_error);
        Rise {
            stacks: stacks.collect(),
            standard_error,
            functions: self.numbered,
            deployed_at: fleet.deployed_at.clone(),
        }
    }
}
