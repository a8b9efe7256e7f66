//! Answering queries: which rows, their sums, and putting together what segments, blocks and the head say.

pub(crate) mod filter;
mod groups;
pub(crate) mod parallel;
mod select;
mod stacks;
mod sums;

pub(crate) use groups::{Grouping, Totals, label_names, totals};
pub(crate) use stacks::{FolderError, Merged, merge_folders};
