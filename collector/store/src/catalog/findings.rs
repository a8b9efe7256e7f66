//! Findings of analyses: documents with what they are asked for by. Their form belongs to the network's crate; what
//! becomes of them is decided by whoever opens the table.

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::Catalog;
use crate::{
    StoreError,
    stats::{Counters, add},
};

/// Findings of one kind that are kept; beyond it those that are over go first, then those that cost least.
const FINDINGS_MAX: i64 = 10_000;

/// Reports of one kind that are kept, the newest.
const REPORTS_MAX: i64 = 1_000;

/// Bytes of one finding or report.
const DOCUMENT_BYTES_MAX: usize = 256 << 10;

/// Bytes of documents that one answer brings.
const ANSWER_BYTES_MAX: usize = 32 << 20;

pub(super) const SCHEMA: &str = "
    create table if not exists findings (
        id text primary key, kind text not null, service text not null, state text not null,
        is_over integer not null, servers real not null, expires_ms integer, document text not null
    ) strict;
    create index if not exists findings_by_cost on findings (kind, is_over, servers);
    create table if not exists finding_reports (
        kind text not null, service text not null, at_ms integer not null, document text not null,
        primary key (kind, service)
    ) strict;
";

/// One finding.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredFinding {
    /// Names the cause.
    pub id: String,
    /// Which analysis found it.
    pub kind: String,
    /// The service it is in, or empty.
    pub service: String,
    /// What became of it.
    pub state: String,
    /// True when nothing is left to do about it.
    pub is_over: bool,
    /// What it costs; the dearest come first.
    pub servers: f64,
    /// When somebody has to decide anew, in milliseconds since the Unix epoch.
    pub expires_ms: Option<i64>,
    /// Everything else.
    pub document: String,
}

/// The newest report of an analysis about one scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredReport {
    /// Which analysis.
    pub kind: String,
    /// The scope.
    pub service: String,
    /// When it looked, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Everything else.
    pub document: String,
}

/// Which findings are asked for; what is absent does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FindingFilter<'a> {
    /// Of this analysis.
    pub kind: Option<&'a str>,
    /// In this state.
    pub state: Option<&'a str>,
    /// In this service.
    pub service: Option<&'a str>,
}

/// The findings while they are looked at or changed: all changes are kept together, or none.
pub struct FindingTable<'a> {
    transaction: &'a Transaction<'a>,
    counters: &'a Counters,
}

impl FindingTable<'_> {
    /// The finding with an id.
    pub fn get(&self, id: &str) -> Result<Option<StoredFinding>, StoreError> {
        let mut query = self.transaction.prepare_cached("select * from findings where id = ?1")?;
        Ok(query.query_row([id], finding).optional()?)
    }

    /// Keeps a finding, in the place of the one with its id. False, and counted, when it is too long to be kept.
    pub fn put(&self, finding: &StoredFinding) -> Result<bool, StoreError> {
        if finding.document.len() > DOCUMENT_BYTES_MAX {
            add(&self.counters.findings_dropped, 1);
            return Ok(false);
        }
        let sql = "insert or replace into findings values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        self.transaction.prepare_cached(sql)?.execute(params![
            finding.id,
            finding.kind,
            finding.service,
            finding.state,
            finding.is_over,
            finding.servers,
            finding.expires_ms,
            finding.document
        ])?;
        Ok(true)
    }

    /// Ids of the findings of a kind and a scope that are not over; an empty scope is all services.
    pub fn open_ids(&self, kind: &str, scope: &str) -> Result<Vec<String>, StoreError> {
        let sql = "select id from findings where kind = ?1 and is_over = 0 and (?2 = '' or service = ?2) order by id";
        let mut query = self.transaction.prepare_cached(sql)?;
        let ids = query.query_map([kind, scope], |row| row.get(0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// Ids of the findings about which somebody has to decide anew by now.
    pub fn expired_ids(&self, now_ms: i64) -> Result<Vec<String>, StoreError> {
        let sql = "select id from findings where expires_ms <= ?1 order by id";
        let mut query = self.transaction.prepare_cached(sql)?;
        let ids = query.query_map([now_ms], |row| row.get(0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// The documents that a filter selects, the dearest first, as many as were asked for and fit an answer; and how many
    /// there are in all.
    pub fn select(&self, filter: &FindingFilter<'_>, limit: usize) -> Result<(Vec<String>, u64), StoreError> {
        let condition = "from findings where (?1 is null or kind = ?1) and (?2 is null or state = ?2)
            and (?3 is null or service = ?3)";
        let values = params![filter.kind, filter.state, filter.service];
        let count: i64 =
            self.transaction.query_row(&format!("select count(*) {condition}"), values, |row| row.get(0))?;
        let mut query = self.transaction.prepare_cached(&format!(
            "select document {condition} order by is_over, abs(servers) desc, id"
        ))?;
        let mut rows = query.query(values)?;
        let (mut documents, mut size_bytes) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let document: String = row.get(0)?;
            size_bytes += document.len();
            if documents.len() == limit || size_bytes > ANSWER_BYTES_MAX {
                break;
            }
            documents.push(document);
        }
        Ok((documents, count as u64))
    }

    /// Drops what is over the bound of a kind; returns how many findings fell. They are counted.
    pub fn trim(&self, kind: &str) -> Result<u64, StoreError> {
        let fallen = self.transaction.execute(
            "delete from findings where id in (select id from findings where kind = ?1
             order by is_over, abs(servers) desc, id limit -1 offset ?2)",
            params![kind, FINDINGS_MAX],
        )?;
        self.transaction.execute(
            "delete from finding_reports where kind = ?1 and service in (select service from finding_reports
             where kind = ?1 order by at_ms desc, service limit -1 offset ?2)",
            params![kind, REPORTS_MAX],
        )?;
        add(&self.counters.findings_dropped, fallen as u64);
        Ok(fallen as u64)
    }

    /// The newest reports of a kind and a scope; what is absent does not matter.
    pub fn reports(
        &self,
        kind: Option<&str>,
        service: Option<&str>,
    ) -> Result<Vec<StoredReport>, StoreError> {
        let sql = "select kind, service, at_ms, document from finding_reports
            where (?1 is null or kind = ?1) and (?2 is null or service = ?2) order by kind, service";
        let mut query = self.transaction.prepare_cached(sql)?;
        let reports = query.query_map(params![kind, service], |row| {
            Ok(StoredReport {
                kind: row.get(0)?,
                service: row.get(1)?,
                at_ms: row.get(2)?,
                document: row.get(3)?,
            })
        })?;
        Ok(reports.collect::<Result<_, _>>()?)
    }

    /// Keeps a report, in the place of the one about the same scope. False when it is too long to be kept.
    pub fn put_report(&self, report: &StoredReport) -> Result<bool, StoreError> {
        if report.document.len() > DOCUMENT_BYTES_MAX {
            return Ok(false);
        }
        let sql = "insert or replace into finding_reports values (?1, ?2, ?3, ?4)";
        let values = params![report.kind, report.service, report.at_ms, report.document];
        self.transaction.prepare_cached(sql)?.execute(values)?;
        Ok(true)
    }
}

impl Catalog {
    /// Looks at findings or changes them; an error changes nothing.
    pub(crate) fn findings<T, E: From<StoreError>>(
        &self,
        counters: &Counters,
        work: impl FnOnce(&FindingTable<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let failed = |error: rusqlite::Error| E::from(StoreError::from(error));
        let mut connection = self.0.lock().map_err(|_| E::from(StoreError::Closed))?;
        let transaction =
            connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(failed)?;
        let result = work(&FindingTable { transaction: &transaction, counters })?;
        transaction.commit().map_err(failed)?;
        Ok(result)
    }

    /// How many findings there are.
    pub(crate) fn findings_count(&self) -> Result<u64, StoreError> {
        let connection = self.0.lock().map_err(|_| StoreError::Closed)?;
        let count: i64 = connection.query_row("select count(*) from findings", [], |row| row.get(0))?;
        Ok(count as u64)
    }
}

fn finding(row: &Row<'_>) -> rusqlite::Result<StoredFinding> {
    Ok(StoredFinding {
        id: row.get(0)?,
        kind: row.get(1)?,
        service: row.get(2)?,
        state: row.get(3)?,
        is_over: row.get(4)?,
        servers: row.get(5)?,
        expires_ms: row.get(6)?,
        document: row.get(7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(id: &str, servers: f64) -> StoredFinding {
        StoredFinding {
            id: id.into(),
            kind: "regression".into(),
            state: "new".into(),
            servers,
            document: format!("{{\"{id}\"}}"),
            ..StoredFinding::default()
        }
    }

    fn with_table<T>(work: impl FnOnce(&FindingTable<'_>) -> Result<T, StoreError>) -> (T, u64) {
        let dir = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&dir.path().join("catalog.sqlite")).unwrap();
        let counters = Counters::default();
        let result = catalog.findings(&counters, work).unwrap();
        (result, counters.read().findings_dropped)
    }

    #[test]
    fn the_dearest_come_first_and_what_is_over_last() {
        with_table(|table| {
            let over = StoredFinding { is_over: true, state: "fixed".into(), ..one("over", 9.0) };
            let other = StoredFinding { service: "feed".into(), expires_ms: Some(5), ..one("b", -3.0) };
            for finding in [one("a", 1.0), over, other.clone()] {
                assert!(table.put(&finding)?);
            }
            assert_eq!(table.get("b")?, Some(other));
            let (documents, total) = table.select(&FindingFilter::default(), 2)?;
            assert_eq!((documents.join(" ").as_str(), total), ("{\"b\"} {\"a\"}", 3));
            let filter = FindingFilter { state: Some("fixed"), ..FindingFilter::default() };
            assert_eq!(table.select(&filter, 9)?.1, 1);
            assert_eq!(table.open_ids("regression", "")?, ["a", "b"]);
            assert_eq!(table.open_ids("regression", "feed")?, ["b"]);
            assert_eq!((table.expired_ids(4)?.len(), table.expired_ids(5)?), (0, vec!["b".to_owned()]));
            Ok(())
        });
    }

    #[test]
    fn a_kind_is_bounded_and_what_falls_is_counted() {
        let (left, dropped) = with_table(|table| {
            let long = StoredFinding { document: "x".repeat(DOCUMENT_BYTES_MAX + 1), ..one("long", 1.0) };
            assert!(!table.put(&long)?);
            for at in 0..FINDINGS_MAX + 2 {
                table.put(&one(&format!("{at:05}"), 1.0 + at as f64))?;
            }
            table.put(&StoredFinding { is_over: true, ..one("over", 1e9) })?;
            assert_eq!(table.trim("regression")?, 3);
            assert_eq!(table.trim("regression")?, 0);
            Ok(["00000", "00001", "00002", "over"].map(|id| table.get(id).unwrap().is_some()))
        });
        assert_eq!((left, dropped), ([false, false, true, false], 4));
    }

    #[test]
    fn an_error_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&dir.path().join("catalog.sqlite")).unwrap();
        let counters = Counters::default();
        let failed: Result<(), StoreError> = catalog.findings(&counters, |table| {
            table.put(&one("a", 1.0))?;
            Err(StoreError::Busy)
        });
        assert!(failed.is_err());
        assert_eq!(catalog.findings_count().unwrap(), 0);
        let report = StoredReport { kind: "flag".into(), at_ms: 7, ..StoredReport::default() };
        let kept = catalog.findings(&counters, |table| {
            table.put_report(&report)?;
            table.reports(Some("flag"), None)
        });
        assert_eq!(kept.unwrap(), [report]);
    }
}
