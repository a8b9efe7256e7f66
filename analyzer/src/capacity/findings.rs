//! Services that run on more servers than they need, or on fewer.

use analyzer_report::capacity::{CapacityReport, CapacityRow};
use wire::api::findings::{Finding, FindingKind, Ledger, Range};

use crate::findings::id;

/// One finding for each service whose servers are surely too many or too few. Cost is positive where there are too many.
pub fn findings(report: &CapacityReport) -> Vec<Finding> {
    report.services.iter().filter_map(finding).collect()
}

fn finding(row: &CapacityRow) -> Option<Finding> {
    let (likely, low, high) = row.servers_needed?;
    let now = row.servers_now as f64;
    let spare = Range { value: now - likely, low: now - high, high: now - low };
    let (what, is_more) = match spare {
        _ if spare.low > 0.0 => ("more than it needs", true),
        _ if spare.high < 0.0 => ("fewer than it needs", false),
        _ => return None,
    };
    Some(Finding {
        id: id(&["capacity", &row.service, what]),
        kind: FindingKind::Capacity,
        service: row.service.clone(),
        title: format!(
            "{} runs on {now:.0} servers, {what}: {likely:.0} (95 %: {low:.0} to {high:.0}), by {}",
            row.service, row.binding
        ),
        servers: spare,
        banked: Ledger { at_stake: is_more.then_some(spare.value), ..Ledger::default() },
        detail: serde_json::to_value(row).unwrap_or_default(),
        ..Finding::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_sure_is_told() {
        let row = |now, needed| CapacityRow {
            service: "feed".into(),
            servers_now: now,
            servers_needed: needed,
            binding: "cpu".into(),
            ..CapacityRow::default()
        };
        let report = |row| CapacityReport { services: vec![row], ..CapacityReport::default() };
        let found = findings(&report(row(12, Some((9.0, 8.0, 11.0)))));
        assert_eq!(found[0].title, "feed runs on 12 servers, more than it needs: 9 (95 %: 8 to 11), by cpu");
        assert_eq!(found[0].servers, Range { value: 3.0, low: 1.0, high: 4.0 });
        let few = findings(&report(row(5, Some((9.0, 8.0, 11.0)))));
        assert_eq!((few[0].servers.value, few[0].banked.at_stake), (-4.0, None));
        for (now, needed) in [(9, Some((9.0, 8.0, 11.0))), (12, None)] {
            assert_eq!(findings(&report(row(now, needed))), []);
        }
    }
}
