//! What a person and a program read.

use agent::dead_code::{Counters, ExecutionState, Function, rows};

use super::*;

fn findings() -> Findings {
    let function = |function: &str, file: &str, line, state, evidence: &str| Function {
        function: function.into(),
        file: file.into(),
        line,
        state,
        evidence: evidence.to_owned(),
        body: u128::from(line) << 64,
        bytes: 500,
    };
    let functions = vec![
        function("feed", "/srv/app/views.py", 10, ExecutionState::Executed, "entered 3 times"),
        function("Feed.old", "/srv/app/views.py", 40, ExecutionState::Unexecuted, "call count is 0"),
        function("<listcomp>", "/srv/app/views.py", 41, ExecutionState::Unexecuted, "call count is 0"),
        function("cython", "/srv/app/fast.pyx", 1, ExecutionState::Unknown, "no bytecode"),
        function("load", "/usr/lib/python3.9/json.py", 1, ExecutionState::Unexecuted, "call count is 0"),
        function("get", "/env/lib/python3.9/site-packages/x.py", 1, ExecutionState::Executed, "entered once"),
        function("a\u{1b}[2J", "<string>", 1, ExecutionState::Unexecuted, "call count is 0"),
    ];
    let mut counters = Counters::default();
    counters.scan.bytes = 40 << 20;
    counters.scan.changed = 1;
    let process = Process { pid: 12, version: "3.9".to_owned(), ancestor: Some(7), functions, counters };
    let flag = |variants: &[(&str, u64)]| Flag {
        flag: "new-feed".into(),
        variants: variants.iter().map(|(name, count)| ((*name).into(), *count)).collect(),
    };
    let failures = vec![DeadCodeError::NoInterpreter { pid: 13 }];
    Findings { processes: vec![process], failures, flags: vec![(12, flag(&[("off", 1200)]))] }
}

fn args(line: &str) -> DeadCodeArgs {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: DeadCodeArgs,
    }
    let words = ["dead-code", "-p", "12,13"].into_iter().chain(line.split_ascii_whitespace());
    <Line as clap::Parser>::parse_from(words).args
}

fn shown(line: &str) -> String {
    let (args, findings) = (args(line), findings());
    let mut selection = Selection::new(&args, &findings.processes);
    let mut rows = rows(&findings.processes);
    rows.retain(|row| selection.has(row));
    match args.json {
        true => json::document(&findings, &rows),
        false => text::report(&findings, &rows, &selection, false),
    }
}

#[test]
fn a_person_reads_what_has_not_run() {
    insta::assert_snapshot!(shown(""));
    insta::assert_snapshot!("all", shown("--all"));
}

#[test]
fn files_that_are_named_are_shown_wherever_they_are() {
    let functions = |line| -> Vec<String> {
        let document: serde_json::Value = serde_json::from_str(&shown(line)).unwrap();
        let rows = document["rows"].as_array().unwrap();
        rows.iter().map(|row| row["function"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(functions("--json --file /usr/lib"), ["load"]);
    assert_eq!(functions("--json --file /srv/app/v"), ["feed", "Feed.old"]);
    assert_eq!(functions("--json --file /srv/app/v --all"), ["feed", "Feed.old", "<listcomp>"]);
    assert_eq!(functions("--json").len(), 4);
}

#[test]
fn rows_have_exactly_their_fields() {
    let document: serde_json::Value = serde_json::from_str(&shown("--json")).unwrap();
    assert_eq!(document["rows_total"], 4);
    for row in document["rows"].as_array().unwrap() {
        let names: Vec<&String> = row.as_object().unwrap().keys().collect();
        assert_eq!(names, ["body", "bytes", "evidence", "file", "function", "line", "state"]);
    }
    assert_eq!(document["rows"][0]["body"], "00000000000000010000000000000000");
    assert_eq!(document["rows"][0]["bytes"], 500);
    assert_eq!(document["flags"][0]["variant"], "off");
    assert_eq!(document["failures"][0], "process 13 runs no CPython 3");
}
