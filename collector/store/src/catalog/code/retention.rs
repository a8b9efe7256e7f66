//! Blocks go when they are old, and the oldest days when all of them take too much; then functions that are in none.

use rusqlite::{Transaction, params};

use super::{super::Catalog, BLOCK_BYTES_MAX, BLOCKS_MAX, DAYS_KEPT, day};
use crate::{
    StoreError,
    stats::{Counters, add},
};

/// How many blocks there may be, and how many bytes they may have.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) blocks: i64,
    pub(super) bytes: i64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { blocks: BLOCKS_MAX, bytes: BLOCK_BYTES_MAX }
    }
}

impl Catalog {
    /// Drops the blocks that are not kept any more.
    pub(crate) fn retain_code(&self, counters: &Counters, now_ns: i64) -> Result<(), StoreError> {
        let expired = self.change(|transaction| retain(transaction, day(now_ns), Bounds::default()))?;
        add(&counters.code_blocks_expired, expired);
        Ok(())
    }
}

/// Returns how many blocks fell.
pub(super) fn retain(transaction: &Transaction<'_>, today: i64, bounds: Bounds) -> rusqlite::Result<u64> {
    let mut expired = 0;
    loop {
        let oldest: Option<i64> =
            transaction.query_row("select min(day) from code_blocks", [], |row| row.get(0))?;
        let Some(oldest) = oldest else { return Ok(expired) };
        let sql = "select sum(blocks), sum(bytes) from code_services";
        let (blocks, bytes): (i64, i64) =
            transaction.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if oldest >= today - DAYS_KEPT && blocks <= bounds.blocks && bytes <= bounds.bytes {
            return Ok(expired);
        }
        expired += drop_day(transaction, oldest)? as u64;
    }
}

/// Drops the blocks of one day, the oldest.
fn drop_day(transaction: &Transaction<'_>, day: i64) -> rusqlite::Result<usize> {
    let sql =
        "select service, count(*), sum(length(states)) from code_blocks where day = ?1 group by service";
    let mut query = transaction.prepare_cached(sql)?;
    let sums = query.query_map([day], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let sums: Vec<(i64, i64, i64)> = sums.collect::<Result<_, _>>()?;
    let dropped = transaction.execute("delete from code_blocks where day = ?1", [day])?;
    for (service, blocks, bytes) in sums {
        let functions = drop_functions(transaction, service)?;
        transaction.execute(
            "update code_services set functions = functions - ?2, blocks = blocks - ?3, bytes = bytes - ?4
             where id = ?1",
            params![service, functions as i64, blocks, bytes],
        )?;
        transaction.execute("delete from code_services where id = ?1 and blocks = 0", [service])?;
    }
    Ok(dropped)
}

/// Drops the functions of a service that are in none of its blocks, so that their numbers can be given to others.
fn drop_functions(transaction: &Transaction<'_>, service: i64) -> rusqlite::Result<usize> {
    transaction.execute(
        "delete from code_functions where service = ?1
         and last_day < coalesce((select min(day) from code_blocks where service = ?1), 9223372036854775807)",
        [service],
    )
}
