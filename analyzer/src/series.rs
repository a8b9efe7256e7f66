//! What the collector has of a service, as the detectors want it: cells of CPU and requests by function, endpoint, host
//! and step; requests by version and by variant of each flag; groups of hosts.

use std::collections::BTreeMap;

use analyzer_detect::regressions::fleet::{Endpoint, FleetSeries, FunctionName, Host, Part, Scope, Series};
use model::keys;
use wire::api::{
    Breakdown, LabelNames, Requests,
    functions::{EndpointCells, FunctionCells, Functions},
};

use crate::{
    collector::{Collector, Question, narrowed},
    error::AnalyzerError,
};

/// Hosts whose cells are asked for.
const HOSTS_MAX: &str = "64";

/// Functions in endpoints whose cells are asked for.
const SERIES_MAX: &str = "2000";

/// Versions, or variants, that are told apart.
const VALUES_MAX: &str = "20";

/// Flags whose requests are asked for.
const FLAGS_MAX: usize = 50;

/// Groups of hosts that are told apart.
const GROUPS_MAX: &str = "10";

/// Services that are looked at one by one.
const SERVICES_MAX: &str = "200";

/// A function's own cost is a series of its own while it is neither nearly nothing nor nearly all of its total.
const OWN_PART: std::ops::Range<f64> = 0.02..0.98;

const DAY_MS: i64 = 86_400_000;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct SeriesOptions {
    /// Windows to cut the time range into.
    pub steps: u32,
    /// The label whose values are the units of evidence.
    pub unit: String,
    /// A label that tells groups of hosts apart.
    pub group_by: Option<String>,
}

/// A service's series, and what was left out of them.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The series.
    pub fleet: FleetSeries,
    /// Start of the first step, in milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// Length of a step.
    pub step_ms: i64,
    /// Files of the functions; empty where they are not known.
    pub files: Vec<String>,
    /// Functions in endpoints with too few samples.
    pub rare: u64,
    /// Functions in endpoints beyond the bound.
    pub cut: u64,
    /// Hosts beyond the bound.
    pub hosts_cut: u64,
}

/// Services that count requests, most CPU first, and how many do not: there is nothing to divide their CPU by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    /// Names; empty for what has none.
    pub counted: Vec<String>,
    /// How many others there are.
    pub uncounted: u64,
}

/// The services that have samples or requests, most CPU first; one empty name for what has none.
pub fn services(collector: &Collector, question: &Question) -> Result<Vec<String>, AnalyzerError> {
    let all = by_service(collector, question)?;
    Ok(all.rows.into_iter().filter(|row| row.rest == 0).map(|row| row.value).collect())
}

fn by_service(collector: &Collector, question: &Question) -> Result<Breakdown, AnalyzerError> {
    collector.ask("breakdown", question, &[("by", keys::SERVICE_NAME), ("limit", SERVICES_MAX)])
}

/// The services that count requests.
pub fn counted_services(collector: &Collector, question: &Question) -> Result<Services, AnalyzerError> {
    let all = by_service(collector, question)?;
    let counted = all.rows.iter().filter(|row| row.rest == 0 && row.requests > 0);
    let counted: Vec<String> = counted.map(|row| row.value.clone()).collect();
    let uncounted = all.values_total - counted.len() as u64;
    Ok(Services { counted, uncounted })
}

/// Everything of one selection. The last window may not be complete, and is left out.
pub fn series(
    collector: &Collector,
    question: &Question,
    options: &SeriesOptions,
) -> Result<Seen, AnalyzerError> {
    let steps = options.steps.to_string();
    let asked =
        [("steps", steps.as_str()), ("by", &options.unit), ("hosts", HOSTS_MAX), ("limit", SERIES_MAX)];
    let answer: Functions = collector.ask("functions", question, &asked)?;
    let whole = answer.steps as usize;
    let kept = whole.saturating_sub(1);
    let range_ms = answer.step_ms * i64::from(answer.steps);
    let period = if range_ms >= 2 * DAY_MS { (DAY_MS / answer.step_ms.max(1)) as usize } else { 0 };
    let groups = groups(collector, question, options)?;
    let host =
        |name: &String| Host { name: name.clone(), group: groups.get(name).cloned().unwrap_or_default() };
    let mut fleet = FleetSeries {
        steps: kept,
        step_s: answer.step_ms as f64 / 1e3,
        period,
        hosts: answer.hosts.iter().map(host).collect(),
        functions: answer.functions.iter().map(function_name).collect(),
        versions: parts(collector, question, (&steps, keys::SERVICE_VERSION, ""))?,
        ..FleetSeries::default()
    };
    let labels: LabelNames = collector.ask("labels", question, &[])?;
    for label in labels.names.iter().filter(|name| name.starts_with(keys::FLAG_PREFIX)).take(FLAGS_MAX) {
        let flag = label.strip_prefix(keys::FLAG_PREFIX).unwrap_or_default();
        fleet.flags.extend(parts(collector, question, (&steps, label, flag))?);
    }
    for part in fleet.versions.iter_mut().chain(&mut fleet.flags) {
        part.requests.truncate(kept);
    }
    for (at, endpoint) in answer.endpoints.iter().enumerate() {
        let (endpoint, series) = of_endpoint(at, endpoint, (whole, kept));
        fleet.endpoints.push(endpoint);
        fleet.series.push(series);
    }
    add_functions(&mut fleet, &answer.series, (whole, kept));
    Ok(Seen {
        fleet,
        start_ms: answer.start_ms,
        step_ms: answer.step_ms,
        files: answer.functions.iter().map(|function| function.file.clone()).collect(),
        rare: answer.series_rare,
        cut: answer.series_cut,
        hosts_cut: answer.hosts_total - answer.hosts.len() as u64,
    })
}

/// What makes a function the same wherever it is seen: its line may differ.
pub(crate) fn function_name(function: &wire::api::Function) -> FunctionName {
    let place = if function.file.is_empty() { &function.executable } else { &function.file };
    FunctionName { name: function.name.clone(), place: place.clone(), package: function.package.clone() }
}

/// An endpoint as a whole: counted CPU where the program measured some requests of every cell, sampled otherwise.
fn of_endpoint(at: usize, cells: &EndpointCells, steps: (usize, usize)) -> (Endpoint, Series) {
    let mut counts = cells.requests.iter().zip(&cells.measured);
    let is_counted = counts.all(|(requests, measured)| *requests == 0 || *measured > 0);
    let has_requests = cells.requests.iter().any(|requests| *requests > 0);
    let requests: Vec<f64> = cells.requests.iter().map(|requests| *requests as f64).collect();
    let sampled_ns: Vec<f64> = cells.sampled_us.iter().map(|us| *us as f64 * 1e3).collect();
    let is_counted = is_counted && has_requests;
    let counted = cells.counted_us.iter().zip(&cells.measured).zip(&cells.requests);
    let counted = counted
        .map(|((us, measured), requests)| *us as f64 * 1e3 / (*measured).max(1) as f64 * *requests as f64);
    let cpu_ns = if is_counted { counted.collect() } else { sampled_ns.clone() };
    let endpoint = Endpoint {
        name: cells.endpoint.clone(),
        requests: without_last(requests, steps),
        sampled_ns: without_last(sampled_ns, steps),
    };
    let series =
        Series { endpoint: at, cpu_ns: without_last(cpu_ns, steps), is_counted, ..Series::default() };
    (endpoint, series)
}

/// Series of functions, behind those of the endpoints.
fn add_functions(fleet: &mut FleetSeries, functions: &[FunctionCells], steps: (usize, usize)) {
    let first = fleet.series.len();
    let cells = fleet.hosts.len() * steps.0;
    let filled = |at: &[u32], us: &[u64]| {
        let mut cpu_ns = vec![0.0; cells];
        for (cell, us) in at.iter().zip(us) {
            if let Some(cpu_ns) = cpu_ns.get_mut(*cell as usize) {
                *cpu_ns = *us as f64 * 1e3;
            }
        }
        without_last(cpu_ns, steps)
    };
    let mut own = Vec::new();
    for (at, one) in functions.iter().enumerate() {
        let endpoint = one.endpoint as usize;
        let callers = one.callers.iter().map(|caller| first + *caller as usize);
        let parents: Vec<usize> = if one.callers.is_empty() { vec![endpoint] } else { callers.collect() };
        let function = Some(one.function as usize);
        let cpu_ns = filled(&one.cells, &one.total_us);
        let sum = |us: &[u64]| us.iter().sum::<u64>() as f64;
        if OWN_PART.contains(&(sum(&one.self_us) / sum(&one.total_us).max(1.0))) {
            let cpu_ns = filled(&one.cells, &one.self_us);
            let (scope, parents) = (Scope::Own, vec![first + at]);
            own.push(Series { endpoint, scope, function, parents, cpu_ns, is_counted: false });
        }
        let scope = Scope::Total;
        fleet.series.push(Series { endpoint, scope, function, parents, cpu_ns, is_counted: false });
    }
    fleet.series.append(&mut own);
}

/// Cells without the last step of each host.
fn without_last(cells: Vec<f64>, (whole, kept): (usize, usize)) -> Vec<f64> {
    cells.chunks(whole.max(1)).flat_map(|steps| steps.iter().take(kept).copied()).collect()
}

/// Requests by the values of a label.
fn parts(
    collector: &Collector,
    question: &Question,
    (steps, label, of): (&str, &str, &str),
) -> Result<Vec<Part>, AnalyzerError> {
    let asked = [("by", label), ("steps", steps), ("limit", VALUES_MAX)];
    let counted: Requests = collector.ask("requests", question, &asked)?;
    let part = |one: wire::api::RequestSeries| Part {
        of: of.to_owned(),
        value: one.value,
        requests: one.requests.iter().map(|requests| *requests as f64).collect(),
    };
    // Requests without the label are of no version that could have brought anything.
    Ok(counted.series.into_iter().filter(|one| one.rest == 0 && !one.value.is_empty()).map(part).collect())
}

/// The group of each host.
fn groups(
    collector: &Collector,
    question: &Question,
    options: &SeriesOptions,
) -> Result<BTreeMap<String, String>, AnalyzerError> {
    let mut groups = BTreeMap::new();
    let Some(label) = &options.group_by else { return Ok(groups) };
    let values: Breakdown =
        collector.ask("breakdown", question, &[("by", label.as_str()), ("limit", GROUPS_MAX)])?;
    for row in values.rows.iter().filter(|row| row.rest == 0 && !row.value.is_empty()) {
        let selector = narrowed(question.selector, label, &row.value);
        let inner = Question { selector: &selector, ..question.clone() };
        let hosts: Breakdown =
            collector.ask("breakdown", &inner, &[("by", options.unit.as_str()), ("limit", "10000")])?;
        for host in hosts.rows.iter().filter(|host| host.rest == 0) {
            groups.insert(host.value.clone(), row.value.clone());
        }
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_lose_the_last_step_of_each_host() {
        assert_eq!(without_last(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], (3, 2)), [1.0, 2.0, 4.0, 5.0]);
        assert_eq!(without_last(Vec::new(), (0, 0)), [] as [f64; 0]);
    }

    #[test]
    fn counted_cpu_stands_for_all_requests_of_a_cell() {
        let cells = EndpointCells {
            endpoint: "/".into(),
            requests: vec![10, 0, 9],
            measured: vec![5, 0, 9],
            counted_us: vec![50, 0, 9],
            sampled_us: vec![70, 0, 0],
        };
        let (endpoint, series) = of_endpoint(0, &cells, (3, 2));
        assert_eq!((endpoint.requests, endpoint.sampled_ns), (vec![10.0, 0.0], vec![70_000.0, 0.0]));
        assert_eq!((series.cpu_ns, series.is_counted), (vec![100_000.0, 0.0], true));
        let unmeasured = EndpointCells { measured: vec![5, 0, 0], ..cells };
        let (_, series) = of_endpoint(0, &unmeasured, (3, 3));
        assert_eq!((series.cpu_ns, series.is_counted), (vec![70_000.0, 0.0, 0.0], false));
    }

    #[test]
    fn functions_are_parts_of_their_callers() {
        let mut fleet = FleetSeries { hosts: vec![Host::default()], ..FleetSeries::default() };
        fleet.series.push(Series::default());
        let one = |callers: Vec<u32>, own: u64| FunctionCells {
            function: 0,
            callers,
            cells: vec![0, 2],
            total_us: vec![5, 5],
            self_us: vec![own, 0],
            ..FunctionCells::default()
        };
        add_functions(&mut fleet, &[one(vec![], 3), one(vec![0], 10)], (3, 3));
        let shapes: Vec<(Scope, Vec<usize>)> =
            fleet.series.iter().map(|series| (series.scope, series.parents.clone())).collect();
        let expected = [
            (Scope::Endpoint, vec![]),
            (Scope::Total, vec![0]),
            (Scope::Total, vec![1]),
            (Scope::Own, vec![1]),
        ];
        assert_eq!(shapes, expected);
        assert_eq!(fleet.series[1].cpu_ns, [5e3, 0.0, 5e3]);
        assert_eq!(fleet.series[3].cpu_ns, [3e3, 0.0, 0.0]);
    }
}
