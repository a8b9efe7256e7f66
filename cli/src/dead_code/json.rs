//! The result for programs.

use agent::dead_code::Row;
use serde_json::{Value, json};

use super::Findings;

/// The document and a line break.
pub(super) fn document(findings: &Findings, rows: &[Row]) -> String {
    let Findings { processes, failures, flags } = findings;
    let process = |process: &agent::dead_code::Process| {
        json!({
            "pid": process.pid,
            "python": process.version,
            "forked_from": process.ancestor,
            "code_objects": process.functions.len(),
            "scanned_bytes": process.counters.scan.bytes,
            "skipped_bytes": process.counters.skipped_bytes,
            "unreadable_bytes": process.counters.scan.unreadable_bytes,
            "changed": process.counters.scan.changed,
            "beyond_limit": process.counters.scan.beyond_limit,
        })
    };
    let flag = |(pid, flag): &(u32, agent::dead_code::Flag)| {
        json!({
            "pid": pid,
            "flag": flag.flag.as_ref(),
            "variant": flag.only_variant().map(AsRef::as_ref),
            "evaluations": flag.evaluations(),
        })
    };
    let document = json!({
        "pids": processes.iter().map(|process| process.pid).collect::<Vec<_>>(),
        "processes": processes.iter().map(process).collect::<Vec<_>>(),
        "failures": failures.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "flags": flags.iter().map(flag).collect::<Vec<_>>(),
        "rows_total": rows.len(),
        "rows": rows.iter().map(row).collect::<Vec<_>>(),
    });
    format!("{document}\n")
}

fn row(row: &Row) -> Value {
    json!({
        "function": row.function.as_ref(),
        "file": row.file.as_ref(),
        "line": row.line,
        "state": row.state.name(),
        "evidence": row.evidence,
        "body": (row.body != 0).then(|| format!("{:032x}", row.body)),
        "bytes": row.bytes,
    })
}
