//! `fewer check --base REV --head REV`: the same command, in turn on both revisions, and what its CPU says.
//!
//! The baseline is the merge base, so that a change answers for itself only. Both sides run on this machine in pairs
//! whose order alternates. Whatever keeps the comparison from being fair gives no verdict, never a failure. The fleet is
//! asked besides, or instead: what the changed functions cost today, and what two versions cost that it ran.

pub(crate) mod changes;
mod rounds;
mod table;

use std::{path::PathBuf, time::Duration};

use analyzer_detect::{
    comparison::{self, Limits, Verdict},
    stats::Estimate,
};
use analyzer_report::check::{Acknowledged, Change, CheckReport, Conclusion, Measurement, Revisions};
use model::Batch;

use crate::{
    acknowledged::{self, PLACE},
    error::AnalyzerError,
    git::Repository,
    production::{self, Fleet},
};
use changes::Changes;
use rounds::Rounds;

/// What to check, and how well.
#[derive(Clone, Debug)]
pub struct CheckOptions {
    /// The revision that the change goes into.
    pub base: String,
    /// The revision with the change.
    pub head: String,
    /// The command, as the report shows it.
    pub command: String,
    /// Margin, confidence, and the rise that must be visible.
    pub limits: Limits,
    /// Pairs of runs before their number is planned.
    pub pilot_rounds: usize,
    /// Most pairs of runs.
    pub rounds_max: usize,
    /// No pair is begun that would likely end later than this.
    pub time: Duration,
    /// The date, `YYYY-MM-DD`.
    pub today: String,
    /// An existing folder for the two checkouts.
    pub folder: PathBuf,
    /// What is asked of the fleet; None when it is not asked.
    pub fleet: Option<Fleet>,
}

/// One run of the command.
#[derive(Clone, Debug)]
pub struct Run {
    /// CPU time of the command and all it waited for, by the kernel's account.
    pub cpu_ns: u64,
    /// Its stacks, or why there are none.
    pub samples: Result<Batch, String>,
}

/// Why a run gives nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunError {
    /// The command failed; in words.
    Failed(String),
    /// The check was told to stop.
    Stopped,
}

/// What happens outside: programs and the clock.
pub trait Bench {
    /// Makes a checkout ready to run, once.
    fn build(&mut self, folder: &std::path::Path) -> Result<(), RunError>;
    /// Runs the command in a checkout.
    fn run(&mut self, folder: &std::path::Path) -> Result<Run, RunError>;
    /// Time since the check began.
    fn elapsed(&self) -> Duration;
    /// Says how far it is.
    fn tell(&mut self, progress: &str);
}

/// Checks a change. Without a bench nothing is measured here, and only the fleet is asked.
pub fn check(
    repository: &Repository,
    options: &CheckOptions,
    bench: Option<&mut dyn Bench>,
) -> Result<CheckReport, AnalyzerError> {
    let (revisions, reason) = revisions(repository, options)?;
    if let Some(reason) = reason {
        return Ok(unmeasured(revisions, Conclusion::NoVerdict, reason, &Changes::default()));
    }
    let changes = Changes::read(repository, &revisions)?;
    let is_released = options.fleet.as_ref().is_some_and(|fleet| fleet.versions.is_some());
    if let Some(reason) = changes.nothing_runs().filter(|_| !is_released) {
        return Ok(unmeasured(revisions, Conclusion::Pass, reason, &changes));
    }
    let mut report = match bench {
        None => unmeasured(revisions, Conclusion::Pass, NOT_RUN.to_owned(), &changes),
        Some(bench) => match rounds::measure(repository, options, &revisions, bench)? {
            Err(reason) => unmeasured(revisions, Conclusion::NoVerdict, reason, &changes),
            Ok(rounds) => measured(repository, options, (revisions, &changes), &rounds)?,
        },
    };
    if let Some(fleet) = &options.fleet {
        ask_fleet(repository, fleet, &changes, &mut report)?;
    }
    Ok(report)
}

const NOT_RUN: &str = "nothing was run here; the fleet was asked";

/// Adds what the fleet says. Where nothing was run, what it measured of two versions is the verdict.
fn ask_fleet(
    repository: &Repository,
    fleet: &Fleet,
    changes: &Changes,
    report: &mut CheckReport,
) -> Result<(), AnalyzerError> {
    let was_run = report.reason.as_deref() != Some(NOT_RUN);
    let cost = production::cost_today(fleet, changes);
    let change = report.change.as_ref().filter(|change| change.interval.0 > 0.0 || change.interval.1 < 0.0);
    let production = cost.shown(changes, report, (change.map(estimate), &fleet.sizing));
    if let (false, Some(reason)) = (was_run, &production.reason) {
        (report.conclusion, report.reason) = (Conclusion::NoVerdict, Some(reason.clone()));
    }
    report.production = Some(production);
    if let Some(versions) = &fleet.versions {
        let revisions = (report.revisions.baseline.as_str(), report.revisions.head.as_str());
        let (conclusion, released) = production::released(fleet, repository, revisions, versions)?;
        if !was_run {
            report.conclusion = conclusion;
            report.reason = released.reason.clone().filter(|_| conclusion == Conclusion::NoVerdict);
        }
        report.released = Some(released);
    }
    Ok(())
}

/// A change with its uncertainty, from its 95 % interval.
fn estimate(change: &Change) -> Estimate {
    let (low, high) = change.interval;
    Estimate {
        value: change.value,
        standard_error: (high - low) / (2.0 * 1.96),
        degrees_of_freedom: f64::INFINITY,
    }
}

/// Full hashes, and what keeps them from being compared.
fn revisions(
    repository: &Repository,
    options: &CheckOptions,
) -> Result<(Revisions, Option<String>), AnalyzerError> {
    let is_shallow = repository.is_shallow();
    let resolve = |name: &str, text: &str| match repository.resolve(text) {
        None if !is_shallow => {
            Err(AnalyzerError::Usage(format!("--{name} {text}: there is no such commit here")))
        }
        found => Ok(found),
    };
    let (base, head) = (resolve("base", &options.base)?, resolve("head", &options.head)?);
    let (Some(base), Some(head)) = (&base, &head) else {
        let missing = if base.is_none() { &options.base } else { &options.head };
        let reason = format!("the clone is shallow and does not have `{missing}`; fetch more history");
        let known = Revisions {
            base: base.unwrap_or_default(),
            head: head.unwrap_or_default(),
            ..Revisions::default()
        };
        return Ok((known, Some(reason)));
    };
    let baseline = repository.merge_base(base, head);
    let reason = baseline.is_none().then(|| {
        let why =
            if is_shallow { "the clone is shallow; fetch more history" } else { "their histories are apart" };
        format!("base and head have no common commit here: {why}")
    });
    let baseline = baseline.unwrap_or_default();
    Ok((Revisions { baseline, base: base.clone(), head: head.clone() }, reason))
}

fn unmeasured(
    revisions: Revisions,
    conclusion: Conclusion,
    reason: String,
    changes: &Changes,
) -> CheckReport {
    CheckReport {
        schema: SCHEMA.to_owned(),
        conclusion,
        reason: Some(reason),
        revisions,
        touched: changes.shown(&[]),
        notes: changes.notes.clone(),
        ..CheckReport::default()
    }
}

/// The report of a check that could not be begun: for publishing, so that a check is concluded whatever happens.
pub fn not_begun(reason: String) -> CheckReport {
    unmeasured(Revisions::default(), Conclusion::NoVerdict, reason, &Changes::default())
}

const SCHEMA: &str = "fewer.check/1";

fn measured(
    repository: &Repository,
    options: &CheckOptions,
    (revisions, changes): (Revisions, &Changes),
    rounds: &Rounds,
) -> Result<CheckReport, AnalyzerError> {
    let Some(estimate) = comparison::log_ratio(&rounds.baseline_ns, &rounds.candidate_ns) else {
        let reason = format!("`{}` used no CPU that the kernel could account for", options.command);
        return Ok(unmeasured(revisions, Conclusion::NoVerdict, reason, changes));
    };
    let (verdict, change) = comparison::judge(&estimate, &options.limits);
    let functions = rounds.table.rows(changes);
    let shares = rounds.table.shares(changes);
    let mut report = CheckReport {
        schema: SCHEMA.to_owned(),
        conclusion: match verdict {
            Verdict::Pass => Conclusion::Pass,
            Verdict::Fail => Conclusion::Fail,
            Verdict::NoVerdict => Conclusion::NoVerdict,
        },
        reason: (verdict == Verdict::NoVerdict).then(|| rounds.ending.clone()),
        revisions,
        measurement: Some(Measurement {
            command: options.command.clone(),
            rounds: rounds.baseline_ns.len() as u64,
            samples: rounds.table.samples(),
            not_sampled: rounds.not_sampled.clone(),
            margin: options.limits.margin,
            confidence: options.limits.confidence,
            baseline_cpu_ns: analyzer_detect::stats::moments::median(&rounds.baseline_ns),
            candidate_cpu_ns: analyzer_detect::stats::moments::median(&rounds.candidate_ns),
            outside_cpu_ns: rounds.table.outside_ns(&rounds.baseline_ns),
        }),
        change: Some(Change {
            value: change.value,
            interval: change.interval,
            detectable: change.detectable,
        }),
        functions,
        touched: changes.shown(&shares),
        notes: changes.notes.clone(),
        ..CheckReport::default()
    };
    acknowledge(repository, options, &mut report)?;
    Ok(report)
}

/// A failure that somebody put up with in the change itself passes.
fn acknowledge(
    repository: &Repository,
    options: &CheckOptions,
    report: &mut CheckReport,
) -> Result<(), AnalyzerError> {
    let (Some(change), Conclusion::Fail) = (&report.change, report.conclusion) else { return Ok(()) };
    let Some(file) = repository.file(&report.revisions.head, PLACE) else { return Ok(()) };
    let entries = acknowledged::parse(&String::from_utf8_lossy(&file))?;
    for entry in acknowledged::expired(&entries, &options.today) {
        report.notes.push(format!("An entry of {PLACE} by {} ended on {}.", entry.owner, entry.expires));
    }
    let dearer = report.functions.iter().filter(|row| row.candidate_ns > row.baseline_ns);
    let functions: Vec<&str> = dearer.map(|row| row.function.as_str()).collect();
    if let Some(entry) = acknowledged::covering(&entries, change.value, &functions, &options.today) {
        report.conclusion = Conclusion::Pass;
        report.acknowledged = Some(Acknowledged {
            owner: entry.owner.clone(),
            reason: entry.reason.clone(),
            expires: entry.expires.clone(),
            at_most: entry.at_most_percent / 100.0,
        });
    }
    Ok(())
}
