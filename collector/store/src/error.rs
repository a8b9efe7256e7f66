//! What can go wrong, in kinds a caller can act on.

use std::{io, path::PathBuf, sync::Arc};

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The data directory cannot be used at all.
    #[error("data directory {}: {source}; check that it exists and that this user may write there", dir.display())]
    Directory {
        /// Where.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has the store open.
    #[error("data directory {} is in use by another process; stop it or choose another directory", dir.display())]
    InUse {
        /// Where.
        dir: PathBuf,
    },
    /// The store, or a file in it, has a format that this program does not know yet.
    #[error(
        "store was written by a newer version: {what} has format {found}, this program reads up to {supported}; \
         update fewer"
    )]
    NewerVersion {
        /// Which file or table.
        what: String,
        /// The format found.
        found: u32,
        /// The newest format known here.
        supported: u32,
    },
    /// A file of the store could not be read or written.
    #[error("{action} {}: {source}", path.display())]
    File {
        /// What was being done, e.g. `write`.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The object store failed.
    #[error("object store: {0}")]
    Objects(#[from] object_store::Error),
    /// The catalog failed.
    #[error("catalog: {0}")]
    Catalog(#[from] rusqlite::Error),
    /// A table could not be read or written.
    #[error("table: {0}")]
    Table(#[from] parquet::errors::ParquetError),
    /// A segment or block does not hold what its format promises.
    #[error("{folder} is corrupt: {what}")]
    Corrupt {
        /// Which segment or block.
        folder: String,
        /// What is wrong.
        what: String,
    },
    /// The push refers to things it does not contain.
    #[error("push is not valid: {0}")]
    InvalidBatch(#[from] model::InvalidBatch),
    /// The push is larger than the log accepts.
    #[error("push has {size_bytes} bytes, the limit is {limit_bytes}; send smaller pushes")]
    TooLarge {
        /// Its size.
        size_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// A window lies outside the time that the store keeps.
    #[error(
        "a window starts at {start_ns} ns, the store keeps {from_ns} to {until_ns} ns; \
         check the sender's clock"
    )]
    OutOfTime {
        /// Start of the window.
        start_ns: i64,
        /// Earliest start accepted.
        from_ns: i64,
        /// First start not accepted.
        until_ns: i64,
    },
    /// More is waiting to be written than the queue holds. Not stored: send again later.
    #[error("too many pushes are waiting to be written; send again later")]
    Busy,
    /// The store could not make the push durable. Not acknowledged: send again.
    #[error("push could not be made durable: {0}")]
    NotDurable(Arc<StoreError>),
    /// The store is shutting down.
    #[error("store is closed")]
    Closed,
    /// A matcher's regular expression does not compile.
    #[error("regular expression for label {key}: {source}")]
    Regex {
        /// Label of the matcher.
        key: Arc<str>,
        /// What the expression's parser says.
        source: Box<regex::Error>,
    },
    /// A query asks for more than it may get.
    #[error("{what} is {asked}, the limit is {limit}; {fix}")]
    Limit {
        /// What was asked for, e.g. `number of steps`.
        what: &'static str,
        /// How much.
        asked: u64,
        /// What is allowed.
        limit: u64,
        /// What to do about it.
        fix: &'static str,
    },
}

impl StoreError {
    /// Names the file an input or output error belongs to.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}
