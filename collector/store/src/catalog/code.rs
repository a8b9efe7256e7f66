//! Execution evidence: which functions of a service have run, by block. A *block* is one service, release, region,
//! role, host and day (UTC).
//!
//! Each service has its universe of functions, numbered from 0, and each block two bits for every one of them
//! ([`sums`]). Merging keeps the greater state, so neither the order of reports matters nor how often one comes.

mod branches;
mod merge;
mod read;
mod retention;
mod sums;

pub use read::{CodeFunctionSums, CodeServiceSize, CodeSums};

use model::Window;

/// Functions of one service that are told apart.
const FUNCTIONS_MAX: u32 = 200_000;

/// Functions of all services together.
const FUNCTIONS_IN_ALL_MAX: i64 = 4_000_000;

/// Services whose code is kept.
const SERVICES_MAX: i64 = 1_000;

/// Blocks that one service may have on one day.
const BLOCKS_PER_DAY_MAX: i64 = 20_000;

/// Bytes of the blocks of all services; beyond it the oldest days go.
const BLOCK_BYTES_MAX: i64 = 8 << 30;

/// Blocks of all services; beyond it the oldest days go.
const BLOCKS_MAX: i64 = 2_000_000;

/// Days that blocks are kept: what runs once a year is seen to run.
const DAYS_KEPT: i64 = 400;

const DAY_NS: i64 = 86_400_000_000_000;

/// `beyond_import_day` is the last day on which a function ran otherwise than by an import. `line` and `bytes` are what
/// the newest report says, which came at `told_ns`. An `identity` is 128 bits of the hash of file, name and body.
pub(super) const SCHEMA: &str = "
    create table if not exists code_services (
        id integer primary key, name text not null unique, functions integer not null, blocks integer not null,
        bytes integer not null
    ) strict;
    create table if not exists code_functions (
        service integer not null references code_services (id) on delete cascade, idx integer not null,
        identity blob not null, function text not null, file text not null, body blob not null,
        line integer not null, bytes integer not null, told_ns integer not null, last_day integer not null,
        beyond_import_day integer, primary key (service, idx)
    ) strict, without rowid;
    create unique index if not exists code_functions_by_identity on code_functions (service, identity);
    create table if not exists code_blocks (
        id integer primary key, service integer not null references code_services (id) on delete cascade,
        day integer not null, role text not null, region text not null, release text not null,
        host text not null, left_out integer not null, states blob not null
    ) strict;
    create unique index if not exists code_blocks_by_name
        on code_blocks (service, day, role, region, release, host);
    create index if not exists code_blocks_by_day on code_blocks (day);
    create table if not exists code_branches (
        service integer not null, idx integer not null, branches blob not null, primary key (service, idx),
        foreign key (service, idx) references code_functions (service, idx) on delete cascade
    ) strict, without rowid;
";

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeKept {
    /// It is merged, but for so many functions that the bounds have no room for.
    Merged {
        /// How many.
        fallen: u64,
    },
    /// It names no service, is of a time that is not kept, or there are too many services or blocks already.
    Dropped,
}

/// Which blocks are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeFilter<'a> {
    /// Of this service.
    pub service: &'a str,
    /// Of the days that this touches.
    pub window: Window,
}

/// The day (UTC) that an instant is in, counted from the Unix epoch.
fn day(at_ns: i64) -> i64 {
    at_ns.div_euclid(DAY_NS)
}

#[cfg(test)]
mod tests;
