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

/// What a condition was found to be. Finding it again adds to it, so that order and number do not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Outcomes(u8);

/// One condition of a function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CodeBranch {
    /// Its line, after the function's first, which is 0.
    pub line: u32,
    /// Bytes before it in its line.
    pub column: u32,
    /// What it was; of a test for `None`, whether that was found.
    pub outcomes: Outcomes,
}

/// Conditions kept of one function.
pub const BRANCHES_MAX: usize = 32;

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
    /// Its conditions that were asked, in order of line and column; at most [`BRANCHES_MAX`].
    pub branches: Vec<CodeBranch>,
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

impl Outcomes {
    /// It was false.
    pub const FALSE: Self = Self(1);
    /// It was true.
    pub const TRUE: Self = Self(2);
    /// It was the same in all of the last outcomes that the runtime keeps: 16, or 15 where it is a jump that was taken.
    pub const IN_A_ROW: Self = Self(4);

    /// Those of so many bits; `None` where others are set.
    pub fn from_bits(bits: u32) -> Option<Self> {
        u8::try_from(bits).ok().filter(|bits| *bits < 8).map(Self)
    }

    /// One bit each for false, true and in a row, the lowest first.
    pub fn bits(self) -> u32 {
        self.0.into()
    }

    /// What was found in either.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The only outcome that was ever seen, and all of the last that the runtime keeps somewhere.
    pub fn always(self) -> Option<bool> {
        match self {
            Self(5) => Some(false),
            Self(6) => Some(true),
            Self(_) => None,
        }
    }

    /// Those of the opposite condition.
    #[must_use]
    pub fn negated(self) -> Self {
        Self(self.0 & 4 | (self.0 & 1) << 1 | (self.0 & 2) >> 1)
    }

    /// True when it was both.
    pub fn has_varied(self) -> bool {
        self.0 & 3 == 3
    }
}

impl CodeBranch {
    /// Adds what was found of a function's conditions to what is known of them, which is in order; returns whether that is
    /// more than was known, and how many there is no room for.
    pub fn merge(known: &mut Vec<Self>, found: &[Self]) -> (bool, u64) {
        let (mut is_more, mut left_out) = (false, 0);
        for branch in found {
            let place = |one: &Self| (one.line, one.column);
            match known.binary_search_by_key(&place(branch), place) {
                Ok(at) => {
                    let Some(one) = known.get_mut(at) else { continue };
                    let both = one.outcomes.and(branch.outcomes);
                    is_more |= both != one.outcomes;
                    one.outcomes = both;
                }
                Err(_) if known.len() >= BRANCHES_MAX => left_out += 1,
                Err(at) => {
                    known.insert(at, *branch);
                    is_more = true;
                }
            }
        }
        (is_more, left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::ExecutionState::{Executed, Unexecuted, Unknown};
    use super::*;

    #[test]
    fn what_ran_wins_over_what_is_not_known_and_that_over_what_did_not() {
        assert_eq!(Unexecuted.max(Unknown), Unknown);
        assert_eq!(Unknown.max(Executed).max(Unexecuted), Executed);
    }

    #[test]
    fn what_a_condition_was_is_added_up() {
        let (often_false, once_true) = (Outcomes::FALSE.and(Outcomes::IN_A_ROW), Outcomes::TRUE);
        assert_eq!((often_false.always(), once_true.always()), (Some(false), None));
        assert_eq!(Outcomes::TRUE.and(Outcomes::IN_A_ROW).always(), Some(true));
        let both = often_false.and(once_true);
        assert_eq!((both.always(), both.has_varied(), once_true.has_varied()), (None, true, false));
        assert_eq!(Outcomes::from_bits(both.bits()), Some(both));
        assert_eq!(Outcomes::from_bits(8), None);
        assert_eq!((often_false.negated().always(), both.negated()), (Some(true), both));
    }

    #[test]
    fn conditions_are_merged_in_their_order_and_bounded() {
        let branch = |line, outcomes| CodeBranch { line, column: 3, outcomes };
        let mut known = Vec::new();
        let found = [branch(9, Outcomes::TRUE), branch(2, Outcomes::FALSE)];
        assert_eq!(CodeBranch::merge(&mut known, &found), (true, 0));
        assert_eq!(CodeBranch::merge(&mut known, &found), (false, 0));
        assert_eq!(CodeBranch::merge(&mut known, &[branch(9, Outcomes::FALSE)]), (true, 0));
        let shown: Vec<_> = known.iter().map(|one| (one.line, one.outcomes.bits())).collect();
        assert_eq!(shown, [(2, 1), (9, 3)]);
        let many: Vec<_> = (0..BRANCHES_MAX as u32 + 5).map(|line| branch(line, Outcomes::TRUE)).collect();
        assert_eq!(CodeBranch::merge(&mut known, &many), (true, 5));
        assert_eq!(known.len(), BRANCHES_MAX);
        assert!(known.is_sorted_by_key(|one| one.line));
    }
}
