//! Aggregation: events of one window, added up by label set and stack.
//!
//! Events carry monotonic time, profiles carry wall-clock time. The two are matched once per window: the
//! boundaries lie on multiples of ten seconds of the wall clock, and a wall clock that jumps moves the next
//! window, never one that is open.

use std::{collections::VecDeque, sync::Arc};

use foldhash::{HashMap, HashMapExt};
use model::{LabelSet, Window, keys};

use crate::{
    location::{BEYOND_LIMIT, Location},
    runtimes::Requests,
    tally::Tally,
};

/// Both clocks, read at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Now {
    pub(crate) monotonic_ns: u64,
    pub(crate) wall_ns: i64,
}

/// Bounds of one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Entries of all distinct stacks together, which is what takes the memory.
    pub(crate) locations: usize,
    /// Distinct label sets.
    pub(crate) label_sets: usize,
}

/// A leaf-first stack.
pub(crate) type Stack = Arc<[Location]>;

/// How often each stack was met, by label set. Every sample is looked up here, so hashing it has to be cheap.
pub(crate) type Counts = HashMap<Arc<LabelSet>, HashMap<Stack, u64>>;

/// A window that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    pub(crate) window: Window,
    /// Time that one event stands for.
    pub(crate) period_ns: u64,
    pub(crate) counts: Counts,
    /// What the programs counted themselves.
    pub(crate) requests: Requests,
}

#[derive(Debug)]
struct Open {
    window: Window,
    end_monotonic_ns: u64,
    period_ns: u64,
    counts: Counts,
    requests: Requests,
    locations: usize,
}

/// The open windows. There are two while late events of the older one may still come.
#[derive(Debug)]
pub(crate) struct Aggregator {
    length_ns: i64,
    limits: Limits,
    open: VecDeque<Open>,
    tally: Tally,
}

/// How long after a window's end its events may still arrive.
const GRACE_NS: u64 = 500_000_000;
/// A wall clock that is off by less than this is being adjusted, not set; the boundaries stay where they are.
const DRIFT_NS: i64 = 1_000_000_000;

impl Default for Limits {
    fn default() -> Self {
        Self { locations: 1 << 19, label_sets: 4096 }
    }
}

impl Aggregator {
    /// Starts with one open window.
    pub(crate) fn new(length_ns: i64, limits: Limits, now: Now, period_ns: u64) -> Self {
        let window = Window { start_ns: now.wall_ns, end_ns: boundary_after(now.wall_ns, length_ns) };
        let first = Open::new(window, now, period_ns);
        Self { length_ns: length_ns.max(1), limits, open: VecDeque::from([first]), tally: Tally::default() }
    }

    /// Counts one event. An event older than every open window falls into the oldest one.
    pub(crate) fn add(&mut self, at_monotonic_ns: u64, labels: Arc<LabelSet>, stack: Vec<Location>) {
        let newest = self.open.len().saturating_sub(1);
        let within = self.open.iter().position(|open| at_monotonic_ns < open.end_monotonic_ns);
        if let Some(open) = self.open.get_mut(within.unwrap_or(newest)) {
            open.add(labels, stack, self.limits, &mut self.tally);
        }
    }

    /// True when the newest window is over, so that the next has to be opened.
    pub(crate) fn needs_window(&self, monotonic_ns: u64) -> bool {
        self.open.len() < 2 && self.open.back().is_none_or(|newest| monotonic_ns >= newest.end_monotonic_ns)
    }

    /// Gives the newest window what the programs counted while it was open.
    pub(crate) fn set_requests(&mut self, requests: Requests) {
        if let Some(newest) = self.open.back_mut() {
            newest.requests = requests;
        }
    }

    /// Opens the next window, in which one event stands for `period_ns`.
    pub(crate) fn open_window(&mut self, now: Now, period_ns: u64) {
        let Some(last) = self.open.back() else { return };
        // Where the wall clock stood when the last window ended.
        let since_end_ns = now.monotonic_ns.saturating_sub(last.end_monotonic_ns) as i64;
        let start_ns = now.wall_ns.saturating_sub(since_end_ns);
        let off_ns = start_ns.saturating_sub(last.window.end_ns);
        let start_ns = if off_ns.abs() < DRIFT_NS {
            last.window.end_ns
        } else {
            self.tally.add("clock_steps_total", if off_ns < 0 { "backward" } else { "forward" }, 1);
            start_ns
        };
        let end_ns =
            boundary_after(start_ns, self.length_ns).max(boundary_after(now.wall_ns, self.length_ns));
        self.open.push_back(Open::new(Window { start_ns, end_ns }, now, period_ns));
    }

    /// Closes the oldest window once nothing more can come for it.
    pub(crate) fn close_window(&mut self, monotonic_ns: u64) -> Option<Closed> {
        let is_over = |open: &Open| monotonic_ns >= open.end_monotonic_ns.saturating_add(GRACE_NS);
        let oldest_is_over = self.open.len() > 1 && self.open.front().is_some_and(is_over);
        oldest_is_over.then(|| self.open.pop_front()).flatten().map(Open::close)
    }

    /// Ends every window now, for a shutdown. One without events is not worth a profile.
    pub(crate) fn finish(mut self, now: Now) -> Vec<Closed> {
        if let Some(newest) = self.open.back_mut() {
            let left_ns = newest.end_monotonic_ns.saturating_sub(now.monotonic_ns) as i64;
            newest.window.end_ns = (newest.window.end_ns - left_ns).max(newest.window.start_ns + 1);
        }
        self.open.into_iter().filter(|open| !open.counts.is_empty()).map(Open::close).collect()
    }

    /// What fell at a bound, and how often the wall clock was set.
    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }
}

impl Open {
    fn new(window: Window, now: Now, period_ns: u64) -> Self {
        let length_ns = window.end_ns.saturating_sub(now.wall_ns).max(0) as u64;
        Self {
            window,
            end_monotonic_ns: now.monotonic_ns.saturating_add(length_ns),
            period_ns,
            counts: Counts::new(),
            requests: Requests::default(),
            locations: 0,
        }
    }

    fn add(&mut self, labels: Arc<LabelSet>, stack: Vec<Location>, limits: Limits, tally: &mut Tally) {
        let is_known = self.counts.contains_key(&labels);
        let labels = if is_known || self.counts.len() < limits.label_sets {
            labels
        } else {
            // Only the host is left to name: its CPU time must not vanish.
            tally.add("aggregation_drops_total", "label set", 1);
            Arc::new(LabelSet::new(labels.get(keys::HOST_NAME).map(|host| (keys::HOST_NAME, host))))
        };
        let stacks = self.counts.entry(labels).or_default();
        if let Some(count) = stacks.get_mut(stack.as_slice()) {
            *count += 1;
        } else if self.locations + stack.len() > limits.locations {
            tally.add("aggregation_drops_total", "stack", 1);
            *stacks.entry(Stack::from([BEYOND_LIMIT])).or_insert(0) += 1;
        } else {
            self.locations += stack.len();
            stacks.insert(Stack::from(stack), 1);
        }
    }

    fn close(self) -> Closed {
        Closed {
            window: self.window,
            period_ns: self.period_ns,
            counts: self.counts,
            requests: self.requests,
        }
    }
}

/// The first multiple of `length_ns` after an instant; one that is less than a second away is too close to be
/// of use.
fn boundary_after(at_ns: i64, length_ns: i64) -> i64 {
    let length_ns = length_ns.max(1);
    let next_ns = (at_ns.div_euclid(length_ns) + 1).saturating_mul(length_ns);
    let is_too_close = length_ns > DRIFT_NS && next_ns - at_ns < DRIFT_NS;
    if is_too_close { next_ns.saturating_add(length_ns) } else { next_ns }
}

#[cfg(test)]
mod tests;
