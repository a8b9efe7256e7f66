//! How symbolizing ended, and how often.

/// Whether an address has a name, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// The function is known.
    Named,
    /// The file has symbols, but none for this address: a linker's stub, or a function that was stripped.
    NoSymbol,
    /// The file has no symbols at all.
    NoSymbolTable,
    /// The file could not be opened, read or understood.
    FileUnreadable,
    /// The kernel hides its addresses from this process (`kernel.kptr_restrict`, or a missing capability).
    KernelHidden,
    /// Code written at run time by a process that has no perf map.
    NoPerfMap,
    /// Code written at run time that the process's perf map does not mention.
    NotInPerfMap,
}

impl Outcome {
    /// Every outcome there is, for listing.
    pub const ALL: [Self; 7] = [
        Self::Named,
        Self::NoSymbol,
        Self::NoSymbolTable,
        Self::FileUnreadable,
        Self::KernelHidden,
        Self::NoPerfMap,
        Self::NotInPerfMap,
    ];

    /// Name in measures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::NoSymbol => "no symbol",
            Self::NoSymbolTable => "no symbol table",
            Self::FileUnreadable => "file unreadable",
            Self::KernelHidden => "kernel hidden",
            Self::NoPerfMap => "no perf map",
            Self::NotInPerfMap => "not in perf map",
        }
    }
}

/// What the symbolizer did since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    outcomes: [u64; Outcome::ALL.len()],
    /// Addresses answered from the cache.
    pub cache_hits: u64,
    /// Addresses looked up.
    pub cache_misses: u64,
    /// How often a file was opened and read.
    pub files_read: u64,
    /// Files with more debug information than the limits; they have names without lines.
    pub debug_info_too_big: u64,
    /// Perf map entries and kernel symbols beyond the limit.
    pub entries_dropped: u64,
}

impl Counters {
    pub(crate) fn count(&mut self, outcome: Outcome) {
        if let Some(count) = self.outcomes.get_mut(outcome as usize) {
            *count += 1;
        }
    }

    /// How often each outcome was met, cached or not, in the order of [`Outcome::ALL`].
    pub fn outcomes(&self) -> impl Iterator<Item = (Outcome, u64)> {
        Outcome::ALL.into_iter().zip(self.outcomes)
    }

    /// How often one outcome was met.
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(outcome as usize).copied().unwrap_or_default()
    }
}
