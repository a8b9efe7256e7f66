//! What agents report of their hosts' memory: documents by host and time. Their form belongs to the network's crate.

use rusqlite::{Transaction, params};

use super::Catalog;
use crate::{
    StoreError,
    stats::{Counters, add},
};

/// Reports of one host that are kept, the newest.
const REPORTS_PER_HOST: i64 = 24;

/// Reports of all hosts that are kept; beyond it the oldest go.
const REPORTS_MAX: i64 = 20_000;

/// Bytes of one report.
const DOCUMENT_BYTES_MAX: usize = 512 << 10;

/// Bytes of documents that one answer brings.
const ANSWER_BYTES_MAX: usize = 32 << 20;

pub(super) const SCHEMA: &str = "
    create table if not exists memory_reports (
        host text not null, at_ms integer not null, document text not null, primary key (host, at_ms)
    ) strict;
    create index if not exists memory_reports_by_time on memory_reports (at_ms);
";

/// What one agent found on its host at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredMemory {
    /// The host's name.
    pub host: String,
    /// When it looked, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Everything else.
    pub document: String,
}

/// Which reports are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryFilter<'a> {
    /// Of this host; of all without it.
    pub host: Option<&'a str>,
    /// Not older, in milliseconds since the Unix epoch.
    pub since_ms: i64,
    /// At most so many of each host, the newest.
    pub per_host: u32,
    /// At most so many in all.
    pub limit: usize,
}

impl Catalog {
    /// Keeps a report, in the place of one of the same host and time. False, and counted, when it is too long.
    pub(crate) fn put_memory(&self, counters: &Counters, report: &StoredMemory) -> Result<bool, StoreError> {
        if report.document.len() > DOCUMENT_BYTES_MAX {
            add(&counters.memory_reports_dropped, 1);
            return Ok(false);
        }
        let fallen = self.change(|transaction| {
            transaction
                .prepare_cached("insert or replace into memory_reports values (?1, ?2, ?3)")?
                .execute(params![report.host, report.at_ms, report.document])?;
            trim(transaction, &report.host)
        })?;
        add(&counters.memory_reports_dropped, fallen as u64);
        Ok(true)
    }

    /// Reports, the newest of each host first; and how many there are that were asked for.
    pub(crate) fn memory(&self, filter: &MemoryFilter<'_>) -> Result<(Vec<StoredMemory>, u64), StoreError> {
        let sql = "select host, at_ms, document from (
                select *, row_number() over (partition by host order by at_ms desc) as place from memory_reports
                where (?1 is null or host = ?1) and at_ms >= ?2
            ) where place <= ?3 order by host, at_ms desc";
        self.change(|transaction| {
            let mut query = transaction.prepare_cached(sql)?;
            let mut rows = query.query(params![filter.host, filter.since_ms, filter.per_host])?;
            let (mut reports, mut size_bytes, mut total) = (Vec::new(), 0, 0);
            while let Some(row) = rows.next()? {
                total += 1;
                let report = StoredMemory { host: row.get(0)?, at_ms: row.get(1)?, document: row.get(2)? };
                size_bytes += report.document.len();
                if reports.len() < filter.limit && size_bytes <= ANSWER_BYTES_MAX {
                    reports.push(report);
                }
            }
            Ok((reports, total))
        })
    }

    /// How many reports there are.
    pub(crate) fn memory_count(&self) -> Result<u64, StoreError> {
        let connection = self.0.lock().map_err(|_| StoreError::Closed)?;
        let count: i64 = connection.query_row("select count(*) from memory_reports", [], |row| row.get(0))?;
        Ok(count as u64)
    }
}

/// Drops a host's older reports, and the oldest of all beyond the bound; returns how many of the latter fell.
fn trim(transaction: &Transaction<'_>, host: &str) -> rusqlite::Result<usize> {
    transaction.execute(
        "delete from memory_reports where host = ?1 and at_ms < (select min(at_ms) from
         (select at_ms from memory_reports where host = ?1 order by at_ms desc limit ?2))",
        params![host, REPORTS_PER_HOST],
    )?;
    transaction.execute(
        "delete from memory_reports where rowid in
         (select rowid from memory_reports order by at_ms desc limit -1 offset ?1)",
        [REPORTS_MAX],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(host: &str, at_ms: i64) -> StoredMemory {
        StoredMemory { host: host.into(), at_ms, document: format!("{host} {at_ms}") }
    }

    #[test]
    fn the_newest_reports_of_each_host_are_kept_and_told() {
        let dir = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&dir.path().join("catalog.sqlite")).unwrap();
        let counters = Counters::default();
        for at_ms in 1..=REPORTS_PER_HOST + 6 {
            assert!(catalog.put_memory(&counters, &report("a", at_ms)).unwrap());
        }
        catalog.put_memory(&counters, &report("b", 3)).unwrap();
        // A push that is sent again changes nothing.
        catalog.put_memory(&counters, &report("b", 3)).unwrap();
        let found = |filter: MemoryFilter<'_>| {
            let (reports, total) = catalog.memory(&filter).unwrap();
            let documents: Vec<String> = reports.into_iter().map(|report| report.document).collect();
            (documents.join(", "), total)
        };
        let all = MemoryFilter { host: None, since_ms: 0, per_host: 1, limit: 10 };
        assert_eq!(found(all), ("a 30, b 3".to_owned(), 2));
        assert_eq!(found(MemoryFilter { since_ms: 4, ..all }), ("a 30".to_owned(), 1));
        assert_eq!(found(MemoryFilter { limit: 1, ..all }), ("a 30".to_owned(), 2));
        let history = MemoryFilter { host: Some("a"), per_host: 100, limit: 2, ..all };
        assert_eq!(found(history), ("a 30, a 29".to_owned(), REPORTS_PER_HOST as u64));
        assert_eq!(catalog.memory_count().unwrap(), REPORTS_PER_HOST as u64 + 1);
        assert_eq!(counters.read().memory_reports_dropped, 0);
    }

    #[test]
    fn what_is_too_long_or_too_much_falls_and_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&dir.path().join("catalog.sqlite")).unwrap();
        let counters = Counters::default();
        let long = StoredMemory { document: "x".repeat(DOCUMENT_BYTES_MAX + 1), ..report("a", 1) };
        assert!(!catalog.put_memory(&counters, &long).unwrap());
        catalog
            .change(|transaction| {
                let sql =
                    "with recursive number (n) as (select 1 union all select n + 1 from number where n < ?1)
                    insert into memory_reports select 'host ' || n, n, '' from number";
                transaction.execute(sql, [REPORTS_MAX + 1])
            })
            .unwrap();
        catalog.put_memory(&counters, &report("a", REPORTS_MAX + 2)).unwrap();
        assert_eq!(catalog.memory_count().unwrap(), REPORTS_MAX as u64);
        assert_eq!(counters.read().memory_reports_dropped, 3);
    }
}
