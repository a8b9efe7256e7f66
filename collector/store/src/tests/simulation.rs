//! Random operations with crashes at random points, against a model that is a list of rows.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    fs::{self, OpenOptions},
    io::Write,
    ops::Range,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::SeqCst},
    },
};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, local::LocalFileSystem,
    path::Path as ObjectPath,
};

use super::*;

const SEEDS: u64 = 200;
const STEPS: u64 = 40;

#[test]
fn nothing_acknowledged_is_lost_or_doubled() {
    for seed in 0..SEEDS {
        let mut simulation = Simulation::new(seed);
        for _ in 0..STEPS {
            simulation.step();
        }
        simulation.crash();
        simulation.check_all();
    }
}

/// An object store that stops working after some operations, as if the process had died there.
#[derive(Debug)]
struct Mortal {
    inner: LocalFileSystem,
    operations_left: AtomicI64,
}

impl Mortal {
    fn live(&self) -> Result<()> {
        if self.operations_left.fetch_sub(1, SeqCst) > 0 {
            return Ok(());
        }
        Err(object_store::Error::Generic { store: "mortal", source: "the process is dead".into() })
    }
}

impl fmt::Display for Mortal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("mortal")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Mortal {
    async fn put_opts(&self, to: &ObjectPath, content: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.live()?;
        self.inner.put_opts(to, content, options).await
    }

    async fn put_multipart_opts(
        &self,
        to: &ObjectPath,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.live()?;
        self.inner.put_multipart_opts(to, options).await
    }

    async fn get_opts(&self, from: &ObjectPath, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(from, options).await
    }

    async fn get_ranges(&self, from: &ObjectPath, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(from, ranges).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<ObjectPath>>,
    ) -> BoxStream<'static, Result<ObjectPath>> {
        match self.live() {
            Ok(()) => self.inner.delete_stream(paths),
            Err(error) => Box::pin(futures_util::stream::once(async { Err(error) })),
        }
    }

    fn list(&self, prefix: Option<&ObjectPath>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&ObjectPath>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &ObjectPath, to: &ObjectPath, options: CopyOptions) -> Result<()> {
        self.live()?;
        self.inner.copy_opts(from, to, options).await
    }
}

struct Simulation {
    seed: u64,
    random: Random,
    dir: tempfile::TempDir,
    clock: TestClock,
    objects: Arc<Mortal>,
    store: Option<Store>,
    /// Rows of acknowledged pushes; counts follow from them.
    model: Vec<Row>,
    /// Pushes that were acknowledged, to be sent again.
    sent: Vec<(PushKey, Vec<Row>)>,
    sequences: [u64; 3],
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let dir = temporary_dir();
        let clock = TestClock::new();
        let objects = mortal(dir.path());
        let mut simulation = Self {
            seed,
            random: Random(seed),
            dir,
            clock,
            objects,
            store: None,
            model: Vec::new(),
            sent: Vec::new(),
            sequences: [0; 3],
        };
        simulation.open();
        simulation
    }

    fn open(&mut self) {
        self.objects = mortal(self.dir.path());
        let mut options = options(self.dir.path(), &self.clock);
        options.objects = Some(self.objects.clone());
        options.limits = limits_for_tests();
        self.store = Some(Store::open(options).unwrap());
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0..8 => self.append(),
            8..10 => self.resend(),
            10 | 11 => self.store().flush().unwrap(),
            12 | 13 => self.store().maintain().unwrap(),
            14 => self.clock.advance(self.random.below(3_600) as i64 * SECOND_NS),
            15 => self.clock.advance(-(self.random.below(120) as i64) * SECOND_NS),
            16 => self.crash(),
            17 => self.die_in_maintenance(),
            _ => self.check(),
        }
    }

    fn append(&mut self) {
        let agent = self.random.below(3) as usize;
        // Gaps in the sequence are an agent's right.
        self.sequences[agent] += 1 + self.random.below(2);
        let key = key(agent as u128, self.sequences[agent]);
        let rows: Vec<Row> =
            (0..self.random.below(12)).map(|_| self.random.row(self.clock.now_ns())).collect();
        assert_eq!(append(self.store(), key, &rows).unwrap(), Appended::Stored, "seed {}", self.seed);
        self.model.extend(&rows);
        self.sent.push((key, rows));
    }

    fn resend(&mut self) {
        if self.sent.is_empty() {
            return;
        }
        let (key, rows) = &self.sent[self.random.below(self.sent.len() as u64) as usize];
        match append(self.store(), *key, rows) {
            Ok(Appended::Duplicate) | Err(StoreError::OutOfTime { .. }) => {}
            other => panic!("seed {}: {key:?} came again and became {other:?}", self.seed),
        }
    }

    /// Dies with some bytes of a record written that nobody was told of.
    fn crash(&mut self) {
        self.store = None;
        let logs = crate::log::list(&self.dir.path().join("log")).unwrap();
        if let Some(last) = logs.last() {
            let path = crate::log::path_of(&self.dir.path().join("log"), *last);
            let mut records = Vec::new();
            crate::log::encode(&encode(key(0, u64::MAX), &[self.random.row(START_NS)]), &mut records);
            let torn = self.random.below(records.len() as u64) as usize;
            OpenOptions::new().append(true).open(path).unwrap().write_all(&records[..torn]).unwrap();
        }
        self.open();
    }

    /// Dies while segments or blocks are written or deleted; log files that were deleted may be there again.
    fn die_in_maintenance(&mut self) {
        let log = self.dir.path().join("log");
        let read = |entry: fs::DirEntry| (entry.path(), fs::read(entry.path()).unwrap());
        let before: Vec<_> = fs::read_dir(&log).unwrap().map(|entry| read(entry.unwrap())).collect();
        self.objects.operations_left.store(self.random.below(14) as i64, SeqCst);
        let flushed = self.store().flush();
        let maintained = flushed.and_then(|()| self.store().maintain());
        if maintained.is_err() {
            self.check();
        }
        self.store = None;
        if self.random.below(2) == 0 {
            for (path, content) in before.iter().filter(|(path, _)| !path.exists()) {
                fs::write(path, content).unwrap();
            }
        }
        self.open();
    }

    /// Asks something at random.
    fn check(&mut self) {
        let endpoint = format!("GET /{}", self.random.below(4));
        let choices = [
            selector(&[]),
            selector(&[(keys::SERVICE_NAME, MatchOp::Equal, "s1")]),
            selector(&[(keys::ENDPOINT, MatchOp::Equal, &endpoint)]),
            selector(&[(keys::ENDPOINT, MatchOp::Equal, "")]),
            selector(&[
                (keys::ENDPOINT, MatchOp::NotEqual, &endpoint),
                (keys::SERVICE_NAME, MatchOp::Regex, "s[01]"),
            ]),
            selector(&[("nowhere", MatchOp::NotEqual, "")]),
        ];
        let selector = &choices[self.random.below(choices.len() as u64) as usize];
        let length_ns = (1 + self.random.below(20_000) as i64) * SECOND_NS;
        let end_ns = self.clock.now_ns() + HOUR_NS - self.random.below(7_200) as i64 * SECOND_NS;
        self.check_window(
            selector,
            Window { start_ns: (end_ns - length_ns).max(self.kept_from_ns()), end_ns },
        );
    }

    fn check_all(&self) {
        self.check_window(&selector(&[]), Window { start_ns: self.kept_from_ns(), end_ns: i64::MAX });
    }

    /// What is older may have been deleted.
    fn kept_from_ns(&self) -> i64 {
        let newest_ns = self.model.iter().map(|row| row.start_ns).max().unwrap_or(START_NS);
        newest_ns.max(self.clock.now_ns()) - limits_for_tests().retention_ns
    }

    /// Requests and evaluations of the rows selected are there once.
    fn check_counts(&self, selector: &Selector, window: Window, rows: &[Row]) {
        let mut requests: BTreeMap<String, RequestCounts> = BTreeMap::new();
        let mut evaluations: BTreeMap<(String, String), u64> = BTreeMap::new();
        for row in rows {
            requests.entry(format!("s{}", row.service)).or_default().add(&row.requests());
            let one = row.evaluations();
            *evaluations.entry((one.flag.to_string(), one.variant.to_string())).or_default() += one.count;
        }
        let found = requests_by(self.store(), keys::SERVICE_NAME, selector, window);
        assert_eq!(found, requests, "seed {} {selector:?} {window:?}", self.seed);
        let found = self.store().evaluations(selector, window).unwrap().value;
        let found: BTreeMap<(String, String), u64> =
            found.iter().map(|one| ((one.flag.to_string(), one.variant.to_string()), one.count)).collect();
        assert_eq!(found, evaluations, "seed {} {selector:?} {window:?}", self.seed);
    }

    fn check_window(&self, selector: &Selector, window: Window) {
        let filter = crate::scan::filter::Filter::new(selector, window, ProfileType::Cpu).unwrap();
        let is_selected = |row: &&Row| window.contains(row.start_ns) && filter.matches(&row.labels());
        let mut by_function: BTreeMap<String, i64> = BTreeMap::new();
        let mut by_service: BTreeMap<String, i64> = BTreeMap::new();
        for row in self.model.iter().filter(is_selected) {
            *by_function.entry(row.function()).or_default() += row.value;
            *by_service.entry(format!("s{}", row.service)).or_default() += row.value;
        }
        by_function.retain(|_, sum| *sum != 0);
        self.check_counts(
            selector,
            window,
            &self.model.iter().filter(is_selected).copied().collect::<Vec<_>>(),
        );
        assert_eq!(
            sums(self.store(), selector, window),
            by_function,
            "seed {} {selector:?} {window:?}",
            self.seed
        );
        let values =
            self.store().label_values(keys::SERVICE_NAME, selector, window, ProfileType::Cpu).unwrap();
        let values: BTreeMap<String, i64> =
            values.value.iter().map(|(name, sum)| (name.to_string(), *sum)).collect();
        assert_eq!(values, by_service, "seed {} {selector:?} {window:?}", self.seed);
        let names: BTreeSet<String> = self
            .store()
            .label_names(selector, window)
            .unwrap()
            .value
            .iter()
            .map(ToString::to_string)
            .collect();
        let expected: BTreeSet<String> = self
            .model
            .iter()
            .filter(is_selected)
            .flat_map(|row| row.labels().iter().map(|(key, _)| key.to_string()).collect::<Vec<_>>())
            .collect();
        assert!(names.is_superset(&expected), "seed {}: {names:?} lack some of {expected:?}", self.seed);
        if !selector.matchers.is_empty() {
            assert_eq!(names, expected, "seed {} {selector:?} {window:?}", self.seed);
        }
    }
}

fn mortal(dir: &Path) -> Arc<Mortal> {
    let root = dir.join("objects");
    fs::create_dir_all(&root).unwrap();
    let inner = LocalFileSystem::new_with_prefix(root).unwrap();
    Arc::new(Mortal { inner, operations_left: AtomicI64::new(i64::MAX) })
}
