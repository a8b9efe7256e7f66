//! The conditions of functions: all that any report found of them, whenever and wherever that was.

use model::{CodeBranch, Outcomes};
use rusqlite::{OptionalExtension, Transaction, params};

/// Lines and columns of four bytes each, then outcomes of one.
const BRANCH_BYTES: usize = 9;

/// Adds what was found of a function's conditions; returns how many there is no room for.
pub(super) fn add(
    transaction: &Transaction<'_>,
    (service, idx): (i64, u32),
    found: &[CodeBranch],
) -> rusqlite::Result<u64> {
    let sql = "select branches from code_branches where service = ?1 and idx = ?2";
    let known: Option<Vec<u8>> =
        transaction.prepare_cached(sql)?.query_row(params![service, idx], |row| row.get(0)).optional()?;
    let mut known = read(&known.unwrap_or_default());
    let (is_more, left_out) = CodeBranch::merge(&mut known, found);
    if is_more {
        let sql = "insert or replace into code_branches values (?1, ?2, ?3)";
        transaction.prepare_cached(sql)?.execute(params![service, idx, written(&known)])?;
    }
    Ok(left_out)
}

/// The conditions in a row.
pub(super) fn read(bytes: &[u8]) -> Vec<CodeBranch> {
    let (branches, _) = bytes.as_chunks::<BRANCH_BYTES>();
    let branch = |[l0, l1, l2, l3, c0, c1, c2, c3, outcomes]: &[u8; BRANCH_BYTES]| CodeBranch {
        line: u32::from_be_bytes([*l0, *l1, *l2, *l3]),
        column: u32::from_be_bytes([*c0, *c1, *c2, *c3]),
        outcomes: Outcomes::from_bits((*outcomes).into()).unwrap_or_default(),
    };
    branches.iter().map(branch).collect()
}

fn written(branches: &[CodeBranch]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(branches.len() * BRANCH_BYTES);
    for branch in branches {
        bytes.extend(branch.line.to_be_bytes());
        bytes.extend(branch.column.to_be_bytes());
        bytes.push(branch.outcomes.bits() as u8);
    }
    bytes
}
