//! How unwinding ended, and how often.

/// Why a stack has the root it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// The thread's first function was reached.
    Complete,
    /// The next caller lies past the end of a copy that was cut at its size limit.
    BeyondCopy,
    /// The next caller lies on another stack: a signal stack, a segmented stack, a coroutine's creator.
    StackSwitch,
    /// An instruction pointer or return address is in no known mapping, even after reading the mappings again.
    NoMapping,
    /// Code without unwind rows, and no chain of frame pointers led on.
    NoRows,
    /// So many rows were read of late that these have to wait, and no chain of frame pointers led on.
    RowsDelayed,
    /// Code written at run time, and no chain of frame pointers led on.
    Jit,
    /// The executable's file could not be opened or read, and no chain of frame pointers led on.
    FileUnreadable,
    /// No stack bytes came with the sample.
    ReadFault,
    /// The process ended before its mappings could be read.
    ProcessGone,
    /// The stack has more frames than the limit.
    DepthLimit,
    /// The rows led backwards or in a circle.
    Stuck,
}

impl Outcome {
    /// Every outcome there is, for listing.
    pub const ALL: [Self; 12] = [
        Self::Complete,
        Self::BeyondCopy,
        Self::StackSwitch,
        Self::NoMapping,
        Self::NoRows,
        Self::RowsDelayed,
        Self::Jit,
        Self::FileUnreadable,
        Self::ReadFault,
        Self::ProcessGone,
        Self::DepthLimit,
        Self::Stuck,
    ];

    /// Name in measures and marker frames.
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::BeyondCopy => "beyond copy",
            Self::StackSwitch => "stack switch",
            Self::NoMapping => "no mapping",
            Self::NoRows => "no unwind rows",
            Self::RowsDelayed => "rows delayed",
            Self::Jit => "jit",
            Self::FileUnreadable => "file unreadable",
            Self::ReadFault => "read fault",
            Self::ProcessGone => "process gone",
            Self::DepthLimit => "depth limit",
            Self::Stuck => "stuck",
        }
    }

    /// True when the root was reached; everything else is a cut with a reason.
    pub fn is_complete(self) -> bool {
        self == Self::Complete
    }
}

/// What the unwinder did since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    outcomes: [u64; Outcome::ALL.len()],
    /// Mappings parsed from a process.
    pub maps_read: u64,
    /// Mappings read again because an address was in none.
    pub maps_reread: u64,
    /// Mappings left out because a process has more than the limit.
    pub mappings_dropped: u64,
    /// Times an executable's unwind rows were copied from its file.
    pub rows_loaded: u64,
    /// Rows given up to stay inside the byte limit.
    pub rows_evicted: u64,
    /// Executables whose rows alone exceed the byte limit.
    pub rows_too_big: u64,
    /// Times that rows were not read because too much had been read of late.
    pub rows_delayed: u64,
    /// Signal frames stepped over.
    pub signal_frames: u64,
    /// Bytes of unwind rows held now.
    pub rows_bytes: u64,
    /// Address-space images known now.
    pub images: u64,
}

impl Counters {
    pub(crate) fn count(&mut self, outcome: Outcome) {
        if let Some(count) = self.outcomes.get_mut(outcome as usize) {
            *count += 1;
        }
    }

    /// How often each outcome was met, in the order of [`Outcome::ALL`].
    pub fn outcomes(&self) -> impl Iterator<Item = (Outcome, u64)> {
        Outcome::ALL.into_iter().zip(self.outcomes)
    }

    /// How often one outcome was met.
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(outcome as usize).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_own_count() {
        let mut counters = Counters::default();
        for (times, outcome) in Outcome::ALL.into_iter().enumerate() {
            (0..times).for_each(|_| counters.count(outcome));
        }
        let counts: Vec<u64> = counters.outcomes().map(|(_, count)| count).collect();
        assert_eq!(counts, (0..Outcome::ALL.len() as u64).collect::<Vec<_>>());
        assert_eq!(counters.of(Outcome::Stuck), 11);
    }
}
