//! What queries give back.

use std::sync::Arc;

use model::{RequestCounts, Series};

/// The answer to a query, from everything that could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer<T> {
    /// The answer.
    pub value: T,
    /// Segments and blocks that are missing from it. Tell whoever asked.
    pub unreadable: Vec<Unreadable>,
}

/// A segment or block that a query had to leave out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its folder, e.g. `blocks/00000012`.
    pub folder: Arc<str>,
    /// Why it cannot be read.
    pub reason: String,
}

/// Values of a label with their totals, biggest first.
pub type LabelTotals = Vec<(Arc<str>, i64)>;

/// Cost over time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Biggest first. Grouped by a label, each has that one label; its absence is an empty label set.
    pub series: Vec<Series>,
    /// What the limit left out of `series`.
    pub rest: Option<Rest>,
}

/// Groups beyond the limit, folded into one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rest {
    /// How many.
    pub groups: u64,
    /// Their sum.
    pub series: Series,
}

/// How to cut time and groups for a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineShape {
    /// Length of a step; the first begins where the window does.
    pub step_ns: i64,
    /// Label to group by.
    pub by: Option<Arc<str>>,
    /// How many groups get a series of their own; the biggest do.
    pub groups_limit: usize,
}

/// Requests of one group over time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestSeries {
    /// Value of the label, empty where it is absent or nothing is grouped by; `None` for all values not asked for.
    pub value: Option<Arc<str>>,
    /// What ended in each step, without labels.
    pub steps: Vec<RequestCounts>,
}

/// How to cut time and groups for requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestShape {
    /// Length of a step; the first begins where the window does.
    pub step_ns: i64,
    /// Label to group by.
    pub by: Option<Arc<str>>,
    /// Values that get a series of their own. `None` is for all of them, and takes a single step.
    pub values: Option<Vec<Arc<str>>>,
}
