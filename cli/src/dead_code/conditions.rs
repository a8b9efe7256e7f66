//! What conditions of functions were, as far as the last outcomes of them that CPython 3.13 keeps say so.

use agent::dead_code::Row;

/// How many conditions were what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Conditions {
    /// The same in all outcomes that are kept.
    pub(super) same: u64,
    /// Both.
    pub(super) varied: u64,
    /// The same, but asked too rarely to say more.
    pub(super) rare: u64,
}

/// Counts the conditions of functions; none where none was asked or outcomes are not kept.
pub(super) fn count(rows: &[Row]) -> Option<Conditions> {
    let mut counts = Conditions::default();
    for branch in rows.iter().flat_map(|row| &row.branches) {
        let count = match branch.outcomes {
            outcomes if outcomes.has_varied() => &mut counts.varied,
            outcomes if outcomes.always().is_some() => &mut counts.same,
            _ => &mut counts.rare,
        };
        *count += 1;
    }
    (counts != Conditions::default()).then_some(counts)
}
