//! What a store is opened with.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use model::{Batch, PushKey};
use object_store::ObjectStore;

/// A push as far as the store needs to understand it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Names the push, so that a resend is recognised.
    pub key: PushKey,
    /// What it brings.
    pub batch: Batch,
}

/// Turns the bytes of a push into profiles; an error is one sentence.
///
/// The log keeps pushes as they were received, but their format belongs to the network's crate, which the store
/// may not know. So whoever opens the store says how its log is read.
pub type DecodePush = Arc<dyn Fn(&[u8]) -> Result<Decoded, String> + Send + Sync>;

/// Nanoseconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Everything a store needs from outside.
#[derive(Clone)]
pub struct StoreOptions {
    /// Log, catalog and, unless `objects` is given, segments and blocks live here. Made when it does not exist.
    pub dir: PathBuf,
    /// Reads pushes back from the log.
    pub decode: DecodePush,
    /// What time it is.
    pub clock: Clock,
    /// Where segments and blocks go; `None` keeps them in `dir`, each file synced to the disk.
    pub objects: Option<Arc<dyn ObjectStore>>,
    /// Bounds.
    pub limits: Limits,
    /// True to flush, compact and retain on a thread of the store's own; false leaves that to [`crate::Store::maintain`].
    pub background: bool,
}

impl StoreOptions {
    /// A store in a local directory with the machine's clock and default limits.
    pub fn new(
        dir: impl AsRef<Path>,
        decode: impl Fn(&[u8]) -> Result<Decoded, String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            dir: dir.as_ref().to_owned(),
            decode: Arc::new(decode),
            clock: Arc::new(system_now_ns),
            objects: None,
            limits: Limits::default(),
            background: true,
        }
    }
}

/// The bounds of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// One push may not be longer than this.
    pub push_bytes: usize,
    /// Pushes that may wait to be written.
    pub queue_pushes: usize,
    /// Bytes of pushes that may wait to be written.
    pub queue_bytes: usize,
    /// The head is flushed when it has this many rows …
    pub flush_rows: usize,
    /// … or its log has this many bytes …
    pub flush_log_bytes: u64,
    /// … or its oldest push is this old.
    pub flush_age_ns: i64,
    /// Data older than this is deleted.
    pub retention_ns: i64,
    /// The oldest data is deleted while segments and blocks take more than this.
    pub disk_bytes: u64,
    /// A window may start this far ahead of the clock.
    pub ahead_ns: i64,
    /// One block is not made larger than this; an hour with more has several.
    pub block_rows: u64,
    /// Threads that one query may use.
    pub query_threads: usize,
}

const MINUTE_NS: i64 = 60_000_000_000;
const DAY_NS: i64 = 24 * 60 * MINUTE_NS;

impl Default for Limits {
    fn default() -> Self {
        Self {
            push_bytes: 32 << 20,
            queue_pushes: 4096,
            queue_bytes: 256 << 20,
            flush_rows: 1_000_000,
            flush_log_bytes: 128 << 20,
            flush_age_ns: 10 * MINUTE_NS,
            retention_ns: 14 * DAY_NS,
            disk_bytes: 20_000_000_000,
            ahead_ns: 60 * MINUTE_NS,
            block_rows: 16_000_000,
            query_threads: 2,
        }
    }
}

/// The machine's clock.
pub fn system_now_ns() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX)
}
