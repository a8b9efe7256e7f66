//! GitLab's Code Quality report. The fingerprint leaves line and value out, so that a second run is the same issue.

use serde_json::{Value, json};

use super::{CheckReport, annotated, sentence};

/// A JSON array with an issue for each changed function that got dearer; empty unless the check fails.
pub fn code_quality(report: &CheckReport) -> String {
    let confidence = report.measurement.as_ref().map_or(0.95, |measurement| measurement.confidence);
    let issues = annotated(report).map(|row| {
        json!({
            "description": sentence(row, confidence),
            "check_name": "fewer-cpu",
            "fingerprint": format!("fewer-cpu:{}:{}", row.file, row.function),
            "severity": "major",
            "location": { "path": row.file, "lines": { "begin": row.changed_line } },
        })
    });
    format!("{:#}\n", issues.collect::<Value>())
}
