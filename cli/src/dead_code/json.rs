//! The result for programs.

use agent::dead_code::Row;
use analyzer::dead_code::branches::SteadyFlag;
use serde_json::{Value, json};

use super::{
    Findings,
    conditions::{self, Conditions},
};

/// The document and a line break.
pub(super) fn document(findings: &Findings, rows: &[Row]) -> String {
    let Findings { processes, failures, flags, steady } = findings;
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
    let mut document = json!({
        "pids": processes.iter().map(|process| process.pid).collect::<Vec<_>>(),
        "processes": processes.iter().map(process).collect::<Vec<_>>(),
        "failures": failures.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "flags": flags.iter().map(flag).collect::<Vec<_>>(),
        "rows_total": rows.len(),
        "rows": rows.iter().map(row).collect::<Vec<_>>(),
    });
    let mut more: Vec<(&str, Value)> = Vec::new();
    if let Some(Conditions { same, varied, rare }) = conditions::count(rows) {
        let list: Vec<Value> = rows.iter().flat_map(conditions_of).collect();
        let counts = json!({"same": same, "varied": varied, "rare": rare, "list": list});
        more.push(("conditions", counts));
    }
    if let Some(steady) = steady {
        more.push(("flag_checks", steady.iter().map(flag_check).collect()));
    }
    if let Some(fields) = document.as_object_mut() {
        fields.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    format!("{document}\n")
}

/// Those that were always the same.
fn conditions_of(row: &Row) -> impl Iterator<Item = Value> {
    row.branches.iter().filter_map(|branch| {
        let always = branch.outcomes.always()?;
        Some(json!({
            "function": row.function.as_ref(),
            "file": row.file.as_ref(),
            "line": row.line + branch.line,
            "column": branch.column,
            "always": always,
        }))
    })
}

fn flag_check(flag: &SteadyFlag) -> Value {
    let places: Vec<String> = flag.places.iter().map(|(path, line)| format!("{path}:{line}")).collect();
    json!({"flag": flag.flag, "is_on": flag.is_on, "places": places})
}

/// What it does is only said where it was read.
fn row(row: &Row) -> Value {
    let mut fields = json!({
        "function": row.function.as_ref(),
        "file": row.file.as_ref(),
        "line": row.line,
        "state": row.state.name(),
        "evidence": row.evidence,
    });
    if let Some(fields) = fields.as_object_mut().filter(|_| row.bytes > 0) {
        let body = (row.body != 0).then(|| format!("{:032x}", row.body));
        fields.extend([("body".to_owned(), json!(body)), ("bytes".to_owned(), json!(row.bytes))]);
    }
    fields
}
