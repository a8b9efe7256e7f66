//! Evaluations of flags, summed by what they came to.

use std::{collections::HashMap, sync::Arc};

use model::FlagEvaluations;
use parquet::errors::ParquetError;

use super::{
    filter::Filter,
    select::select,
    stacks::{FolderError, each_folder},
};
use crate::{
    block::{
        counts,
        read::{Tables, columns},
        schema,
    },
    catalog::Entry,
    head::Part,
};

/// Counts by flag, variant and reason.
#[derive(Debug, Default)]
pub(crate) struct Evaluations(HashMap<[Arc<str>; 3], u64>);

impl Evaluations {
    /// Adds what is selected in a part.
    pub(crate) fn add_part(&mut self, part: &Part, filter: &Filter) {
        for row in &part.evaluations {
            let labels = part.label_sets.values().get(row.label_set as usize);
            let is_selected = filter.window.contains(row.evaluations.window.start_ns)
                && labels.is_some_and(|labels| filter.matches(labels));
            if is_selected {
                self.add(&row.evaluations);
            }
        }
    }

    /// The sums, most first.
    pub(crate) fn finish(self, filter: &Filter) -> Vec<FlagEvaluations> {
        let sum = |([flag, variant, reason], count): ([Arc<str>; 3], u64)| FlagEvaluations {
            window: filter.window,
            flag,
            variant,
            reason,
            count,
            ..FlagEvaluations::default()
        };
        let mut sums: Vec<FlagEvaluations> = self.0.into_iter().map(sum).collect();
        sums.sort_by_cached_key(|sum| {
            (std::cmp::Reverse(sum.count), sum.flag.clone(), sum.variant.clone(), sum.reason.clone())
        });
        sums
    }

    fn add(&mut self, one: &FlagEvaluations) {
        let key = [one.flag.clone(), one.variant.clone(), one.reason.clone()];
        let sum = self.0.entry(key).or_default();
        *sum = sum.saturating_add(one.count);
    }
}

/// Adds what is selected in segments and blocks.
pub(crate) fn evaluations(
    tables: &Tables,
    entries: &[&Entry],
    filter: &Filter,
    threads: usize,
    sums: &mut Evaluations,
) -> Result<(), FolderError> {
    let found = each_folder(threads, entries, |entry| {
        let mut found = Vec::new();
        if !entry.has(schema::EVALUATIONS) {
            return Ok(found);
        }
        let table = tables.open(entry, schema::EVALUATIONS)?;
        let wanted = columns(&table, &[schema::FLAG, schema::VARIANT, schema::REASON, schema::COUNT])?;
        for row_group in 0..table.row_groups() {
            let rows = select(&table, filter, row_group)?;
            if rows.is_empty() {
                continue;
            }
            for batch in table.read(row_group, &wanted, &rows)? {
                found.extend(counts::read_evaluations(&batch.map_err(ParquetError::from)?, 0)?);
            }
        }
        Ok(found)
    })?;
    found.iter().flatten().for_each(|one| sums.add(one));
    Ok(())
}
