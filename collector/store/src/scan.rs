//! Answering queries: which rows, their sums, and putting together what segments, blocks and the head say.

pub(crate) mod cells;
mod evaluations;
pub(crate) mod filter;
mod groups;
pub(crate) mod names;
pub(crate) mod parallel;
mod select;
mod stacks;
mod sums;

pub(crate) use evaluations::{Evaluations, evaluations};
pub(crate) use groups::{Amount, Grouping, Totals, totals};
pub(crate) use stacks::{FolderError, Merged, merge_folders};
