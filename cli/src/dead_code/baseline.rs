//! An earlier result, to see what executed since.

use std::{collections::HashSet, fs, path::Path};

use agent::dead_code::{ExecutionState, Row};
use anyhow::{Context, bail};
use serde_json::Value;

/// Functions that had executed by then.
pub(super) struct Baseline(HashSet<(String, String, u64)>);

/// Larger files are none that this program wrote.
const FILE_BYTES_MAX: u64 = 1 << 30;

pub(super) fn read(path: &Path) -> anyhow::Result<Baseline> {
    let name = path.display();
    let bytes = fs::metadata(path).with_context(|| format!("--baseline: cannot open {name}"))?.len();
    if bytes > FILE_BYTES_MAX {
        bail!("--baseline: {name} has {} MB; at most {} MB are read", bytes >> 20, FILE_BYTES_MAX >> 20);
    }
    let text = fs::read(path).with_context(|| format!("--baseline: cannot read {name}"))?;
    parse(&text).with_context(|| format!("--baseline: {name} is not what --json printed"))
}

fn parse(text: &[u8]) -> anyhow::Result<Baseline> {
    let document: Value = serde_json::from_slice(text)?;
    let rows = document.get("rows").and_then(Value::as_array).context("rows is missing")?;
    let mut executed = HashSet::new();
    for row in rows {
        let text = |name: &str| {
            row.get(name).and_then(Value::as_str).with_context(|| format!("a row has no {name}"))
        };
        let line = row.get("line").and_then(Value::as_u64).context("a row has no line")?;
        if text("state")? == ExecutionState::Executed.name() {
            executed.insert((text("file")?.to_owned(), text("function")?.to_owned(), line));
        }
    }
    Ok(Baseline(executed))
}

impl Baseline {
    /// True for what has executed, and had not by then.
    pub(super) fn is_new(&self, row: &Row) -> bool {
        let key = (row.file.to_string(), row.function.to_string(), row.line.into());
        row.state == ExecutionState::Executed && !self.0.contains(&key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(function: &str, state: ExecutionState) -> Row {
        let (evidence, body, bytes, branches) = (String::new(), 0, 0, Vec::new());
        Row {
            function: function.into(),
            file: "a.py".into(),
            line: 1,
            state,
            evidence,
            body,
            bytes,
            branches,
        }
    }

    #[test]
    fn only_what_executed_since_is_new() {
        let text = br#"{"rows": [
            {"function": "old", "file": "a.py", "line": 1, "state": "executed", "evidence": ""},
            {"function": "new", "file": "a.py", "line": 1, "state": "unexecuted", "evidence": ""}]}"#;
        let baseline = parse(text).unwrap();
        let cases = [
            (row("old", ExecutionState::Executed), false),
            (row("new", ExecutionState::Executed), true),
            (row("new", ExecutionState::Unexecuted), false),
            (row("loaded since", ExecutionState::Executed), true),
        ];
        for (row, expected) in cases {
            assert_eq!(baseline.is_new(&row), expected, "{row:?}");
        }
        for text in ["", "{}", r#"{"rows": [{"line": 1}]}"#, r#"{"rows": [{"state": "executed"}]}"#] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
