//! Released formats stay readable (invariant I9): a store written by format 1 lies in `tests/fixtures/v1`, one by format
//! 2, which has counts too, in `tests/fixtures/v2`.

use std::fs;

use super::*;

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

/// Writes a store that has a block, a segment and something in its log.
fn write(dir: &Path) {
    let clock = TestClock::new();
    clock.advance(300 * SECOND_NS);
    let store = Store::open(options(dir, &clock)).unwrap();
    store.import(&batch(&rows()[..2])).unwrap();
    append(&store, key(1, 1), &rows()[2..3]).unwrap();
    store.flush().unwrap();
    append(&store, key(1, 2), &rows()[3..]).unwrap();
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
    check(fixture("v1").path());
}

#[test]
fn format_2_is_readable() {
    let dir = fixture("v2");
    check(dir.path());
    check_counts(dir.path());
}

#[test]
fn what_is_written_now_is_readable() {
    let dir = temporary_dir();
    write(dir.path());
    check(dir.path());
    check_counts(dir.path());
}
