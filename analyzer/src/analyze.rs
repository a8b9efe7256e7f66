//! `fewer analyze`: regressions, versions and flags of every service, looked at and kept with the collector.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use analyzer_detect::{capacity::Amount, filters::floor::Floor, stats::servers::Sizing};
use serde::Serialize;
use wire::api::{
    Status,
    findings::{FINDINGS_MAX, Finding, FindingKind, Findings, FindingsReport, FindingsReported},
};

use crate::{
    alerts::{self, AlertConfig, SentState},
    capacity::CapacityOptions,
    collector::{Collector, Question, narrowed},
    dead_code::{self, DeadCodeOptions, RELEASE_TRAIN_DAYS},
    error::AnalyzerError,
    findings,
    flags::{FlagOptions, flags},
    owners::Owners,
    regressions::{RegressionOptions, of_service},
    series::{SeriesOptions, counted_services},
    sharing,
};

const MS_NS: i64 = 1_000_000;

/// Memory that would save less on a host is summed up.
const SAVED_BYTES_MIN: u64 = 1_000_000;

/// Shorter time ranges show nothing.
const RANGE_MIN_NS: i64 = 110 * 1_000 * MS_NS;

/// How it is looked.
#[derive(Clone, Debug)]
pub struct AnalyzeOptions {
    /// Selects the services.
    pub selector: String,
    /// How far back it is looked, in nanoseconds.
    pub range_ns: i64,
    /// Windows to cut the time range into, and whose cost is compared.
    pub series: SeriesOptions,
    /// Rises below are not told.
    pub floor: Floor,
    /// How cores become servers.
    pub sizing: Sizing,
    /// Threads that look.
    pub threads: NonZeroUsize,
    /// Who owns which file.
    pub owners: Owners,
    /// The source of what runs.
    pub source: Option<PathBuf>,
    /// Who is told, and the file that remembers what was.
    pub alerts: Option<(AlertConfig, PathBuf)>,
}

/// What one round came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Round {
    /// Name and version of this form; fields are only added to it.
    pub schema: &'static str,
    /// When it looked, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Services that were looked at.
    pub services: u64,
    /// Regressions that are open now.
    pub regressions: u64,
    /// Flags' costs that are open now.
    pub flags: u64,
    /// Memory that could be shared.
    pub sharing: u64,
    /// Services on more or fewer servers than they need.
    pub capacity: u64,
    /// Code that did not run, or runs for nothing.
    pub dead_code: u64,
    /// Findings that are new since the last round.
    pub new: u64,
    /// Findings that are over since the last round.
    pub over: u64,
    /// Rises that are not judged yet.
    pub pending: u64,
    /// Servers that what is open costs.
    pub servers: f64,
    /// Messages that were sent.
    pub messages: u64,
    /// What could not be looked at or told, and why.
    pub notes: Vec<String>,
}

/// Looks once at everything, keeps what is found, and tells who is to be told. A service that cannot be looked at is noted,
/// and keeps no other from being looked at. It ends early when it is told to stop.
pub fn round(
    collector: &Collector,
    options: &AnalyzeOptions,
    (now_ns, shown_time): (i64, fn(i64) -> String),
    is_stopping: &dyn Fn() -> bool,
) -> Result<Round, AnalyzerError> {
    let mut round = Round { schema: "fewer.analyze/1", at_ms: now_ns / MS_NS, ..Round::default() };
    let status: Status = collector.get("status", &[])?;
    let earliest_ns = status.earliest_ms.map(|ms| ms.saturating_mul(MS_NS));
    // The collector's clock, so that a clock that is off here shifts nothing.
    let end_ns = status.now_ms.saturating_mul(MS_NS);
    let start_ns = end_ns.saturating_sub(options.range_ns).max(earliest_ns.unwrap_or(end_ns));
    round.at_ms = status.now_ms;
    if end_ns - start_ns < RANGE_MIN_NS {
        round.notes.push("There are less than two minutes of data: nothing to compare yet.".to_owned());
        return Ok(round);
    }
    let question = Question { selector: &options.selector, start_ns, end_ns };
    let services = counted_services(collector, &question)?.counted;
    if services.is_empty() {
        round.notes.push("nothing counts requests, so there is nothing to divide CPU by".to_owned());
    }
    for service in services {
        if is_stopping() {
            return Err(AnalyzerError::Stopped);
        }
        let looked = Looked { collector, options, question: &question, service: &service, shown_time };
        let found = looked.regressions(&mut round).and_then(|()| looked.flags(&mut round));
        match found {
            Ok(()) => round.services += 1,
            Err(error) => round.notes.push(format!("{service}: {error}")),
        }
    }
    if let Err(error) = memory(collector, options, &question, &mut round) {
        round.notes.push(format!("memory and servers: {error}"));
    }
    if is_stopping() {
        return Err(AnalyzerError::Stopped);
    }
    if let Err(error) = code(collector, options, (&question, earliest_ns.unwrap_or(end_ns)), &mut round) {
        round.notes.push(format!("dead code: {error}"));
    }
    if let Some((config, path)) = &options.alerts {
        tell(collector, config, (path, now_ns / MS_NS), &mut round)?;
    }
    Ok(round)
}

/// What hosts hold in memory more than once, and how many servers services need.
fn memory(
    collector: &Collector,
    options: &AnalyzeOptions,
    question: &Question<'_>,
    round: &mut Round,
) -> Result<(), AnalyzerError> {
    let Sizing { growth, regions, reserve, .. } = options.sizing;
    let growth = Amount::Known(growth);
    let sizing = CapacityOptions { growth, regions, reserve, ..CapacityOptions::default() };
    let look = sharing::look(collector, question, &sizing, SAVED_BYTES_MIN)?;
    for report in &look.findings {
        let open = report.findings.iter().filter(|finding| finding.detail.get("resolved").is_none()).count();
        match report.kind {
            FindingKind::Capacity => round.capacity += open as u64,
            _ => round.sharing += open as u64,
        }
        let reported: FindingsReported = collector.post("findings", report)?;
        round.new += reported.new;
        round.over += reported.over;
    }
    Ok(())
}

/// What code has not run, and what runs for nothing.
fn code(
    collector: &Collector,
    options: &AnalyzeOptions,
    (question, earliest_ns): (&Question<'_>, i64),
    round: &mut Round,
) -> Result<(), AnalyzerError> {
    let options = DeadCodeOptions {
        service: None,
        start_ns: question.start_ns,
        end_ns: question.end_ns,
        earliest_ns,
        sizing: options.sizing,
        source: options.source.clone(),
        release_train_days: RELEASE_TRAIN_DAYS,
    };
    for service in &dead_code::report(collector, &options)?.services {
        let report = dead_code::findings(service, question.end_ns / MS_NS);
        round.dead_code += report.findings.len() as u64;
        let reported: FindingsReported = collector.post("findings", &report)?;
        round.new += reported.new;
        round.over += reported.over;
        if reported.dropped > 0 {
            round.notes.push(format!("{}: {} findings were not kept", service.service, reported.dropped));
        }
    }
    Ok(())
}

/// One line that says what a round came to.
pub fn line(round: &Round) -> String {
    let count = |count: u64, noun: &str| match count {
        0 => format!("no {noun}s"),
        count => analyzer_report::number::counted(count, noun),
    };
    let mut text = format!(
        "analyzed {}: {}, {}, {:.2} servers; {} new, {} over, {} pending",
        count(round.services, "service"),
        count(round.regressions, "regression"),
        count(round.flags, "flag cost"),
        round.servers,
        round.new,
        round.over,
        round.pending
    );
    if let Some(note) = round.notes.first() {
        text += &format!("; {note}");
    }
    text
}

/// One service.
struct Looked<'a> {
    collector: &'a Collector,
    options: &'a AnalyzeOptions,
    question: &'a Question<'a>,
    service: &'a str,
    shown_time: fn(i64) -> String,
}

impl Looked<'_> {
    fn regressions(&self, round: &mut Round) -> Result<(), AnalyzerError> {
        let options = RegressionOptions {
            selector: self.options.selector.clone(),
            start_ns: self.question.start_ns,
            end_ns: self.question.end_ns,
            series: self.options.series.clone(),
            floor: self.options.floor,
            sizing: self.options.sizing,
            threads: self.options.threads,
        };
        let known: Findings = self
            .collector
            .get("findings", &[("kind", "regression"), ("service", self.service), ("limit", "10000")])?;
        let looked = of_service(self.collector, &options, (self.service, self.shown_time))?;
        let owner = |file: &str| self.options.owners.of(file).join(" ");
        let findings = findings::of_regressions(&looked, &known.findings, &owner);
        let report = &looked.report;
        round.pending += report.pending.len() as u64;
        let is_whole = report.funnel.beyond == 0;
        let mut funnel = serde_json::to_value(report.funnel).unwrap_or_default();
        let detectable: Vec<f64> = report.endpoints.iter().filter_map(|row| row.detectable).collect();
        if let (Some(funnel), Some(worst)) =
            (funnel.as_object_mut(), detectable.into_iter().max_by(f64::total_cmp))
        {
            funnel.insert("detectable".to_owned(), worst.into());
        }
        let posted = self.post((FindingKind::Regression, is_whole), findings, (funnel, round))?;
        round.regressions += posted;
        Ok(())
    }

    fn flags(&self, round: &mut Round) -> Result<(), AnalyzerError> {
        let options = FlagOptions {
            selector: narrowed(&self.options.selector, model::keys::SERVICE_NAME, self.service),
            start_ns: self.question.start_ns,
            end_ns: self.question.end_ns,
            sizing: self.options.sizing,
        };
        let report = flags(self.collector, &options)?;
        let findings = findings::of_flags(self.service, &report.costs);
        let funnel = serde_json::json!({
            "series": report.costs.len(),
            "not_significant": report.costs.len() - findings.len(),
            "findings": findings.len(),
            "constant": report.constant,
        });
        let posted = self.post((FindingKind::Flag, true), findings, (funnel, round))?;
        round.flags += posted;
        Ok(())
    }

    /// Keeps what was found; returns how many findings are open.
    fn post(
        &self,
        (kind, complete): (FindingKind, bool),
        mut findings: Vec<Finding>,
        (funnel, round): (serde_json::Value, &mut Round),
    ) -> Result<u64, AnalyzerError> {
        findings.sort_by(|left, right| right.servers.value.total_cmp(&left.servers.value));
        let complete = complete && findings.len() <= FINDINGS_MAX;
        findings.truncate(FINDINGS_MAX);
        let is_resolved = |finding: &&Finding| finding.detail.get("resolved").is_some();
        let open: Vec<&Finding> = findings.iter().filter(|finding| !is_resolved(finding)).collect();
        let count = open.len() as u64;
        round.servers += open.iter().map(|finding| finding.servers.value.max(0.0)).sum::<f64>();
        let report = FindingsReport {
            kind,
            service: self.service.to_owned(),
            at_ms: self.question.end_ns / MS_NS,
            complete,
            findings,
            funnel,
        };
        let reported: FindingsReported = self.collector.post("findings", &report)?;
        round.new += reported.new;
        round.over += reported.over;
        if reported.dropped > 0 {
            round.notes.push(format!("{}: {} findings were not kept", self.service, reported.dropped));
        }
        Ok(count)
    }
}

/// Tells who is to be told of what changed.
fn tell(
    collector: &Collector,
    config: &AlertConfig,
    (path, now_ms): (&Path, i64),
    round: &mut Round,
) -> Result<(), AnalyzerError> {
    let all: Findings = collector.get("findings", &[("limit", "10000")])?;
    let plan = alerts::plan(&all.findings, &SentState::read(path)?, config, now_ms);
    let failures = alerts::send(&plan, config, path)?;
    let failed: u64 = failures.iter().map(|failure| failure.messages).sum();
    round.messages = plan.messages.len() as u64 - failed;
    round.notes.extend(failures.iter().map(ToString::to_string));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_on_one_line() {
        let quiet = Round { services: 1, ..Round::default() };
        assert_eq!(
            line(&quiet),
            "analyzed 1 service: no regressions, no flag costs, 0.00 servers; 0 new, 0 over, 0 pending"
        );
        let busy = Round {
            services: 3,
            regressions: 2,
            flags: 1,
            servers: 1.234,
            new: 1,
            over: 4,
            pending: 5,
            notes: vec!["photos: the collector did not answer".into()],
            ..Round::default()
        };
        assert_eq!(
            line(&busy),
            "analyzed 3 services: 2 regressions, 1 flag cost, 1.23 servers; 1 new, 4 over, 5 pending; photos: the \
             collector did not answer"
        );
    }
}
