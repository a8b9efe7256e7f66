//! The SDK of this process: tables, counters and publication, started at the first use and never stopped.
//!
//! Nothing here panics or waits for long: a label that cannot be had in time is left out and counted. In a forked child the
//! lock may have been held by a thread that is gone. Nobody will give it back, so there the SDK switches itself off.

use std::{
    io,
    sync::{
        Mutex, OnceLock, RwLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use crate::{
    clock::{self, Spent},
    discovery::Publisher,
    flag::Reason,
    page::{End, Header, MEASURES_CPU, MEASURES_INSTRUCTIONS, Page},
    record::{MAX_FLAG_KEY_BYTES, MAX_LABEL_BYTES, MAX_VARIANT_BYTES, Record},
    system,
    tables::{Evaluated, Route, Tables},
    thread_context,
};

const LOCK_ATTEMPTS: usize = 1000;
const LOCK_PAUSE: Duration = Duration::from_micros(100);

/// What the SDK does in this process, for people and health checks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Whether requests are counted.
    pub enabled: bool,
    /// Whether a profiler finds the labels by the executable's dynamic symbols.
    pub exported: bool,
    /// Whether instructions are counted.
    pub instructions: bool,
    /// What does not work, and why.
    pub problems: Vec<String>,
    /// Label sets seen.
    pub records: usize,
    /// Labels and evaluations that fell at a cap.
    pub overflowed: u64,
    /// Labels cut at their greatest length.
    pub labels_cut: u64,
    /// Errors inside the SDK, which it keeps to itself.
    pub faults: u64,
}

pub(crate) struct Sdk {
    pub(crate) page: Page,
    tables: RwLock<Tables>,
    publisher: Mutex<Publisher>,
    /// Why instructions are not counted.
    instructions: Option<String>,
    started_by: u32,
    off: AtomicBool,
}

static SDK: OnceLock<Result<Sdk, String>> = OnceLock::new();

/// The SDK, unless it is switched off or cannot work here.
#[inline]
pub(crate) fn get() -> Option<&'static Sdk> {
    SDK.get_or_init(start).as_ref().ok().filter(|sdk| !sdk.off.load(Relaxed))
}

/// What the SDK does in this process.
pub fn status() -> Status {
    match SDK.get_or_init(start) {
        Ok(sdk) => sdk.status(),
        Err(problem) => Status { problems: vec![problem.clone()], ..Status::default() },
    }
}

fn start() -> Result<Sdk, String> {
    if std::env::var_os("FEWER_DISABLED").is_some_and(|value| !value.is_empty() && value != "0") {
        return Err("FEWER_DISABLED is set".to_owned());
    }
    let instructions = clock::problem();
    let counted = if instructions.is_none() { MEASURES_INSTRUCTIONS } else { 0 };
    let page =
        Page::new(MEASURES_CPU | counted).map_err(|error: io::Error| format!("no counters: {error}"))?;
    let sdk = Sdk {
        page,
        tables: RwLock::new(Tables::new()),
        publisher: Mutex::new(Publisher::default()),
        instructions,
        started_by: std::process::id(),
        off: AtomicBool::new(false),
    };
    sdk.revive();
    Ok(sdk)
}

impl Sdk {
    /// The route of an endpoint.
    pub(crate) fn route(&self, endpoint: &str) -> Option<&'static Route> {
        if endpoint.len() > MAX_LABEL_BYTES {
            self.page.count(Header::Cut);
        }
        let known = self.read(|tables| tables.known_route(endpoint))?;
        let route = match known {
            Some(route) => route,
            None => self.write(|tables| tables.route(endpoint))?,
        };
        if route.is_fallback() {
            self.page.count(Header::Overflowed);
        }
        Some(route)
    }

    /// The route of an endpoint that has had requests before.
    #[cfg(feature = "tower")]
    pub(crate) fn known_route(&self, endpoint: &str) -> Option<&'static Route> {
        self.read(|tables| tables.known_route(endpoint))?
    }

    /// The same labels under another endpoint.
    pub(crate) fn renamed(&self, record: &'static Record, endpoint: &str) -> Option<&'static Record> {
        if *record.labels.endpoint == *endpoint {
            return Some(record);
        }
        self.write(|tables| tables.renamed(record, endpoint))
    }

    /// Counts an evaluation; the record that follows.
    pub(crate) fn evaluate(
        &self,
        record: Option<&'static Record>,
        evaluation: (&str, &str, Reason),
    ) -> Option<Option<&'static Record>> {
        let (key, variant, reason) = evaluation;
        if key.len() > MAX_FLAG_KEY_BYTES || variant.len() > MAX_VARIANT_BYTES {
            self.page.count(Header::Cut);
        }
        let known = self.read(|tables| tables.known_evaluation(record, evaluation))?;
        let evaluated = known.or_else(|| self.learn_evaluation(record, evaluation))?;
        if !self.page.is_started() {
            self.revive();
        }
        if let Some(variant) = evaluated.variant
            && let Some(row) = variant.row(reason)
        {
            self.page.add_evaluation(row, variant.record, reason as u8);
        }
        if evaluated.overflowed {
            self.page.count(Header::Overflowed);
        }
        Some(evaluated.record)
    }

    /// Counts a request that ended.
    pub(crate) fn add_request(&self, record: &'static Record, spent: Option<Spent>, end: End) {
        if !self.page.is_started() {
            self.revive();
        }
        self.page.add_request(record, spent, end);
    }

    /// Adds the cost of work that a request left to another task.
    pub(crate) fn add_cost(&self, record: &'static Record, spent: Spent) {
        if !self.page.is_started() {
            self.revive();
        }
        self.page.add_cost(record, spent);
    }

    fn learn_evaluation(
        &self,
        record: Option<&'static Record>,
        evaluation: (&str, &str, Reason),
    ) -> Option<Evaluated> {
        let (evaluated, is_new_key) = self.write(|tables| {
            let keys = tables.keys().len();
            let evaluated = tables.learn_evaluation(record, evaluation);
            (evaluated, tables.keys().len() > keys)
        })?;
        if is_new_key {
            self.publish();
        }
        evaluated
    }

    /// Starts counting, in this process and again in a forked child, where the page is wiped and the mapping gone.
    #[cold]
    fn revive(&self) {
        let Ok(mut publisher) = self.publisher.try_lock() else { return };
        if self.page.is_started() {
            return;
        }
        clock::forget();
        publisher.forget();
        self.page.start();
        self.publish_with(&mut publisher);
    }

    fn publish(&self) {
        if let Some(mut publisher) = self.patiently(|| held(self.publisher.try_lock())) {
            self.publish_with(&mut publisher);
        }
    }

    fn publish_with(&self, publisher: &mut Publisher) {
        let keys = self.read(|tables| tables.keys().to_vec()).unwrap_or_default();
        publisher.publish(&self.page, &keys, self.instructions.is_none());
    }

    fn read<T>(&self, question: impl FnOnce(&Tables) -> T) -> Option<T> {
        let tables = self.patiently(|| held(self.tables.try_read()))?;
        Some(question(&tables))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Tables) -> T) -> Option<T> {
        let mut tables = self.patiently(|| held(self.tables.try_write()))?;
        Some(change(&mut tables))
    }

    /// Waits a tenth of a second at most.
    #[inline]
    fn patiently<T>(&self, mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
        for number in 0..LOCK_ATTEMPTS {
            if let Some(guard) = attempt() {
                return Some(guard);
            }
            if number < 10 { std::thread::yield_now() } else { std::thread::sleep(LOCK_PAUSE) }
        }
        self.page.count(Header::Faults);
        if self.started_by != std::process::id() {
            self.off.store(true, Relaxed);
        }
        None
    }

    fn status(&self) -> Status {
        let exported = thread_context::SUPPORTED && system::is_exported();
        let publication = held(self.publisher.try_lock()).and_then(|publisher| publisher.problem.clone());
        let not_exported = (!exported).then(|| {
            "labels: the executable does not export otel_thread_ctx_v1; see \"Export the symbol\" in the README".to_owned()
        });
        let problems = [publication, not_exported, self.instructions.clone()];
        Status {
            enabled: !self.off.load(Relaxed),
            exported,
            instructions: self.instructions.is_none(),
            problems: problems.into_iter().flatten().collect(),
            records: self.read(Tables::records).unwrap_or_default(),
            overflowed: self.page.counted(Header::Overflowed),
            labels_cut: self.page.counted(Header::Cut),
            faults: self.page.counted(Header::Faults),
        }
    }
}

/// What a lock guards, also after a panic: every change to the tables leaves them usable.
fn held<T>(attempt: Result<T, std::sync::TryLockError<T>>) -> Option<T> {
    match attempt {
        Ok(guard) => Some(guard),
        Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(std::sync::TryLockError::WouldBlock) => None,
    }
}
