//! Loading whole folders back into memory, for compaction.

use std::sync::Arc;

use arrow_array::{Array, Int64Array, ListArray, RecordBatch, TimestampNanosecondArray, UInt32Array};
use model::{LabelSet, ProfileType};
use parquet::errors::ParquetError;

use super::{
    counts,
    labels::parse_rest,
    read::{self, Table, Tables, Texts, broken, columns, label_key, typed},
    schema,
};
use crate::{
    StoreError,
    catalog::Entry,
    head::{Part, ProfileRow},
};

/// Adds everything in a folder to a part.
pub(crate) fn load(tables: &Tables, entry: &Entry, part: &mut Part) -> Result<(), StoreError> {
    let frames = read::frames(&tables.open(entry, schema::FRAMES)?)?;
    let frame_numbers: Vec<u32> = frames.iter().map(|frame| part.frames.insert(frame)).collect();
    let rows_before = part.row_stacks.len();
    let mut stack_numbers = Vec::new();
    let stacks = tables.open(entry, schema::STACKS)?;
    for batch in stacks.read_all(&[1])? {
        let lists: ListArray = typed(&batch.map_err(ParquetError::from)?, 0)?;
        for frames in lists.iter() {
            let numbers = stack_frames(frames.as_deref(), &frame_numbers);
            let numbers = numbers.ok_or_else(|| corrupt(entry, "a stack names a frame that is not there"))?;
            stack_numbers.push(part.stacks.insert(numbers.as_slice()));
        }
    }
    load_samples(&tables.open(entry, schema::SAMPLES)?, &stack_numbers, part)?;
    let rows = load_profiles(&tables.open(entry, schema::PROFILES)?, rows_before, part)?;
    if rows != part.row_stacks.len() || (rows - rows_before) as u64 != entry.rows {
        return Err(corrupt(entry, "its tables do not agree on the number of rows"));
    }
    if entry.has(schema::REQUESTS) {
        counts::load_requests(&tables.open(entry, schema::REQUESTS)?, part)?;
    }
    if entry.has(schema::EVALUATIONS) {
        counts::load_evaluations(&tables.open(entry, schema::EVALUATIONS)?, part)?;
    }
    if entry.has(schema::MARGINALS) {
        counts::load_marginals(&tables.open(entry, schema::MARGINALS)?, part)?;
    }
    Ok(())
}

fn corrupt(entry: &Entry, what: &str) -> StoreError {
    StoreError::Corrupt { folder: entry.folder(), what: what.into() }
}

/// The frames of one row of `stacks`, renumbered.
pub(crate) fn stack_frames(frames: Option<&dyn Array>, numbers: &[u32]) -> Option<Vec<u32>> {
    let frames = frames?.as_any().downcast_ref::<UInt32Array>()?;
    frames.values().iter().map(|frame| numbers.get(*frame as usize).copied()).collect()
}

/// Adds all rows of `samples`.
fn load_samples(table: &Table, stacks: &[u32], part: &mut Part) -> Result<(), StoreError> {
    let columns = columns(table, &[schema::STACK, schema::VALUE])?;
    for batch in table.read_all(&columns)? {
        let batch = batch.map_err(ParquetError::from)?;
        let stack: UInt32Array = typed(&batch, 0)?;
        let value: Int64Array = typed(&batch, 1)?;
        for row in stack.values() {
            let number = stacks.get(*row as usize).copied();
            part.row_stacks.push(number.ok_or_else(|| broken("a sample names a stack that is not there"))?);
        }
        part.row_values.extend_from_slice(value.values());
    }
    Ok(())
}

/// Adds all profiles, whose rows begin at `first_row`, and returns where they end.
fn load_profiles(table: &Table, first_row: usize, part: &mut Part) -> Result<usize, StoreError> {
    let schema = table.metadata.schema();
    let all: Vec<usize> = (0..schema.fields().len()).collect();
    let keys: Vec<&str> = schema.fields().iter().map_while(|field| label_key(field.name())).collect();
    let mut end = first_row;
    for batch in table.read_all(&all)? {
        let batch = batch.map_err(ParquetError::from)?;
        let labels: Vec<Texts> =
            (0..keys.len()).map(|at| Texts::new(&batch, at)).collect::<Result<_, _>>()?;
        let facts = Facts::new(&batch, keys.len())?;
        let mut last: Option<(Vec<i32>, u32)> = None;
        for row in 0..batch.num_rows() {
            let codes: Vec<i32> = labels.iter().map(|texts| texts.code(row)).collect();
            let label_set = match &last {
                Some((same, number)) if *same == codes => *number,
                _ => part.label_sets.insert(&label_set(&keys, &labels, row)),
            };
            last = Some((codes, label_set));
            let start = end;
            end += facts.rows.value(row) as usize;
            part.profiles.push(ProfileRow {
                start_ns: facts.ts.value(row),
                duration_ns: facts.durations_ns.value(row),
                kind: ProfileType::from_name(&facts.kinds.get(row)).unwrap_or_default(),
                label_set,
                period: facts.periods.value(row),
                rows: start..end,
            });
        }
    }
    Ok(end)
}

/// What a row of `profiles` says beside labels.
struct Facts {
    kinds: Texts,
    ts: TimestampNanosecondArray,
    durations_ns: Int64Array,
    periods: Int64Array,
    rows: UInt32Array,
}

impl Facts {
    fn new(batch: &RecordBatch, from: usize) -> Result<Self, StoreError> {
        Ok(Self {
            kinds: Texts::new(batch, from)?,
            ts: typed(batch, from + 1)?,
            durations_ns: typed(batch, from + 2)?,
            periods: typed(batch, from + 3)?,
            rows: typed(batch, from + 4)?,
        })
    }
}

pub(super) fn label_set(keys: &[&str], labels: &[Texts], row: usize) -> LabelSet {
    let mut pairs: Vec<(Arc<str>, Arc<str>)> = Vec::with_capacity(keys.len());
    for (key, texts) in keys.iter().zip(labels) {
        let value = texts.get(row);
        if key.is_empty() {
            pairs.extend(parse_rest(&value).into_iter().map(|(key, value)| (key.into(), value.into())));
        } else {
            pairs.push(((*key).into(), value));
        }
    }
    LabelSet::new(pairs)
}
