//! Writing the tables of one folder from profiles in memory.

use std::{collections::HashMap, sync::Arc};

use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, FixedSizeBinaryArray, Int32Array, Int64Array, ListArray,
    RecordBatch, StringArray, TimestampNanosecondArray, UInt32Array, UInt64Array, types::Int32Type,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{ArrowError, SchemaRef};
use model::{Frame, ProfileType};
use parquet::{arrow::ArrowWriter, errors::Result};
use sha2::{Digest, Sha256};

use super::{
    counts,
    labels::{self, LabelColumn},
    schema,
};
use crate::head::{HourRows, Part, ProfileRow};

/// The content of one folder.
#[derive(Debug)]
pub(crate) struct Written {
    /// Tables by name.
    pub(crate) tables: Vec<(&'static str, Vec<u8>)>,
    /// Rows in `samples`.
    pub(crate) rows: u64,
    /// Rows in `stacks`.
    pub(crate) stacks: u32,
    /// Labels that went into the rest column.
    pub(crate) labels_without_column: u64,
}

/// Writes what a part has of one hour.
pub(crate) fn write(part: &Part, hour: &HourRows<'_>) -> Result<Written> {
    let layout = Layout::new(part, &hour.profiles);
    let (columns, mut labels_without_column) = labels::columns(&layout.label_sets);
    let mut tables = vec![
        (schema::SAMPLES, samples(part, &layout, &columns)?),
        (schema::PROFILES, profile_table(part, &layout, &columns)?),
        (schema::STACKS, stacks(part, &layout)?),
        (schema::FRAMES, frames(part, &layout)?),
    ];
    if !hour.requests.is_empty() {
        let (table, without_column) = counts::requests(part, &hour.requests)?;
        tables.push((schema::REQUESTS, table));
        labels_without_column += without_column;
    }
    if !hour.evaluations.is_empty() {
        let (table, without_column) = counts::evaluations(part, &hour.evaluations)?;
        tables.push((schema::EVALUATIONS, table));
        labels_without_column += without_column;
    }
    if !hour.marginals.is_empty() {
        let (table, without_column) = counts::marginals(part, &hour.marginals)?;
        tables.push((schema::MARGINALS, table));
        labels_without_column += without_column;
    }
    let rows = layout.profiles.iter().map(|(profile, _)| profile.rows.len() as u64).sum();
    Ok(Written { tables, rows, stacks: layout.stacks.len() as u32, labels_without_column })
}

/// What comes where: order of profiles and numbers of stacks and frames.
struct Layout<'a> {
    /// Profiles in the order of their rows, each with the index of its label set.
    profiles: Vec<(&'a ProfileRow, u32)>,
    /// Label sets that occur, in order.
    label_sets: Vec<model::LabelSet>,
    /// For each stack of the part its row in `stacks`.
    stack_rows: Vec<Option<u32>>,
    /// For each row of `stacks` its number in the part.
    stacks: Vec<u32>,
    /// For each frame of the part its row in `frames`.
    frame_rows: Vec<Option<u32>>,
    /// For each row of `frames` its number in the part.
    frames: Vec<u32>,
}

impl<'a> Layout<'a> {
    fn new(part: &'a Part, profiles: &[&'a ProfileRow]) -> Self {
        let (label_sets, ranks) = ranked(part, profiles.iter().map(|profile| profile.label_set));
        let mut profiles: Vec<(&ProfileRow, u32)> = profiles
            .iter()
            .map(|profile| (*profile, ranks.get(&profile.label_set).copied().unwrap_or(0)))
            .collect();
        profiles.sort_by_key(|(profile, rank)| (*rank, profile.start_ns, profile.kind, profile.duration_ns));

        let mut layout = Self {
            profiles,
            label_sets,
            stack_rows: vec![None; part.stacks.len()],
            stacks: Vec::new(),
            frame_rows: vec![None; part.frames.len()],
            frames: Vec::new(),
        };
        let in_order: Vec<&ProfileRow> = layout.profiles.iter().map(|(profile, _)| *profile).collect();
        for (stack, _) in in_order.into_iter().flat_map(|profile| part.rows(profile)) {
            number(stack, &mut layout.stack_rows, &mut layout.stacks);
        }
        for stack in &layout.stacks {
            let stack = part.stacks.values().get(*stack as usize);
            for frame in stack.iter().flat_map(|frames| frames.iter()) {
                number(*frame, &mut layout.frame_rows, &mut layout.frames);
            }
        }
        layout
    }
}

/// Label sets in the order that rows are sorted by, and the place of each number in it.
pub(super) fn ranked(
    part: &Part,
    numbers: impl Iterator<Item = u32>,
) -> (Vec<model::LabelSet>, HashMap<u32, u32>) {
    let all_sets = part.label_sets.values();
    let set = |number: u32| all_sets.get(number as usize).cloned().unwrap_or_default();
    let mut used: Vec<u32> = numbers.collect();
    used.sort_unstable();
    used.dedup();
    used.sort_by(|left, right| labels::compare(&set(*left), &set(*right)));
    let ranks = used.iter().enumerate().map(|(rank, number)| (*number, rank as u32)).collect();
    (used.into_iter().map(set).collect(), ranks)
}

/// Gives the next row number to what is seen for the first time.
fn number(value: u32, rows: &mut [Option<u32>], order: &mut Vec<u32>) {
    if let Some(row @ None) = rows.get_mut(value as usize) {
        *row = Some(order.len() as u32);
        order.push(value);
    }
}

fn row_of(rows: &[Option<u32>], value: u32) -> u32 {
    rows.get(value as usize).copied().flatten().unwrap_or(u32::MAX)
}

/// Columns of rows that are collected until there are enough for the writer.
struct Rows<'a> {
    columns: &'a [LabelColumn],
    dictionaries: Vec<ArrayRef>,
    codes: Vec<Vec<i32>>,
    kinds: Vec<i32>,
    ts: Vec<i64>,
    durations_ns: Vec<i64>,
    periods: Vec<i64>,
}

impl<'a> Rows<'a> {
    fn new(columns: &'a [LabelColumn]) -> Self {
        Self {
            columns,
            dictionaries: columns.iter().map(texts).collect(),
            codes: vec![Vec::new(); columns.len()],
            kinds: Vec::new(),
            ts: Vec::new(),
            durations_ns: Vec::new(),
            periods: Vec::new(),
        }
    }

    fn push(&mut self, profile: &ProfileRow, label_set: u32, count: usize) {
        for (column, codes) in self.columns.iter().zip(&mut self.codes) {
            let code = column.codes.get(label_set as usize).copied().unwrap_or(0);
            codes.extend(std::iter::repeat_n(code, count));
        }
        let kind = ProfileType::ALL.iter().position(|kind| *kind == profile.kind).unwrap_or(0);
        self.kinds.extend(std::iter::repeat_n(kind as i32, count));
        self.ts.extend(std::iter::repeat_n(profile.start_ns, count));
        self.durations_ns.extend(std::iter::repeat_n(profile.duration_ns, count));
        self.periods.extend(std::iter::repeat_n(profile.period, count));
    }

    fn len(&self) -> usize {
        self.ts.len()
    }

    /// The collected rows as arrays, in the order of the schema.
    fn take(&mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        let mut arrays: Vec<ArrayRef> = Vec::new();
        for (codes, values) in self.codes.iter_mut().zip(&self.dictionaries) {
            let codes = Int32Array::from(std::mem::take(codes));
            arrays.push(Arc::new(DictionaryArray::<Int32Type>::try_new(codes, values.clone())?));
        }
        let names = StringArray::from_iter_values(ProfileType::ALL.iter().map(|kind| kind.name()));
        let kinds = Int32Array::from(std::mem::take(&mut self.kinds));
        arrays.push(Arc::new(DictionaryArray::<Int32Type>::try_new(kinds, Arc::new(names))?));
        let ts = TimestampNanosecondArray::from(std::mem::take(&mut self.ts)).with_timezone("UTC");
        arrays.push(Arc::new(ts));
        arrays.push(Arc::new(Int64Array::from(std::mem::take(&mut self.durations_ns))));
        arrays.push(Arc::new(Int64Array::from(std::mem::take(&mut self.periods))));
        Ok(arrays)
    }
}

/// The distinct values of a label's column.
pub(super) fn texts(column: &LabelColumn) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(column.values.iter().map(AsRef::as_ref)))
}

pub(super) fn keys(columns: &[LabelColumn]) -> Vec<&str> {
    columns.iter().map(|column| column.key.as_ref()).collect()
}

fn samples(part: &Part, layout: &Layout<'_>, columns: &[LabelColumn]) -> Result<Vec<u8>> {
    let mut table = Table::new(schema::samples(&keys(columns)))?;
    let mut rows = Rows::new(columns);
    let (mut stacks, mut values) = (Vec::new(), Vec::new());
    let mut of_profile: Vec<(u32, i64)> = Vec::new();
    for (profile, label_set) in &layout.profiles {
        of_profile.clear();
        of_profile
            .extend(part.rows(profile).map(|(stack, value)| (row_of(&layout.stack_rows, stack), value)));
        of_profile.sort_unstable();
        rows.push(profile, *label_set, of_profile.len());
        stacks.extend(of_profile.iter().map(|(stack, _)| *stack));
        values.extend(of_profile.iter().map(|(_, value)| *value));
        if rows.len() >= schema::BATCH_ROWS {
            write_samples(&mut table, &mut rows, &mut stacks, &mut values)?;
        }
    }
    write_samples(&mut table, &mut rows, &mut stacks, &mut values)?;
    table.finish()
}

fn write_samples(
    table: &mut Table,
    rows: &mut Rows<'_>,
    stacks: &mut Vec<u32>,
    values: &mut Vec<i64>,
) -> Result<()> {
    let mut arrays = rows.take()?;
    arrays.push(Arc::new(UInt32Array::from(std::mem::take(stacks))));
    arrays.push(Arc::new(Int64Array::from(std::mem::take(values))));
    table.write(arrays)
}

fn profile_table(part: &Part, layout: &Layout<'_>, columns: &[LabelColumn]) -> Result<Vec<u8>> {
    let mut table = Table::new(schema::profiles(&keys(columns)))?;
    let mut rows = Rows::new(columns);
    for profiles in layout.profiles.chunks(schema::BATCH_ROWS) {
        let mut totals = Vec::with_capacity(profiles.len());
        for (profile, label_set) in profiles {
            rows.push(profile, *label_set, 1);
            totals.push(part.rows(profile).fold(0, |sum: i64, (_, value)| sum.saturating_add(value)));
        }
        let mut arrays = rows.take()?;
        let counts = profiles.iter().map(|(profile, _)| profile.rows.len() as u32);
        arrays.push(Arc::new(UInt32Array::from_iter_values(counts)));
        arrays.push(Arc::new(Int64Array::from(totals)));
        table.write(arrays)?;
    }
    table.finish()
}

fn stacks(part: &Part, layout: &Layout<'_>) -> Result<Vec<u8>> {
    let frame_hashes: Vec<[u8; 16]> = part.frames.values().iter().map(frame_hash).collect();
    let hash_of = |frame: &u32| frame_hashes.get(*frame as usize).copied().unwrap_or_default();
    let mut table = Table::new(schema::stacks())?;
    for numbers in layout.stacks.chunks(schema::BATCH_ROWS) {
        let mut hashes = Vec::with_capacity(numbers.len());
        let mut lengths = Vec::with_capacity(numbers.len());
        let mut frames = Vec::new();
        for stack in numbers {
            let stack = part.stacks.values().get(*stack as usize).map(AsRef::as_ref).unwrap_or_default();
            let mut hasher = Sha256::new();
            stack.iter().for_each(|frame| hasher.update(hash_of(frame)));
            hashes.push(first_half(hasher));
            lengths.push(stack.len());
            frames.extend(stack.iter().map(|frame| row_of(&layout.frame_rows, *frame)));
        }
        let offsets = OffsetBuffer::<i32>::from_lengths(lengths);
        let lists =
            ListArray::try_new(schema::stack_item(), offsets, Arc::new(UInt32Array::from(frames)), None)?;
        table.write(vec![Arc::new(FixedSizeBinaryArray::try_from_iter(hashes.iter())?), Arc::new(lists)])?;
    }
    table.finish()
}

/// 128 bits of the SHA-256 of everything in a frame: nobody can make two frames that are taken for one.
fn frame_hash(frame: &Frame) -> [u8; 16] {
    let mut hasher = Sha256::new();
    for text in
        [schema::kind_name(frame.kind), &frame.function, &frame.file, &frame.executable, &frame.build_id]
    {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.update(frame.line.to_le_bytes());
    hasher.update(frame.address.to_le_bytes());
    hasher.update([u8::from(frame.inlined)]);
    first_half(hasher)
}

fn first_half(hasher: Sha256) -> [u8; 16] {
    let hash = hasher.finalize();
    let mut half = [0; 16];
    half.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    half
}

fn frames(part: &Part, layout: &Layout<'_>) -> Result<Vec<u8>> {
    let mut table = Table::new(schema::frames())?;
    for numbers in layout.frames.chunks(schema::BATCH_ROWS) {
        let frames: Vec<&Frame> =
            numbers.iter().filter_map(|number| part.frames.values().get(*number as usize)).collect();
        let text = |of: fn(&Frame) -> &str| -> ArrayRef {
            Arc::new(frames.iter().map(|frame| Some(of(frame))).collect::<DictionaryArray<Int32Type>>())
        };
        table.write(vec![
            text(|frame| schema::kind_name(frame.kind)),
            Arc::new(StringArray::from_iter_values(frames.iter().map(|frame| &frame.function))),
            text(|frame| &frame.file),
            Arc::new(UInt32Array::from_iter_values(frames.iter().map(|frame| frame.line))),
            text(|frame| &frame.executable),
            text(|frame| &frame.build_id),
            Arc::new(UInt64Array::from_iter_values(frames.iter().map(|frame| frame.address))),
            Arc::new(BooleanArray::from_iter(frames.iter().map(|frame| Some(frame.inlined)))),
        ])?;
    }
    table.finish()
}

/// One Parquet file in memory.
pub(super) struct Table {
    schema: SchemaRef,
    writer: ArrowWriter<Vec<u8>>,
}

impl Table {
    pub(super) fn new(schema: SchemaRef) -> Result<Self> {
        let writer = ArrowWriter::try_new(Vec::new(), schema.clone(), Some(schema::writer_properties()?))?;
        Ok(Self { schema, writer })
    }

    pub(super) fn write(&mut self, arrays: Vec<ArrayRef>) -> Result<()> {
        self.writer.write(&RecordBatch::try_new(self.schema.clone(), arrays)?)
    }

    pub(super) fn finish(self) -> Result<Vec<u8>> {
        self.writer.into_inner()
    }
}
