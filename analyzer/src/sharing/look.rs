//! One look at the memory and the servers of a fleet: reports for a person, and findings for the collector to keep.

use analyzer_report::{capacity::CapacityReport, sharing::SharingReport};
use serde_json::{Map, Value, json};
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
    let shared = posted(FindingKind::Sharing, (at_ms, is_whole), found, Map::new());
    let is_whole = !capacity.services.is_empty();
    let sized =
        posted(FindingKind::Capacity, (at_ms, is_whole), capacity::findings(&capacity), plans(&capacity));
    Ok(Look { sharing, capacity, findings: vec![shared, sized] })
}

fn posted(
    kind: FindingKind,
    (at_ms, is_whole): (i64, bool),
    mut findings: Vec<Finding>,
    mut funnel: Map<String, Value>,
) -> FindingsReport {
    let candidates = findings.len();
    findings.sort_by(|left, right| right.servers.value.abs().total_cmp(&left.servers.value.abs()));
    findings.truncate(FINDINGS_MAX);
    for (name, count) in
        [("candidates", candidates), ("beyond", candidates - findings.len()), ("findings", findings.len())]
    {
        funnel.insert(name.to_owned(), count.into());
    }
    let (service, complete) = (String::new(), is_whole && candidates == findings.len());
    FindingsReport { kind, service, at_ms, complete, findings, funnel: funnel.into() }
}

/// What all services need, those too that have about as many servers as they need and so no finding. The report is
/// bounded, so the smallest are left out and counted.
fn plans(report: &CapacityReport) -> Map<String, Value> {
    let mut room = PLANS_BYTES_MAX;
    let mut rows: Vec<Value> = Vec::new();
    for service in &report.services {
        let row = json!(service);
        let Some(left) = room.checked_sub(row.to_string().len()) else { break };
        room = left;
        rows.push(row);
    }
    let left_out = report.services.len() - rows.len();
    Map::from_iter([("services".to_owned(), rows.into()), ("services_left_out".to_owned(), left_out.into())])
}

/// Most of what the collector keeps of a report.
const PLANS_BYTES_MAX: usize = 200_000;

#[cfg(test)]
mod tests {
    use analyzer_report::capacity::CapacityRow;

    use super::*;

    fn service(name: &str, notes: Vec<String>) -> CapacityRow {
        CapacityRow {
            service: name.into(),
            servers_needed: Some((9.0, 8.0, 11.0)),
            servers_for_cpu: Some((8.5, 7.5, 10.5)),
            target_utilisation: Some(0.6),
            regions: 3,
            notes,
            ..CapacityRow::default()
        }
    }

    #[test]
    fn plans_of_all_services_go_with_the_report() {
        let services = vec![service("feed", Vec::new()), service("search", Vec::new())];
        let report = CapacityReport { services, ..CapacityReport::default() };
        let posted = posted(FindingKind::Capacity, (7, true), Vec::new(), plans(&report));
        assert!(posted.complete && posted.at_ms == 7);
        let row = &posted.funnel["services"][1];
        assert_eq!((&row["service"], &row["servers_for_cpu"][0]), (&json!("search"), &json!(8.5)));
        assert_eq!(
            (&row["regions"], &row["target_utilisation"], &row["servers_for_memory"]),
            (&json!(3), &json!(0.6), &Value::Null)
        );
        assert_eq!((&posted.funnel["services_left_out"], &posted.funnel["findings"]), (&json!(0), &json!(0)));
    }

    #[test]
    fn plans_are_bounded_and_what_is_left_out_is_counted() {
        let services = (0..8).map(|_| service("feed", vec!["long ".repeat(10_000)])).collect();
        let report = CapacityReport { services, ..CapacityReport::default() };
        let plans = plans(&report);
        assert_eq!(
            (plans["services"].as_array().unwrap().len(), &plans["services_left_out"]),
            (3, &json!(5))
        );
    }
}
