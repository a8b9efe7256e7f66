//! What a person and a program read.

use agent::dead_code::{Counters, ExecutionState, Function, rows};
use model::{CodeBranch, Outcomes};

use super::*;

/// Conditions of the first function: one that was always true, one that varied, and one that was asked once.
fn branches(line: u32) -> Vec<CodeBranch> {
    let both = Outcomes::FALSE.and(Outcomes::TRUE);
    let outcomes = [Outcomes::TRUE.and(Outcomes::IN_A_ROW), both, Outcomes::FALSE];
    let branch = |(line, outcomes)| CodeBranch { line, column: 8, outcomes };
    if line == 10 { (1..).zip(outcomes).map(branch).collect() } else { Vec::new() }
}

fn findings() -> Findings {
    let function = |function: &str, file: &str, line, state, evidence: &str| Function {
        function: function.into(),
        file: file.into(),
        line,
        state,
        evidence: evidence.to_owned(),
        body: u128::from(line) << 64,
        bytes: 500,
        branches: branches(line),
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
    Findings { processes: vec![process], failures, flags: vec![(12, flag(&[("off", 1200)]))], steady: None }
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
    shown_of(line, findings())
}

fn shown_of(line: &str, findings: Findings) -> String {
    let args = args(line);
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
fn flags_that_never_varied_are_told_with_the_source() {
    let places = (1..=7).map(|line| ("feed/views.py".to_owned(), line)).collect();
    let steady = vec![
        SteadyFlag { flag: "new-feed".into(), is_on: true, places },
        SteadyFlag { flag: "old".into(), is_on: false, places: vec![("a.py".to_owned(), 3)] },
    ];
    let with = |steady| Findings { steady: Some(steady), ..findings() };
    let text = shown_of("", with(steady.clone()));
    insta::assert_snapshot!(&text[text.find("conditions by").unwrap()..]);
    assert!(shown_of("", with(Vec::new())).contains("no check of a flag is among the first"));
    let document: serde_json::Value = serde_json::from_str(&shown_of("--json", with(steady))).unwrap();
    let told = serde_json::json!([document["conditions"], document["flag_checks"]]);
    insta::assert_snapshot!("steady", serde_json::to_string_pretty(&told).unwrap());
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
    let failure = document["failures"][0].as_str().unwrap();
    assert!(failure.starts_with("process 13 runs no CPython 3; native programs are judged by"), "{failure}");
}
