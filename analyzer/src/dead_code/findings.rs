//! Rows as findings that are kept.

use analyzer_report::{
    dead_code::{DeadCodeRow, DeadCodeService},
    number::counted,
};
use serde_json::json;
use wire::api::findings::{Finding, FindingKind, FindingsReport, Ledger, Range};

/// One service's findings, to be posted.
pub fn findings(service: &DeadCodeService, at_ms: i64) -> FindingsReport {
    let mut funnel = serde_json::to_value(service.funnel).unwrap_or_default();
    if let Some(funnel) = funnel.as_object_mut() {
        funnel.insert("modules".to_owned(), json!(service.modules));
        funnel.insert("expected_alive".to_owned(), json!(service.expected_alive));
        funnel.insert("days".to_owned(), service.days.into());
        funnel.insert("blocks".to_owned(), service.blocks.into());
        funnel.insert("notes".to_owned(), json!(service.notes));
    }
    FindingsReport {
        kind: FindingKind::DeadCode,
        service: service.service.clone(),
        at_ms,
        // What was cut off has not gone away.
        complete: service.funnel.beyond == 0,
        findings: service.rows.iter().map(|row| finding(row, &service.service, at_ms)).collect(),
        funnel,
    }
}

fn finding(row: &DeadCodeRow, service: &str, at_ms: i64) -> Finding {
    let range = |range: Option<(f64, f64, f64)>| {
        let (value, low, high) = range.unwrap_or_default();
        Range { value, low, high }
    };
    Finding {
        id: row.id.clone(),
        kind: FindingKind::DeadCode,
        service: service.to_owned(),
        title: title(row),
        servers: range(row.servers),
        cores: range(row.cores),
        owner: row.owner.clone(),
        function: row.function.clone(),
        file: row.file.clone(),
        line: row.line,
        at_ms: at_ms - i64::from(row.days) * 86_400_000,
        banked: Ledger { at_stake: row.servers.map(|servers| servers.0), ..Ledger::default() },
        detail: serde_json::to_value(row).unwrap_or_default(),
        ..Finding::default()
    }
}

fn title(row: &DeadCodeRow) -> String {
    let name = &row.function;
    match row.state {
        "for_nothing" => format!("{name}: {}", row.evidence),
        "off" => format!("{name}: only the flag {} lets it run", row.flag),
        _ if row.sort == "native" => format!("{name}: no sample saw it"),
        _ => match row.days {
            0 => format!("{name}: has not run since it is watched"),
            days => format!("{name}: has not run in {}", counted(days.into(), "day")),
        },
    }
}

#[cfg(test)]
mod tests {
    use analyzer_report::dead_code::{DeadCodeFunnel, ExpectedAlive, ModuleRow};

    use super::*;

    #[test]
    fn rows_become_findings_as_the_pages_read_them() {
        let row = DeadCodeRow {
            id: "a".into(),
            state: "candidate",
            function: "Feed.old".into(),
            file: "feed/views.py".into(),
            line: 4,
            days: 74,
            dead: Some(0.98),
            bytes: Some(420),
            ..DeadCodeRow::default()
        };
        let nothing = DeadCodeRow {
            state: "for_nothing",
            evidence: "what `dumps` returns is dropped".into(),
            servers: Some((2.0, 1.0, 3.0)),
            ..row.clone()
        };
        let service = DeadCodeService {
            service: "feed".into(),
            rows: vec![nothing, row],
            modules: vec![ModuleRow { module: "feed/views.py".into(), bytes: 9, ..ModuleRow::default() }],
            expected_alive: ExpectedAlive { value: 9.0, low: 2.0, high: 40.0 },
            funnel: DeadCodeFunnel { candidates: 1, ..DeadCodeFunnel::default() },
            ..DeadCodeService::default()
        };
        let report = findings(&service, 100 * 86_400_000);
        let titles: Vec<&str> = report.findings.iter().map(|one| one.title.as_str()).collect();
        assert_eq!(titles, ["Feed.old: what `dumps` returns is dropped", "Feed.old: has not run in 74 days"]);
        assert_eq!(report.findings[0].servers, Range { value: 2.0, low: 1.0, high: 3.0 });
        assert_eq!(report.findings[1].at_ms, 26 * 86_400_000);
        let detail = &report.findings[1].detail;
        assert_eq!(
            (&detail["state"], &detail["dead"], &detail["bytes"]),
            (&json!("candidate"), &json!(0.98), &json!(420))
        );
        assert_eq!(report.funnel["expected_alive"], json!({"value": 9.0, "low": 2.0, "high": 40.0}));
        assert_eq!(report.funnel["modules"][0]["module"], "feed/views.py");
        assert_eq!((report.funnel["candidates"].as_u64(), report.complete), (Some(1), true));
        let cut = DeadCodeService { funnel: DeadCodeFunnel { beyond: 1, ..service.funnel }, ..service };
        assert!(!findings(&cut, 0).complete);
    }
}
