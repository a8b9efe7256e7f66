//! Rows of sharing as findings that are kept.

use std::collections::BTreeMap;

use analyzer_report::{
    capacity::CapacityReport,
    sharing::{SharingReport, SharingRow},
};
use wire::api::{
    findings::{Finding, FindingKind, Ledger, Range},
    memory::MemoryReport,
};

use crate::{findings::id, ledger};

/// Rows that would save less in all decide nothing.
const MB_MIN: f64 = 1.0;

/// The id of a row's finding: the same as long as the cause is the same.
pub(crate) fn row_id(row: &SharingRow) -> String {
    id(&["sharing", &row.service, &row.owner, &row.kind, &row.cause])
}

/// Says what rows are worth in servers, where that is known.
pub fn value(report: &mut SharingReport, capacity: &CapacityReport) {
    let worth: BTreeMap<&str, (f64, f64, f64)> = capacity
        .services
        .iter()
        .flat_map(|service| &service.findings)
        .map(|worth| (worth.id.as_str(), worth.servers))
        .collect();
    for row in &mut report.rows {
        row.servers = worth.get(row_id(row).as_str()).copied();
    }
}

/// What could be shared now, and what became of what could be shared before. `known` are the findings of this kind that
/// the collector keeps.
pub fn findings(
    report: &SharingReport,
    reports: &[MemoryReport],
    known: &[Finding],
    at_ms: i64,
) -> Vec<Finding> {
    let levels = ledger::levels(reports);
    let rows = report.rows.iter().filter(|row| row.mb_saved.is_some_and(|mb| mb >= MB_MIN));
    let mut findings: Vec<Finding> = rows
        .map(|row| {
            let mut finding = finding(row);
            let before = known.iter().find(|known| known.id == finding.id);
            ledger::opened(&mut finding, before, levels.get(&row.service).copied(), at_ms);
            finding
        })
        .collect();
    let settled = ledger::settled(known, &findings, &levels);
    findings.extend(settled);
    findings
}

fn finding(row: &SharingRow) -> Finding {
    let (value, low, high) = row.servers.unwrap_or_default();
    let ledger = Ledger {
        at_stake: row.servers.map(|_| high),
        predicted: row.servers.map(|_| value),
        ..Ledger::default()
    };
    Finding {
        id: row_id(row),
        kind: FindingKind::Sharing,
        service: row.service.clone(),
        title: format!(
            "{}: {:.*} MB in each of {} processes, {}",
            row.owner,
            usize::from(row.mb_per_process < 9.5),
            row.mb_per_process,
            row.processes,
            row.cause
        ),
        servers: Range { value, low, high },
        banked: ledger,
        detail: serde_json::to_value(row).unwrap_or_default(),
        ..Finding::default()
    }
}

#[cfg(test)]
mod tests {
    use analyzer_report::capacity::{CapacityRow, FindingWorth};

    use super::*;

    fn row(owner: &str, mb_saved: f64) -> SharingRow {
        SharingRow {
            service: "feed".into(),
            owner: owner.into(),
            cause: "loaded after the fork".into(),
            processes: 16,
            mb_per_process: 75.0,
            mb_saved: Some(mb_saved),
            ..SharingRow::default()
        }
    }

    #[test]
    fn rows_get_their_worth_and_become_findings() {
        let mut report = SharingReport {
            rows: vec![row("conf.A", 900.0), row("conf.B", 0.5)],
            ..SharingReport::default()
        };
        let worth =
            FindingWorth { id: row_id(&report.rows[0]), servers: (1.0, 0.5, 2.0), ..FindingWorth::default() };
        let service = CapacityRow { findings: vec![worth], ..CapacityRow::default() };
        value(&mut report, &CapacityReport { services: vec![service], ..CapacityReport::default() });
        assert_eq!((report.rows[0].servers, report.rows[1].servers), (Some((1.0, 0.5, 2.0)), None));
        let found = findings(&report, &[], &[], 7);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].title, "conf.A: 75 MB in each of 16 processes, loaded after the fork");
        assert_eq!((found[0].banked.at_stake, found[0].banked.predicted), (Some(2.0), Some(1.0)));
        assert_eq!(found[0].detail["mb_saved"], 900.0);
        assert_ne!(row_id(&report.rows[0]), row_id(&report.rows[1]));
    }

    #[test]
    fn where_servers_are_not_known_nothing_is_at_stake() {
        let report = SharingReport { rows: vec![row("conf.A", 900.0)], ..SharingReport::default() };
        assert_eq!(findings(&report, &[], &[], 7)[0].banked, Ledger::default());
    }
}
