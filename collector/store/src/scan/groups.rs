//! Totals by label and by time, from the tables that have one row for each window and label set.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::Arc,
};

use arrow_array::{Int64Array, RecordBatch, TimestampNanosecondArray};
use model::{RequestCounts, keys};
use parquet::errors::ParquetError;

use super::{
    filter::Filter,
    select::select,
    stacks::{FolderError, each_folder},
};
use crate::{
    StoreError,
    block::{
        counts,
        labels::parse_rest,
        read::{Table, Tables, Texts, columns, typed},
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

/// What can be summed, and where it is stored.
pub(crate) trait Amount: Clone + Default + PartialEq + Send {
    const TABLE: &'static str;
    /// Columns of the table that amounts are read from, in its order.
    const COLUMNS: &'static [&'static str];
    /// True when a folder may have no such table.
    const IS_OPTIONAL: bool;

    fn add(&mut self, other: &Self);

    /// Takes away what is part of this.
    fn subtract(&mut self, part: &Self);

    /// The amounts of a batch that has the columns from this position on.
    fn read(batch: &RecordBatch, at: usize) -> Result<Vec<Self>, StoreError>;

    /// Gives label set, time and amount of everything in a part, whatever its time and labels.
    fn each(part: &Part, filter: &Filter, take: &mut dyn FnMut(u32, i64, &Self));
}

/// A sum of samples.
impl Amount for i64 {
    const TABLE: &'static str = schema::PROFILES;
    const COLUMNS: &'static [&'static str] = &[schema::TOTAL];
    const IS_OPTIONAL: bool = false;

    fn add(&mut self, other: &Self) {
        *self = self.saturating_add(*other);
    }

    fn subtract(&mut self, part: &Self) {
        *self = self.saturating_sub(*part);
    }

    fn read(batch: &RecordBatch, at: usize) -> Result<Vec<Self>, StoreError> {
        Ok(typed::<Int64Array>(batch, at)?.values().to_vec())
    }

    fn each(part: &Part, filter: &Filter, take: &mut dyn FnMut(u32, i64, &Self)) {
        for profile in part.profiles.iter().filter(|profile| profile.kind == filter.kind) {
            let total = part.rows(profile).fold(0, |sum: i64, (_, value)| sum.saturating_add(value));
            take(profile.label_set, profile.start_ns, &total);
        }
    }
}

impl Amount for RequestCounts {
    const TABLE: &'static str = schema::REQUESTS;
    const COLUMNS: &'static [&'static str] = &schema::REQUEST_COLUMNS;
    const IS_OPTIONAL: bool = true;

    fn add(&mut self, other: &Self) {
        RequestCounts::add(self, other);
    }

    fn subtract(&mut self, part: &Self) {
        RequestCounts::subtract(self, part);
    }

    fn read(batch: &RecordBatch, at: usize) -> Result<Vec<Self>, StoreError> {
        counts::read_requests(batch, at)
    }

    fn each(part: &Part, _filter: &Filter, take: &mut dyn FnMut(u32, i64, &Self)) {
        for row in &part.requests {
            take(row.label_set, row.counts.window.start_ns, &row.counts);
        }
    }
}

/// Totals for each step by value of the label. What is not told apart stands under `None`.
#[derive(Debug, Default)]
pub(crate) struct Totals<A> {
    slots: HashMap<Option<Arc<str>>, usize>,
    totals: Vec<Vec<A>>,
}

impl<A: Amount> Totals<A> {
    /// All groups.
    pub(crate) fn into_groups(mut self) -> impl Iterator<Item = (Option<Arc<str>>, Vec<A>)> {
        self.slots.into_iter().map(move |(value, slot)| {
            (value, self.totals.get_mut(slot).map(std::mem::take).unwrap_or_default())
        })
    }

    fn slot(&mut self, value: &Arc<str>, grouping: &Grouping) -> usize {
        let is_apart = grouping.apart.as_ref().is_none_or(|apart| apart.contains(value));
        self.slot_of(is_apart.then(|| value.clone()), grouping)
    }

    fn slot_of(&mut self, group: Option<Arc<str>>, grouping: &Grouping) -> usize {
        let next = self.totals.len();
        let slot = *self.slots.entry(group).or_insert(next);
        if slot == next {
            self.totals.push(vec![A::default(); grouping.steps]);
        }
        slot
    }

    fn add(&mut self, slot: usize, ts: i64, amount: &A, grouping: &Grouping) {
        let step = if grouping.steps == 1 {
            0
        } else {
            ts.saturating_sub(grouping.start_ns) / grouping.step_ns.max(1)
        };
        let sum = self.totals.get_mut(slot).and_then(|steps| steps.get_mut(usize::try_from(step).ok()?));
        sum.into_iter().for_each(|sum| sum.add(amount));
    }

    fn merge(&mut self, other: Totals<A>, grouping: &Grouping) {
        for (group, totals) in other.into_groups() {
            let slot = self.slot_of(group, grouping);
            let sums = self.totals.get_mut(slot).into_iter().flatten();
            sums.zip(totals).for_each(|(sum, more)| sum.add(&more));
        }
    }

    /// Moves what is known of single variants out of the others.
    fn move_from_other(&mut self, marginals: Totals<A>, grouping: &Grouping) {
        let other: Arc<str> = keys::OTHER.into();
        let slot = self.slot(&other, grouping);
        for steps in &marginals.totals {
            let sums = self.totals.get_mut(slot).into_iter().flatten();
            sums.zip(steps).for_each(|(sum, part)| sum.subtract(part));
        }
        self.merge(marginals, grouping);
        let is_empty = |steps: &Vec<A>| steps.iter().all(|step| *step == A::default());
        if self.totals.get(slot).is_some_and(is_empty) {
            self.slots.retain(|_, one| *one != slot);
        }
    }

    /// Adds what is selected in a part.
    pub(crate) fn add_part(&mut self, part: &Part, filter: &Filter, grouping: &Grouping) {
        let by = grouping.by.as_deref().unwrap_or_default();
        let mut slots: HashMap<u32, Option<usize>> = HashMap::new();
        A::each(part, filter, &mut |label_set, ts, amount| {
            if !filter.window.contains(ts) {
                return;
            }
            let slot = *slots.entry(label_set).or_insert_with(|| {
                let labels = part.label_sets.values().get(label_set as usize)?;
                filter
                    .matches(labels)
                    .then(|| self.slot(&labels.get(by).unwrap_or_default().into(), grouping))
            });
            if let Some(slot) = slot {
                self.add(slot, ts, amount, grouping);
            }
        });
    }
}

/// Adds what is selected in segments and blocks.
pub(crate) fn totals<A: Amount>(
    tables: &Tables,
    entries: &[&Entry],
    filter: &Filter,
    (grouping, threads): (&Grouping, usize),
    totals: &mut Totals<A>,
) -> Result<(), FolderError> {
    let flag = grouping.by.as_deref().filter(|by| by.starts_with(keys::FLAG_PREFIX));
    let of_marginals = flag.and_then(|flag| filter.of_marginals(flag));
    let found = each_folder(threads, entries, |entry| {
        let mut found = Totals::default();
        if !A::IS_OPTIONAL || entry.has(A::TABLE) {
            add_table(&tables.open(entry, A::TABLE)?, filter, grouping, &mut found)?;
        }
        if let Some(filter) = of_marginals.as_ref().filter(|_| entry.has(schema::MARGINALS)) {
            let mut marginals = Totals::default();
            add_table(&tables.open(entry, schema::MARGINALS)?, filter, grouping, &mut marginals)?;
            found.move_from_other(marginals, grouping);
        }
        Ok(found)
    })?;
    found.into_iter().for_each(|found| totals.merge(found, grouping));
    Ok(())
}

fn add_table<A: Amount>(
    table: &Table,
    filter: &Filter,
    grouping: &Grouping,
    totals: &mut Totals<A>,
) -> Result<(), StoreError> {
    for row_group in 0..table.row_groups() {
        let rows = select(table, filter, row_group)?;
        add_rows(table, row_group, &rows, grouping, totals)?;
    }
    Ok(())
}

fn add_rows<A: Amount>(
    table: &Table,
    row_group: usize,
    rows: &[Range<usize>],
    grouping: &Grouping,
    totals: &mut Totals<A>,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let by = grouping.by.as_deref();
    let own = by.and_then(|key| table.column(&schema::label_column(key)));
    let rest = by.and_then(|_| table.column(schema::LABELS_REST)).filter(|_| own.is_none());
    let mut wanted: Vec<usize> = own.or(rest).into_iter().collect();
    let labels = wanted.len();
    wanted.extend(columns(table, &[schema::TS])?);
    wanted.extend(columns(table, A::COLUMNS)?);
    for batch in table.read(row_group, &wanted, rows)? {
        let batch = batch.map_err(ParquetError::from)?;
        let ts: TimestampNanosecondArray = typed(&batch, labels)?;
        let amounts = A::read(&batch, labels + 1)?;
        let slots = slots(&batch, labels > 0, rest.and(by), grouping, totals)?;
        for (row, (ts, amount)) in ts.values().iter().zip(&amounts).enumerate() {
            totals.add(slots.of(row), *ts, amount, grouping);
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

fn slots<A: Amount>(
    batch: &RecordBatch,
    has_labels: bool,
    key_in_rest: Option<&str>,
    grouping: &Grouping,
    totals: &mut Totals<A>,
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
