//! Version against version, from `service.version` as it rolls out: which versions and when is decided from requests
//! alone, before any cost is looked at.

use analyzer_detect::{
    flags::{FlagCost, cost},
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
        let arm = |version: &str, (start_ms, end_ms): (i64, i64)| {
            let selector = narrowed(&options.selector, keys::SERVICE_VERSION, version);
            (selector, start_ms * MS_NS, end_ms * MS_NS)
        };
        let (before, after) = (arm(&pair.baseline, pair.before_ms), arm(&pair.version, pair.after_ms));
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
            let units = crate::flags::by_host(&old, &new);
            let found = cost(&units, CONFIDENCE);
            let mut row = row(options, pair, (&found, &new));
            (row.endpoint, row.at) = (endpoint.value.clone(), shown_time(pair.after_ms.0));
            p_values.push(found.map_or(1.0, |found| found.difference_ns.p_value()));
            rows.push(row);
        }
    }
    for (row, adjusted) in rows.iter_mut().zip(benjamini_yekutieli(&p_values)) {
        row.adjusted_p_value = adjusted;
        judge(row);
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
    row.reason = match found.units {
        units if units < HOSTS_MIN => format!("{units} hosts served it, {HOSTS_MIN} are needed"),
        _ => String::new(),
    };
    row.before_ns = found.baseline_ns;
    // The hosts' mean difference, so that value and interval are of one thing.
    row.after_ns = found.baseline_ns + found.difference_ns.value;
    row.interval = (low / before, high / before);
    row.detectable = found.detectable_ns / before;
    row.hosts = found.units as u64;
    row.cores = found.difference_ns.value / 1e9 * after.total.requests_per_s;
    row.servers = options.sizing.servers_for_cores(row.cores);
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
