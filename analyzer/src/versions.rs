//! Version against version, from `service.version` as it rolls out: which versions and when is decided from requests
//! alone, before any cost is looked at. Where one host runs both side by side, stretches of time are the evidence.

mod brought_by;

use analyzer_detect::{
    flags::{Comparison, FlagCost, cost},
    regressions::evidence::HOSTS_MIN,
    stats::{false_discovery::benjamini_yekutieli, servers::Sizing},
    versions::{Pair, pairs},
};
use analyzer_report::versions::{VersionReport, VersionRow, VersionVerdict};
use model::keys;
use wire::api::Breakdown;

use crate::{
    collector::{Collector, Question, narrowed},
    error::AnalyzerError,
    regressions::{RegressionOptions, said_of},
    series::{Seen, Services, counted_services, series},
};

/// Endpoints that are compared, those with the most CPU.
const ENDPOINTS_MAX: usize = 20;

/// Changes of version that are looked at, the newest.
const PAIRS_MAX: usize = 5;

/// Fewer stretches of time give no verdict.
const WINDOWS_MIN: usize = 8;

/// What stands in for a unit where one host is all there is.
const WINDOW: &str = "window";

/// Steps of time that each version is looked at, at most: half of the time range.
const STEPS_PART: usize = 2;

const CONFIDENCE: f64 = 0.95;

/// Rows that are likely false among those that say dearer or cheaper.
const FALSE_SHARE: f64 = 0.05;

const MS_NS: i64 = 1_000_000;

/// What is compared.
#[derive(Clone, Debug)]
pub struct VersionOptions {
    /// Selects the service.
    pub selector: String,
    /// Its name.
    pub service: String,
    /// The label whose values are the units of evidence.
    pub unit: String,
    /// How cores become servers.
    pub sizing: Sizing,
}

/// Two versions that somebody wants compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The older one.
    pub baseline: String,
    /// The newer one.
    pub version: String,
}

/// Two versions with the times in which they are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// The version before.
    pub baseline: String,
    /// The version.
    pub version: String,
    /// Start and end of the baseline, in milliseconds since the Unix epoch.
    pub before_ms: (i64, i64),
    /// Start and end of the version.
    pub after_ms: (i64, i64),
}

impl Compared {
    /// True when both are looked at in the same time: then what the machine does meanwhile is common to both.
    fn is_side_by_side(&self) -> bool {
        self.before_ms == self.after_ms
    }

    /// The selector, start and end in nanoseconds of each side.
    fn arms(&self, selector: &str) -> [(String, i64, i64); 2] {
        let sides = [(&self.baseline, self.before_ms), (&self.version, self.after_ms)];
        sides.map(|(version, (start_ms, end_ms))| {
            (narrowed(selector, keys::SERVICE_VERSION, version), start_ms * MS_NS, end_ms * MS_NS)
        })
    }
}

/// `fewer regressions --versions`: of each service, the changes of version in the time range, or those two that were asked
/// for.
pub fn versions(
    collector: &Collector,
    options: &RegressionOptions,
    (wanted, shown_time): (Option<&Wanted>, fn(i64) -> String),
) -> Result<VersionReport, AnalyzerError> {
    let mut report = VersionReport {
        schema: "fewer.versions/1",
        sizing: crate::flags::said(&options.sizing),
        ..VersionReport::default()
    };
    let question =
        Question { selector: &options.selector, start_ns: options.start_ns, end_ns: options.end_ns };
    let Services { counted, uncounted } = counted_services(collector, &question)?;
    report.notes.extend(said_of(counted.len(), uncounted));
    for service in counted {
        let selector = narrowed(&options.selector, keys::SERVICE_NAME, &service);
        let asked = Question { selector: &selector, ..question.clone() };
        let seen = series(collector, &asked, &options.series)?;
        let name = if service.is_empty() { "What has no service.name" } else { &service };
        if seen.versions().is_empty() {
            report.notes.push(format!("{name}: no requests with the label service.version."));
            continue;
        }
        let found = match wanted {
            None => pairs_of(&seen),
            Some(wanted) => wanted_pair(&seen, wanted).into_iter().collect(),
        };
        if found.is_empty() {
            let versions: Vec<&str> = seen.versions().iter().map(|part| part.value.as_str()).collect();
            report.notes.push(format!("{name}: nothing to compare among {}.", versions.join(", ")));
        }
        let compared = VersionOptions {
            selector: selector.clone(),
            service: service.clone(),
            unit: options.series.unit.clone(),
            sizing: options.sizing,
        };
        report.rows.extend(compare(collector, &compared, (&found, shown_time))?);
    }
    Ok(report)
}

/// The changes of version that a service's requests show, the newest.
pub(crate) fn pairs_of(seen: &Seen) -> Vec<Compared> {
    let mut found = pairs(seen.versions(), seen.fleet.steps / STEPS_PART);
    let first = found.len().saturating_sub(PAIRS_MAX);
    found.drain(..first);
    found.iter().map(|pair| compared(seen, pair)).collect()
}

/// Two named versions, each in the steps in which it had most of the requests; all of its steps when it never had.
fn wanted_pair(seen: &Seen, Wanted { baseline, version }: &Wanted) -> Option<Compared> {
    let named = |wanted: &str| seen.versions().iter().find(|part| part.value == wanted).cloned();
    let both: Vec<_> = named(baseline).into_iter().chain(named(version)).collect();
    let chosen = pairs(&both, seen.fleet.steps / STEPS_PART);
    let straight = chosen.iter().find(|pair| pair.baseline == *baseline && pair.candidate == *version);
    if let Some(pair) = straight {
        return Some(compared(seen, pair));
    }
    let [before, after] = both.as_slice() else { return None };
    // They ran side by side: the same time for both.
    let runs = |step: &usize| {
        [before, after].iter().all(|part| part.requests.get(*step).is_some_and(|count| *count > 0.0))
    };
    let first = (0..seen.fleet.steps).find(runs)?;
    let last = (0..seen.fleet.steps).rev().find(runs)?;
    let steps = first..last + 1;
    let pair = Pair {
        baseline: baseline.to_owned(),
        candidate: version.to_owned(),
        before: steps.clone(),
        after: steps,
    };
    Some(compared(seen, &pair))
}

fn compared(seen: &Seen, pair: &Pair) -> Compared {
    let at_ms = |step: usize| seen.start_ms + step as i64 * seen.step_ms;
    let times = |steps: &std::ops::Range<usize>| (at_ms(steps.start), at_ms(steps.end));
    Compared {
        baseline: pair.baseline.clone(),
        version: pair.candidate.clone(),
        before_ms: times(&pair.before),
        after_ms: times(&pair.after),
    }
}

/// Compares pairs of versions, endpoint by endpoint, host by host.
pub(crate) fn compare(
    collector: &Collector,
    options: &VersionOptions,
    (pairs, shown_time): (&[Compared], fn(i64) -> String),
) -> Result<Vec<VersionRow>, AnalyzerError> {
    let (mut rows, mut p_values) = (Vec::new(), Vec::new());
    for pair in pairs {
        let [before, after] = pair.arms(&options.selector);
        let ask = |(selector, start_ns, end_ns): &(String, i64, i64), endpoint: Option<&str>| {
            let selector = match endpoint {
                Some(endpoint) => narrowed(selector, keys::ENDPOINT, endpoint),
                None => selector.clone(),
            };
            let by = if endpoint.is_some() { options.unit.as_str() } else { keys::ENDPOINT };
            let question = Question { selector: &selector, start_ns: *start_ns, end_ns: *end_ns };
            collector.ask::<Breakdown>("breakdown", &question, &[("by", by), ("limit", "10000")])
        };
        let endpoints = ask(&after, None)?;
        let served =
            endpoints.rows.iter().filter(|row| row.rest == 0 && row.requests > 0 && !row.value.is_empty());
        for endpoint in served.take(ENDPOINTS_MAX) {
            let (old, new) = (ask(&before, Some(&endpoint.value))?, ask(&after, Some(&endpoint.value))?);
            let mut found = cost(&crate::flags::by_host(&old, &new), CONFIDENCE);
            let mut unit = options.unit.as_str();
            if pair.is_side_by_side() && found.is_none_or(|found| found.units < HOSTS_MIN) {
                let selectors = [&before, &after]
                    .map(|(selector, ..)| narrowed(selector, keys::ENDPOINT, &endpoint.value));
                let stretches = crate::flags::by_stretch(collector, &selectors, (after.1, after.2))?;
                let within = cost(&stretches, CONFIDENCE).filter(|one| one.comparison == Comparison::Within);
                (found, unit) = (within.filter(|one| one.units >= WINDOWS_MIN), WINDOW);
            }
            let mut row = row(options, pair, (&found, &new));
            (row.at_ms, row.at) = (pair.after_ms.0, shown_time(pair.after_ms.0));
            row.endpoint.clone_from(&endpoint.value);
            row.unit = unit.to_owned();
            if unit != WINDOW && row.reason.is_empty() && row.units < HOSTS_MIN as u64 {
                row.reason = format!("{} hosts served it, {HOSTS_MIN} are needed", row.units);
            }
            p_values.push(found.map_or(1.0, |found| found.difference_ns.p_value()));
            rows.push(row);
        }
    }
    for (row, adjusted) in rows.iter_mut().zip(benjamini_yekutieli(&p_values)) {
        row.adjusted_p_value = adjusted;
        judge(row);
    }
    for row in rows.iter_mut().filter(|row| row.verdict == VersionVerdict::Dearer) {
        let pair = pairs.iter().find(|pair| pair.baseline == row.baseline && pair.version == row.version);
        if let Some(pair) = pair {
            brought_by::explain(collector, options, (pair, row))?;
        }
    }
    Ok(rows)
}

fn row(
    options: &VersionOptions,
    pair: &Compared,
    (found, after): (&Option<FlagCost>, &Breakdown),
) -> VersionRow {
    let mut row = VersionRow {
        service: options.service.clone(),
        baseline: pair.baseline.clone(),
        version: pair.version.clone(),
        seconds: (pair.after_ms.1 - pair.after_ms.0) as f64 / 1e3,
        reason: "each version needs two hosts with requests; one host says nothing about hosts".to_owned(),
        ..VersionRow::default()
    };
    let Some(found) = found else { return row };
    let (low, high) = found.difference_ns.interval(CONFIDENCE);
    let before = found.baseline_ns.max(f64::MIN_POSITIVE);
    row.reason = String::new();
    row.before_ns = found.baseline_ns;
    // The hosts' mean difference, so that value and interval are of one thing.
    row.after_ns = found.baseline_ns + found.difference_ns.value;
    row.interval = (low / before, high / before);
    row.detectable = found.detectable_ns / before;
    row.units = found.units as u64;
    let cores = |ns: f64| ns / 1e9 * after.total.requests_per_s;
    let servers = |ns: f64| options.sizing.servers_for_cores(cores(ns));
    row.cores = cores(found.difference_ns.value);
    row.cores_interval = (cores(low), cores(high));
    row.servers = servers(found.difference_ns.value);
    row.servers_interval = (servers(low), servers(high));
    row
}

fn judge(row: &mut VersionRow) {
    row.verdict = match row {
        _ if !row.reason.is_empty() => VersionVerdict::NoVerdict,
        _ if row.adjusted_p_value > FALSE_SHARE => VersionVerdict::NoChange,
        _ if row.after_ns > row.before_ns => VersionVerdict::Dearer,
        _ => VersionVerdict::Cheaper,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_needs_hosts_and_evidence() {
        let check = |reason: &str, adjusted_p_value, after_ns, expected| {
            let mut row = VersionRow {
                reason: reason.to_owned(),
                adjusted_p_value,
                before_ns: 10.0,
                after_ns,
                ..VersionRow::default()
            };
            judge(&mut row);
            assert_eq!(row.verdict, expected);
        };
        check("", 0.001, 11.0, VersionVerdict::Dearer);
        check("", 0.001, 9.0, VersionVerdict::Cheaper);
        check("", 0.3, 11.0, VersionVerdict::NoChange);
        check("too few", 0.001, 11.0, VersionVerdict::NoVerdict);
    }
}
