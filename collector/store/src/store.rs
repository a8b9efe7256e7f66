//! The store as its users see it.

use std::{
    fs::{File, TryLockError},
    io,
    path::Path,
    pin::Pin,
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed},
        mpsc::{SyncSender, sync_channel},
    },
    task::{Context, Poll},
    thread::JoinHandle,
    time::Duration,
};

use model::{Batch, CodeReport, FlagEvaluations, ProfileType, PushKey, Selector, Window};
use tokio::sync::oneshot;

use crate::{
    Answer, CellShape, Cells, CodeFilter, CodeKept, CodeServiceSize, CodeSums, FindingTable, LabelTotals,
    MemoryFilter, RequestSeries, RequestShape, Stats, StoreError, StoreOptions, StoredMemory, Timeline,
    TimelineShape,
    block::read::Tables,
    catalog::{Catalog, Level},
    dedup::Dedup,
    files::Files,
    head::Part,
    ingest::{self, Job},
    log::Log,
    query,
    shared::{Ingest, Shared, State, Wake},
    stats::{Counters, add},
    worker,
};

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is on the disk now.
    Stored,
    /// It was on the disk already; nothing was added.
    Duplicate,
}

/// A push on its way to the disk: await it, or [`wait`](Pending::wait) on a thread that may block.
#[derive(Debug)]
pub struct Pending(oneshot::Receiver<Result<Appended, StoreError>>);

impl Pending {
    /// Blocks until the push is durable or has failed.
    pub fn wait(self) -> Result<Appended, StoreError> {
        self.0.blocking_recv().unwrap_or(Err(StoreError::Closed))
    }
}

impl Future for Pending {
    type Output = Result<Appended, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|received| received.unwrap_or(Err(StoreError::Closed)))
    }
}

/// An open store. Dropping it finishes what is in the queue and stops its threads; what is in the head comes back from
/// the log at the next start.
pub struct Store {
    shared: Arc<Shared>,
    /// Gone only while the store is being dropped.
    queue: Option<SyncSender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Store {
    /// Opens the store, or makes a new one, and reads back what the log has.
    pub fn open(options: StoreOptions) -> Result<Self, StoreError> {
        let background = options.background;
        let shared = Arc::new(open(options)?);
        worker::clean_up(&shared)?;
        let (queue, jobs) = sync_channel(shared.limits.queue_pushes);
        let mut store = Self { shared: shared.clone(), queue: Some(queue), threads: Vec::new() };
        store.spawn("store-writer", move || ingest::run(&shared, &jobs))?;
        if background {
            let shared = store.shared.clone();
            store.spawn("store-worker", move || worker::run(&shared))?;
        }
        Ok(store)
    }

    /// Stores a push and returns when it is durable. `batch` and `key` are what `bytes` decodes to.
    pub fn append(&self, bytes: Vec<u8>, key: PushKey, batch: Batch) -> Result<Appended, StoreError> {
        self.submit(bytes, key, batch)?.wait()
    }

    /// Hands a push to the writer without blocking. [`StoreError::Busy`] when the queue is full.
    pub fn submit(&self, bytes: Vec<u8>, key: PushKey, batch: Batch) -> Result<Pending, StoreError> {
        let (reply, pending) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        let queued = ingest::check(&self.shared, &bytes, &batch)
            .and_then(|()| ingest::enqueue(&self.shared, queue, Job { bytes, key, batch, reply }));
        queued.inspect_err(|_| add(&self.shared.counters.pushes_refused, 1))?;
        Ok(Pending(pending))
    }

    /// Writes profiles straight into blocks, without log and without a key: for files and generated data. Durable
    /// when it returns; what a crash leaves behind is all of it or nothing.
    pub fn import(&self, batch: &Batch) -> Result<(), StoreError> {
        batch.check()?;
        let mut part = Part::default();
        part.add(batch);
        worker::import(&self.shared, part)
    }

    /// One profile: everything selected, summed by stack. Stacks whose sum is 0 are left out.
    pub fn stacks(
        &self,
        selector: &Selector,
        window: Window,
        kind: ProfileType,
    ) -> Result<Answer<Batch>, StoreError> {
        query::stacks(&self.shared, selector, window, kind)
    }

    /// Cost over time, grouped by a label or not.
    pub fn timeline(
        &self,
        selector: &Selector,
        window: Window,
        kind: ProfileType,
        shape: &TimelineShape,
    ) -> Result<Answer<Timeline>, StoreError> {
        query::timeline(&self.shared, (selector, window, kind), shape)
    }

    /// Requests over time, grouped by a label or not: what programs counted themselves.
    pub fn requests(
        &self,
        selector: &Selector,
        window: Window,
        shape: &RequestShape,
    ) -> Result<Answer<Vec<RequestSeries>>, StoreError> {
        query::requests(&self.shared, (selector, window), shape)
    }

    /// Folds stacks told apart by labels and by time, as they are read: `take` gets some of the sums at a time. When a
    /// folder turns out to be unreadable, the fold starts over from `start`.
    pub fn fold<T>(
        &self,
        (selector, window, kind): (&Selector, Window, ProfileType),
        shape: &CellShape,
        start: impl Fn() -> T,
        take: impl Fn(&mut T, &Cells<'_>),
    ) -> Result<Answer<T>, StoreError> {
        query::fold(&self.shared, (selector, window, kind), shape, (start, take))
    }

    /// How often flags had which variant, and why, in the processes selected; most often first. Windows are the one
    /// asked for, labels are empty.
    pub fn evaluations(
        &self,
        selector: &Selector,
        window: Window,
    ) -> Result<Answer<Vec<FlagEvaluations>>, StoreError> {
        query::evaluations(&self.shared, selector, window)
    }

    /// Names of the labels that occur on the samples selected, in order. When nothing but a window is selected, all names
    /// count from segments and blocks that it only touches.
    pub fn label_names(
        &self,
        selector: &Selector,
        window: Window,
    ) -> Result<Answer<Vec<Arc<str>>>, StoreError> {
        query::label_names(&self.shared, selector, window)
    }

    /// Values of a label with their totals, biggest first. An absent label is the empty value.
    pub fn label_values(
        &self,
        name: &str,
        selector: &Selector,
        window: Window,
        kind: ProfileType,
    ) -> Result<Answer<LabelTotals>, StoreError> {
        query::label_values(&self.shared, name, (selector, window, kind))
    }

    /// From the first window's start to the last window's end; `None` when the store is empty.
    pub fn bounds(&self) -> Option<Window> {
        self.shared.read().bounds()
    }

    /// A number that goes up whenever a query may give another answer than before. Read it before the query.
    pub fn generation(&self) -> u64 {
        self.shared.generation.load(Relaxed)
    }

    /// Counters and sizes.
    pub fn stats(&self) -> Stats {
        let mut stats = self.shared.counters.read();
        ingest::add_log_stats(&self.shared, &mut stats);
        stats.findings = self.shared.catalog.findings_count().unwrap_or_default();
        stats.memory_reports = self.shared.catalog.memory_count().unwrap_or_default();
        for service in self.shared.catalog.code_services().unwrap_or_default() {
            stats.code_functions += service.functions;
            stats.code_blocks += service.blocks;
            stats.code_bytes += service.bytes;
        }
        let state = self.shared.read();
        stats.head_rows = state.head_rows() as u64;
        for entry in &state.entries {
            match entry.level {
                Level::Segment => stats.segments += 1,
                Level::Block => stats.blocks += 1,
            }
            stats.stored_rows += entry.rows;
            stats.stored_bytes += entry.size_bytes();
        }
        stats
    }

    /// Looks at the findings of analyses or changes them, all at once or, with an error, not at all.
    pub fn findings<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&FindingTable<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.shared.catalog.findings(&self.shared.counters, work)
    }

    /// Keeps what an agent found in its host's memory. False when it is too long to be kept.
    pub fn put_memory(&self, report: &StoredMemory) -> Result<bool, StoreError> {
        self.shared.catalog.put_memory(&self.shared.counters, report)
    }

    /// What agents found in their hosts' memory, the newest of each host first; and how many reports there are.
    pub fn memory(&self, filter: &MemoryFilter<'_>) -> Result<(Vec<StoredMemory>, u64), StoreError> {
        self.shared.catalog.memory(filter)
    }

    /// Merges what code an agent found in a group of processes, and which of it has run.
    pub fn put_code(&self, report: &CodeReport) -> Result<CodeKept, StoreError> {
        let now_ns = self.shared.now_ns();
        let until_ns = now_ns.saturating_add(self.shared.limits.ahead_ns);
        self.shared.catalog.put_code(&self.shared.counters, report, (now_ns, until_ns))
    }

    /// Which code of a service has run where and when; `None` when nothing is known of the service.
    pub fn code(&self, filter: &CodeFilter<'_>) -> Result<Option<CodeSums>, StoreError> {
        self.shared.catalog.code(filter)
    }

    /// The services of which code is known, by name.
    pub fn code_services(&self) -> Result<Vec<CodeServiceSize>, StoreError> {
        self.shared.catalog.code_services()
    }

    /// Writes the head into segments now.
    pub fn flush(&self) -> Result<(), StoreError> {
        worker::flush(&self.shared)
    }

    /// One round of what the background thread does: flush what is due, compact, retain, remove what nobody needs.
    pub fn maintain(&self) -> Result<(), StoreError> {
        worker::maintain(&self.shared)
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
        let spawned = std::thread::Builder::new().name(name.into()).spawn(work);
        self.threads.push(spawned.map_err(StoreError::file("start a thread for", &self.shared.log_dir))?);
        Ok(())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.queue = None;
        self.shared.wake.stop.store(true, Relaxed);
        self.shared.wake.notify();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the store panicked");
            }
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("log_dir", &self.shared.log_dir).finish_non_exhaustive()
    }
}

/// Everything of opening but the threads.
fn open(options: StoreOptions) -> Result<Shared, StoreError> {
    let dir = &options.dir;
    let log_dir = dir.join("log");
    let lock = lock(dir, &log_dir).map_err(|source| StoreError::Directory { dir: dir.clone(), source })?;
    let lock = lock.ok_or_else(|| StoreError::InUse { dir: dir.clone() })?;
    let catalog = Catalog::open(&dir.join("catalog.sqlite"))?;
    let contents = catalog.load()?;
    let files = Arc::new(Files::open(options.objects, &dir.join("data"))?);
    let counters = Counters::default();
    let now_ns = (options.clock)();
    let mut dedup = Dedup::new(contents.agents);
    let recovered =
        ingest::recover(&log_dir, contents.log_floor, now_ns, (&options.decode, &mut dedup), &counters)?;
    let is_due = recovered.pushes > 0 || !recovered.corrupt_logs.is_empty();
    let log = Log::create(&log_dir, recovered.next_log)?;
    let of_file = |path: &String| path.split('/').nth(1).and_then(|id| id.parse::<u64>().ok());
    let ids_used = files.list()?.iter().filter_map(of_file).max();
    let ids_used = ids_used.max(contents.entries.iter().map(|entry| entry.id).max()).unwrap_or(0);
    Ok(Shared {
        head_rows: AtomicUsize::new(recovered.head.row_count()),
        maintenance: Mutex::default(),
        ingest: Mutex::new(Ingest {
            log,
            dedup,
            oldest_ns: is_due.then_some(now_ns),
            corrupt_logs: recovered.corrupt_logs,
        }),
        state: RwLock::new(State {
            head: recovered.head,
            flushing: None,
            entries: contents.entries.into_iter().map(Arc::new).collect(),
        }),
        unreadable: Mutex::default(),
        catalog,
        tables: Tables::new(files.clone()),
        files,
        counters,
        limits: options.limits,
        clock: options.clock,
        clock_high_ns: AtomicI64::new(contents.clock_high_ns.max(now_ns)),
        next_id: AtomicU64::new(ids_used + 1),
        generation: AtomicU64::default(),
        log_dir,
        wake: Wake::default(),
        _lock: lock,
    })
}

/// Makes the directories and takes the lock; `None` when another process keeps it. One that is just ending, or a child
/// that was forked and has not begun its own program yet, gets a moment to let go.
fn lock(dir: &Path, log_dir: &Path) -> io::Result<Option<File>> {
    const TRIES: u32 = 20;
    const PAUSE: Duration = Duration::from_millis(50);
    std::fs::create_dir_all(dir)?;
    std::fs::create_dir_all(log_dir)?;
    File::open(dir)?.sync_all()?;
    let lock = File::options().create(true).truncate(false).write(true).open(dir.join("lock"))?;
    for _ in 0..TRIES {
        match lock.try_lock() {
            Ok(()) => return Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(None)
}
