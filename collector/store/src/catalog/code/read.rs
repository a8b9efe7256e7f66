//! The sums over a service's blocks.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    ops::RangeInclusive,
};

use model::{CodeFunction, ExecutionState, keys};
use rusqlite::{Connection, OpenFlags, Transaction, params};

use super::{
    super::Catalog,
    CodeFilter, branches, day,
    sums::{Sum, Sums},
};
use crate::StoreError;

/// Releases that are named, those seen last.
const RELEASES_MAX: usize = 1_000;

/// Roles that are told apart; the others go by [`keys::OTHER`].
const ROLES_MAX: u32 = 63;

/// What blocks say of a service's functions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeSums {
    /// How many blocks.
    pub blocks: u64,
    /// How many hosts they are of.
    pub hosts: u64,
    /// Their releases, those seen last first; at most 1,000.
    pub releases: Vec<String>,
    /// Their regions.
    pub regions: Vec<String>,
    /// Their roles.
    pub roles: Vec<String>,
    /// The first and the last day (UTC) with a block, counted from the Unix epoch.
    pub days: Option<RangeInclusive<i64>>,
    /// The functions that are in a block, by file, line and name.
    pub functions: Vec<CodeFunctionSums>,
    /// Functions that fell at a bound, in the block in which most did.
    pub left_out: u64,
}

/// What blocks say of one function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeFunctionSums {
    /// The function, with its place where it was seen last.
    pub function: CodeFunction,
    /// The first and the last day (UTC) with a block that has it, counted from the Unix epoch.
    pub seen: RangeInclusive<i64>,
    /// The first and the last day on which it ran.
    pub executed: Option<RangeInclusive<i64>>,
    /// Blocks in which it ran.
    pub executed_blocks: u64,
    /// Blocks in which every mark says that it did not.
    pub unexecuted_blocks: u64,
    /// Blocks in which no mark says either.
    pub unknown_blocks: u64,
    /// Roles whose blocks have it.
    pub roles: Vec<String>,
}

/// How much is known of a service's code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeServiceSize {
    /// The service.
    pub service: String,
    /// Functions that are kept.
    pub functions: u64,
    /// Blocks that are kept.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Catalog {
    /// The services of which code is known, by name.
    pub(crate) fn code_services(&self) -> Result<Vec<CodeServiceSize>, StoreError> {
        let connection = self.0.lock().map_err(|_| StoreError::Closed)?;
        let sql = "select name, functions, blocks, bytes from code_services order by name";
        let mut query = connection.prepare_cached(sql)?;
        let services = query.query_map([], |row| {
            let count = |at: usize| row.get::<_, i64>(at).map(i64::cast_unsigned);
            Ok(CodeServiceSize {
                service: row.get(0)?,
                functions: count(1)?,
                blocks: count(2)?,
                bytes: count(3)?,
            })
        })?;
        Ok(services.collect::<Result<_, _>>()?)
    }

    /// The sums over the blocks asked for, which are read one at a time; `None` when nothing is known of the service.
    pub(crate) fn code(&self, filter: &CodeFilter<'_>) -> Result<Option<CodeSums>, StoreError> {
        // Long reads have a connection of their own: nobody who writes waits for them.
        let path = self.0.lock().map_err(|_| StoreError::Closed)?.path().map(str::to_owned);
        let mut connection =
            Connection::open_with_flags(path.unwrap_or_default(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(std::time::Duration::from_secs(30))?;
        let transaction = connection.transaction()?;
        Ok(sum(&transaction, filter)?)
    }
}

fn sum(transaction: &Transaction<'_>, filter: &CodeFilter<'_>) -> rusqlite::Result<Option<CodeSums>> {
    let sql = "select id, (select max(idx) from code_functions where service = code_services.id)
        from code_services where name = ?1";
    let mut query = transaction.prepare(sql)?;
    let mut rows = query.query([filter.service])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (service, highest): (i64, Option<u32>) = (row.get(0)?, row.get(1)?);
    let (from, to) = (day(filter.window.start_ns), day(filter.window.end_ns.saturating_sub(1)));
    let mut read = Read::new(highest.map_or(0, |highest| highest + 1));
    let mut query = transaction.prepare(
        "select day, role, region, release, host, left_out, states from code_blocks
         where service = ?1 and day between ?2 and ?3 order by day, role",
    )?;
    let mut rows = query.query(params![service, from, to])?;
    while let Some(row) = rows.next()? {
        let text = |at: usize| row.get_ref(at)?.as_str().map_err(rusqlite::Error::from);
        let block = Block {
            day: row.get(0)?,
            role: text(1)?,
            region: text(2)?,
            release: text(3)?,
            host: text(4)?,
            left_out: row.get(5)?,
            states: row.get_ref(6)?.as_blob().map_err(rusqlite::Error::from)?,
        };
        read.add(&block);
    }
    read.finish(transaction, service, from).map(Some)
}

/// One block as it is read.
struct Block<'a> {
    day: i64,
    role: &'a str,
    region: &'a str,
    release: &'a str,
    host: &'a str,
    left_out: i64,
    states: &'a [u8],
}

/// What was read so far.
struct Read {
    sums: Sums,
    /// Day and bit of the blocks that are summed together at the moment.
    group: Option<(i64, u64)>,
    blocks: u64,
    left_out: i64,
    days: Option<RangeInclusive<i64>>,
    hosts: HashSet<String>,
    regions: BTreeSet<String>,
    /// Roles and their bits.
    roles: BTreeMap<String, u64>,
    /// Releases and their last days.
    releases: HashMap<String, i64>,
}

impl Read {
    fn new(functions: u32) -> Self {
        Self {
            sums: Sums::new(functions),
            group: None,
            blocks: 0,
            left_out: 0,
            days: None,
            hosts: HashSet::new(),
            regions: BTreeSet::new(),
            roles: BTreeMap::new(),
            releases: HashMap::new(),
        }
    }

    fn add(&mut self, block: &Block<'_>) {
        let group = (block.day, self.role(block.role));
        if self.group.is_some_and(|current| current != group) {
            self.end_group();
        }
        self.group = Some(group);
        self.sums.add(block.states);
        self.blocks += 1;
        self.left_out = self.left_out.max(block.left_out);
        let first = self.days.as_ref().map_or(block.day, |days| *days.start());
        self.days = Some(first..=block.day);
        if !self.hosts.contains(block.host) {
            self.hosts.insert(block.host.to_owned());
        }
        if !block.region.is_empty() && !self.regions.contains(block.region) {
            self.regions.insert(block.region.to_owned());
        }
        match self.releases.get_mut(block.release) {
            Some(last) => *last = block.day,
            None if block.release.is_empty() => {}
            None => _ = self.releases.insert(block.release.to_owned(), block.day),
        }
    }

    /// The bit of a role; a role that nobody named has none.
    fn role(&mut self, role: &str) -> u64 {
        if role.is_empty() {
            return 0;
        }
        if let Some(bit) = self.roles.get(role) {
            return *bit;
        }
        let (role, place) = match self.roles.len() as u32 {
            place if place < ROLES_MAX => (role, place),
            _ => (keys::OTHER, ROLES_MAX),
        };
        *self.roles.entry(role.to_owned()).or_insert(1 << place)
    }

    fn end_group(&mut self) {
        if let Some((day, role)) = self.group.take() {
            self.sums.end_group(day, role);
        }
    }

    fn finish(
        mut self,
        transaction: &Transaction<'_>,
        service: i64,
        from: i64,
    ) -> rusqlite::Result<CodeSums> {
        self.end_group();
        let functions = name(transaction, (service, from), self.sums.finish(), &self.roles)?;
        let mut releases: Vec<(String, i64)> = self.releases.into_iter().collect();
        releases.sort_unstable_by(|left, right| (right.1, &right.0).cmp(&(left.1, &left.0)));
        releases.truncate(RELEASES_MAX);
        Ok(CodeSums {
            blocks: self.blocks,
            hosts: self.hosts.len() as u64,
            releases: releases.into_iter().map(|(release, _)| release).collect(),
            regions: self.regions.into_iter().collect(),
            roles: self.roles.into_keys().collect(),
            days: self.days,
            functions,
            left_out: self.left_out.cast_unsigned(),
        })
    }
}

/// The functions that are in a block, with what they are.
fn name(
    transaction: &Transaction<'_>,
    (service, from): (i64, i64),
    mut sums: Vec<Sum>,
    roles: &BTreeMap<String, u64>,
) -> rusqlite::Result<Vec<CodeFunctionSums>> {
    let mut query = transaction.prepare(
        "select idx, function, file, line, body, bytes, beyond_import_day, branches
         from code_functions left join code_branches using (service, idx)
         where service = ?1 order by file, line, function, body",
    )?;
    let mut rows = query.query([service])?;
    let mut functions = Vec::new();
    while let Some(row) = rows.next()? {
        let sum = sums.get_mut(row.get::<_, u32>(0)? as usize).map(std::mem::take).unwrap_or_default();
        let Some(seen) = sum.seen else { continue };
        let [unexecuted, unknown, executed] = sum.blocks.map(u64::from);
        let beyond_import_day: Option<i64> = row.get(6)?;
        let text = |at: usize| row.get_ref(at)?.as_str().map_err(rusqlite::Error::from);
        functions.push(CodeFunctionSums {
            function: CodeFunction {
                function: text(1)?.into(),
                file: text(2)?.into(),
                line: row.get(3)?,
                body: u128::from_be_bytes(row.get(4)?),
                bytes: row.get(5)?,
                state: match (executed, unknown) {
                    (1.., _) => ExecutionState::Executed,
                    (0, 1..) => ExecutionState::Unknown,
                    (0, 0) => ExecutionState::Unexecuted,
                },
                is_import_only: executed > 0 && beyond_import_day.is_none_or(|last| last < from),
                branches: branches::read(row.get_ref(7)?.as_blob_or_null()?.unwrap_or_default()),
            },
            seen,
            executed: sum.executed,
            executed_blocks: executed,
            unexecuted_blocks: unexecuted,
            unknown_blocks: unknown,
            roles: roles
                .iter()
                .filter(|(_, bit)| sum.roles & **bit != 0)
                .map(|(role, _)| role.clone())
                .collect(),
        });
    }
    Ok(functions)
}
