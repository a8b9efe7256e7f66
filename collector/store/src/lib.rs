//! Where profiles live: a durable log, a head in memory, Parquet segments and blocks, a catalog, and the scan that
//! answers queries from all of them.
//!
//! Everything here is synchronous and may block on the disk. From async code call it on a blocking thread; only
//! [`Store::submit`] never blocks, and what it returns can be awaited.

mod answer;
mod block;
mod catalog;
mod dedup;
mod error;
mod files;
mod head;
mod ingest;
mod log;
mod marginals;
mod options;
mod plan;
mod query;
mod scan;
mod shared;
mod stats;
mod store;
mod worker;

pub use answer::{
    Answer, LabelTotals, RequestSeries, RequestShape, Rest, Timeline, TimelineShape, Unreadable,
};
pub use catalog::{
    CodeFilter, CodeFunctionSums, CodeKept, CodeServiceSize, CodeSums, FindingFilter, FindingTable,
    MemoryFilter, StoredFinding, StoredMemory, StoredReport,
};
pub use error::StoreError;
pub use options::{Clock, DecodePush, Decoded, Limits, StoreOptions, system_now_ns};
pub use scan::cells::{Cell, CellShape, Cells};
pub use stats::Stats;
pub use store::{Appended, Pending, Store};

#[cfg(test)]
mod tests;
