//! Released formats stay readable (invariant I9): a store written by format 1 lies in `tests/fixtures/v1`, one by format
//! 2, which has counts too, in `tests/fixtures/v2`, one by format 3, which has findings and memory reports, in
//! `tests/fixtures/v3`, one by format 4, which has execution evidence, in `tests/fixtures/v4`.

use std::fs;

use model::{CodeBranch, CodeFunction, CodeReport, ExecutionState, Outcomes};

use super::*;
use crate::{CodeFilter, CodeKept, MemoryFilter, StoredFinding, StoredMemory};

fn rows() -> [Row; 4] {
    let row = |minute: i64, service, function, value| Row {
        start_ns: START_NS + minute * 60 * SECOND_NS,
        service,
        endpoint: service,
        function,
        value,
    };
    [row(0, 1, 1, 1), row(1, 1, 2, 10), row(2, 0, 1, 100), row(3, 2, 3, 1_000)]
}

fn finding() -> StoredFinding {
    StoredFinding {
        id: "f1".into(),
        kind: "sharing".into(),
        document: "{}".into(),
        ..StoredFinding::default()
    }
}

fn memory() -> StoredMemory {
    StoredMemory { host: "h1".into(), at_ms: START_NS / 1_000_000, document: "{}".into() }
}

/// One function that ran and one that did not.
fn code() -> CodeReport {
    let function = |name: &str, body, state| CodeFunction {
        function: name.into(),
        file: "/srv/feed/rank.py".into(),
        line: 7,
        body,
        state,
        ..CodeFunction::default()
    };
    CodeReport {
        at_ns: START_NS,
        labels: LabelSet::new([(keys::SERVICE_NAME, "s0")]),
        functions: vec![
            function("rank", 5, ExecutionState::Executed),
            function("rank_old", 6, ExecutionState::Unexecuted),
        ],
        ..CodeReport::default()
    }
}

/// Writes a store that has a block, a segment, something in its log, a finding, a memory report and execution evidence.
fn write(dir: &Path) {
    let clock = TestClock::new();
    clock.advance(300 * SECOND_NS);
    let store = Store::open(options(dir, &clock)).unwrap();
    store.import(&batch(&rows()[..2])).unwrap();
    append(&store, key(1, 1), &rows()[2..3]).unwrap();
    store.flush().unwrap();
    append(&store, key(1, 2), &rows()[3..]).unwrap();
    store.findings(|table| table.put(&finding())).unwrap();
    store.put_memory(&memory()).unwrap();
    store.put_code(&code()).unwrap();
}

fn check(dir: &Path) {
    let clock = TestClock::new();
    clock.advance(300 * SECOND_NS);
    let store = Store::open(options(dir, &clock)).unwrap();
    let found: Vec<_> = sums(&store, &selector(&[]), EVERYTHING).into_iter().collect();
    assert_eq!(found, [("f1".into(), 101), ("f2".into(), 10), ("f3".into(), 1_000)]);
    for (sequence, at) in [(1, 2), (2, 3)] {
        assert_eq!(append(&store, key(1, sequence), &rows()[at..=at]).unwrap(), Appended::Duplicate);
    }
    clock.advance(3 * HOUR_NS);
    store.maintain().unwrap();
    assert_eq!(sums(&store, &selector(&[]), EVERYTHING)["f3"], 1_000);
}

fn check_counts(dir: &Path) {
    let clock = TestClock::new();
    clock.advance(4 * HOUR_NS);
    let store = Store::open(options(dir, &clock)).unwrap();
    let found = requests_by(&store, keys::SERVICE_NAME, &selector(&[]), EVERYTHING);
    let found: Vec<_> = found.iter().map(|(service, counts)| (service.as_str(), counts.requests)).collect();
    assert_eq!(found, [("s0", 100 % 7), ("s1", 1 + 10 % 7), ("s2", 1_000 % 7)]);
    assert_eq!(store.evaluations(&selector(&[]), EVERYTHING).unwrap().value[0].count, 1_000);
}

fn check_reports(dir: &Path) {
    let store = Store::open(options(dir, &TestClock::new())).unwrap();
    assert_eq!(store.findings(|table| table.get("f1")).unwrap(), Some(finding()));
    let filter = MemoryFilter { host: None, since_ms: 0, per_host: 1, limit: 1 };
    assert_eq!(store.memory(&filter).unwrap().0, [memory()]);
}

/// What earlier formats did not know is taken from now on, and let go when it is old.
fn check_code(dir: &Path, blocks: u64) {
    let clock = TestClock::new();
    let store = Store::open(options(dir, &clock)).unwrap();
    let function = CodeFunction { state: ExecutionState::Executed, ..CodeFunction::default() };
    let labels = LabelSet::new([(keys::SERVICE_NAME, "s1")]);
    let report =
        CodeReport { at_ns: START_NS, labels, functions: vec![function.clone()], ..CodeReport::default() };
    assert_eq!(store.put_code(&report).unwrap(), CodeKept::Merged { fallen: 0 });
    let found = store.code(&CodeFilter { service: "s1", window: EVERYTHING }).unwrap().unwrap();
    assert_eq!(found.functions[0].function, function);
    clock.advance(402 * 24 * HOUR_NS);
    store.maintain().unwrap();
    let stats = store.stats();
    assert_eq!((stats.code_blocks, stats.code_functions, stats.code_blocks_expired), (0, 0, blocks));
}

/// What format 4 knew of functions, and what came to be known of them since.
fn check_branches(dir: &Path) {
    let store = Store::open(options(dir, &TestClock::new())).unwrap();
    let functions = || {
        let found = store.code(&CodeFilter { service: "s0", window: EVERYTHING }).unwrap().unwrap();
        found.functions.into_iter().map(|one| one.function).collect::<Vec<_>>()
    };
    assert_eq!(functions(), code().functions);
    let branch = CodeBranch { line: 2, column: 7, outcomes: Outcomes::TRUE };
    let mut asked = code();
    asked.functions[0].branches = vec![branch];
    store.put_code(&asked).unwrap();
    assert_eq!(functions(), asked.functions);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A copy of the store that a release wrote. Where there is none, `FEWER_WRITE_FIXTURE=1` writes one by the current format.
fn fixture(version: &str) -> tempfile::TempDir {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(version);
    if std::env::var_os("FEWER_WRITE_FIXTURE").is_some() && !fixture.exists() {
        write(&fixture);
    }
    let dir = temporary_dir();
    copy(&fixture, dir.path());
    dir
}

#[test]
fn format_1_is_readable() {
    let dir = fixture("v1");
    check(dir.path());
    check_code(dir.path(), 1);
}

#[test]
fn format_2_is_readable() {
    let dir = fixture("v2");
    check(dir.path());
    check_counts(dir.path());
}

#[test]
fn format_3_is_readable() {
    let dir = fixture("v3");
    check(dir.path());
    check_counts(dir.path());
    check_reports(dir.path());
    check_code(dir.path(), 1);
}

#[test]
fn format_4_is_readable() {
    let dir = fixture("v4");
    check(dir.path());
    check_counts(dir.path());
    check_reports(dir.path());
    check_branches(dir.path());
    check_code(dir.path(), 2);
}

#[test]
fn what_is_written_now_is_readable() {
    let dir = temporary_dir();
    write(dir.path());
    check(dir.path());
    check_counts(dir.path());
    check_reports(dir.path());
    check_branches(dir.path());
    check_code(dir.path(), 2);
}
