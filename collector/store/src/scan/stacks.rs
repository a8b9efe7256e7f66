//! Sums by stack of several folders put together by the content of stacks.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    ops::Range,
};

use arrow_array::{FixedSizeBinaryArray, ListArray};
use model::{Batch, BatchBuilder, FrameId, Profile, Sample, StackId};
use parquet::errors::ParquetError;

use super::{
    filter::Filter,
    parallel::parallel,
    select::{Rows, intersect, joined, one},
    sums::{add_sums, selected_samples},
};
use crate::{
    StoreError,
    block::{
        load::stack_frames,
        read::{Table, Tables, broken, frames, typed},
        schema,
    },
    catalog::Entry,
    head::Part,
};

/// Row groups that one thread takes at a time.
const UNIT_ROW_GROUPS: usize = 16;

/// A query that cannot be answered because of one folder.
pub(crate) type FolderError = (u64, StoreError);

/// Stacks and their sums, as they are put together.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    builder: BatchBuilder,
    sums: HashMap<StackId, i64>,
    period: Option<i64>,
}

impl Merged {
    /// Adds what is selected in a part.
    pub(crate) fn add_part(&mut self, part: &Part, filter: &Filter) {
        let selected: Vec<bool> =
            part.label_sets.values().iter().map(|labels| filter.matches(labels)).collect();
        let mut sums = vec![0_i64; part.stacks.len()];
        for profile in &part.profiles {
            let fits = selected.get(profile.label_set as usize).copied().unwrap_or(false)
                && profile.kind == filter.kind
                && filter.window.contains(profile.start_ns);
            if !fits {
                continue;
            }
            self.join_period(profile.period);
            for (stack, value) in part.rows(profile) {
                if let Some(sum) = sums.get_mut(stack as usize) {
                    *sum = sum.saturating_add(value);
                }
            }
        }
        let frames = part.frames.values();
        for (stack, sum) in part.stacks.values().iter().zip(sums).filter(|(_, sum)| *sum != 0) {
            let stack = stack.iter().filter_map(|frame| frames.get(*frame as usize));
            let ids: Vec<FrameId> = stack.map(|frame| self.builder.frame(frame.clone())).collect();
            self.add(ids, sum);
        }
    }

    /// One profile with everything.
    pub(crate) fn finish(self, filter: &Filter) -> Batch {
        let mut samples: Vec<Sample> =
            self.sums.into_iter().map(|(stack, value)| Sample { stack, value }).collect();
        samples.sort_unstable();
        let mut batch = self.builder.finish();
        batch.profiles.push(Profile {
            kind: filter.kind,
            window: filter.window,
            period: self.period.unwrap_or(0),
            samples,
            ..Profile::default()
        });
        batch
    }

    fn add(&mut self, frames: Vec<FrameId>, value: i64) {
        let sum = self.sums.entry(self.builder.stack(frames)).or_default();
        *sum = sum.saturating_add(value);
    }

    /// The period stays known while all profiles agree on it.
    fn join_period(&mut self, period: i64) {
        self.period = match self.period {
            Some(known) if known != period => Some(0),
            _ => Some(period),
        };
    }
}

/// The sum of one stack over all folders, and a row of `stacks` that has its frames.
struct Sum {
    value: i64,
    folder: usize,
    row: usize,
}

/// Adds what is selected in segments and blocks.
pub(crate) fn merge_folders(
    tables: &Tables,
    entries: &[&Entry],
    filter: &Filter,
    threads: usize,
    merged: &mut Merged,
) -> Result<(), FolderError> {
    // A folder may have nothing but counts.
    let entries: Vec<&Entry> = entries.iter().copied().filter(|entry| entry.rows > 0).collect();
    let entries = entries.as_slice();
    let selections = each_folder(threads, entries, |entry| Selection::new(tables, entry, filter))?;
    for period in selections.iter().filter(|selection| !selection.rows.is_empty()).map(|found| found.period) {
        merged.join_period(period);
    }
    let by_folder = sums_by_folder(threads, entries, &selections)?;
    let hashed = parallel(threads, entries.len(), |at| {
        let (Some(entry), Some(sums)) = (entries.get(at), by_folder.get(at)) else { return Ok(Vec::new()) };
        stack_hashes(tables, entry, sums).map_err(|error| (entry.id, error))
    });
    let mut by_hash: HashMap<u128, Sum, BuildHasherDefault<HashOfHash>> = HashMap::default();
    for (folder, hashes) in hashed.into_iter().enumerate() {
        for (hash, row, value) in hashes? {
            let sum = by_hash.entry(hash).or_insert(Sum { value: 0, folder, row });
            sum.value = sum.value.saturating_add(value);
        }
    }
    let mut needed: Vec<Vec<(usize, i64)>> = vec![Vec::new(); entries.len()];
    for sum in by_hash.into_values().filter(|sum| sum.value != 0) {
        if let Some(rows) = needed.get_mut(sum.folder) {
            rows.push((sum.row, sum.value));
        }
    }
    for (entry, mut rows) in entries.iter().zip(needed).filter(|(_, rows)| !rows.is_empty()) {
        rows.sort_unstable();
        add_stacks(tables, entry, &rows, merged).map_err(|error| (entry.id, error))?;
    }
    Ok(())
}

/// What of a folder's samples is selected.
struct Selection {
    samples: Table,
    rows: Rows,
    /// The period of all its profiles; 0 when they differ.
    period: i64,
}

impl Selection {
    fn new(tables: &Tables, entry: &Entry, filter: &Filter) -> Result<Self, StoreError> {
        let profiles = tables.open(entry, schema::PROFILES)?;
        let samples = tables.open(entry, schema::SAMPLES)?;
        let rows = selected_samples(&profiles, filter, entry.rows as usize)?;
        Ok(Self { samples, rows, period: common_value(&profiles, schema::PERIOD).unwrap_or(0) })
    }
}

/// The value that all rows of an integer column have, if statistics say so.
fn common_value(table: &Table, column: &str) -> Option<i64> {
    use parquet::file::statistics::Statistics::Int64;
    let column = table.column(column)?;
    let mut values = table.metadata.metadata().row_groups().iter().map(|row_group| {
        let Int64(statistics) = row_group.columns().get(column)?.statistics()? else { return None };
        (statistics.min_opt()? == statistics.max_opt()?).then_some(*statistics.min_opt()?)
    });
    let first = values.next()??;
    values.all(|value| value == Some(first)).then_some(first)
}

/// For each folder the stacks that have a sum, by row of `stacks`.
fn sums_by_folder(
    threads: usize,
    entries: &[&Entry],
    selections: &[Selection],
) -> Result<Vec<Vec<(usize, i64)>>, FolderError> {
    let mut units: Vec<(usize, Range<usize>)> = Vec::new();
    for (folder, selection) in
        selections.iter().enumerate().filter(|(_, selection)| !selection.rows.is_empty())
    {
        let end = selection.samples.row_groups();
        let starts = (0..end).step_by(UNIT_ROW_GROUPS);
        units.extend(starts.map(|start| (folder, start..end.min(start + UNIT_ROW_GROUPS))));
    }
    let unit_sums = parallel(threads, units.len(), |at| -> Result<(usize, Vec<i64>), FolderError> {
        let Some((folder, row_groups)) = units.get(at).cloned() else { return Ok((0, Vec::new())) };
        let (Some(entry), Some(selection)) = (entries.get(folder), selections.get(folder)) else {
            return Ok((folder, Vec::new()));
        };
        let mut sums = vec![0; entry.stacks as usize];
        add_sums(&selection.samples, row_groups, &selection.rows, &mut sums)
            .map_err(|error| (entry.id, error))?;
        Ok((folder, sums))
    });
    let mut dense: Vec<Vec<i64>> = vec![Vec::new(); entries.len()];
    for unit in unit_sums {
        let (folder, sums) = unit?;
        match dense.get_mut(folder) {
            Some(known) if known.is_empty() => *known = sums,
            Some(known) => known.iter_mut().zip(sums).for_each(|(sum, more)| *sum = sum.saturating_add(more)),
            None => {}
        }
    }
    let nonzero = |sums: Vec<i64>| sums.into_iter().enumerate().filter(|(_, sum)| *sum != 0).collect();
    Ok(dense.into_iter().map(nonzero).collect())
}

/// The content hashes of some stacks of a folder.
fn stack_hashes(
    tables: &Tables,
    entry: &Entry,
    sums: &[(usize, i64)],
) -> Result<Vec<(u128, usize, i64)>, StoreError> {
    let mut found = Vec::with_capacity(sums.len());
    if sums.is_empty() {
        return Ok(found);
    }
    let table = tables.open(entry, schema::STACKS)?;
    let mut sums = sums.iter().peekable();
    let mut row = 0;
    for batch in table.read_all(&[0])? {
        let hashes: FixedSizeBinaryArray = typed(&batch.map_err(ParquetError::from)?, 0)?;
        let (first, bytes) = (row, hashes.value_data());
        row += bytes.len() / 16;
        while let Some((at, sum)) = sums.next_if(|(at, _)| *at < row) {
            let hash = bytes.get((at - first) * 16..).and_then(|bytes| bytes.first_chunk::<16>());
            found.push((u128::from_le_bytes(*hash.ok_or_else(|| broken("a hash is cut"))?), *at, *sum));
        }
    }
    Ok(found)
}

/// Adds stacks with the frames that this folder has for them.
fn add_stacks(
    tables: &Tables,
    entry: &Entry,
    rows: &[(usize, i64)],
    merged: &mut Merged,
) -> Result<(), StoreError> {
    let frames = frames(&tables.open(entry, schema::FRAMES)?)?;
    let mut ids: Vec<Option<FrameId>> = vec![None; frames.len()];
    let numbers: Vec<u32> = (0..frames.len() as u32).collect();
    let table = tables.open(entry, schema::STACKS)?;
    let wanted: Rows = rows.iter().map(|(row, _)| *row..row + 1).collect();
    let mut sums = rows.iter().map(|(_, sum)| *sum);
    let mut first = 0;
    for row_group in 0..table.row_groups() {
        let end = first + table.rows(row_group);
        let mut here = joined(intersect(&wanted, &one(first..end)));
        here.iter_mut().for_each(|range| *range = range.start - first..range.end - first);
        first = end;
        if here.is_empty() {
            continue;
        }
        for batch in table.read(row_group, &[1], &here)? {
            let lists: ListArray = typed(&batch.map_err(ParquetError::from)?, 0)?;
            for (list, sum) in lists.iter().zip(&mut sums) {
                let stack = stack_frames(list.as_deref(), &numbers)
                    .ok_or_else(|| broken("a stack names a frame that is not there"))?;
                let stack = stack.into_iter().filter_map(|number| {
                    let id = ids.get_mut(number as usize)?;
                    let frame = frames.get(number as usize)?;
                    Some(*id.get_or_insert_with(|| merged.builder.frame(frame.clone())))
                });
                let stack: Vec<FrameId> = stack.collect();
                merged.add(stack, sum);
            }
        }
    }
    Ok(())
}

/// Does something with each folder; the first error comes with the folder's id.
pub(crate) fn each_folder<T: Send>(
    threads: usize,
    entries: &[&Entry],
    work: impl Fn(&Entry) -> Result<T, StoreError> + Sync,
) -> Result<Vec<T>, FolderError> {
    let results = parallel(threads, entries.len(), |at| {
        entries.get(at).map(|entry| work(entry).map_err(|error| (entry.id, error)))
    });
    results.into_iter().flatten().collect()
}

/// Takes half of a key that is a cryptographic hash already; the map still compares whole keys.
#[derive(Default)]
struct HashOfHash(u64);

impl Hasher for HashOfHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }
}
