//! `fewer regressions`: endpoints whose requests became dearer, since when, and which functions rose with them.

use std::collections::BTreeMap;

use analyzer_detect::{
    filters::{
        cost_shift::{OwnChange, is_shift},
        population_shift::{Group, is_population_shift},
    },
    flags::{Served, Unit, cost},
    regressions::{Step, steps},
    stats::{Estimate, false_discovery::benjamini_yekutieli, servers::Sizing},
};
use analyzer_report::regressions::{Finding, Funnel, RegressionReport, Suspect};
use model::keys;
use wire::api::{Breakdown, Requests, Timeline, Top};

use crate::{
    collector::{Collector, Question, narrowed},
    error::AnalyzerError,
};

/// Endpoints that are looked at, those with the most requests.
const ENDPOINTS_MAX: &str = "100";

/// Functions whose own cost is compared.
const FUNCTIONS_MAX: &str = "2000";

const SUSPECTS_MAX: usize = 3;

/// A function that makes less of the rise than this is no suspect.
const SUSPECT_PART_MIN: f64 = 0.1;

/// Findings that are likely false among those reported.
const FALSE_SHARE: f64 = 0.05;

const DAY_MS: i64 = 86_400_000;
const MS_NS: i64 = 1_000_000;

/// What to look at.
#[derive(Clone, Debug)]
pub struct RegressionOptions {
    /// Selects the services.
    pub selector: String,
    /// Start of the time range, in nanoseconds since the Unix epoch.
    pub start_ns: i64,
    /// Its end.
    pub end_ns: i64,
    /// Windows to cut it into.
    pub steps: u32,
    /// Relative rises below are not told.
    pub floor: f64,
    /// How cores become servers.
    pub sizing: Sizing,
}

/// CPU per request of one endpoint over time, in nanoseconds.
struct CostSeries {
    endpoint: String,
    values: Vec<f64>,
}

/// A rise that passed every filter of its series.
struct Candidate {
    finding: Finding,
    p_value: f64,
}

/// Looks at every endpoint.
pub fn regressions(
    collector: &Collector,
    options: &RegressionOptions,
    shown_time: fn(i64) -> String,
) -> Result<RegressionReport, AnalyzerError> {
    let (series, step_ms) = series(collector, options)?;
    let mut funnel = Funnel { series: series.len() as u64, ..Funnel::default() };
    let period =
        if options.end_ns - options.start_ns >= 2 * DAY_MS * MS_NS { DAY_MS / step_ms.max(1) } else { 0 };
    let mut candidates = Vec::new();
    for one in &series {
        let (found, fallen) = steps(&one.values, options.floor, usize::try_from(period).unwrap_or_default());
        funnel.improvements += fallen.improvements;
        funnel.small += fallen.small;
        funnel.went_away += fallen.went_away;
        funnel.season += fallen.season;
        for step in found {
            let asked = Asked { collector, options, step: &step, step_ms, endpoint: &one.endpoint };
            match asked.candidate(&mut funnel)? {
                Some(mut candidate) => {
                    candidate.finding.at = shown_time(candidate.finding.at_ms);
                    candidates.push(candidate);
                }
                None => funnel.population_shift += 1,
            }
        }
    }
    let findings = distinct(significant(candidates, &mut funnel), step_ms, &mut funnel);
    funnel.findings = findings.len() as u64;
    let sizing = crate::flags::said(&options.sizing);
    Ok(RegressionReport { schema: "fewer.regressions/1", findings, funnel, sizing, notes: Vec::new() })
}

/// One series per endpoint: counted CPU where programs measure every window's requests, sampled otherwise. The last window may
/// not be complete, and is left out.
fn series(
    collector: &Collector,
    options: &RegressionOptions,
) -> Result<(Vec<CostSeries>, i64), AnalyzerError> {
    let question =
        Question { selector: &options.selector, start_ns: options.start_ns, end_ns: options.end_ns };
    let steps = options.steps.to_string();
    let by = [("by", keys::ENDPOINT), ("steps", steps.as_str()), ("limit", ENDPOINTS_MAX)];
    let counted: Requests = collector.ask("requests", &question, &by)?;
    let sampled: Timeline =
        collector.ask("timeline", &question, &[&by[..], &[("per", "request")]].concat())?;
    let mut all = Vec::new();
    for one in counted.series.iter().filter(|one| one.rest == 0 && !one.value.is_empty()) {
        let windows = one.counted_cpu_ns.iter().zip(&one.measured).zip(&one.requests);
        let is_counted = windows.clone().all(|((_, measured), requests)| *requests == 0 || *measured > 0);
        let mut values: Vec<f64> = match is_counted {
            true => windows.map(|((cpu_ns, measured), _)| *cpu_ns as f64 / *measured as f64).collect(),
            false => {
                let band = sampled.series.iter().find(|band| band.rest == 0 && band.value == one.value);
                let values = band.and_then(|band| band.cpu_ms_per_request.as_ref()).into_iter().flatten();
                values.map(|value| value.map_or(f64::NAN, |value| value * 1e6)).collect()
            }
        };
        values.pop();
        all.push(CostSeries { endpoint: one.value.clone(), values });
    }
    Ok((all, counted.step_ms))
}

/// One step of one endpoint.
struct Asked<'a> {
    collector: &'a Collector,
    options: &'a RegressionOptions,
    step: &'a Step,
    step_ms: i64,
    endpoint: &'a str,
}

impl Asked<'_> {
    /// The evidence of the hosts, and the functions; None when only the mix of hosts changed.
    fn candidate(&self, funnel: &mut Funnel) -> Result<Option<Candidate>, AnalyzerError> {
        let by_host = [("by", keys::HOST_NAME), ("limit", "10000")];
        let before: Breakdown = self.ask("breakdown", false, &by_host)?;
        let after: Breakdown = self.ask("breakdown", true, &by_host)?;
        let units = crate::flags::by_host(&before, &after);
        let groups: Vec<Group> = units
            .iter()
            .map(|Unit { baseline, variant }: &Unit| Group {
                requests: (baseline.requests, variant.requests),
                cpu: (baseline.cpu_ns, variant.cpu_ns),
            })
            .collect();
        if is_population_shift(&groups) {
            return Ok(None);
        }
        let served = |side: &Served| side.requests > 0.0;
        let hosts = units.iter().filter(|unit| served(&unit.baseline) || served(&unit.variant)).count();
        let of_hosts = cost(&units, 0.95);
        let (unit, unit_count, difference): (&str, usize, Estimate) = match &of_hosts {
            Some(cost) => (keys::HOST_NAME, hosts, cost.difference_ns),
            None => ("window", self.step.end, self.step.difference),
        };
        let (low, high) = difference.interval(0.95);
        let rise_ns = self.step.after - self.step.before;
        let cores = rise_ns / 1e9 * after.total.requests_per_s;
        let requests = (before.total.requests as f64, after.total.requests as f64);
        let finding = Finding {
            endpoints: vec![self.endpoint.to_owned()],
            at_ms: self.at_ns() / MS_NS,
            before_ns: self.step.before,
            after_ns: self.step.after,
            interval: (low / self.step.before, high / self.step.before),
            unit: unit.to_owned(),
            units: unit_count as u64,
            cores,
            servers: self.options.sizing.servers_for_cores(cores),
            suspects: self.suspects(requests, rise_ns, funnel)?,
            ..Finding::default()
        };
        Ok(Some(Candidate { finding, p_value: difference.p_value_above(0.0) }))
    }

    /// Functions whose own cost rose, without those to which it only moved.
    fn suspects(
        &self,
        (requests_before, requests_after): (f64, f64),
        rise_ns: f64,
        funnel: &mut Funnel,
    ) -> Result<Vec<Suspect>, AnalyzerError> {
        let limit = [("limit", FUNCTIONS_MAX)];
        let (before, after): (Top, Top) = (self.ask("top", false, &limit)?, self.ask("top", true, &limit)?);
        let mut own: BTreeMap<(&str, &str), (f64, f64)> = BTreeMap::new();
        for (top, requests, is_after) in [(&before, requests_before, false), (&after, requests_after, true)] {
            for row in &top.rows {
                let function = &row.function;
                let place = if function.file.is_empty() { &function.executable } else { &function.file };
                let costs = own.entry((&function.name, place)).or_default();
                let cost = if is_after { &mut costs.1 } else { &mut costs.0 };
                *cost += row.self_value as f64 / requests.max(1.0);
            }
        }
        let changes: Vec<OwnChange> = own
            .iter()
            .map(|((function, place), (before, after))| OwnChange { function, place, change: after - before })
            .collect();
        let mut suspects = Vec::new();
        for (at, ((function, place), (before_ns, after_ns))) in own.iter().enumerate() {
            if after_ns - before_ns < SUSPECT_PART_MIN * rise_ns {
                continue;
            }
            if is_shift(&changes, at) {
                funnel.cost_shift += 1;
                continue;
            }
            let (function, place) = ((*function).to_owned(), (*place).to_owned());
            suspects.push(Suspect { function, place, before_ns: *before_ns, after_ns: *after_ns });
        }
        let rise = |suspect: &Suspect| suspect.after_ns - suspect.before_ns;
        suspects.sort_by(|left, right| rise(right).total_cmp(&rise(left)));
        suspects.truncate(SUSPECTS_MAX);
        Ok(suspects)
    }

    fn ask<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        is_after: bool,
        parameters: &[(&str, &str)],
    ) -> Result<T, AnalyzerError> {
        let selector = narrowed(&self.options.selector, keys::ENDPOINT, self.endpoint);
        let end_ns = self.options.start_ns + self.step.end as i64 * self.step_ms * MS_NS;
        let (start_ns, end_ns) =
            if is_after { (self.at_ns(), end_ns) } else { (self.options.start_ns, self.at_ns()) };
        self.collector.ask(path, &Question { selector: &selector, start_ns, end_ns }, parameters)
    }

    fn at_ns(&self) -> i64 {
        self.options.start_ns + self.step.at as i64 * self.step_ms * MS_NS
    }
}

/// Those that chance is unlikely to have made: every series counts as a test, also those without a step.
fn significant(mut candidates: Vec<Candidate>, funnel: &mut Funnel) -> Vec<Finding> {
    let quiet = (funnel.series as usize).saturating_sub(candidates.len());
    let mut p_values: Vec<f64> = candidates.iter().map(|candidate| candidate.p_value).collect();
    p_values.resize(candidates.len() + quiet, 1.0);
    for (candidate, adjusted) in candidates.iter_mut().zip(benjamini_yekutieli(&p_values)) {
        candidate.finding.adjusted_p_value = adjusted;
    }
    let before = candidates.len();
    let findings: Vec<Finding> = candidates
        .into_iter()
        .map(|candidate| candidate.finding)
        .filter(|finding| finding.adjusted_p_value <= FALSE_SHARE)
        .collect();
    funnel.not_significant += (before - findings.len()) as u64;
    findings
}

/// One finding per cause: rises at the same time with the same first suspect are one.
fn distinct(mut findings: Vec<Finding>, step_ms: i64, funnel: &mut Funnel) -> Vec<Finding> {
    findings.sort_by(|left, right| right.cores.total_cmp(&left.cores));
    let mut kept: Vec<Finding> = Vec::new();
    for finding in findings {
        let is_same = |other: &&mut Finding| {
            let cause = |finding: &Finding| {
                finding.suspects.first().map(|one| (one.function.clone(), one.place.clone()))
            };
            (other.at_ms - finding.at_ms).abs() <= 2 * step_ms
                && cause(other).is_some()
                && cause(other) == cause(&finding)
        };
        match kept.iter_mut().find(is_same) {
            Some(other) => {
                other.endpoints.extend(finding.endpoints);
                other.cores += finding.cores;
                other.servers += finding.servers;
                funnel.duplicates += 1;
            }
            None => kept.push(finding),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(endpoint: &str, at_ms: i64, function: &str, p_value: f64) -> Candidate {
        let suspects = vec![Suspect { function: function.into(), ..Suspect::default() }];
        let finding =
            Finding { endpoints: vec![endpoint.into()], at_ms, cores: 1.0, suspects, ..Finding::default() };
        Candidate { finding, p_value }
    }

    #[test]
    fn one_cause_is_one_finding_and_chance_is_none() {
        let mut funnel = Funnel { series: 50, ..Funnel::default() };
        let candidates = vec![
            candidate("a", 0, "rank", 1e-9),
            candidate("b", 10, "rank", 1e-9),
            candidate("c", 1_000, "rank", 1e-9),
            candidate("d", 0, "other", 0.01),
        ];
        let findings = distinct(significant(candidates, &mut funnel), 10, &mut funnel);
        let endpoints: Vec<String> = findings.iter().map(|finding| finding.endpoints.join("+")).collect();
        assert_eq!(endpoints, ["a+b", "c"]);
        assert_eq!((funnel.duplicates, funnel.not_significant, findings[0].cores), (1, 1, 2.0));
    }
}
