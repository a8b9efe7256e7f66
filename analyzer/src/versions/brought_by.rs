//! Why an endpoint is dearer in a version: the functions whose cost per request rose, and the flag that carries it.

use std::{collections::BTreeMap, ops::Range, path::Path};

use analyzer_detect::{
    functions::{FunctionRuns, compared},
    regressions::fleet::FunctionName,
    stats::moments::mean,
};
use analyzer_report::{regressions::Suspect, versions::VersionRow};
use model::keys;
use wire::api::{Breakdown, LabelNames, functions::Functions};

use super::{Compared, FALSE_SHARE, VersionOptions, WINDOW};
use crate::{
    collector::{Collector, Question, narrowed},
    error::AnalyzerError,
    flags::{STRETCHES, carried_by},
    series::function_name,
};

/// Functions that are named.
const FUNCTIONS_MAX: usize = 3;

/// Flags that a rise is held against.
const FLAGS_MAX: usize = 10;

/// Of the endpoint's rise, what a function's has to be.
const PART_MIN: f64 = 0.6;

/// Fewer steps of time are not to be had; those of one host are added up.
const STEPS_MIN: &str = "2";

/// A unit with fewer requests is more noise than evidence.
const REQUESTS_MIN: u64 = 10;

/// Costs per request by function, for one version: one value for each unit that has requests.
type Costs = BTreeMap<FunctionName, BTreeMap<usize, f64>>;

/// The cells of one unit, before and after.
type Cells = [Vec<usize>; 2];

/// Names functions and flag in a row that says dearer.
pub(super) fn explain(
    collector: &Collector,
    options: &VersionOptions,
    (pair, row): (&Compared, &mut VersionRow),
) -> Result<(), AnalyzerError> {
    let arms = pair.arms(&narrowed(&options.selector, keys::ENDPOINT, &row.endpoint));
    let mut answers = Vec::new();
    for (selector, start_ns, end_ns) in &arms {
        let question = Question { selector, start_ns: *start_ns, end_ns: *end_ns };
        let steps = if row.unit == WINDOW { STRETCHES } else { STEPS_MIN };
        let asked = [("steps", steps), ("by", &options.unit), ("hosts", "64"), ("limit", "2000")];
        answers.push(collector.ask::<Functions>("functions", &question, &asked)?);
    }
    if let [before, after] = answers.as_slice() {
        let units = units(before, after, row.unit == WINDOW);
        row.suspects = risen((before, after), &units, row.after_ns - row.before_ns);
    }
    if let Some((flag, variant)) = flag(collector, &arms, row.after_ns - row.before_ns)? {
        (row.flag, row.flag_variant) = (flag, variant);
    }
    Ok(())
}

/// Functions that carry a rise, beyond chance: what cost least before relative to now first, which is the narrowest.
fn risen((before, after): (&Functions, &Functions), units: &[Cells], rise_ns: f64) -> Vec<Suspect> {
    let (old, new) = (costs(before, units, 0), costs(after, units, 1));
    let names: Vec<&FunctionName> = new.keys().collect();
    let at_units = |known: Option<&BTreeMap<usize, f64>>| -> Vec<f64> {
        let of_unit = |unit| known.and_then(|known| known.get(&unit)).copied().unwrap_or_default();
        (0..units.len()).map(of_unit).collect()
    };
    let runs: Vec<FunctionRuns> = names
        .iter()
        .map(|name| FunctionRuns {
            baseline: at_units(before_of(name, &old, &new)),
            candidate: at_units(new.get(name)),
        })
        .collect();
    let changes = names.iter().zip(&runs).zip(compared(&runs));
    let mut risen: Vec<Suspect> = changes
        .filter_map(|((name, runs), change)| {
            let change = change.filter(|one| one.adjusted_p_value <= FALSE_SHARE)?;
            (change.difference.value >= PART_MIN * rise_ns).then(|| Suspect {
                function: name.name.clone(),
                place: name.place.clone(),
                before_ns: mean(&runs.baseline),
                after_ns: mean(&runs.candidate),
            })
        })
        .collect();
    // What is new has no cost before: the one with the most of the rise is first among those.
    let part = |one: &Suspect| one.before_ns / one.after_ns.max(f64::MIN_POSITIVE);
    let key = |one: &Suspect| ((part(one) * 20.0).round(), one.before_ns - one.after_ns);
    risen.sort_by(|left, right| {
        let (left, right) = (key(left), key(right));
        left.0.total_cmp(&right.0).then(left.1.total_cmp(&right.1))
    });
    risen.truncate(FUNCTIONS_MAX);
    risen
}

/// What a function cost before. A release may have a folder of its own: what is in only one of the versions is the same
/// function as the one in the other whose path has most in common, from its end.
fn before_of<'a>(name: &FunctionName, old: &'a Costs, new: &Costs) -> Option<&'a BTreeMap<usize, f64>> {
    if let Some(same) = old.get(name) {
        return Some(same);
    }
    let in_common = |place: &str| {
        let pairs = Path::new(place).iter().rev().zip(Path::new(&name.place).iter().rev());
        pairs.take_while(|(one, other)| one == other).count()
    };
    let gone = old.iter().filter(|(other, _)| other.name == name.name && !new.contains_key(other));
    let moved = gone.map(|(other, costs)| (in_common(&other.place), costs)).filter(|(parts, _)| *parts > 0);
    moved.max_by_key(|(parts, _)| *parts).map(|(_, costs)| costs)
}

/// The cells of each unit that served both versions. A unit is a host, or a step of the one host.
fn units(before: &Functions, after: &Functions, is_window: bool) -> Vec<Cells> {
    let mut units: Vec<Cells> = Vec::new();
    for (at, host) in before.hosts.iter().enumerate() {
        let Some(same) = after.hosts.iter().position(|other| other == host) else { continue };
        let steps = 0..before.steps.min(after.steps) as usize;
        let cell = |step: usize| [at * before.steps as usize + step, same * after.steps as usize + step];
        let of_steps = |steps: Range<usize>| -> Cells {
            let (old, new) = steps.map(cell).map(|[old, new]| (old, new)).unzip();
            [old, new]
        };
        match is_window {
            true => units.extend(steps.map(|step| of_steps(step..step + 1))),
            false => units.push(of_steps(steps)),
        }
    }
    let is_served =
        |[old, new]: &Cells| requests(before, old) >= REQUESTS_MIN && requests(after, new) >= REQUESTS_MIN;
    units.retain(is_served);
    units
}

fn requests(answer: &Functions, cells: &[usize]) -> u64 {
    let endpoint = answer.endpoints.first();
    let of_cell =
        |cell: &usize| endpoint.and_then(|one| one.requests.get(*cell)).copied().unwrap_or_default();
    cells.iter().map(of_cell).sum()
}

fn costs(answer: &Functions, units: &[Cells], side: usize) -> Costs {
    let mut unit_of_cell = BTreeMap::new();
    for (unit, cells) in units.iter().enumerate() {
        let Some(cells) = cells.get(side) else { continue };
        let requests = requests(answer, cells) as f64;
        unit_of_cell.extend(cells.iter().map(|cell| (*cell, (unit, requests))));
    }
    let mut costs = Costs::new();
    for series in &answer.series {
        let Some(function) = answer.functions.get(series.function as usize) else { continue };
        let of_function = costs.entry(function_name(function)).or_default();
        for (cell, total_us) in series.cells.iter().zip(&series.total_us) {
            if let Some((unit, requests)) = unit_of_cell.get(&(*cell as usize)) {
                *of_function.entry(*unit).or_default() += *total_us as f64 * 1e3 / requests;
            }
        }
    }
    costs
}

/// The flag with a variant that carries the rise by itself.
fn flag(
    collector: &Collector,
    arms: &[(String, i64, i64); 2],
    rise_ns: f64,
) -> Result<Option<(String, String)>, AnalyzerError> {
    let [before, after] = arms;
    let ask = |(selector, start_ns, end_ns): &(String, i64, i64), label: &str| {
        let question = Question { selector, start_ns: *start_ns, end_ns: *end_ns };
        collector.ask::<Breakdown>("breakdown", &question, &[("by", label), ("limit", "20")])
    };
    let question = Question { selector: &after.0, start_ns: after.1, end_ns: after.2 };
    let labels: LabelNames = collector.ask("labels", &question, &[])?;
    let flags = labels.names.iter().filter(|name| name.starts_with(keys::FLAG_PREFIX));
    for label in flags.take(FLAGS_MAX) {
        if let Some(variant) = carried_by(ask(before, label)?, ask(after, label)?, rise_ns) {
            let flag = label.strip_prefix(keys::FLAG_PREFIX).unwrap_or_default();
            return Ok(Some((flag.to_owned(), variant)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use wire::api::{
        Function,
        functions::{EndpointCells, FunctionCells},
    };

    use super::*;

    /// Ten steps of one host with 100 requests each; costs in microseconds a request, with a wobble.
    fn answer(functions: &[(&str, u64)]) -> Functions {
        let series = functions.iter().enumerate().map(|(at, (_, each_us))| FunctionCells {
            function: at as u32,
            cells: (0..10).collect(),
            total_us: (0..10).map(|step| each_us * 100 + each_us * (step * 7 % 5)).collect(),
            self_us: vec![0; 10],
            ..FunctionCells::default()
        });
        let named = |(name, _): &(&str, u64)| Function { name: (*name).into(), ..Function::default() };
        Functions {
            steps: 10,
            hosts: vec!["web-1".into()],
            endpoints: vec![EndpointCells { requests: vec![100; 10], ..EndpointCells::default() }],
            functions: functions.iter().map(named).collect(),
            series: series.collect(),
            ..Functions::default()
        }
    }

    #[test]
    fn the_narrowest_function_with_the_rise_is_first() {
        let mut before = answer(&[("main", 2000), ("rank", 400), ("render", 900)]);
        let mut after = answer(&[("render", 900), ("main", 2150), ("rank", 550), ("freshness", 150)]);
        for (release, answer) in [("1.0", &mut before), ("1.1", &mut after)] {
            for one in &mut answer.functions {
                one.file = format!("/srv/{release}/{}.py", one.name);
            }
        }
        let units = units(&before, &after, true);
        let risen = risen((&before, &after), &units, 150_000.0);
        let names: Vec<&str> = risen.iter().map(|one| one.function.as_str()).collect();
        assert_eq!(names, ["freshness", "rank", "main"]);
        assert_eq!(risen[0].before_ns, 0.0);
    }

    #[test]
    fn a_unit_has_requests_in_both() {
        let (before, mut after) = (answer(&[]), answer(&[]));
        after.endpoints[0].requests[3] = 9;
        assert_eq!(units(&before, &after, true).len(), 9);
        let all: Vec<usize> = (0..10).collect();
        assert_eq!(units(&before, &after, false), [[all.clone(), all]]);
        after.hosts = vec!["web-2".into()];
        assert!(units(&before, &after, true).is_empty());
    }
}
