//! What to merge and what to delete: plans are values, made by pure functions and carried out by the worker.

pub(crate) mod caps;
pub(crate) mod compaction;
pub(crate) mod retention;
