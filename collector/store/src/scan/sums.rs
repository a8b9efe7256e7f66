//! Sums by stack over the samples of one folder.

use std::ops::Range;

use arrow_array::{Int64Array, UInt32Array};
use parquet::errors::ParquetError;

use super::{
    filter::Filter,
    select::{Rows, intersect, joined, one, select},
};
use crate::{
    StoreError,
    block::{
        read::{Table, broken, columns, typed},
        schema,
    },
};

/// Rows of `samples` that belong to the profiles that a filter selects, counted over the whole table.
pub(crate) fn selected_samples(
    profiles: &Table,
    filter: &Filter,
    samples_rows: usize,
) -> Result<Rows, StoreError> {
    let selected: Vec<Rows> =
        (0..profiles.row_groups()).map(|at| select(profiles, filter, at)).collect::<Result<_, _>>()?;
    let is_whole = |(at, rows): (usize, &Rows)| *rows == one(0..profiles.rows(at));
    if selected.iter().enumerate().all(is_whole) {
        return Ok(one(0..samples_rows));
    }
    if selected.iter().all(Vec::is_empty) {
        return Ok(Vec::new());
    }
    let column = columns(profiles, &[schema::ROWS])?;
    let mut found: Rows = Vec::new();
    let mut starts = Vec::new();
    let mut at = 0;
    for batch in profiles.read_all(&column)? {
        let counts: UInt32Array = typed(&batch.map_err(ParquetError::from)?, 0)?;
        for count in counts.values() {
            starts.push(at);
            at += *count as usize;
        }
    }
    let start = |row: usize| starts.get(row).copied().unwrap_or(at);
    let mut first = 0;
    for (row_group, rows) in selected.iter().enumerate() {
        found.extend(rows.iter().map(|range| start(first + range.start)..start(first + range.end)));
        first += profiles.rows(row_group);
    }
    if at != samples_rows {
        return Err(broken("profiles and samples do not agree on the number of rows"));
    }
    Ok(joined(found))
}

/// Adds the values of some rows of some row groups to `sums`, which has a place for each row of `stacks`.
pub(crate) fn add_sums(
    samples: &Table,
    row_groups: Range<usize>,
    rows: &[Range<usize>],
    sums: &mut [i64],
) -> Result<(), StoreError> {
    let columns = columns(samples, &[schema::STACK, schema::VALUE])?;
    let mut first: usize = (0..row_groups.start).map(|at| samples.rows(at)).sum();
    for row_group in row_groups {
        let end = first + samples.rows(row_group);
        let mut here = intersect(rows, &one(first..end));
        here.iter_mut().for_each(|range| *range = range.start - first..range.end - first);
        first = end;
        if here.is_empty() {
            continue;
        }
        for batch in samples.read(row_group, &columns, &here)? {
            let batch = batch.map_err(ParquetError::from)?;
            let stacks: UInt32Array = typed(&batch, 0)?;
            let values: Int64Array = typed(&batch, 1)?;
            for (stack, value) in stacks.values().iter().zip(values.values()) {
                let Some(sum) = sums.get_mut(*stack as usize) else {
                    return Err(broken("a sample names a stack that is not there"));
                };
                *sum = sum.saturating_add(*value);
            }
        }
    }
    Ok(())
}
