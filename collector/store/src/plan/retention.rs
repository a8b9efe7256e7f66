//! Which segments and blocks to delete.

use crate::{Limits, catalog::Entry};

/// Ids of the folders to delete: all that is older than the limit, then the oldest until the rest fits on the disk.
///
/// Age is counted back from the newest data where that is older than the clock. A clock that jumps ahead then deletes
/// nothing as long as nobody sends from the future.
pub(crate) fn plan(entries: &[Entry], now_ns: i64, limits: &Limits) -> Vec<u64> {
    let newest_ns = entries.iter().map(|entry| entry.end_ns).max().unwrap_or(now_ns);
    let keep_from_ns = now_ns.min(newest_ns).saturating_sub(limits.retention_ns);
    let mut oldest_first: Vec<&Entry> = entries.iter().collect();
    oldest_first.sort_by_key(|entry| (entry.end_ns, entry.id));
    let mut size_bytes: u64 = entries.iter().map(Entry::size_bytes).sum();
    let expired = oldest_first.into_iter().take_while(|entry| {
        let expires = entry.end_ns <= keep_from_ns || size_bytes > limits.disk_bytes;
        size_bytes -= entry.size_bytes();
        expires
    });
    expired.map(|entry| entry.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Level, TableEntry};

    const DAY_NS: i64 = 86_400_000_000_000;

    /// Entries as (id, day of the end, bytes).
    fn check(entries: &[(u64, i64, u64)], today: i64, disk_bytes: u64, expected: &[u64]) {
        let entries: Vec<Entry> = entries
            .iter()
            .map(|(id, day, size_bytes)| Entry {
                id: *id,
                level: Level::Block,
                start_ns: day * DAY_NS - 1,
                end_ns: day * DAY_NS,
                rows: 1,
                stacks: 1,
                created_ns: 0,
                tables: vec![TableEntry { name: "samples".into(), size_bytes: *size_bytes, crc32: 0 }],
            })
            .collect();
        let limits = Limits { retention_ns: 14 * DAY_NS, disk_bytes, ..Limits::default() };
        assert_eq!(plan(&entries, today * DAY_NS, &limits), expected);
    }

    #[test]
    fn old_data_goes() {
        check(&[], 100, 100, &[]);
        check(&[(1, 86, 1), (2, 87, 1), (3, 100, 1)], 100, 100, &[1]);
        check(&[(3, 100, 1), (2, 80, 1), (1, 85, 1)], 100, 100, &[2, 1]);
    }

    #[test]
    fn a_clock_that_jumps_ahead_deletes_nothing() {
        check(&[(1, 99, 1), (2, 100, 1)], 100_000, 100, &[]);
    }

    #[test]
    fn a_clock_that_goes_back_deletes_nothing_more() {
        check(&[(1, 86, 1), (2, 100, 1)], 1, 100, &[]);
    }

    #[test]
    fn the_oldest_goes_when_the_disk_cap_is_reached() {
        check(&[(1, 98, 40), (2, 99, 40), (3, 100, 40)], 100, 120, &[]);
        check(&[(1, 98, 40), (2, 99, 40), (3, 100, 40)], 100, 119, &[1]);
        check(&[(1, 98, 40), (2, 99, 40), (3, 100, 40)], 100, 10, &[1, 2, 3]);
    }
}
