//! Which rows of `profiles` a filter selects, with as little decoding as possible.

use std::ops::Range;

use arrow_array::TimestampNanosecondArray;
use model::Window;
use parquet::{errors::ParquetError, file::page_index::column_index::ColumnIndexMetaData};

use super::filter::{Filter, LabelTest};
use crate::{
    StoreError,
    block::{
        labels::parse_rest,
        read::{Table, Texts, columns, typed},
        schema,
    },
};

/// Rows of one row group, in order and without overlap.
pub(crate) type Rows = Vec<Range<usize>>;

/// One condition on one column.
enum Condition<'a> {
    Label(&'a LabelTest),
    /// The label has no column of its own: it may be in the rest.
    LabelInRest(&'a LabelTest),
    Type(&'static str),
    Time(Window),
}

/// The rows of a row group that are selected.
pub(crate) fn select(table: &Table, filter: &Filter, row_group: usize) -> Result<Rows, StoreError> {
    let mut rows = one(0..table.rows(row_group));
    let time = columns(table, &[schema::TS])?;
    let rest = table.column(schema::LABELS_REST);
    let mut conditions: Vec<(usize, Condition<'_>)> = Vec::new();
    for test in &filter.labels {
        match (table.column(&schema::label_column(&test.key)), rest) {
            (Some(column), _) => conditions.push((column, Condition::Label(test))),
            (None, Some(column)) => conditions.push((column, Condition::LabelInRest(test))),
            (None, None) if test.matches("") => {}
            (None, None) => return Ok(Vec::new()),
        }
    }
    // Counts are of no type.
    conditions.extend(table.column(schema::TYPE).map(|column| (column, Condition::Type(filter.kind.name()))));
    conditions.extend(time.into_iter().map(|column| (column, Condition::Time(filter.window))));
    for (column, condition) in conditions {
        if rows.is_empty() {
            break;
        }
        rows = refine(table, row_group, column, &condition, rows)?;
    }
    Ok(rows)
}

/// Keeps the rows that fulfil a condition. Whole pages are decided by their least and greatest value; only rows
/// of the other pages are decoded.
fn refine(
    table: &Table,
    row_group: usize,
    column: usize,
    condition: &Condition<'_>,
    rows: Rows,
) -> Result<Rows, StoreError> {
    let (mut kept, mut open): (Rows, Rows) = (Vec::new(), Vec::new());
    for (page, verdict) in verdicts(table, row_group, column, condition) {
        match verdict {
            Some(true) => kept.extend(intersect(&rows, &one(page))),
            Some(false) => {}
            None => open.extend(intersect(&rows, &one(page))),
        }
    }
    if !open.is_empty() {
        decode(table, row_group, column, condition, &joined(open), &mut kept)?;
    }
    kept.sort_unstable_by_key(|range| range.start);
    Ok(joined(kept))
}

/// The pages of a column, and what is known of all rows in each.
fn verdicts(
    table: &Table,
    row_group: usize,
    column: usize,
    condition: &Condition<'_>,
) -> Vec<(Range<usize>, Option<bool>)> {
    let metadata = table.metadata.metadata();
    let total = table.rows(row_group);
    let pages = metadata.offset_index().and_then(|index| index.get(row_group)?.get(column));
    let index = metadata.column_index().and_then(|index| index.get(row_group)?.get(column));
    let (Some(pages), Some(index)) = (pages, index) else { return vec![(0..total, None)] };
    let starts: Vec<usize> =
        pages.page_locations().iter().map(|page| page.first_row_index as usize).collect();
    let ends = starts.iter().copied().skip(1).chain([total]);
    let ranges = starts.iter().copied().zip(ends).map(|(start, end)| start..end);
    ranges.enumerate().map(|(page, range)| (range, verdict(index, page, condition))).collect()
}

fn verdict(index: &ColumnIndexMetaData, page: usize, condition: &Condition<'_>) -> Option<bool> {
    match (index, condition) {
        (ColumnIndexMetaData::BYTE_ARRAY(index), condition) => {
            let (min, max) = (index.min_value(page)?, index.max_value(page)?);
            match condition {
                Condition::Label(test) => test.matches_range(min, max),
                Condition::Type(name) if min == max => Some(min == name.as_bytes()),
                _ => None,
            }
        }
        (ColumnIndexMetaData::INT64(index), Condition::Time(window)) => {
            let (min, max) = (*index.min_value(page)?, *index.max_value(page)?);
            match (window.contains(min), window.contains(max)) {
                (true, true) => Some(true),
                _ if max < window.start_ns || min >= window.end_ns => Some(false),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Decodes a column where it has to be, and adds the rows that fulfil the condition to `kept`.
fn decode(
    table: &Table,
    row_group: usize,
    column: usize,
    condition: &Condition<'_>,
    open: &[Range<usize>],
    kept: &mut Rows,
) -> Result<(), StoreError> {
    let mut positions = open.iter().cloned().flatten();
    for batch in table.read(row_group, &[column], open)? {
        let batch = batch.map_err(ParquetError::from)?;
        let mut keep = |fulfilled: bool| {
            if let Some(row) = positions.next()
                && fulfilled
            {
                push(kept, row);
            }
        };
        if let Condition::Time(window) = condition {
            let ts: TimestampNanosecondArray = typed(&batch, 0)?;
            ts.values().iter().for_each(|ts| keep(window.contains(*ts)));
            continue;
        }
        let texts = Texts::new(&batch, 0)?;
        let fulfilled: Vec<bool> = texts.values.iter().map(|text| matches(condition, text)).collect();
        for code in texts.codes() {
            keep(fulfilled.get(*code as usize).copied().unwrap_or(false));
        }
    }
    Ok(())
}

fn matches(condition: &Condition<'_>, text: &str) -> bool {
    match condition {
        Condition::Label(test) => test.matches(text),
        Condition::LabelInRest(test) => {
            let labels = parse_rest(text);
            let value = labels.iter().find(|(key, _)| *key == *test.key).map(|(_, value)| value.as_str());
            test.matches(value.unwrap_or_default())
        }
        Condition::Type(name) => text == *name,
        Condition::Time(_) => false,
    }
}

fn push(rows: &mut Rows, row: usize) {
    match rows.last_mut() {
        Some(last) if last.end == row => last.end = row + 1,
        _ => rows.push(row..row + 1),
    }
}

/// One range.
pub(crate) fn one(range: Range<usize>) -> Rows {
    std::iter::once(range).collect()
}

/// What two sorted lists of ranges have in common.
pub(crate) fn intersect(left: &[Range<usize>], right: &[Range<usize>]) -> Rows {
    let mut common = Vec::new();
    let (mut lefts, mut rights) = (left.iter().peekable(), right.iter().peekable());
    while let (Some(one), Some(other)) = (lefts.peek(), rights.peek()) {
        let (start, end) = (one.start.max(other.start), one.end.min(other.end));
        if start < end {
            common.push(start..end);
        }
        if one.end <= other.end {
            lefts.next();
        } else {
            rights.next();
        }
    }
    common
}

/// Sorted ranges with neighbours made one.
pub(crate) fn joined(rows: Rows) -> Rows {
    let mut joined: Rows = Vec::with_capacity(rows.len());
    for range in rows.into_iter().filter(|range| !range.is_empty()) {
        match joined.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_intersect_and_join() {
        assert_eq!(intersect(&[0..5, 7..9], &one(3..8)), [3..5, 7..8]);
        assert!(intersect(&one(0..5), &[]).is_empty());
        assert_eq!(intersect(&[0..2, 4..6], &[0..1, 1..5]), [0..1, 1..2, 4..5]);
        assert_eq!(joined(vec![0..1, 1..3, 5..5, 5..6]), [0..3, 5..6]);
    }
}
