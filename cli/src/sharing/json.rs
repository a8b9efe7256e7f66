//! The comparison as one JSON document.

use agent::memory_report::{Outcome, PageCopies, ProcessReport, SharedPages, SinceFork, ValuesOutcome};
use analyzer_detect::sharing::Opportunity;
use serde_json::{Map, Value, json};

use super::{Findings, MB};

pub(super) fn document(findings: &Findings) -> String {
    let report = &findings.report;
    let document = json!({
        "rows": findings.opportunities.iter().map(row).collect::<Vec<_>>(),
        "processes": report.processes.iter().map(process).collect::<Vec<_>>(),
        "pages": report.pages.iter().map(pages).collect::<Vec<_>>(),
        "pages_read_one_in": report.pages_read_one_in,
        "since_fork": since_fork(report.since_fork),
    });
    format!("{document}\n")
}

fn row(row: &Opportunity) -> Value {
    json!({
        "owner": row.owner,
        "kind": row.kind,
        "mb_per_process": mb(row.bytes_per_process),
        "processes": row.processes,
        "mb_saved": row.saved_bytes.map(mb),
        "mb_retained": row.retained_bytes.map(mb),
        "mb_retained_range": [mb(row.retained_range.0), mb(row.retained_range.1)],
        "advice": row.advice,
        "change": row.change,
        "risk": row.risk,
    })
}

fn process(process: &ProcessReport) -> Value {
    let total = process.total();
    let kinds: Map<String, Value> = process
        .mappings
        .iter()
        .map(|(kind, sum)| {
            let sums = json!({
                "rss_mb": mb(sum.resident_bytes),
                "pss_mb": mb(sum.proportional_bytes),
                "uss_mb": mb(sum.own_bytes),
                "huge_mb": mb(sum.huge_bytes),
                "swapped_mb": mb(sum.swapped_bytes),
            });
            (kind.name().to_owned(), sums)
        })
        .collect();
    json!({
        "pid": process.pid,
        "command": process.command,
        "parent_command": process.parent_command,
        "outcome": outcome(process.outcome),
        "python": process.python.map(|version| version.to_string()),
        "values": values(&process.values),
        "objects": process.objects,
        "unreadable_references": process.unreadable,
        "rss_mb": mb(total.resident_bytes),
        "pss_mb": mb(total.proportional_bytes),
        "uss_mb": mb(total.own_bytes),
        "swapped_mb": mb(total.swapped_bytes),
        "ksm_mb": mb(total.merged_bytes),
        "mappings": kinds,
    })
}

fn pages(pages: &SharedPages) -> Value {
    json!({
        "mapping": pages.kind.name(),
        "zero": copies(pages.zero),
        "broken_copy_on_write": copies(pages.broken),
        "equal_elsewhere": copies(pages.elsewhere),
        "unique": copies(pages.unique),
    })
}

/// What became of pages that were shared at the fork.
fn since_fork(found: SinceFork) -> Value {
    json!({
        "mb_private": mb(found.private_bytes),
        "mb_collected": mb(found.collected_bytes),
        "mb_read": mb(found.read_bytes),
        "mb_written": mb(found.written_bytes),
        "mb_shared_without_collector": mb(found.kept_bytes),
        "mb_unexplained": mb(found.unexplained_bytes),
    })
}

fn copies(copies: PageCopies) -> Value {
    json!({ "mb": mb(copies.bytes), "processes": copies.processes, "mb_saved": mb(copies.saved_bytes) })
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Read => "read",
        Outcome::Gone => "gone",
        Outcome::NotPermitted => "not permitted",
    }
}

fn values(values: &ValuesOutcome) -> String {
    match values {
        ValuesOutcome::None => "no CPython".to_owned(),
        ValuesOutcome::Walked => "walked".to_owned(),
        ValuesOutcome::Cut => "cut at a limit".to_owned(),
        ValuesOutcome::Refused(why) => format!("refused: {why}"),
    }
}

/// Kilobytes are the last digit.
fn mb(bytes: u64) -> f64 {
    (bytes as f64 / MB * 1000.0).round() / 1000.0
}
