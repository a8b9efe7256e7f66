//! Tests of the whole store, and what they share.

mod bad_input;
mod cells;
mod counts;
mod crash;
mod fixture;
mod queries;
mod simulation;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

use model::{
    AgentId, Batch, BatchBuilder, FlagEvaluations, Frame, LabelSet, MatchOp, Matcher, Profile, ProfileType,
    PushKey, RequestCounts, Sample, Selector, Window, keys,
};

use crate::{Appended, CellShape, Cells, Decoded, Limits, RequestShape, Store, StoreError, StoreOptions};

const SECOND_NS: i64 = 1_000_000_000;
const HOUR_NS: i64 = 3_600 * SECOND_NS;
/// Some hour that tests begin in.
const START_NS: i64 = 480_000 * HOUR_NS;
const EVERYTHING: Window = Window { start_ns: i64::MIN, end_ns: i64::MAX };

/// One sample as tests write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    start_ns: i64,
    service: u8,
    /// 0 is no endpoint.
    endpoint: u8,
    function: u8,
    value: i64,
}

impl Row {
    fn labels(&self) -> LabelSet {
        let endpoint = if self.endpoint == 0 { String::new() } else { format!("GET /{}", self.endpoint) };
        LabelSet::new([(keys::SERVICE_NAME, format!("s{}", self.service)), (keys::ENDPOINT, endpoint)])
    }

    fn function(&self) -> String {
        format!("f{}", self.function)
    }

    fn window(&self) -> Window {
        Window { start_ns: self.start_ns, end_ns: self.start_ns + 10 * SECOND_NS }
    }

    /// What the program of this row counted itself; it follows from the value.
    fn requests(&self) -> RequestCounts {
        let value = self.value as u64;
        RequestCounts {
            window: self.window(),
            labels: self.labels(),
            requests: value % 7,
            measured: value % 5,
            cpu_ns: value * (value % 5),
            instructions: value.is_multiple_of(2).then_some(value),
            client_errors: value % 3,
            server_errors: value % 2,
        }
    }

    fn evaluations(&self) -> FlagEvaluations {
        FlagEvaluations {
            window: self.window(),
            labels: self.labels(),
            flag: self.function().into(),
            variant: if self.value % 2 == 0 { "on" } else { "off" }.into(),
            reason: "split".into(),
            count: self.value as u64,
        }
    }
}

fn key(agent: u128, sequence: u64) -> PushKey {
    PushKey { agent: AgentId(agent), sequence }
}

fn batch(rows: &[Row]) -> Batch {
    let mut builder = BatchBuilder::new();
    for row in rows {
        let frames = [row.function(), "main".to_owned()];
        let frames = frames.map(|name| builder.frame(Frame { function: name.into(), ..Frame::default() }));
        let stack = builder.stack(frames.to_vec());
        let profile =
            Profile { labels: row.labels(), window: row.window(), period: 10, ..Profile::default() };
        builder.add(&profile, Sample { stack, value: row.value });
        builder.add_requests(&row.requests());
        builder.add_evaluations(&row.evaluations());
    }
    builder.finish()
}

/// The push format of these tests.
fn encode(key: PushKey, rows: &[Row]) -> Vec<u8> {
    let mut bytes = key.agent.0.to_le_bytes().to_vec();
    bytes.extend(key.sequence.to_le_bytes());
    for row in rows {
        bytes.extend(row.start_ns.to_le_bytes());
        bytes.extend([row.service, row.endpoint, row.function]);
        bytes.extend(row.value.to_le_bytes());
    }
    bytes
}

fn decode(bytes: &[u8]) -> Result<Decoded, String> {
    const ROW_BYTES: usize = 19;
    let (head, rest) = bytes.split_at_checked(24).ok_or("cut")?;
    let key = key(
        u128::from_le_bytes(head[..16].try_into().unwrap()),
        u64::from_le_bytes(head[16..].try_into().unwrap()),
    );
    if rest.len() % ROW_BYTES != 0 {
        return Err("a row is cut".into());
    }
    let row = |bytes: &[u8]| Row {
        start_ns: i64::from_le_bytes(bytes[..8].try_into().unwrap()),
        service: bytes[8],
        endpoint: bytes[9],
        function: bytes[10],
        value: i64::from_le_bytes(bytes[11..].try_into().unwrap()),
    };
    let rows: Vec<Row> = rest.chunks(ROW_BYTES).map(row).collect();
    Ok(Decoded { key, batch: batch(&rows) })
}

/// A clock that tests set.
#[derive(Clone, Debug)]
struct TestClock(Arc<AtomicI64>);

impl TestClock {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(START_NS)))
    }

    fn now_ns(&self) -> i64 {
        self.0.load(Relaxed)
    }

    fn advance(&self, by_ns: i64) {
        self.0.fetch_add(by_ns, Relaxed);
    }
}

fn options(dir: &Path, clock: &TestClock) -> StoreOptions {
    let mut options = StoreOptions::new(dir, decode);
    let clock = clock.clone();
    options.clock = Arc::new(move || clock.now_ns());
    options.background = false;
    options
}

fn append(store: &Store, key: PushKey, rows: &[Row]) -> Result<Appended, StoreError> {
    store.append(encode(key, rows), key, batch(rows))
}

fn selector(conditions: &[(&str, MatchOp, &str)]) -> Selector {
    let matcher = |(key, op, value): &(&str, MatchOp, &str)| Matcher {
        key: (*key).into(),
        op: *op,
        value: (*value).into(),
    };
    Selector { matchers: conditions.iter().map(matcher).collect() }
}

/// Sums by leaf function, and that nothing was unreadable.
fn sums(store: &Store, selector: &Selector, window: Window) -> BTreeMap<String, i64> {
    let answer = store.stacks(selector, window, ProfileType::Cpu).unwrap();
    assert_eq!(answer.unreadable, []);
    leaf_sums(&answer.value)
}

/// Requests by value of a label over a whole window, and that nothing was unreadable.
fn requests_by(
    store: &Store,
    by: &str,
    selector: &Selector,
    window: Window,
) -> BTreeMap<String, RequestCounts> {
    let shape = RequestShape { step_ns: i64::MAX, by: Some(by.into()), values: None };
    let answer = store.requests(selector, window, &shape).unwrap();
    assert_eq!(answer.unreadable, []);
    let one = |series: crate::RequestSeries| (series.value.unwrap().to_string(), series.steps[0].clone());
    answer.value.into_iter().map(one).collect()
}

fn leaf_sums(batch: &Batch) -> BTreeMap<String, i64> {
    assert_eq!(batch.profiles.len(), 1);
    assert_eq!(batch.check(), Ok(()));
    let samples = &batch.profiles[0].samples;
    let sums: BTreeMap<String, i64> = samples
        .iter()
        .map(|sample| {
            let stack = batch.stack(sample.stack);
            assert_eq!(batch.frame(stack[1]).function.as_ref(), "main");
            (batch.frame(stack[0]).function.to_string(), sample.value)
        })
        .collect();
    assert_eq!(sums.len(), samples.len(), "a stack appears twice");
    sums
}

/// A directory for a store; in memory where there is such a place, because tests sync a lot.
fn temporary_dir() -> tempfile::TempDir {
    let in_memory = Path::new("/dev/shm");
    if in_memory.is_dir() { tempfile::tempdir_in(in_memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// SplitMix64: the same everywhere.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn row(&mut self, around_ns: i64) -> Row {
        Row {
            start_ns: around_ns - self.below(600) as i64 * SECOND_NS,
            service: self.below(3) as u8,
            endpoint: self.below(4) as u8,
            function: self.below(8) as u8,
            value: self.below(1_000) as i64,
        }
    }
}

fn limits_for_tests() -> Limits {
    Limits { retention_ns: 6 * HOUR_NS, flush_rows: 150, flush_age_ns: 600 * SECOND_NS, ..Limits::default() }
}
