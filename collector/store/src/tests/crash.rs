//! A process that appends under load is killed, again and again; the sending side counts.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use super::*;

const DIR: &str = "FEWER_TEST_STORE_DIR";
const FIRST: &str = "FEWER_TEST_FIRST_SEQUENCE";
/// How often it is killed; set `FEWER_TEST_KILLS` for more.
const KILLS: u64 = 20;
/// Pushes that are on their way at once.
const IN_FLIGHT: u64 = 8;

/// Each push is told by its value in the answer: 2 rows, of which one has the sequence as its value.
fn rows(sequence: u64) -> [Row; 2] {
    let start_ns = START_NS + (sequence % 7_000) as i64 * SECOND_NS;
    let row =
        Row { start_ns, service: (sequence % 200) as u8, endpoint: 0, function: 1, value: sequence as i64 };
    [row, Row { function: 2, value: 1, ..row }]
}

fn open(dir: &Path, background: bool) -> Store {
    let clock = TestClock::new();
    let mut options = options(dir, &clock);
    options.background = background;
    options.limits.flush_rows = 64;
    options.limits.ahead_ns = 2 * HOUR_NS;
    Store::open(options).unwrap()
}

/// Does nothing in an ordinary run; as a process of its own it appends until it is killed.
#[test]
fn child_appends_until_it_is_killed() {
    let (Ok(dir), Ok(first)) = (env::var(DIR), env::var(FIRST)) else { return };
    let store = open(Path::new(&dir), true);
    let mut sequence: u64 = first.parse().unwrap();
    loop {
        let pending: Vec<_> =
            (sequence..sequence + IN_FLIGHT).map(|sequence| submit(&store, sequence)).collect();
        for pending in pending {
            pending.wait().unwrap();
            writeln!(std::io::stdout(), "acknowledged {sequence}").unwrap();
            sequence += 1;
        }
    }
}

/// Sends like an agent: when the store is busy, again.
fn submit(store: &Store, sequence: u64) -> crate::Pending {
    let (key, rows) = (key(1, sequence), rows(sequence));
    loop {
        match store.submit(encode(key, &rows), key, batch(&rows)) {
            Err(StoreError::Busy) => std::thread::yield_now(),
            other => return other.unwrap(),
        }
    }
}

#[test]
fn killed_at_random_points_it_has_what_was_acknowledged_once() {
    let dir = temporary_dir();
    let mut random = Random(11);
    let mut acknowledged = 0;
    let kills = env::var("FEWER_TEST_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    for _ in 0..kills {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "tests::crash::child_appends_until_it_is_killed", "--nocapture"])
            .env(DIR, dir.path())
            .env(FIRST, (acknowledged + 1).to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let until = acknowledged + random.below(150);
        while acknowledged < until {
            let line = lines.next().expect("the child died by itself").unwrap();
            if let Some(sequence) = line.split("acknowledged ").nth(1) {
                acknowledged = sequence.trim().parse().unwrap();
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said before it died counts too.
        for line in lines.map_while(Result::ok) {
            if let Some(sequence) =
                line.split("acknowledged ").nth(1).and_then(|text| text.trim().parse().ok())
            {
                acknowledged = sequence;
            }
        }
    }
    let store = open(dir.path(), false);
    let found = sums(&store, &selector(&[]), EVERYTHING);
    let stored = found["f2"] as u64;
    assert!(
        (acknowledged..=acknowledged + IN_FLIGHT).contains(&stored),
        "{acknowledged} were acknowledged, {stored} are stored"
    );
    assert_eq!(found["f1"] as u64, (1..=stored).sum::<u64>(), "not each of the {stored} once");
}

/// While pushes come in and everything is flushed and compacted all the time, a query sees all that was acknowledged before it
/// began, and nothing twice.
#[test]
fn queries_during_flush_and_compaction_see_each_row_once() {
    use std::sync::atomic::{AtomicBool, AtomicU64};
    const COMPACTIONS: u64 = 2;
    let dir = temporary_dir();
    let store = open(dir.path(), false);
    let (sent, acknowledged, done) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for sequence in 1.. {
                sent.store(sequence, Relaxed);
                submit(&store, sequence).wait().unwrap();
                acknowledged.store(sequence, Relaxed);
                if store.stats().compactions >= COMPACTIONS {
                    break;
                }
            }
            done.store(true, Relaxed);
        });
        scope.spawn(|| {
            while !done.load(Relaxed) {
                store.flush().unwrap();
                store.maintain().unwrap();
            }
        });
        while !done.load(Relaxed) {
            let least = acknowledged.load(Relaxed);
            let found = sums(&store, &selector(&[]), EVERYTHING).get("f2").copied().unwrap_or(0) as u64;
            assert!(
                (least..=sent.load(Relaxed)).contains(&found),
                "{least} were acknowledged, {found} are seen"
            );
        }
    });
    assert_eq!(sums(&store, &selector(&[]), EVERYTHING)["f2"] as u64, sent.load(Relaxed));
}
