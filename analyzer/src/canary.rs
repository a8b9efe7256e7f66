//! `fewer check --canary SELECTOR --control SELECTOR`: what the fleet says while a release rolls out.

use std::time::Duration;

use analyzer_detect::{
    canary::{CanaryLimits, Host, look},
    comparison::{Limits, Verdict},
    stats::spending,
};
use analyzer_report::{
    canary::{CanaryReport, Difference},
    check::{Change, Conclusion},
};
use wire::api::{Breakdown, BreakdownRow};

use crate::{
    collector::{Collector, Question},
    error::AnalyzerError,
};

/// Hosts of an arm that are looked at.
const HOSTS_MAX: &str = "10000";

/// What to compare, and how well.
#[derive(Clone, Debug)]
pub struct CanaryOptions {
    /// Selects what runs the new version.
    pub canary: String,
    /// Selects what runs the old one: of the same size and age.
    pub control: String,
    /// The label whose values are the units of evidence: the host's name.
    pub unit: String,
    /// Margin, confidence over all looks together, and the rise that must be visible.
    pub limits: Limits,
    /// Rise of the share of errors of the server that is put up with.
    pub errors_margin: f64,
    /// Start of the comparison, in nanoseconds since the Unix epoch.
    pub start_ns: i64,
    /// How long it takes.
    pub time: Duration,
    /// How often it is looked at, at equal distances.
    pub looks: u32,
}

/// Looks until the canary fails, or the last look is done. `wait` returns once a time (in nanoseconds since the Unix
/// epoch) has come, or false when it was told to stop.
pub fn watch(
    collector: &Collector,
    options: &CanaryOptions,
    wait: &mut dyn FnMut(i64) -> bool,
) -> Result<CanaryReport, AnalyzerError> {
    let shares: Vec<f64> =
        (1..=options.looks).map(|look| f64::from(look) / f64::from(options.looks.max(1))).collect();
    let levels = spending::levels(1.0 - options.limits.confidence, &shares)
        .filter(|levels| !levels.is_empty())
        .ok_or_else(|| AnalyzerError::Usage("--looks has to be at least 1".to_owned()))?;
    let mut last = None;
    for (taken, (share, level)) in shares.iter().zip(&levels).enumerate() {
        let end_ns = options.start_ns.saturating_add((options.time.as_nanos() as f64 * share) as i64);
        if !wait(end_ns) {
            return Err(AnalyzerError::Stopped);
        }
        let limits = CanaryLimits {
            cpu: Limits { confidence: 1.0 - level, ..options.limits },
            errors_margin: options.errors_margin,
        };
        let report = one_look(collector, options, end_ns, (taken as u32 + 1, limits))?;
        if report.conclusion == Conclusion::Fail {
            return Ok(report);
        }
        last = Some(report);
    }
    last.ok_or(AnalyzerError::Stopped)
}

fn one_look(
    collector: &Collector,
    options: &CanaryOptions,
    end_ns: i64,
    (taken, limits): (u32, CanaryLimits),
) -> Result<CanaryReport, AnalyzerError> {
    let arm = |selector: &str| -> Result<Breakdown, AnalyzerError> {
        let question = Question { selector, start_ns: options.start_ns, end_ns };
        collector.ask("breakdown", &question, &[("by", &options.unit), ("limit", HOSTS_MAX)])
    };
    let (control, canary) = (arm(&options.control)?, arm(&options.canary)?);
    let is_counted = [&control, &canary].iter().all(|arm| rows(arm).all(|row| row.measured > 0));
    let hosts = |arm: &Breakdown| -> Vec<Host> { rows(arm).map(|row| host(row, is_counted)).collect() };
    let (control, canary) = (hosts(&control), hosts(&canary));
    let found = look(&control, &canary, &limits);
    let cost = |hosts: &[Host]| {
        let requests: f64 = hosts.iter().map(|host| host.requests).sum();
        (requests > 0.0).then(|| hosts.iter().map(|host| host.cpu_ns).sum::<f64>() / requests)
    };
    Ok(CanaryReport {
        schema: "fewer.canary/1",
        conclusion: match found.verdict {
            Verdict::Pass => Conclusion::Pass,
            Verdict::Fail => Conclusion::Fail,
            Verdict::NoVerdict => Conclusion::NoVerdict,
        },
        reason: found.reason,
        canary: options.canary.clone(),
        control: options.control.clone(),
        unit: options.unit.clone(),
        control_units: control.len() as u64,
        canary_units: canary.len() as u64,
        control_cpu_ns_per_request: cost(&control),
        canary_cpu_ns_per_request: cost(&canary),
        is_counted,
        cpu: found.cpu.map(|cpu| Change {
            value: cpu.value,
            interval: cpu.interval,
            detectable: cpu.detectable,
        }),
        server_errors: found.server_errors.map(|(value, interval)| Difference { value, interval }),
        client_errors: found.client_errors.map(|(value, interval)| Difference { value, interval }),
        // Counters have no times: see `model::RequestCounts`.
        latency: "not counted",
        margin: options.limits.margin,
        errors_margin: options.errors_margin,
        confidence: limits.cpu.confidence,
        look: taken,
        looks: options.looks,
    })
}

/// Units with requests. What no unit is known of, and what lies beyond the limit, is no unit.
fn rows(arm: &Breakdown) -> impl Iterator<Item = &BreakdownRow> {
    arm.rows.iter().filter(|row| row.rest == 0 && !row.value.is_empty() && row.requests > 0)
}

/// Counted CPU is exact; sampled CPU stands in where a program does not measure its requests.
fn host(row: &BreakdownRow, is_counted: bool) -> Host {
    let (cpu_ns, requests) = match row.counted_cpu_ns_per_request {
        Some(each_ns) if is_counted => (each_ns * row.measured as f64, row.measured as f64),
        _ => (row.cpu_ns as f64, row.requests as f64),
    };
    Host {
        cpu_ns,
        requests,
        ended: row.requests as f64,
        server_errors: row.server_errors as f64,
        client_errors: row.client_errors as f64,
    }
}
