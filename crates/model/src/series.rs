//! Values over time.

use crate::LabelSet;

/// One measure over equal steps of time for one label set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// What the values belong to; the labels that were grouped by.
    pub labels: LabelSet,
    /// Start of the first step, in nanoseconds since the Unix epoch.
    pub start_ns: i64,
    /// Length of a step.
    pub step_ns: i64,
    /// The sum within each step.
    pub values: Vec<i64>,
}
