//! One look at the memory and the servers of a fleet: reports for a person, and findings for the collector to keep.

use analyzer_report::{capacity::CapacityReport, sharing::SharingReport};
use serde_json::json;
use wire::api::findings::{FINDINGS_MAX, Finding, FindingKind, Findings, FindingsReport};

use super::{fetch, findings, report, value};
use crate::{
    capacity::{self, CapacityOptions, Known},
    collector::{Collector, Question},
    error::AnalyzerError,
};

/// What one look came to.
#[derive(Clone, Debug)]
pub struct Look {
    /// What could be shared, with its worth in servers where that is known.
    pub sharing: SharingReport,
    /// How many servers services need.
    pub capacity: CapacityReport,
    /// Both as findings, to be posted.
    pub findings: Vec<FindingsReport>,
}

/// Looks once. Rows that would save less than `saved_bytes_min` on a host are summed up.
pub fn look(
    collector: &Collector,
    question: &Question<'_>,
    options: &CapacityOptions,
    saved_bytes_min: u64,
) -> Result<Look, AnalyzerError> {
    let known: Findings = collector.get("findings", &[("limit", "10000")])?;
    let reports = fetch(collector, None)?;
    let mut sharing = report(&reports, saved_bytes_min);
    let about = Known { memory: &reports, sharing: &sharing, findings: &known.findings };
    let capacity = capacity::report(collector, question, options, about)?;
    value(&mut sharing, &capacity);
    let at_ms = question.end_ns / 1_000_000;
    let of_kind = |kind| known.findings.iter().filter(move |finding| finding.kind == kind).cloned();
    let before: Vec<Finding> = of_kind(FindingKind::Sharing).collect();
    let found = findings(&sharing, &reports, &before, at_ms);
    // Without a report of any host nothing went away: nobody looked.
    let is_whole = !reports.is_empty() && sharing.notes.is_empty();
    let shared = posted(FindingKind::Sharing, at_ms, is_whole, found);
    let is_whole = !capacity.services.is_empty();
    let sized = posted(FindingKind::Capacity, at_ms, is_whole, capacity::findings(&capacity));
    Ok(Look { sharing, capacity, findings: vec![shared, sized] })
}

fn posted(kind: FindingKind, at_ms: i64, complete: bool, mut findings: Vec<Finding>) -> FindingsReport {
    let candidates = findings.len();
    findings.sort_by(|left, right| right.servers.value.abs().total_cmp(&left.servers.value.abs()));
    findings.truncate(FINDINGS_MAX);
    let funnel = json!({ "candidates": candidates, "beyond": candidates - findings.len(), "findings": findings.len() });
    FindingsReport {
        kind,
        service: String::new(),
        at_ms,
        complete: complete && candidates == findings.len(),
        findings,
        funnel,
    }
}
