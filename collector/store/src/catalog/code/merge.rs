//! A report into its block.

use model::{CodeFunction, CodeReport, ExecutionState, keys};
use rusqlite::{OptionalExtension, Statement, Transaction, params};
use sha2::{Digest, Sha256};

use super::{
    super::Catalog, BLOCKS_PER_DAY_MAX, CodeKept, DAYS_KEPT, FUNCTIONS_IN_ALL_MAX, FUNCTIONS_MAX,
    SERVICES_MAX, branches, day, sums,
};
use crate::{
    StoreError,
    stats::{Counters, add},
};

/// A host that an agent does not name goes by this.
const UNKNOWN_HOST: &str = "unknown";

/// OpenTelemetry's name of the region, where nobody gave ours.
const CLOUD_REGION: &str = "cloud.region";

impl Catalog {
    /// Merges what an agent found into the block that it belongs to, as a whole or, with an error, not at all. Now is
    /// `now_ns`; nobody can have looked later than `until_ns`.
    pub(crate) fn put_code(
        &self,
        counters: &Counters,
        report: &CodeReport,
        (now_ns, until_ns): (i64, i64),
    ) -> Result<CodeKept, StoreError> {
        let service = report.labels.get(keys::SERVICE_NAME);
        let is_in_time = day(report.at_ns) >= day(now_ns) - DAYS_KEPT && report.at_ns < until_ns;
        let mut branches_fallen = 0;
        let kept = match service.filter(|_| is_in_time) {
            Some(service) => {
                self.change(|transaction| merge(transaction, service, report, &mut branches_fallen))?
            }
            None => CodeKept::Dropped,
        };
        add(&counters.code_branches_dropped, branches_fallen);
        match kept {
            CodeKept::Merged { fallen } => add(&counters.code_functions_dropped, fallen),
            CodeKept::Dropped => add(&counters.code_reports_dropped, 1),
        }
        Ok(kept)
    }
}

/// A block as it is changed.
struct Block {
    /// Its row, if it has one.
    id: Option<i64>,
    left_out: i64,
    states: Vec<u8>,
}

fn merge(
    transaction: &Transaction<'_>,
    service: &str,
    report: &CodeReport,
    branches_fallen: &mut u64,
) -> rusqlite::Result<CodeKept> {
    if report.functions.is_empty() {
        return Ok(CodeKept::Merged { fallen: 0 });
    }
    let Some(service) = service_id(transaction, service)? else { return Ok(CodeKept::Dropped) };
    let Some(mut block) = find_block(transaction, service, report)? else { return Ok(CodeKept::Dropped) };
    let bytes_before = block.states.len();
    let mut universe = Universe::open(transaction, service)?;
    let (mut fallen, mut is_changed) = (0, block.id.is_none());
    for function in &report.functions {
        match universe.number(function, report.at_ns)? {
            Some(idx) => {
                is_changed |= sums::merge(&mut block.states, idx, function.state);
                // Where it is not known what functions do, those of one name may have different conditions.
                if function.body != 0 && !function.branches.is_empty() {
                    *branches_fallen += branches::add(transaction, (service, idx), &function.branches)?;
                }
            }
            None => fallen += 1,
        }
    }
    let added = universe.added;
    let left_out = i64::try_from(report.left_out.saturating_add(fallen)).unwrap_or(i64::MAX);
    if is_changed || left_out > block.left_out {
        block.left_out = block.left_out.max(left_out);
        write_block(transaction, service, report, &block)?;
    }
    let grown = (block.states.len() - bytes_before) as i64;
    transaction
        .prepare_cached(
            "update code_services set functions = functions + ?2, blocks = blocks + ?3, bytes = bytes + ?4
             where id = ?1 and (?2 or ?3 or ?4)",
        )?
        .execute(params![service, added, block.id.is_none(), grown])?;
    Ok(CodeKept::Merged { fallen })
}

/// The number of a service, new or known; `None` when there are too many.
fn service_id(transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<Option<i64>> {
    let mut query = transaction.prepare_cached("select id from code_services where name = ?1")?;
    if let Some(id) = query.query_row([name], |row| row.get(0)).optional()? {
        return Ok(Some(id));
    }
    let count: i64 = transaction.query_row("select count(*) from code_services", [], |row| row.get(0))?;
    if count >= SERVICES_MAX {
        return Ok(None);
    }
    transaction.execute("insert into code_services values (null, ?1, 0, 0, 0)", [name])?;
    Ok(Some(transaction.last_insert_rowid()))
}

/// What tells a report's block from others of its service and day: role, region, release and host.
fn name(report: &CodeReport) -> [&str; 4] {
    let label = |key: &str| report.labels.get(key);
    [
        label(keys::ROLE).unwrap_or_default(),
        label(keys::REGION).or_else(|| label(CLOUD_REGION)).unwrap_or_default(),
        label(keys::SERVICE_VERSION).unwrap_or_default(),
        label(keys::HOST_NAME).unwrap_or(UNKNOWN_HOST),
    ]
}

/// The block of a report, new or known; `None` when its day has too many.
fn find_block(
    transaction: &Transaction<'_>,
    service: i64,
    report: &CodeReport,
) -> rusqlite::Result<Option<Block>> {
    let (day, [role, region, release, host]) = (day(report.at_ns), name(report));
    let sql = "select id, left_out, states from code_blocks
        where service = ?1 and day = ?2 and role = ?3 and region = ?4 and release = ?5 and host = ?6";
    let known = transaction
        .prepare_cached(sql)?
        .query_row(params![service, day, role, region, release, host], |row| {
            Ok(Block { id: row.get(0)?, left_out: row.get(1)?, states: row.get(2)? })
        })
        .optional()?;
    if known.is_some() {
        return Ok(known);
    }
    let sql = "select count(*) from code_blocks where service = ?1 and day = ?2";
    let count: i64 = transaction.prepare_cached(sql)?.query_row([service, day], |row| row.get(0))?;
    Ok((count < BLOCKS_PER_DAY_MAX).then(|| Block { id: None, left_out: 0, states: Vec::new() }))
}

fn write_block(
    transaction: &Transaction<'_>,
    service: i64,
    report: &CodeReport,
    block: &Block,
) -> rusqlite::Result<()> {
    if let Some(id) = block.id {
        let sql = "update code_blocks set left_out = ?2, states = ?3 where id = ?1";
        transaction.prepare_cached(sql)?.execute(params![id, block.left_out, block.states])?;
        return Ok(());
    }
    let (day, [role, region, release, host]) = (day(report.at_ns), name(report));
    let sql = "insert into code_blocks values (null, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let values = params![service, day, role, region, release, host, block.left_out, block.states];
    transaction.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

/// The functions of one service, while a report is merged.
struct Universe<'a> {
    transaction: &'a Transaction<'a>,
    service: i64,
    find: Statement<'a>,
    insert: Statement<'a>,
    update: Statement<'a>,
    /// How many more there may be.
    room: i64,
    /// Numbers that no function has: of those that are gone, then those that never were.
    free: Option<Box<dyn Iterator<Item = u32>>>,
    /// How many were new.
    added: i64,
}

/// What changes of a known function.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Told {
    line: u32,
    bytes: u32,
    at_ns: i64,
    last_day: i64,
    beyond_import_day: Option<i64>,
}

impl<'a> Universe<'a> {
    fn open(transaction: &'a Transaction<'a>, service: i64) -> rusqlite::Result<Self> {
        let sql = "select coalesce(sum(functions), 0) from code_services";
        let in_all: i64 = transaction.query_row(sql, [], |row| row.get(0))?;
        Ok(Self {
            transaction,
            service,
            find: transaction.prepare(
                "select idx, line, bytes, told_ns, last_day, beyond_import_day from code_functions
                 where service = ?1 and identity = ?2",
            )?,
            insert: transaction.prepare(
                "insert into code_functions values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?,
            update: transaction.prepare(
                "update code_functions set line = ?3, bytes = ?4, told_ns = ?5, last_day = ?6,
                 beyond_import_day = ?7 where service = ?1 and idx = ?2",
            )?,
            room: FUNCTIONS_IN_ALL_MAX - in_all,
            free: None,
            added: 0,
        })
    }

    /// The number of a function, new or known; `None` when there is no room for another.
    fn number(&mut self, function: &CodeFunction, at_ns: i64) -> rusqlite::Result<Option<u32>> {
        let identity = identity(function);
        let has_run = function.state == ExecutionState::Executed && !function.is_import_only;
        let new = Told {
            line: function.line,
            bytes: function.bytes,
            at_ns,
            last_day: day(at_ns),
            beyond_import_day: has_run.then(|| day(at_ns)),
        };
        let known = self.find.query_row(params![self.service, identity], |row| {
            let (line, bytes, at_ns) = (row.get(1)?, row.get(2)?, row.get(3)?);
            Ok((
                row.get(0)?,
                Told { line, bytes, at_ns, last_day: row.get(4)?, beyond_import_day: row.get(5)? },
            ))
        });
        match known.optional()? {
            Some((idx, told)) => self.tell(idx, told, new).map(Some),
            None => self.add(function, &identity, new),
        }
    }

    fn tell(&mut self, idx: u32, told: Told, new: Told) -> rusqlite::Result<u32> {
        // Not every report is written down, only what is elsewhere and the first of each day.
        let is_elsewhere = (new.line, new.bytes) != (told.line, told.bytes) || new.last_day > told.last_day;
        let place = if is_elsewhere && new.at_ns >= told.at_ns { new } else { told };
        let merged = Told {
            last_day: told.last_day.max(new.last_day),
            beyond_import_day: told.beyond_import_day.max(new.beyond_import_day),
            ..place
        };
        if merged != told {
            let Told { line, bytes, at_ns, last_day, beyond_import_day } = merged;
            self.update.execute(params![
                self.service,
                idx,
                line,
                bytes,
                at_ns,
                last_day,
                beyond_import_day
            ])?;
        }
        Ok(idx)
    }

    fn add(&mut self, function: &CodeFunction, identity: &[u8], new: Told) -> rusqlite::Result<Option<u32>> {
        if self.added >= self.room {
            return Ok(None);
        }
        let Some(idx) = self.next_free()? else { return Ok(None) };
        let CodeFunction { function, file, body, .. } = function;
        let body = body.to_be_bytes();
        let Told { line, bytes, at_ns, last_day, beyond_import_day } = new;
        self.insert.execute(params![
            self.service,
            idx,
            identity,
            function.as_ref(),
            file.as_ref(),
            body,
            line,
            bytes,
            at_ns,
            last_day,
            beyond_import_day
        ])?;
        self.added += 1;
        Ok(Some(idx))
    }

    fn next_free(&mut self) -> rusqlite::Result<Option<u32>> {
        if self.free.is_none() {
            let sql = "select idx from code_functions where service = ?1 order by idx";
            let mut query = self.transaction.prepare_cached(sql)?;
            let used = query.query_map([self.service], |row| row.get::<_, u32>(0))?;
            let used: Vec<u32> = used.collect::<Result<_, _>>()?;
            let end = used.last().map_or(0, |last| last + 1);
            let gaps = (0..end).filter(move |idx| used.binary_search(idx).is_err());
            self.free = Some(Box::new(gaps.chain(end..FUNCTIONS_MAX)));
        }
        Ok(self.free.as_mut().and_then(Iterator::next))
    }
}

/// What a function is, wherever it stands: 128 bits of the hash of its file, name and body.
fn identity(function: &CodeFunction) -> [u8; 16] {
    let mut hash = Sha256::new();
    for text in [&function.file, &function.function] {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    hash.update(function.body.to_le_bytes());
    let mut identity = [0; 16];
    identity.iter_mut().zip(hash.finalize()).for_each(|(to, byte)| *to = byte);
    identity
}
