//! SARIF 2.1.0, the part of it that code scanning reads.

use serde_json::{Value, json};

use super::{CheckReport, annotated, sentence};

/// One run, with a result for each changed function that got dearer; none unless the check fails.
pub fn sarif(report: &CheckReport) -> String {
    let confidence = report.measurement.as_ref().map_or(0.95, |measurement| measurement.confidence);
    let results = annotated(report).map(|row| {
        json!({
            "ruleId": "fewer/cpu-per-run",
            "level": "warning",
            "message": { "text": sentence(row, confidence) },
            "locations": [{ "physicalLocation": {
                "artifactLocation": { "uri": row.file },
                "region": { "startLine": row.changed_line },
            }}],
            "partialFingerprints": { "function/v1": format!("{}:{}", row.file, row.function) },
        })
    });
    let run = json!({
        "tool": { "driver": {
            "name": "fewer",
            "rules": [{
                "id": "fewer/cpu-per-run",
                "shortDescription": { "text": "A changed function costs more CPU per run" },
            }],
        }},
        "results": results.collect::<Value>(),
    });
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    });
    format!("{log:#}\n")
}
