//! What code groups of processes hold, and which of it has run: names, sizes and hashes, never contents (I14).

use std::sync::Arc;

use crate::LabelSet;

/// Whether a function has run. The greater wins where two looks differ, so their order and number do not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ExecutionState {
    /// Every mark that was read says that it did not.
    Unexecuted,
    /// No mark says either.
    #[default]
    Unknown,
    /// A mark, or a sample, says that it did.
    Executed,
}

/// One function of a running program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CodeFunction {
    /// Its qualified name.
    pub function: Arc<str>,
    /// The file it is written in.
    pub file: Arc<str>,
    /// Its first line in this release.
    pub line: u32,
    /// Hash of what it does, without where it stands; 0 when not known.
    pub body: u128,
    /// Memory of its code in each process.
    pub bytes: u32,
    /// Whether it has run in any process of the group.
    pub state: ExecutionState,
    /// It ran, but only as importing runs code: a module's or class's body, or in the parent before the fork.
    pub is_import_only: bool,
}

/// The code of a group of processes that run one program: the workers of a service, as a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeReport {
    /// When it was looked at, in nanoseconds since the Unix epoch.
    pub at_ns: i64,
    /// Labels of the group: service, release, host, and region and role where known.
    pub labels: LabelSet,
    /// What runs them, as in a memory report.
    pub program: Arc<str>,
    /// What runs the code: `cpython 3.11`, `native`.
    pub runtime: Arc<str>,
    /// How many processes there are.
    pub processes: u32,
    /// Of how many the marks were read.
    pub read: u32,
    /// How many could not be read.
    pub refused: u32,
    /// True when all functions are in it, false when only those that are new or changed.
    pub is_complete: bool,
    /// The functions.
    pub functions: Vec<CodeFunction>,
    /// Functions left out at a bound.
    pub left_out: u64,
}

#[cfg(test)]
mod tests {
    use super::ExecutionState::{Executed, Unexecuted, Unknown};

    #[test]
    fn what_ran_wins_over_what_is_not_known_and_that_over_what_did_not() {
        assert_eq!(Unexecuted.max(Unknown), Unknown);
        assert_eq!(Unknown.max(Executed).max(Unexecuted), Executed);
    }
}
