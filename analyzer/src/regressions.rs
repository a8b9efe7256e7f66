//! `fewer regressions`: what got dearer in each service, since when, by which function, with which version or flag.

use std::num::NonZeroUsize;

use analyzer_detect::{
    filters::floor::Floor,
    regressions::{
        Analysis, Finding as Found, Options, analyse,
        evidence::Unit as Evidence,
        fleet::{Part, Scope},
    },
    stats::servers::Sizing,
};
use analyzer_report::regressions::{
    EndpointRow, Finding, Funnel, PendingRow, RegressionReport, SeriesRow, Suspect,
};
use model::keys;
use wire::api::Breakdown;

use crate::{
    collector::{Collector, Question, narrowed},
    error::AnalyzerError,
    flags::carried_by,
    series::{Seen, SeriesOptions, Services, counted_services, series},
    versions::{self, VersionOptions},
};

/// Findings of a service that are held against its flags.
const ASKED_FINDINGS_MAX: usize = 5;

/// Flags that a finding is held against.
const ASKED_FLAGS_MAX: usize = 10;

/// Below this part of the cost behind it, there was nothing before.
const NEW_PART: f64 = 0.02;

const CONFIDENCE: f64 = 0.95;
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
    /// Windows to cut it into, and whose cost is compared.
    pub series: SeriesOptions,
    /// Rises below are not told.
    pub floor: Floor,
    /// How cores become servers.
    pub sizing: Sizing,
    /// Threads that look.
    pub threads: NonZeroUsize,
}

/// What one service's analysis saw, for who wants to go on from there.
pub struct Service {
    /// Its name; empty when it has none.
    pub name: String,
    /// Its own part of the report.
    pub report: RegressionReport,
    /// Its series.
    pub seen: Seen,
}

/// Looks at every service, one after the other.
pub fn regressions(
    collector: &Collector,
    options: &RegressionOptions,
    shown_time: fn(i64) -> String,
) -> Result<RegressionReport, AnalyzerError> {
    let mut whole = RegressionReport {
        schema: "fewer.regressions/1",
        sizing: crate::flags::said(&options.sizing),
        ..RegressionReport::default()
    };
    let Services { counted, uncounted } = counted_services(collector, &question(options))?;
    whole.notes.extend(said_of(counted.len(), uncounted));
    for name in counted {
        let Service { report, .. } = of_service(collector, options, (&name, shown_time))?;
        whole.findings.extend(report.findings);
        whole.pending.extend(report.pending);
        whole.endpoints.extend(report.endpoints);
        whole.versions.extend(report.versions);
        whole.notes.extend(report.notes);
        add(&mut whole.funnel, &report.funnel);
    }
    whole.findings.sort_by(|left, right| right.cores.total_cmp(&left.cores));
    whole.pending.sort_by(|left, right| right.servers.total_cmp(&left.servers));
    Ok(whole)
}

/// What was not looked at, and why.
pub(crate) fn said_of(counted: usize, uncounted: u64) -> Option<String> {
    match (counted, uncounted) {
        (0, 0) => Some("Nothing was sampled or counted in this time.".to_owned()),
        (_, 0) => None,
        (_, 1) => Some("1 service counts no requests: there is nothing to divide its CPU by.".to_owned()),
        (_, more) => {
            Some(format!("{more} services count no requests: there is nothing to divide their CPU by."))
        }
    }
}

/// Looks at one service.
pub fn of_service(
    collector: &Collector,
    options: &RegressionOptions,
    (name, shown_time): (&str, fn(i64) -> String),
) -> Result<Service, AnalyzerError> {
    let selector = narrowed(&options.selector, keys::SERVICE_NAME, name);
    let asked = Question { selector: &selector, ..question(options) };
    let seen = series(collector, &asked, &options.series)?;
    let detect = Options { floor: options.floor, sizing: options.sizing, threads: options.threads };
    let analysis = analyse(&seen.fleet, &detect);
    let looked = Looked { collector, options, selector: &selector, name, seen: &seen, shown_time };
    let mut findings: Vec<Finding> = analysis.findings.iter().map(|one| looked.finding(one)).collect();
    looked.hold_against_flags(&analysis, &mut findings)?;
    let compared = VersionOptions {
        selector: selector.clone(),
        service: name.to_owned(),
        unit: options.series.unit.clone(),
        sizing: options.sizing,
    };
    let pairs = versions::pairs_of(&seen);
    let versions = versions::compare(collector, &compared, (&pairs, shown_time))?;
    let report = RegressionReport {
        schema: "fewer.regressions/1",
        findings,
        pending: analysis.pending.iter().map(|one| looked.pending(one)).collect(),
        endpoints: looked.endpoints(&analysis),
        versions,
        funnel: funnel(&analysis, &seen),
        sizing: String::new(),
        notes: looked.notes(),
    };
    Ok(Service { name: name.to_owned(), report, seen })
}

fn question(options: &RegressionOptions) -> Question<'_> {
    Question { selector: &options.selector, start_ns: options.start_ns, end_ns: options.end_ns }
}

/// One service that was looked at.
struct Looked<'a> {
    collector: &'a Collector,
    options: &'a RegressionOptions,
    selector: &'a str,
    name: &'a str,
    seen: &'a Seen,
    shown_time: fn(i64) -> String,
}

impl Looked<'_> {
    fn at_ms(&self, step: usize) -> i64 {
        self.seen.start_ms + step as i64 * self.seen.step_ms
    }

    fn finding(&self, found: &Found) -> Finding {
        let fleet = &self.seen.fleet;
        let sizing = &self.options.sizing;
        let function = found.function.and_then(|at| fleet.functions.get(at));
        let file = found.function.and_then(|at| self.seen.files.get(at));
        let (before_ns, after_ns) = (found.before_ns, found.before_ns + found.rise.value);
        let endpoint_ns = self.endpoint_ns(found);
        let is_new = function.is_some() && before_ns < NEW_PART * after_ns;
        let reference = if is_new { endpoint_ns } else { before_ns };
        let (low, high) = found.rise.interval(CONFIDENCE);
        let relative = |ns: f64| if reference > 0.0 { ns / reference } else { 0.0 };
        let (cores, cores_low, cores_high) = found.cores;
        let own = function.map(|function| Suspect {
            function: function.name.clone(),
            place: function.place.clone(),
            before_ns,
            after_ns,
        });
        let parts = found.parts.iter().filter_map(|part| {
            let function = fleet.functions.get(part.function)?;
            let (function, place) = (function.name.clone(), function.place.clone());
            Some(Suspect { function, place, before_ns: part.before_ns, after_ns: part.after_ns })
        });
        let (flag, flag_variant) = found.flag.clone().unwrap_or_default();
        Finding {
            service: self.name.to_owned(),
            endpoints: found.endpoints.clone(),
            function: function.map(|function| function.name.clone()).unwrap_or_default(),
            place: function.map(|function| function.place.clone()).unwrap_or_default(),
            file: file.cloned().unwrap_or_default(),
            is_own: found.scope == Scope::Own,
            at_ms: self.at_ms(found.at),
            at: (self.shown_time)(self.at_ms(found.at)),
            before_ns,
            after_ns,
            endpoint_ns,
            is_new,
            interval: (relative(low), relative(high)),
            adjusted_p_value: found.adjusted_p_value,
            unit: match found.unit {
                Evidence::Hosts => self.options.series.unit.clone(),
                Evidence::Windows => "window".to_owned(),
            },
            units: found.units as u64,
            group: found.group.clone(),
            cores,
            cores_interval: (cores_low, cores_high),
            servers: sizing.servers_for_cores(cores),
            servers_interval: (sizing.servers_for_cores(cores_low), sizing.servers_for_cores(cores_high)),
            version: found.version.clone().unwrap_or_default(),
            flag,
            flag_variant,
            suspects: own.into_iter().chain(parts).collect(),
            series: self.series_row(found.series),
        }
    }

    /// CPU per request of a finding's whole endpoint before it.
    fn endpoint_ns(&self, found: &Found) -> f64 {
        let endpoint = self.seen.fleet.series.get(found.series).map_or(usize::MAX, |series| series.endpoint);
        let values = self.seen.pooled(endpoint);
        let before = values.get(..found.at).unwrap_or_default().iter().filter(|value| value.is_finite());
        let (sum, count) = before.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
        if count > 0.0 { sum / count } else { 0.0 }
    }

    fn series_row(&self, series: usize) -> SeriesRow {
        let values = self.seen.pooled(series);
        let values = values.into_iter().map(|value| value.is_finite().then_some(value));
        SeriesRow { start_ms: self.seen.start_ms, step_ms: self.seen.step_ms, values: values.collect() }
    }

    /// A flag that was on before can carry a rise all the same: its code changed.
    fn hold_against_flags(&self, analysis: &Analysis, findings: &mut [Finding]) -> Result<(), AnalyzerError> {
        let mut flags: Vec<&str> = self.seen.fleet.flags.iter().map(|part| part.of.as_str()).collect();
        flags.dedup();
        let unexplained =
            findings.iter_mut().zip(&analysis.findings).filter(|(shown, _)| shown.flag.is_empty());
        for (shown, found) in unexplained.take(ASKED_FINDINGS_MAX) {
            for flag in flags.iter().take(ASKED_FLAGS_MAX) {
                if let Some(variant) = self.carrier(flag, (shown, found))? {
                    (shown.flag, shown.flag_variant) = ((*flag).to_owned(), variant);
                    break;
                }
            }
        }
        Ok(())
    }

    /// The variant of a flag that carries a finding, from the requests of its first endpoint before and behind it.
    fn carrier(
        &self,
        flag: &str,
        (shown, found): (&Finding, &Found),
    ) -> Result<Option<String>, AnalyzerError> {
        let Some(endpoint) = shown.endpoints.first() else { return Ok(None) };
        let selector = narrowed(self.selector, keys::ENDPOINT, endpoint);
        let label = format!("{}{flag}", keys::FLAG_PREFIX);
        let asked = |from: usize, to: usize| -> Result<Breakdown, AnalyzerError> {
            let (start_ns, end_ns) = (self.at_ms(from) * MS_NS, self.at_ms(to) * MS_NS);
            let question = Question { selector: &selector, start_ns, end_ns };
            self.collector.ask("breakdown", &question, &[("by", &label), ("limit", "20")])
        };
        Ok(carried_by(asked(0, found.at)?, asked(found.at, found.end)?, found.rise.value))
    }

    fn pending(&self, found: &analyzer_detect::regressions::Pending) -> PendingRow {
        let function = found.function.and_then(|at| self.seen.fleet.functions.get(at));
        PendingRow {
            service: self.name.to_owned(),
            endpoint: found.endpoint.clone(),
            function: function.map(|function| function.name.clone()).unwrap_or_default(),
            at: (self.shown_time)(self.at_ms(found.at)),
            before_ns: found.before_ns,
            after_ns: found.after_ns,
            servers: found.servers,
        }
    }

    fn endpoints(&self, analysis: &Analysis) -> Vec<EndpointRow> {
        let row = |shown: &analyzer_detect::regressions::Shown| EndpointRow {
            service: self.name.to_owned(),
            endpoint: shown.endpoint.clone(),
            detectable: shown.detectable,
            hosts: shown.hosts as u64,
        };
        analysis.endpoints.iter().map(row).collect()
    }

    /// What could not be judged, and why.
    fn notes(&self) -> Vec<String> {
        let fleet = &self.seen.fleet;
        let service = if self.name.is_empty() { "What has no service.name" } else { self.name };
        let mut notes = Vec::new();
        let is_uncounted = |at: &usize| {
            fleet.endpoints.get(*at).is_some_and(|one| one.requests.iter().all(|count| *count <= 0.0))
        };
        let uncounted = (0..fleet.endpoints.len()).filter(is_uncounted).count();
        if uncounted > 0 {
            notes.push(format!("{service}: {uncounted} endpoint(s) with samples count no requests: there is nothing to divide their CPU by."));
        }
        if !fleet.endpoints.is_empty() && fleet.versions.is_empty() {
            notes.push(format!(
                "{service}: no requests with the label service.version, so no version is named."
            ));
        }
        if self.seen.hosts_cut > 0 {
            notes.push(format!("{service}: {} more hosts were not looked at.", self.seen.hosts_cut));
        }
        notes
    }
}

impl Seen {
    /// Cost per request of one series over time, all hosts together.
    pub fn pooled(&self, series: usize) -> Vec<f64> {
        let present = self.fleet.presence();
        self.fleet.series.get(series).map(|series| self.fleet.pooled(series, &present)).unwrap_or_default()
    }

    /// Requests by version.
    pub fn versions(&self) -> &[Part] {
        &self.fleet.versions
    }
}

fn funnel(analysis: &Analysis, seen: &Seen) -> Funnel {
    let funnel = &analysis.funnel;
    Funnel {
        series: funnel.series,
        rare: seen.rare,
        cut: seen.cut,
        unsound: funnel.unsound,
        quiet: funnel.quiet,
        no_step: funnel.no_step,
        improvements: funnel.improvements,
        small: funnel.small,
        went_away: funnel.went_away,
        season: funnel.season,
        population_shift: funnel.population_shift,
        pending: funnel.pending,
        not_significant: funnel.not_significant,
        cost_shift: funnel.cost_shift,
        nested: funnel.nested,
        duplicates: funnel.duplicates,
        beyond: funnel.beyond,
        findings: funnel.findings,
    }
}

fn add(sum: &mut Funnel, more: &Funnel) {
    sum.series += more.series;
    sum.rare += more.rare;
    sum.cut += more.cut;
    sum.unsound += more.unsound;
    sum.quiet += more.quiet;
    sum.no_step += more.no_step;
    sum.improvements += more.improvements;
    sum.small += more.small;
    sum.went_away += more.went_away;
    sum.season += more.season;
    sum.population_shift += more.population_shift;
    sum.pending += more.pending;
    sum.not_significant += more.not_significant;
    sum.cost_shift += more.cost_shift;
    sum.nested += more.nested;
    sum.duplicates += more.duplicates;
    sum.beyond += more.beyond;
    sum.findings += more.findings;
}
