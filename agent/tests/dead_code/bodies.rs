//! What a function does is told from where it stands, in every version, process and state of running.

use std::{collections::BTreeMap, path::Path};

use testkit::with_each_interpreter;

use crate::program::Program;

const SHAPES: &str = include_str!("shapes.py");

/// The functions of a module with this source, by name, and their bodies.
fn bodies(python: &Path, source: &str, runs: bool, seed: &str) -> BTreeMap<String, u128> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shapes.py");
    std::fs::write(&path, source).unwrap();
    let environment = [("PYTHONHASHSEED", seed)];
    let mut program = Program::start_with(python, "bodies.py", path.to_str().unwrap(), &environment);
    program.hear();
    if runs {
        program.ask("run");
    }
    let process = program.scan();
    let functions = process.functions.iter().filter(|function| *function.file == *path.to_str().unwrap());
    functions
        .map(|function| {
            assert!(function.body != 0 && function.bytes > 150, "{function:?}");
            (function.function.to_string(), function.body)
        })
        .collect()
}

fn different(before: &BTreeMap<String, u128>, after: &BTreeMap<String, u128>) -> Vec<String> {
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    let differ = before.iter().filter(|(function, body)| after[*function] != **body);
    differ.map(|(function, _)| function.clone()).collect()
}

#[test]
fn a_body_survives_moving_running_and_another_process() {
    with_each_interpreter(|minor, python| {
        let before = bodies(python, SHAPES, false, "1");
        assert!(before.len() >= 13, "{before:?}");
        let moved = format!("# A line.\n\n# And another.\n{SHAPES}");
        assert_eq!(different(&before, &bodies(python, &moved, false, "1")), [""; 0]);
        // Comments, and lines that are broken elsewhere.
        let broken = SHAPES
            .replace("    return x <", "    # Why.\n\n    return x <")
            .replace("x + 64, ", "\n x + 64, ");
        assert_ne!(broken, SHAPES);
        assert_eq!(different(&before, &bodies(python, &broken, false, "1")), [""; 0]);
        assert_eq!(different(&before, &bodies(python, SHAPES, true, "1")), [""; 0]);
        assert_eq!(different(&before, &bodies(python, SHAPES, true, "2")), [""; 0]);
        let kinds: std::collections::HashSet<u128> = before.values().copied().collect();
        assert_eq!(kinds.len(), before.len(), "3.{minor}: {before:?}");
    });
}

#[test]
fn a_body_changes_with_what_is_done() {
    let cases: [(&str, &str, &[&str]); 14] = [
        ("x + 64", "x + 68", &["numbers"]),
        ("x * -7", "x * 7", &["numbers"]),
        ("678901234567890", "678901234567891", &["numbers"]),
        ("2.5", "2.25", &["numbers"]),
        ("3j", "4j", &["numbers"]),
        ("-x, not x", "~x, not x", &["numbers"]),
        ("b\"raw\"", "b\"row\"", &["texts"]),
        ("(\"two\", None", "(\"six\", None", &["texts"]),
        (", True))", ", 1))", &["texts"]),
        ("\"gamma\"", "\"omega\"", &["member"]),
        ("len(str(x))", "hash(str(x))", &["calls"]),
        ("x < 10", "x <= 10", &["compares"]),
        ("ValueError", "IndexError", &["handles"]),
        ("y + 1000", "y + 1001", &["outer", "outer.<locals>.inner"]),
    ];
    with_each_interpreter(|_, python| {
        let before = bodies(python, SHAPES, false, "1");
        for (from, to, expected) in cases {
            assert_eq!(SHAPES.matches(from).count(), 1, "{from}");
            let after = bodies(python, &SHAPES.replace(from, to), true, "2");
            assert_eq!(different(&before, &after), expected, "{from}");
        }
    });
}
