//! Which segments and blocks to merge.

use std::collections::BTreeMap;

use crate::{
    Limits,
    catalog::{Entry, Level},
};

/// Length of the time that one block is of.
pub(crate) const HOUR_NS: i64 = 3_600_000_000_000;
/// How long after an hour's end its first block is made: pushes come a little late.
const SETTLE_NS: i64 = 300_000_000_000;
/// Segments of one hour that are merged at once, whether the hour is over or not.
const SEGMENTS_MAX: usize = 8;
/// How long segments that come after an hour's block wait for more of their kind.
const LATE_NS: i64 = HOUR_NS;

/// Folders of one hour that become one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Merge {
    /// Ids of the folders.
    pub(crate) inputs: Vec<u64>,
}

/// The hour an instant is in.
pub(crate) fn hour_of(at_ns: i64) -> i64 {
    at_ns.div_euclid(HOUR_NS)
}

/// The merges that are due, oldest hour first. While an hour is open, its segments are only kept from piling up; when it
/// is over they become its block. Segments that come later wait for each other, so that a block is not written again for each.
pub(crate) fn plan(entries: &[Entry], now_ns: i64, limits: &Limits) -> Vec<Merge> {
    let mut hours: BTreeMap<i64, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        hours.entry(hour_of(entry.start_ns)).or_default().push(entry);
    }
    hours.into_iter().filter_map(|(hour, entries)| plan_hour(hour, entries, now_ns, limits)).collect()
}

fn plan_hour(hour: i64, mut entries: Vec<&Entry>, now_ns: i64, limits: &Limits) -> Option<Merge> {
    let segments = entries.iter().filter(|entry| entry.level == Level::Segment);
    let segments_count = segments.clone().count();
    let newest_ns = segments.map(|entry| entry.created_ns).max()?;
    let has_block = entries.iter().any(|entry| entry.level == Level::Block);
    let is_over = now_ns >= (hour + 1).saturating_mul(HOUR_NS).saturating_add(SETTLE_NS);
    let waited = !has_block || now_ns >= newest_ns.saturating_add(LATE_NS);
    if segments_count < SEGMENTS_MAX && !(is_over && waited) {
        return None;
    }
    // Small ones first, so that a full block is the last to be written again.
    entries.sort_by_key(|entry| (entry.level, entry.rows, entry.id));
    let mut rows = 0;
    let fits = |entry: &&&Entry| {
        rows += entry.rows;
        rows <= limits.block_rows
    };
    let mut inputs: Vec<u64> = entries.iter().take_while(fits).map(|entry| entry.id).collect();
    if inputs.is_empty() {
        // A segment beyond the limit is still made a block, alone.
        inputs.extend(entries.first().map(|entry| entry.id));
    }
    Some(Merge { inputs })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_NS: i64 = 1_000 * HOUR_NS + HOUR_NS / 2;

    /// Entries as (id, level, hours ago, minutes since written, rows).
    fn check(entries: &[(u64, Level, i64, i64, u64)], expected: &[&[u64]]) {
        let entries: Vec<Entry> = entries
            .iter()
            .map(|(id, level, hours_ago, written_min, rows)| Entry {
                id: *id,
                level: *level,
                start_ns: (1_000 - hours_ago) * HOUR_NS + 1,
                end_ns: (1_000 - hours_ago) * HOUR_NS + 2,
                rows: *rows,
                stacks: 1,
                created_ns: NOW_NS - written_min * 60_000_000_000,
                tables: Vec::new(),
            })
            .collect();
        let limits = Limits { block_rows: 100, ..Limits::default() };
        let found: Vec<Vec<u64>> =
            plan(&entries, NOW_NS, &limits).into_iter().map(|merge| merge.inputs).collect();
        assert_eq!(found, expected);
    }

    use Level::{Block, Segment};

    #[test]
    fn an_hour_becomes_a_block_when_it_is_over() {
        check(&[], &[]);
        check(&[(1, Segment, 0, 5, 10), (2, Segment, 0, 1, 10)], &[]);
        check(&[(1, Segment, 1, 5, 10), (2, Segment, 1, 1, 10)], &[&[1, 2]]);
        check(&[(1, Segment, 1, 1, 10)], &[&[1]]);
        check(&[(1, Block, 1, 1, 10)], &[]);
        check(&[(1, Segment, 2, 1, 10), (2, Segment, 1, 1, 10)], &[&[1], &[2]]);
    }

    #[test]
    fn segments_of_an_open_hour_do_not_pile_up() {
        let many: Vec<_> = (1..=8).map(|id| (id, Segment, 0, 1, 10)).collect();
        check(&many[..7], &[]);
        check(&many, &[&[1, 2, 3, 4, 5, 6, 7, 8]]);
    }

    #[test]
    fn late_segments_wait_before_a_block_is_written_again() {
        check(&[(1, Block, 5, 200, 50), (2, Segment, 5, 59, 10)], &[]);
        check(&[(1, Block, 5, 200, 50), (2, Segment, 5, 60, 10)], &[&[2, 1]]);
    }

    #[test]
    fn a_block_stays_below_its_limit() {
        check(&[(1, Block, 5, 200, 95), (2, Segment, 5, 60, 10), (3, Segment, 5, 60, 9)], &[&[3, 2]]);
        check(&[(1, Segment, 5, 60, 1_000)], &[&[1]]);
        check(&[(1, Segment, 5, 60, 99), (2, Segment, 5, 60, 98)], &[&[2]]);
    }
}
