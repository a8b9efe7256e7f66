//! An interval as one line of JSON. The names are those of the collector's API where it has the same numbers.

use serde_json::{Value, json};

use super::{
    By,
    view::{Key, Row, View},
};
use crate::ready::timestamp;

/// The document and a line break.
pub(crate) fn line(view: &View, rows: usize) -> String {
    let facts = &view.facts;
    let document = json!({
        "host": facts.host,
        "cpus": facts.cpu_count,
        "pids": facts.pids,
        "backend": facts.backend,
        "rate_hz": facts.rate_hz,
        "start": timestamp(view.window.start_ns),
        "end": timestamp(view.window.end_ns),
        "seconds": view.seconds(),
        "samples": view.samples,
        "lost_samples": facts.lost_samples,
        "cpu_ns": view.cpu_ns,
        "cores": view.cores(view.cpu_ns),
        "context_known_ns": view.sources.known_ns(),
        "label_sources_ns": view.sources.json(),
        "by": view.by.to_string(),
        "rows_total": view.rows.len(),
        "rows": view.rows.iter().take(rows).map(|row| describe(view, row)).collect::<Vec<_>>(),
    });
    format!("{document}\n")
}

fn describe(view: &View, row: &Row) -> Value {
    let mut fields = subject(view, row);
    let cost = if view.by == By::Function { function_cost(view, row) } else { label_cost(view, row) };
    if let (Value::Object(fields), Value::Object(cost)) = (&mut fields, cost) {
        fields.extend(cost);
    }
    fields
}

fn subject(view: &View, row: &Row) -> Value {
    match &row.key {
        Key::Function(function) => json!({
            "function": function.name.as_ref(),
            "file": function.file.as_ref(),
            "executable": function.executable.as_ref(),
            "package": function.package(),
        }),
        Key::Flag { flag, variant } => json!({ "flag": flag.as_ref(), "variant": variant.as_ref() }),
        Key::Value(value) => json!({ "value": value.as_ref() }),
        Key::Absent if view.by == By::Flag => json!({ "flag": null, "variant": null }),
        Key::Absent => json!({ "value": null }),
    }
}

fn function_cost(view: &View, row: &Row) -> Value {
    json!({
        "samples": row.samples,
        "self_ns": row.cpu_ns,
        "self_cores": view.cores(row.cpu_ns),
        "self_share": view.share(row.cpu_ns),
        "total_ns": row.total_ns,
        "total_cores": view.cores(row.total_ns),
        "total_share": view.share(row.total_ns),
    })
}

fn label_cost(view: &View, row: &Row) -> Value {
    let counts = &row.requests;
    json!({
        "samples": row.samples,
        "cpu_ns": row.cpu_ns,
        "cores": view.cores(row.cpu_ns),
        "share": view.share(row.cpu_ns),
        "label_sources_ns": row.sources.json(),
        "requests": counts.requests,
        "requests_per_s": counts.requests as f64 / view.seconds(),
        "measured": counts.measured,
        "counted_cpu_ns_per_request": row.counted_ns_per_request(),
        "cpu_ns_per_request": row.sampled_ns_per_request(),
        "client_errors": counts.client_errors,
        "server_errors": counts.server_errors,
    })
}
