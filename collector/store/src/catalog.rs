//! The catalog: which segments and blocks live, which pushes they hold, from where the log is still needed. SQLite.

mod code;
mod findings;
mod memory;

use std::{collections::HashMap, path::Path, sync::Mutex};

use model::AgentId;
use rusqlite::{Connection, Transaction, params};

use crate::{StoreError, dedup::Seen};

pub use code::{CodeFilter, CodeFunctionSums, CodeKept, CodeServiceSize, CodeSums};
pub use findings::{FindingFilter, FindingTable, StoredFinding, StoredReport};
pub use memory::{MemoryFilter, StoredMemory};

/// Format of the catalog written by this program.
///
/// 1 was without the tables `requests` and `evaluations`, which a program that does not know them would lose when it
/// compacts. 2 was without findings and memory reports, 3 without execution evidence, 4 without conditions in it.
pub(crate) const VERSION: u32 = 5;

const SCHEMA: &str = "
    create table if not exists folders (
        id integer primary key, level text not null, start_ns integer not null, end_ns integer not null,
        rows integer not null, stacks integer not null, created_ns integer not null
    ) strict;
    create table if not exists tables (
        folder integer not null references folders (id) on delete cascade, name text not null,
        bytes integer not null, crc32 integer not null, primary key (folder, name)
    ) strict, without rowid;
    create table if not exists agents (
        id blob primary key, sequence integer not null, seen_ns integer not null
    ) strict, without rowid;
    create table if not exists numbers (name text primary key, value integer not null) strict, without rowid;
";

/// How a folder came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Flushed from the head.
    Segment,
    /// Made by compaction.
    Block,
}

impl Level {
    /// Name in the catalog, and of the directory.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Segment => "segments",
            Self::Block => "blocks",
        }
    }
}

/// One file of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableEntry {
    /// E.g. `samples`; the file is `samples.parquet`.
    pub(crate) name: String,
    /// Its size.
    pub(crate) size_bytes: u64,
    /// The CRC-32 of its content.
    pub(crate) crc32: u32,
}

/// One segment or block: a folder of Parquet tables, all of one hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    pub(crate) level: Level,
    /// Start of the first window in it.
    pub(crate) start_ns: i64,
    /// End of its last window; format 1 has the first instant after that window's start.
    pub(crate) end_ns: i64,
    /// Rows in `samples`.
    pub(crate) rows: u64,
    /// Rows in `stacks`.
    pub(crate) stacks: u32,
    /// When it was written.
    pub(crate) created_ns: i64,
    pub(crate) tables: Vec<TableEntry>,
}

impl Entry {
    /// The folder's path, e.g. `blocks/00000012`.
    pub(crate) fn folder(&self) -> String {
        format!("{}/{:08}", self.level.name(), self.id)
    }

    /// True when it has this table.
    pub(crate) fn has(&self, table: &str) -> bool {
        self.tables.iter().any(|entry| entry.name == table)
    }

    /// Size of all its files.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.tables.iter().map(|table| table.size_bytes).sum()
    }
}

/// Everything the catalog says.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) entries: Vec<Entry>,
    pub(crate) agents: HashMap<AgentId, Seen>,
    /// First log file that is not in segments yet.
    pub(crate) log_floor: u64,
    /// The latest time the store's clock has shown.
    pub(crate) clock_high_ns: i64,
}

/// What a flush changes, in one transaction.
#[derive(Debug)]
pub(crate) struct FlushCommit<'a> {
    pub(crate) entries: &'a [Entry],
    pub(crate) agents: &'a [(AgentId, Seen)],
    /// Agents not heard of since then are forgotten.
    pub(crate) forget_before_ns: i64,
    pub(crate) log_floor: u64,
    pub(crate) clock_high_ns: i64,
}

/// An open catalog.
#[derive(Debug)]
pub(crate) struct Catalog(Mutex<Connection>);

impl Catalog {
    /// Opens the catalog or makes a new one.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(std::time::Duration::from_secs(30))?;
        let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found > VERSION {
            return Err(StoreError::NewerVersion { what: "the catalog".into(), found, supported: VERSION });
        }
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.execute_batch(SCHEMA)?;
        connection.execute_batch(findings::SCHEMA)?;
        connection.execute_batch(memory::SCHEMA)?;
        connection.execute_batch(code::SCHEMA)?;
        connection.pragma_update(None, "user_version", VERSION)?;
        Ok(Self(Mutex::new(connection)))
    }

    /// Reads everything.
    pub(crate) fn load(&self) -> Result<Contents, StoreError> {
        self.change(|transaction| {
            let mut numbers = HashMap::new();
            let mut query = transaction.prepare("select name, value from numbers")?;
            let rows = query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
            for row in rows {
                let (name, value) = row?;
                numbers.insert(name, value);
            }
            let number = |name: &str| numbers.get(name).copied().unwrap_or(0);
            Ok(Contents {
                entries: load_entries(transaction)?,
                agents: load_agents(transaction)?,
                log_floor: number("log_floor") as u64,
                clock_high_ns: number("clock_high_ns"),
            })
        })
    }

    /// Makes a flush visible: its segments, the pushes they hold, and that the log before is not needed any more.
    pub(crate) fn commit_flush(&self, commit: &FlushCommit<'_>) -> Result<(), StoreError> {
        self.change(|transaction| {
            for entry in commit.entries {
                insert_entry(transaction, entry)?;
            }
            let mut agent = transaction.prepare("insert or replace into agents values (?1, ?2, ?3)")?;
            for (id, seen) in commit.agents {
                agent.execute(params![id.0.to_be_bytes(), seen.sequence as i64, seen.at_ns])?;
            }
            transaction.execute("delete from agents where seen_ns < ?1", [commit.forget_before_ns])?;
            let mut number = transaction.prepare("insert or replace into numbers values (?1, ?2)")?;
            number.execute(params!["log_floor", commit.log_floor as i64])?;
            number.execute(params!["clock_high_ns", commit.clock_high_ns])?;
            Ok(())
        })
    }

    /// Puts `outputs` in the place of `inputs`, which may each be empty. Nothing changes when an input is gone.
    pub(crate) fn replace(&self, inputs: &[u64], outputs: &[Entry]) -> Result<(), StoreError> {
        self.change(|transaction| {
            for id in inputs {
                if transaction.execute("delete from folders where id = ?1", [*id as i64])? != 1 {
                    return Err(rusqlite::Error::QueryReturnedNoRows);
                }
            }
            outputs.iter().try_for_each(|entry| insert_entry(transaction, entry))
        })
    }

    fn change<T>(&self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let mut connection = self.0.lock().map_err(|_| StoreError::Closed)?;
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let result = work(&transaction)?;
        transaction.commit()?;
        Ok(result)
    }
}

fn insert_entry(transaction: &Transaction<'_>, entry: &Entry) -> rusqlite::Result<()> {
    let id = entry.id as i64;
    transaction.execute(
        "insert into folders values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            id,
            entry.level.name(),
            entry.start_ns,
            entry.end_ns,
            entry.rows as i64,
            entry.stacks,
            entry.created_ns
        ],
    )?;
    for table in &entry.tables {
        transaction.execute(
            "insert into tables values (?1, ?2, ?3, ?4)",
            params![id, table.name, table.size_bytes as i64, table.crc32],
        )?;
    }
    Ok(())
}

fn load_entries(transaction: &Transaction<'_>) -> rusqlite::Result<Vec<Entry>> {
    let mut query =
        transaction.prepare("select folder, name, bytes, crc32 from tables order by folder, name")?;
    let mut tables: HashMap<i64, Vec<TableEntry>> = HashMap::new();
    let rows = query.query_map([], |row| {
        let table =
            TableEntry { name: row.get(1)?, size_bytes: row.get::<_, i64>(2)? as u64, crc32: row.get(3)? };
        Ok((row.get(0)?, table))
    })?;
    for row in rows {
        let (folder, table): (i64, TableEntry) = row?;
        tables.entry(folder).or_default().push(table);
    }
    let mut query = transaction
        .prepare("select id, level, start_ns, end_ns, rows, stacks, created_ns from folders order by id")?;
    let rows = query.query_map([], |row| {
        let id: i64 = row.get(0)?;
        let level: String = row.get(1)?;
        Ok(Entry {
            id: id as u64,
            level: if level == Level::Segment.name() { Level::Segment } else { Level::Block },
            start_ns: row.get(2)?,
            end_ns: row.get(3)?,
            rows: row.get::<_, i64>(4)? as u64,
            stacks: row.get(5)?,
            created_ns: row.get(6)?,
            tables: tables.remove(&id).unwrap_or_default(),
        })
    })?;
    rows.collect()
}

fn load_agents(transaction: &Transaction<'_>) -> rusqlite::Result<HashMap<AgentId, Seen>> {
    let mut query = transaction.prepare("select id, sequence, seen_ns from agents")?;
    let rows = query.query_map([], |row| {
        let id: [u8; 16] = row.get(0)?;
        let seen = Seen { sequence: row.get::<_, i64>(1)? as u64, at_ns: row.get(2)? };
        Ok((AgentId(u128::from_be_bytes(id)), seen))
    })?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn entry(id: u64) -> Entry {
        let table = |name: &str| TableEntry { name: name.into(), size_bytes: 10, crc32: u32::MAX };
        Entry {
            id,
            level: Level::Segment,
            start_ns: -5,
            end_ns: 5,
            rows: 7,
            stacks: 3,
            created_ns: 9,
            tables: vec![table("samples"), table("stacks")],
        }
    }

    #[test]
    fn what_is_committed_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("catalog.sqlite");
        let agent = (AgentId(u128::MAX - 1), Seen { sequence: u64::MAX, at_ns: 100 });
        let stale = (AgentId(2), Seen { sequence: 1, at_ns: 1 });
        let commit = FlushCommit {
            entries: &[entry(1), entry(2)],
            agents: &[agent, stale],
            forget_before_ns: 50,
            log_floor: 4,
            clock_high_ns: 11,
        };
        Catalog::open(&path).unwrap().commit_flush(&commit).unwrap();
        let contents = Catalog::open(&path).unwrap().load().unwrap();
        assert_eq!(contents.entries, [entry(1), entry(2)]);
        assert_eq!(contents.agents, HashMap::from([agent]));
        assert_eq!((contents.log_floor, contents.clock_high_ns), (4, 11));
    }

    #[test]
    fn a_replacement_happens_as_a_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&dir.path().join("catalog.sqlite")).unwrap();
        catalog.replace(&[], &[entry(1), entry(2)]).unwrap();
        assert!(catalog.replace(&[1, 9], &[entry(3)]).is_err());
        assert_eq!(catalog.load().unwrap().entries.len(), 2);
        catalog.replace(&[1, 2], &[entry(3)]).unwrap();
        assert_eq!(catalog.load().unwrap().entries, [entry(3)]);
    }

    #[test]
    fn a_newer_catalog_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("catalog.sqlite");
        Catalog::open(&path)
            .unwrap()
            .0
            .lock()
            .unwrap()
            .pragma_update(None, "user_version", VERSION + 1)
            .unwrap();
        let message = Catalog::open(&path).unwrap_err().to_string();
        assert!(
            message.starts_with("store was written by a newer version: the catalog has format 6"),
            "{message}"
        );
    }
}
