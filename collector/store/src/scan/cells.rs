//! Stacks apart by labels and by time, folded as they are read: for sums that no table has, and that need not hold every
//! stack at once.

use std::{collections::HashMap, ops::Range, sync::Arc};

use arrow_array::{Int64Array, ListArray, RecordBatch, TimestampNanosecondArray, UInt32Array};
use model::{Frame, LabelSet};
use parquet::errors::ParquetError;

use super::{
    filter::Filter,
    select::{Rows, intersect, joined, one, select},
    stacks::FolderError,
};
use crate::{
    StoreError,
    block::{
        labels::parse_rest,
        load::stack_frames,
        read::{Table, Tables, Texts, broken, columns, frames, typed},
        schema,
    },
    catalog::Entry,
    head::Part,
};

/// Sums that are held before they are handed on.
const CELLS_MAX: usize = 1 << 20;

/// How stacks are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellShape {
    /// Labels whose values make a group.
    pub by: Vec<Arc<str>>,
    /// Length of a step; the first begins where the window does.
    pub step_ns: i64,
}

/// Some of the sums. The same stack, group and step may come again, in other numbers.
#[derive(Clone, Copy, Debug)]
pub struct Cells<'a> {
    /// Values of the labels, in the order asked for; empty where one is absent.
    pub groups: &'a [Vec<Arc<str>>],
    /// Frames.
    pub frames: &'a [Frame],
    /// Stacks, leaf first, as positions in `frames`.
    pub stacks: &'a [Arc<[u32]>],
    /// The sums.
    pub cells: &'a [Cell],
}

/// One stack in one group and step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Position in `groups`.
    pub group: u32,
    /// Which step.
    pub step: u32,
    /// Position in `stacks`.
    pub stack: u32,
    /// Sum of the samples.
    pub value: i64,
    /// How many samples, by the period of their profiles.
    pub samples: u64,
}

/// What cells are summed by: the filter, and the first instant of the first step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut<'a> {
    pub(crate) filter: &'a Filter,
    pub(crate) shape: &'a CellShape,
}

impl Cut<'_> {
    fn step(&self, ts: i64) -> u32 {
        let steps = ts.saturating_sub(self.filter.window.start_ns) / self.shape.step_ns.max(1);
        u32::try_from(steps).unwrap_or_default()
    }

    fn group(&self, labels: &LabelSet) -> Vec<Arc<str>> {
        self.shape.by.iter().map(|key| labels.get(key).unwrap_or_default().into()).collect()
    }
}

/// Groups by their values, with numbers.
#[derive(Default)]
struct Groups {
    numbers: HashMap<Vec<Arc<str>>, u32>,
    values: Vec<Vec<Arc<str>>>,
}

impl Groups {
    fn number(&mut self, group: Vec<Arc<str>>) -> u32 {
        let next = self.values.len() as u32;
        let values = &mut self.values;
        *self.numbers.entry(group).or_insert_with_key(|group| {
            values.push(group.clone());
            next
        })
    }
}

/// Sums until they are handed on.
#[derive(Default)]
struct Sums(HashMap<(u32, u32, u32), (i64, u64)>);

impl Sums {
    fn add(&mut self, unit: &Unit, stack: u32, value: i64) {
        let (sum, samples) = self.0.entry((unit.group, unit.step, stack)).or_default();
        *sum = sum.saturating_add(value);
        *samples += value.checked_div(unit.period).unwrap_or_default().unsigned_abs();
    }

    /// In an order of their own numbers, so that the same data is folded alike every time.
    fn drain(&mut self) -> Vec<Cell> {
        let cell = |((group, step, stack), (value, samples))| Cell { group, step, stack, value, samples };
        let mut cells: Vec<Cell> = self.0.drain().map(cell).collect();
        cells.sort_unstable_by_key(|cell| (cell.group, cell.step, cell.stack));
        cells
    }
}

/// Samples that stand together: rows of `samples`, and what they have in common.
struct Unit {
    rows: Range<usize>,
    group: u32,
    step: u32,
    period: i64,
}

/// Hands on what is selected in a part.
pub(crate) fn of_part(part: &Part, cut: &Cut<'_>, take: &mut dyn FnMut(&Cells<'_>)) {
    let (mut groups, mut sums) = (Groups::default(), Sums::default());
    let mut known: HashMap<u32, Option<u32>> = HashMap::new();
    let (frames, stacks) = (part.frames.values(), part.stacks.values());
    for profile in &part.profiles {
        let is_wanted = profile.kind == cut.filter.kind && cut.filter.window.contains(profile.start_ns);
        let group = is_wanted.then(|| {
            *known.entry(profile.label_set).or_insert_with(|| {
                let labels = part.label_sets.values().get(profile.label_set as usize)?;
                cut.filter.matches(labels).then(|| groups.number(cut.group(labels)))
            })
        });
        let Some(Some(group)) = group else { continue };
        let step = cut.step(profile.start_ns);
        let unit = Unit { rows: 0..0, group, step, period: profile.period };
        for (stack, value) in part.rows(profile) {
            sums.add(&unit, stack, value);
        }
        if sums.0.len() >= CELLS_MAX {
            take(&Cells { groups: &groups.values, frames, stacks, cells: &sums.drain() });
        }
    }
    take(&Cells { groups: &groups.values, frames, stacks, cells: &sums.drain() });
}

/// Hands on what is selected in segments and blocks, one after the other.
pub(crate) fn of_folders(
    tables: &Tables,
    entries: &[&Entry],
    cut: &Cut<'_>,
    take: &mut dyn FnMut(&Cells<'_>),
) -> Result<(), FolderError> {
    for entry in entries.iter().filter(|entry| entry.rows > 0) {
        of_folder(tables, entry, cut, take).map_err(|error| (entry.id, error))?;
    }
    Ok(())
}

fn of_folder(
    tables: &Tables,
    entry: &Entry,
    cut: &Cut<'_>,
    take: &mut dyn FnMut(&Cells<'_>),
) -> Result<(), StoreError> {
    let mut groups = Groups::default();
    let units = units(&tables.open(entry, schema::PROFILES)?, cut, &mut groups)?;
    if units.is_empty() {
        return Ok(());
    }
    let frames = frames(&tables.open(entry, schema::FRAMES)?)?;
    let stacks = stacks(&tables.open(entry, schema::STACKS)?, frames.len())?;
    let samples = tables.open(entry, schema::SAMPLES)?;
    let wanted: Rows = joined(units.iter().map(|unit| unit.rows.clone()).collect());
    let columns = columns(&samples, &[schema::STACK, schema::VALUE])?;
    let mut sums = Sums::default();
    let mut rest = units.iter().peekable();
    let mut first = 0;
    for row_group in 0..samples.row_groups() {
        let end = first + samples.rows(row_group);
        let here = joined(intersect(&wanted, &one(first..end)));
        let offset: Rows = here.iter().map(|range| range.start - first..range.end - first).collect();
        first = end;
        if here.is_empty() {
            continue;
        }
        let mut positions = here.into_iter().flatten();
        for batch in samples.read(row_group, &columns, &offset)? {
            let batch = batch.map_err(ParquetError::from)?;
            let (numbers, values): (UInt32Array, Int64Array) = (typed(&batch, 0)?, typed(&batch, 1)?);
            for (stack, value) in numbers.values().iter().zip(values.values()) {
                let Some(row) = positions.next() else { break };
                while rest.next_if(|unit| unit.rows.end <= row).is_some() {}
                let Some(unit) = rest.peek() else { break };
                if *stack as usize >= stacks.len() {
                    return Err(broken("a sample names a stack that is not there"));
                }
                sums.add(unit, *stack, *value);
            }
            if sums.0.len() >= CELLS_MAX {
                take(&Cells {
                    groups: &groups.values,
                    frames: &frames,
                    stacks: &stacks,
                    cells: &sums.drain(),
                });
            }
        }
    }
    take(&Cells { groups: &groups.values, frames: &frames, stacks: &stacks, cells: &sums.drain() });
    Ok(())
}

/// Every selected profile that has samples, in the order of the samples.
fn units(table: &Table, cut: &Cut<'_>, groups: &mut Groups) -> Result<Vec<Unit>, StoreError> {
    let starts = starts(table)?;
    let keys: Vec<(Option<usize>, &str)> = cut
        .shape
        .by
        .iter()
        .map(|key| {
            let own = table.column(&schema::label_column(key));
            (own.or_else(|| table.column(schema::LABELS_REST)), key.as_ref())
        })
        .collect();
    let facts = columns(table, &[schema::TS, schema::PERIOD])?;
    let mut wanted: Vec<usize> = keys.iter().filter_map(|(column, _)| *column).chain(facts).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut units = Vec::new();
    let mut first = 0;
    for row_group in 0..table.row_groups() {
        let rows = select(table, cut.filter, row_group)?;
        let mut positions = rows.clone().into_iter().flatten();
        let offset = first;
        first += table.rows(row_group);
        if rows.is_empty() {
            continue;
        }
        for batch in table.read(row_group, &wanted, &rows)? {
            let batch = batch.map_err(ParquetError::from)?;
            let labels = Labels::new(table, &batch, (&keys, &wanted))?;
            let at = |name: &str| table.column(name).and_then(|column| wanted.binary_search(&column).ok());
            let ts: TimestampNanosecondArray = typed(&batch, at(schema::TS).unwrap_or(usize::MAX))?;
            let periods: Int64Array = typed(&batch, at(schema::PERIOD).unwrap_or(usize::MAX))?;
            for (row, (ts, period)) in ts.values().iter().zip(periods.values()).enumerate() {
                let position = offset + positions.next().unwrap_or_default();
                let bounds = starts.get(position).copied().zip(starts.get(position + 1).copied());
                let (start, end) = bounds.ok_or_else(|| broken("a profile has no samples of its own"))?;
                if start < end {
                    let (group, step) = (groups.number(labels.of(row)), cut.step(*ts));
                    units.push(Unit { rows: start..end, group, step, period: *period });
                }
            }
        }
    }
    Ok(units)
}

/// Where the samples of each profile begin, and where the last ones end.
fn starts(table: &Table) -> Result<Vec<usize>, StoreError> {
    let (mut starts, mut at) = (vec![0], 0);
    for batch in table.read_all(&columns(table, &[schema::ROWS])?)? {
        let counts: UInt32Array = typed(&batch.map_err(ParquetError::from)?, 0)?;
        starts.extend(counts.values().iter().map(|count| {
            at += *count as usize;
            at
        }));
    }
    Ok(starts)
}

/// The labels asked for, of the rows of one batch.
struct Labels(Vec<Option<(Texts, Option<String>)>>);

impl Labels {
    fn new(
        table: &Table,
        batch: &RecordBatch,
        (keys, wanted): (&[(Option<usize>, &str)], &[usize]),
    ) -> Result<Self, StoreError> {
        let rest = table.column(schema::LABELS_REST);
        let texts = keys.iter().map(|(column, key)| {
            let Some(column) = column else { return Ok(None) };
            let at = wanted.binary_search(column).unwrap_or(usize::MAX);
            let in_rest = (Some(*column) == rest).then(|| (*key).to_owned());
            Ok(Some((Texts::new(batch, at)?, in_rest)))
        });
        Ok(Self(texts.collect::<Result<_, StoreError>>()?))
    }

    fn of(&self, row: usize) -> Vec<Arc<str>> {
        let value = |column: &Option<(Texts, Option<String>)>| match column {
            None => "".into(),
            Some((texts, None)) => texts.get(row),
            Some((texts, Some(key))) => {
                let text = texts.get(row);
                let found = parse_rest(&text).into_iter().find(|(found, _)| found == key);
                found.map(|(_, value)| value).unwrap_or_default().into()
            }
        };
        self.0.iter().map(value).collect()
    }
}

/// The stacks of a folder.
fn stacks(table: &Table, frames: usize) -> Result<Vec<Arc<[u32]>>, StoreError> {
    let numbers: Vec<u32> = (0..frames as u32).collect();
    let mut stacks = Vec::new();
    for batch in table.read_all(&[1])? {
        let lists: ListArray = typed(&batch.map_err(ParquetError::from)?, 0)?;
        for list in lists.iter() {
            let stack = stack_frames(list.as_deref(), &numbers)
                .ok_or_else(|| broken("a stack names a frame that is not there"))?;
            stacks.push(stack.into());
        }
    }
    Ok(stacks)
}
