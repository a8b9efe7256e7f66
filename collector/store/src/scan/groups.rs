//! Totals by label and by time, from `profiles` alone.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    ops::Range,
    sync::Arc,
};

use arrow_array::{Int64Array, RecordBatch, TimestampNanosecondArray};
use parquet::errors::ParquetError;

use super::{
    filter::Filter,
    select::select,
    stacks::{FolderError, each_folder},
};
use crate::{
    StoreError,
    block::{
        labels::parse_rest,
        read::{Table, Tables, Texts, columns, label_key, typed},
        schema,
    },
    catalog::Entry,
    head::Part,
};

/// How totals are split.
#[derive(Clone, Debug)]
pub(crate) struct Grouping {
    /// Label to group by.
    pub(crate) by: Option<Arc<str>>,
    /// Start of the first step.
    pub(crate) start_ns: i64,
    /// Length of a step.
    pub(crate) step_ns: i64,
    /// How many steps.
    pub(crate) steps: usize,
    /// Values that are told apart; everything else is one group. `None` tells all apart.
    pub(crate) apart: Option<HashSet<Arc<str>>>,
}

/// Totals for each step by value of the label. What is not told apart stands under `None`.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    slots: HashMap<Option<Arc<str>>, usize>,
    totals: Vec<Vec<i64>>,
}

impl Totals {
    /// All groups.
    pub(crate) fn into_groups(mut self) -> impl Iterator<Item = (Option<Arc<str>>, Vec<i64>)> {
        self.slots.into_iter().map(move |(value, slot)| {
            (value, self.totals.get_mut(slot).map(std::mem::take).unwrap_or_default())
        })
    }

    fn slot(&mut self, value: &Arc<str>, grouping: &Grouping) -> usize {
        let is_apart = grouping.apart.as_ref().is_none_or(|apart| apart.contains(value));
        let next = self.totals.len();
        let slot = *self.slots.entry(is_apart.then(|| value.clone())).or_insert(next);
        if slot == next {
            self.totals.push(vec![0; grouping.steps]);
        }
        slot
    }

    fn add(&mut self, slot: usize, ts: i64, total: i64, grouping: &Grouping) {
        let step = if grouping.steps == 1 {
            0
        } else {
            ts.saturating_sub(grouping.start_ns) / grouping.step_ns.max(1)
        };
        let sum = self.totals.get_mut(slot).and_then(|steps| steps.get_mut(usize::try_from(step).ok()?));
        if let Some(sum) = sum {
            *sum = sum.saturating_add(total);
        }
    }

    fn merge(&mut self, other: Totals, grouping: &Grouping) {
        for (value, totals) in other.into_groups() {
            let next = self.totals.len();
            let slot = *self.slots.entry(value).or_insert(next);
            if slot == next {
                self.totals.push(vec![0; grouping.steps]);
            }
            let sums = self.totals.get_mut(slot).into_iter().flatten();
            sums.zip(totals).for_each(|(sum, more)| *sum = sum.saturating_add(more));
        }
    }

    /// Adds what is selected in a part.
    pub(crate) fn add_part(&mut self, part: &Part, filter: &Filter, grouping: &Grouping) {
        let by = grouping.by.as_deref().unwrap_or_default();
        let mut slots: HashMap<u32, Option<usize>> = HashMap::new();
        for profile in &part.profiles {
            if profile.kind != filter.kind || !filter.window.contains(profile.start_ns) {
                continue;
            }
            let slot = *slots.entry(profile.label_set).or_insert_with(|| {
                let labels = part.label_sets.values().get(profile.label_set as usize)?;
                filter
                    .matches(labels)
                    .then(|| self.slot(&labels.get(by).unwrap_or_default().into(), grouping))
            });
            if let Some(slot) = slot {
                let total = part.rows(profile).fold(0, |sum: i64, (_, value)| sum.saturating_add(value));
                self.add(slot, profile.start_ns, total, grouping);
            }
        }
    }
}

/// Adds what is selected in segments and blocks.
pub(crate) fn totals(
    tables: &Tables,
    entries: &[&Entry],
    filter: &Filter,
    (grouping, threads): (&Grouping, usize),
    totals: &mut Totals,
) -> Result<(), FolderError> {
    let found = each_folder(threads, entries, |entry| {
        let table = tables.open(entry, schema::PROFILES)?;
        let mut found = Totals::default();
        for row_group in 0..table.row_groups() {
            let rows = select(&table, filter, row_group)?;
            add_rows(&table, row_group, &rows, grouping, &mut found)?;
        }
        Ok(found)
    })?;
    found.into_iter().for_each(|found| totals.merge(found, grouping));
    Ok(())
}

fn add_rows(
    table: &Table,
    row_group: usize,
    rows: &[Range<usize>],
    grouping: &Grouping,
    totals: &mut Totals,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let by = grouping.by.as_deref();
    let own = by.and_then(|key| table.column(&schema::label_column(key)));
    let rest = by.and_then(|_| table.column(schema::LABELS_REST)).filter(|_| own.is_none());
    let mut wanted: Vec<usize> = own.or(rest).into_iter().collect();
    wanted.extend(columns(table, &[schema::TS, schema::TOTAL])?);
    let labels = wanted.len() - 2;
    for batch in table.read(row_group, &wanted, rows)? {
        let batch = batch.map_err(ParquetError::from)?;
        let ts: TimestampNanosecondArray = typed(&batch, labels)?;
        let values: Int64Array = typed(&batch, labels + 1)?;
        let slots = slots(&batch, labels > 0, rest.and(by), grouping, totals)?;
        for (row, (ts, value)) in ts.values().iter().zip(values.values()).enumerate() {
            totals.add(slots.of(row), *ts, *value, grouping);
        }
    }
    Ok(())
}

/// For each row the place of its group in [`Totals`].
enum Slots {
    One(usize),
    ByText { texts: Texts, slots: Vec<usize> },
}

impl Slots {
    fn of(&self, row: usize) -> usize {
        match self {
            Self::One(slot) => *slot,
            Self::ByText { texts, slots } => {
                slots.get(texts.code(row) as usize).copied().unwrap_or(usize::MAX)
            }
        }
    }
}

fn slots(
    batch: &RecordBatch,
    has_labels: bool,
    key_in_rest: Option<&str>,
    grouping: &Grouping,
    totals: &mut Totals,
) -> Result<Slots, StoreError> {
    if !has_labels {
        return Ok(Slots::One(totals.slot(&"".into(), grouping)));
    }
    let texts = Texts::new(batch, 0)?;
    let mut used = vec![false; texts.values.len()];
    for code in texts.codes() {
        used.get_mut(*code as usize).into_iter().for_each(|used| *used = true);
    }
    let slot = |(text, used): (&Arc<str>, bool)| match key_in_rest {
        _ if !used => usize::MAX,
        None => totals.slot(text, grouping),
        Some(key) => {
            let value = parse_rest(text).into_iter().find(|(found, _)| found == key).map(|(_, value)| value);
            totals.slot(&value.unwrap_or_default().into(), grouping)
        }
    };
    let slots = texts.values.iter().zip(used).map(slot).collect();
    Ok(Slots::ByText { texts, slots })
}

/// Adds the names of the labels that occur in segments and blocks.
pub(crate) fn label_names(
    tables: &Tables,
    entries: &[&Entry],
    threads: usize,
    names: &mut BTreeSet<Arc<str>>,
) -> Result<(), FolderError> {
    let found = each_folder(threads, entries, |entry| {
        let table = tables.open(entry, schema::PROFILES)?;
        let mut found: BTreeSet<Arc<str>> = BTreeSet::new();
        for field in table.metadata.schema().fields() {
            found.extend(label_key(field.name()).filter(|key| !key.is_empty()).map(Arc::from));
        }
        let Some(rest) = table.column(schema::LABELS_REST) else { return Ok(found) };
        for batch in table.read_all(&[rest])? {
            let texts = Texts::new(&batch.map_err(ParquetError::from)?, 0)?;
            let labels = texts.values.iter().flat_map(|text| parse_rest(text));
            found.extend(labels.map(|(key, _)| Arc::from(key)));
        }
        Ok(found)
    })?;
    names.extend(found.into_iter().flatten());
    Ok(())
}
