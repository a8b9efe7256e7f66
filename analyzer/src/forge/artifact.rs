//! The report of a job without rights, read by a job that has some. Whoever opened the pull request may have written it:
//! only its form is believed, and nothing in it can mention, link or command.

use analyzer_report::check::CheckReport;

use crate::error::AnalyzerError;

/// Longer reports are refused.
const BYTES_MAX: usize = 4 << 20;

/// Rows of a list that are kept.
const ROWS_MAX: usize = 1_000;

/// Notes that are kept.
const NOTES_MAX: usize = 20;

const SCHEMA: &str = "fewer.check/1";

/// Reads a report that `fewer check --report FILE` or `--json` wrote elsewhere. `name` is the file's, for messages.
pub fn read(name: &str, bytes: &[u8]) -> Result<CheckReport, AnalyzerError> {
    let wrong = |message: String| AnalyzerError::File { file: name.to_owned(), message };
    if bytes.len() > BYTES_MAX {
        return Err(wrong(format!("it has {} bytes and {BYTES_MAX} are read", bytes.len())));
    }
    let report: CheckReport =
        serde_json::from_slice(bytes).map_err(|error| wrong(format!("it is no report: {error}")))?;
    if report.schema != SCHEMA {
        return Err(wrong(format!("its schema is not `{SCHEMA}`; write it with `fewer check --report`")));
    }
    Ok(harmless(report))
}

/// Texts are escaped where they are written. Here is what escaping leaves: mentions of owners, paths out of the
/// repository, and lists without end.
fn harmless(mut report: CheckReport) -> CheckReport {
    report.functions.truncate(ROWS_MAX);
    report.touched.functions.truncate(ROWS_MAX);
    report.touched.unread_files.truncate(ROWS_MAX);
    report.notes.truncate(NOTES_MAX);
    for row in &mut report.functions {
        quieten(&mut row.owners);
        if !is_inside(&row.file) {
            (row.line, row.changed_line) = (0, 0);
        }
    }
    report.touched.functions.iter_mut().for_each(|row| quieten(&mut row.owners));
    for row in report.production.iter_mut().flat_map(|production| &mut production.functions) {
        quieten(&mut row.owners);
    }
    if let Some(acknowledged) = &mut report.acknowledged {
        acknowledged.owner = acknowledged.owner.replace('@', "");
    }
    let revisions = &mut report.revisions;
    for hash in [&mut revisions.base, &mut revisions.baseline, &mut revisions.head] {
        hash.retain(|character| character.is_ascii_hexdigit());
        hash.truncate(64);
    }
    for suspect in report.released.iter_mut().flat_map(|released| &mut released.suspects) {
        suspect.commit.retain(|character| character.is_ascii_hexdigit());
    }
    report
        .notes
        .push("The figures are from a job of the pull request itself, which had no rights.".to_owned());
    report
}

fn quieten(owners: &mut Vec<String>) {
    owners.truncate(10);
    owners.iter_mut().for_each(|owner| *owner = owner.replace('@', ""));
}

/// True for a path that stays in the repository.
fn is_inside(path: &str) -> bool {
    !path.starts_with('/') && !path.split('/').any(|part| part == "..") && !path.contains(['\\', '\0', '\n'])
}

#[cfg(test)]
mod tests {
    use analyzer_report::check::{comment, json};
    use serde_json::json;

    use super::*;

    fn hostile() -> Vec<u8> {
        let text = "<img src=x onerror=alert(1)> @everyone ![a](https://evil) `x` ``` \n/merge\n# h";
        let row = json!({
            "function": text, "file": "../../etc/passwd", "line": 3, "changed_line": 4,
            "baseline_ns": 1e9, "candidate_ns": 2e9, "owners": ["@everyone", "</details>@all"],
        });
        let report = json!({
            "schema": "fewer.check/1", "conclusion": "fail", "reason": text,
            "revisions": { "base": text, "baseline": "abc", "head": text },
            "measurement": { "command": text, "not_sampled": text, "rounds": 3, "margin": 0.02, "confidence": 0.95 },
            "change": { "value": 1.0, "interval": [0.9, 1.1], "detectable": 0.1 },
            "functions": [row],
            "touched": { "files": 1, "functions": [{ "function": text, "file": text, "owners": [text] }] },
            "acknowledged": { "owner": "@everyone", "reason": text, "expires": text, "at_most": 1.0 },
            "notes": [text, "/close"],
            "production": { "selector": text, "when": text, "unit": text, "sizing": text,
                "functions": [{ "function": text, "endpoints": [{ "endpoint": text, "cores": 1.0 }], "owners": [text] }] },
            "pull_request": 7,
        });
        report.to_string().into_bytes()
    }

    #[test]
    fn a_hostile_report_is_only_text() {
        let report = read("report.json", &hostile()).unwrap();
        assert_eq!(report.functions[0].changed_line, 0, "no annotation outside of the repository");
        let text = comment(&report, 65_536);
        insta::assert_snapshot!("hostile", text);
        // Outside of code nothing is markup; GitLab reads a slash at the start of a line as a command.
        let outside: String = text.split('`').step_by(2).collect();
        let outside = outside.replace("\\[", "").replace("\\]", "");
        for forbidden in ["<img", "@everyone", "@all", "![", "](", "<b"] {
            assert!(!outside.contains(forbidden), "{forbidden}: {outside}");
        }
        assert!(!text.lines().any(|line| line.starts_with(['/', '#'])), "{text}");
        assert_eq!(text.matches("</details>").count(), 1);
    }

    #[test]
    fn what_is_no_report_is_refused() {
        let cases: [(&[u8], &str); 3] = [
            (b"{", "it is no report"),
            (br#"{"schema":"other","conclusion":"pass"}"#, "its schema is not"),
            (&vec![b' '; BYTES_MAX + 1], "are read"),
        ];
        for (bytes, expected) in cases {
            let error = read("report.json", bytes).unwrap_err().to_string();
            assert!(error.starts_with("report.json: ") && error.contains(expected), "{error}");
        }
        let own = CheckReport { schema: SCHEMA.to_owned(), pull_request: Some(3), ..CheckReport::default() };
        assert_eq!(read("r", json(&own).as_bytes()).unwrap().pull_request, Some(3));
    }
}
