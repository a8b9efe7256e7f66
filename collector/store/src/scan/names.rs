//! Which labels occur.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use model::LabelSet;
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
        read::{Table, Tables, Texts, label_key},
        schema,
    },
    catalog::Entry,
    head::Part,
};

/// Names of labels.
pub(crate) type Names = BTreeSet<Arc<str>>;

/// Adds the names of the labels that selected profiles of a part have.
pub(crate) fn add_part(part: &Part, filter: &Filter, names: &mut Names) {
    let in_window = part.profiles.iter().filter(|profile| filter.window.contains(profile.start_ns));
    let sets: HashSet<u32> = in_window.map(|profile| profile.label_set).collect();
    let sets = sets.iter().filter_map(|number| part.label_sets.values().get(*number as usize));
    names.extend(sets.filter(|set| filter.matches(set)).flat_map(LabelSet::iter).map(|(key, _)| key.clone()));
}

/// Adds the names of the labels that occur in segments and blocks. Where no label is selected by, the columns that a
/// table has say so; else the selected rows do.
pub(crate) fn label_names(
    tables: &Tables,
    entries: &[&Entry],
    filter: &Filter,
    threads: usize,
    names: &mut Names,
) -> Result<(), FolderError> {
    let found = each_folder(threads, entries, |entry| {
        let table = tables.open(entry, schema::PROFILES)?;
        if filter.labels.is_empty() { of_columns(&table) } else { of_rows(&table, filter) }
    })?;
    names.extend(found.into_iter().flatten());
    Ok(())
}

fn of_columns(table: &Table) -> Result<Names, StoreError> {
    let fields = table.metadata.schema().fields().iter();
    let keys = fields.filter_map(|field| label_key(field.name())).filter(|key| !key.is_empty());
    let mut names: Names = keys.map(Arc::from).collect();
    let Some(rest) = table.column(schema::LABELS_REST) else { return Ok(names) };
    for batch in table.read_all(&[rest])? {
        let texts = Texts::new(&batch.map_err(ParquetError::from)?, 0)?;
        names.extend(texts.values.iter().flat_map(|text| parse_rest(text)).map(|(key, _)| Arc::from(key)));
    }
    Ok(names)
}

fn of_rows(table: &Table, filter: &Filter) -> Result<Names, StoreError> {
    let mut names = Names::new();
    let fields = table.metadata.schema().fields().iter().enumerate();
    let labels: Vec<(usize, &str)> =
        fields.filter_map(|(column, field)| Some((column, label_key(field.name())?))).collect();
    for row_group in 0..table.row_groups() {
        let rows = select(table, filter, row_group)?;
        if rows.is_empty() {
            continue;
        }
        for (column, key) in labels.iter().filter(|(_, key)| !names.contains(*key)).collect::<Vec<_>>() {
            for batch in table.read(row_group, &[*column], &rows)? {
                let texts = Texts::new(&batch.map_err(ParquetError::from)?, 0)?;
                let codes: HashSet<i32> = texts.codes().iter().copied().collect();
                let used = codes.iter().filter_map(|code| texts.values.get(*code as usize));
                let mut used = used.filter(|text| !text.is_empty());
                if key.is_empty() {
                    names.extend(used.flat_map(|text| parse_rest(text)).map(|(key, _)| Arc::from(key)));
                } else if used.next().is_some() {
                    names.insert((*key).into());
                    break;
                }
            }
        }
    }
    Ok(names)
}
