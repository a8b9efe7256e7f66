//! Time ranges.

/// A half-open range of time, start included, in nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Window {
    /// First instant inside.
    pub start_ns: i64,
    /// First instant after.
    pub end_ns: i64,
}

impl Window {
    /// True when the window has no instant in it.
    pub fn is_empty(&self) -> bool {
        self.end_ns <= self.start_ns
    }

    /// Length in nanoseconds, never negative.
    pub fn duration_ns(&self) -> i64 {
        self.end_ns.saturating_sub(self.start_ns).max(0)
    }

    /// True when `at_ns` lies inside.
    pub fn contains(&self, at_ns: i64) -> bool {
        self.start_ns <= at_ns && at_ns < self.end_ns
    }

    /// True when the two share an instant.
    pub fn overlaps(&self, other: &Window) -> bool {
        self.start_ns < other.end_ns && other.start_ns < self.end_ns
    }
}
