//! `fewer sharing` over the fleet: what a collector's agents found.

use analyzer::{
    capacity::{self, CapacityOptions, Known},
    collector::{Collector, Question},
    report::sharing::SharingReport,
    sharing,
};
use wire::api::findings::Findings;

use crate::collector_args::{CollectorArgs, now_ns};

/// Peaks come once a day.
const RANGE_NS: i64 = 24 * 3_600_000_000_000;

/// What could be shared on all hosts, or for one service, and what that is worth in servers.
pub(super) fn report(
    args: &CollectorArgs,
    service: Option<&str>,
    saved_bytes_min: u64,
) -> anyhow::Result<SharingReport> {
    let collector = args.collector()?;
    let reports = sharing::fetch(&collector, service)?;
    let mut report = sharing::report(&reports, saved_bytes_min);
    let found: Findings = collector.get("findings", &[("limit", "10000")])?;
    let known = Known { memory: &reports, sharing: &report, findings: &found.findings };
    let end_ns = now_ns();
    let selector = selector(service);
    let question = Question { selector: &selector, start_ns: end_ns - RANGE_NS, end_ns };
    match worth(&collector, &question, known) {
        Ok(capacity) => sharing::value(&mut report, &capacity),
        Err(error) => report.notes.push(format!("servers cannot be told: {error}")),
    }
    Ok(report)
}

fn worth(
    collector: &Collector,
    question: &Question<'_>,
    known: Known<'_>,
) -> anyhow::Result<analyzer::report::capacity::CapacityReport> {
    Ok(capacity::report(collector, question, &CapacityOptions::default(), known)?)
}

fn selector(service: Option<&str>) -> String {
    service.map_or_else(
        || "{}".to_owned(),
        |service| analyzer::collector::narrowed("{}", model::keys::SERVICE_NAME, service),
    )
}
