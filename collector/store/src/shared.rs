//! What the threads of a store share.

use std::{
    collections::HashMap,
    fs::File,
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use model::{AgentId, Window};

use crate::{
    Clock, Limits, StoreError,
    block::read::Tables,
    catalog::{Catalog, Entry},
    dedup::{Dedup, Seen},
    files::Files,
    head::Part,
    log::Log,
    stats::{Counters, add},
};

/// One open store. Locks are taken in the order of the fields.
pub(crate) struct Shared {
    /// Held while folders are written or removed: one such thing at a time, so everything that is neither in the
    /// catalog nor in the graveyard is an orphan.
    pub(crate) maintenance: Mutex<Graveyard>,
    pub(crate) ingest: Mutex<Ingest>,
    pub(crate) state: RwLock<State>,
    /// Folders that could not be read, and why.
    pub(crate) unreadable: Mutex<HashMap<u64, String>>,
    pub(crate) catalog: Catalog,
    pub(crate) files: Arc<Files>,
    pub(crate) tables: Tables,
    pub(crate) counters: Counters,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    /// The latest time the clock has shown: it may go back, what was accepted does not.
    pub(crate) clock_high_ns: AtomicI64,
    pub(crate) next_id: AtomicU64,
    /// Goes up whenever queries may give another answer than before.
    pub(crate) generation: AtomicU64,
    /// Rows in memory, for those who may not wait for `state`.
    pub(crate) head_rows: AtomicUsize,
    pub(crate) log_dir: PathBuf,
    pub(crate) wake: Wake,
    /// Keeps other processes out.
    pub(crate) _lock: File,
}

/// Folders that are out of the catalog but may still be read by a query.
#[derive(Debug, Default)]
pub(crate) struct Graveyard(pub(crate) Vec<Arc<Entry>>);

/// What appending changes.
#[derive(Debug)]
pub(crate) struct Ingest {
    pub(crate) log: Log,
    pub(crate) dedup: Dedup,
    /// When the oldest push in the head came.
    pub(crate) oldest_ns: Option<i64>,
    /// Log files with corrupt records: they are kept aside when the log is done with them.
    pub(crate) corrupt_logs: Vec<u64>,
}

/// What queries see: every row is in exactly one of these.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) head: Part,
    pub(crate) flushing: Option<Arc<Sealed>>,
    pub(crate) entries: Vec<Arc<Entry>>,
}

/// A head that takes no more rows and is on its way into segments.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) part: Part,
    pub(crate) agents: Vec<(AgentId, Seen)>,
    /// The first log file that holds nothing of this.
    pub(crate) log_floor: u64,
}

impl Shared {
    pub(crate) fn now_ns(&self) -> i64 {
        let now_ns = (self.clock)();
        self.clock_high_ns.fetch_max(now_ns, Relaxed);
        now_ns
    }

    pub(crate) fn maintenance(&self) -> MutexGuard<'_, Graveyard> {
        self.maintenance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ingest(&self) -> MutexGuard<'_, Ingest> {
        self.ingest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that queries may give another answer from now on. Called after what changed can be seen.
    pub(crate) fn note_change(&self) {
        add(&self.generation, 1);
    }

    /// Remembers that a folder cannot be read; counted and logged once.
    pub(crate) fn note_unreadable(&self, entry: &Entry, error: &StoreError) {
        let mut unreadable = self.unreadable.lock().unwrap_or_else(PoisonError::into_inner);
        if unreadable.insert(entry.id, error.to_string()).is_none() {
            self.note_change();
            add(&self.counters.folders_corrupt, 1);
            tracing::error!(folder = entry.folder(), %error, "cannot be read, answering from the rest");
        }
    }

    /// True when the folder was found unreadable before.
    pub(crate) fn is_unreadable(&self, id: u64) -> bool {
        self.unreadable.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&id)
    }
}

impl State {
    /// The parts in memory.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Part> {
        self.flushing.iter().map(|sealed| &sealed.part).chain([&self.head])
    }

    /// Rows in memory.
    pub(crate) fn head_rows(&self) -> usize {
        self.parts().map(Part::row_count).sum()
    }

    /// From the first window's start to the last window's end.
    pub(crate) fn bounds(&self) -> Option<Window> {
        let stored =
            self.entries.iter().map(|entry| Window { start_ns: entry.start_ns, end_ns: entry.end_ns });
        stored.chain(self.parts().filter_map(Part::bounds)).reduce(|left, right| Window {
            start_ns: left.start_ns.min(right.start_ns),
            end_ns: left.end_ns.max(right.end_ns),
        })
    }
}

/// Wakes the maintenance thread, or tells it to stop.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    pub(crate) stop: AtomicBool,
    pub(crate) due: Mutex<bool>,
    pub(crate) changed: Condvar,
}

impl Wake {
    /// There is something to do.
    pub(crate) fn notify(&self) {
        *self.due.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }
}
