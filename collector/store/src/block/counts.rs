//! The tables `requests`, `evaluations` and `marginals`: what programs counted themselves, and sums by single flags.

use std::{collections::HashMap, sync::Arc};

use arrow_array::{
    Array, ArrayRef, DictionaryArray, Int32Array, Int64Array, RecordBatch, TimestampNanosecondArray,
    UInt64Array, types::Int32Type,
};
use arrow_schema::ArrowError;
use model::{FlagEvaluations, LabelSet, ProfileType, RequestCounts, Window};
use parquet::errors::{ParquetError, Result as ParquetResult};

use super::{
    labels::{self, LabelColumn},
    load::label_set,
    read::{self, Texts, label_key, typed},
    schema, write,
};
use crate::{
    StoreError,
    head::{EvaluationRow, Part, RequestRow},
    marginals::MarginalRow,
};

/// Writes `requests`, and says how many labels have no column of their own.
pub(super) fn requests(part: &Part, rows: &[&RequestRow]) -> ParquetResult<(Vec<u8>, u64)> {
    let labels = Labels::new(part, rows.iter().map(|row| row.label_set));
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| (labels.rank(row.label_set), row.counts.window));
    let mut table = write::Table::new(schema::requests(&write::keys(&labels.columns)))?;
    for rows in rows.chunks(schema::BATCH_ROWS) {
        let counts = || rows.iter().map(|row| &row.counts);
        let mut arrays = labels.arrays(rows.iter().map(|row| row.label_set))?;
        arrays.extend(times(counts().map(|counts| counts.window)));
        arrays.extend(request_columns(counts()));
        table.write(arrays)?;
    }
    Ok((table.finish()?, labels.without_column))
}

/// Writes `marginals`, and says how many labels have no column of their own.
pub(super) fn marginals(part: &Part, rows: &[&MarginalRow]) -> ParquetResult<(Vec<u8>, u64)> {
    let labels = Labels::new(part, rows.iter().map(|row| row.label_set));
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| (labels.rank(row.label_set), row.window, row.kind));
    let mut table = write::Table::new(schema::marginals(&write::keys(&labels.columns)))?;
    for rows in rows.chunks(schema::BATCH_ROWS) {
        let mut arrays = labels.arrays(rows.iter().map(|row| row.label_set))?;
        arrays.extend(times(rows.iter().map(|row| row.window)));
        let kinds = rows.iter().map(|row| Some(row.kind.name()));
        arrays.push(Arc::new(kinds.collect::<DictionaryArray<Int32Type>>()));
        arrays.push(Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.total))));
        arrays.extend(request_columns(rows.iter().map(|row| &row.counts)));
        table.write(arrays)?;
    }
    Ok((table.finish()?, labels.without_column))
}

/// The columns of [`schema::REQUEST_COLUMNS`].
fn request_columns<'a>(counts: impl Iterator<Item = &'a RequestCounts> + Clone) -> [ArrayRef; 6] {
    let number = |of: fn(&RequestCounts) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(counts.clone().map(of)))
    };
    [
        number(|counts| counts.requests),
        number(|counts| counts.measured),
        number(|counts| counts.cpu_ns),
        Arc::new(UInt64Array::from_iter(counts.clone().map(|counts| counts.instructions))),
        number(|counts| counts.client_errors),
        number(|counts| counts.server_errors),
    ]
}

/// Writes `evaluations`, and says how many labels have no column of their own.
pub(super) fn evaluations(part: &Part, rows: &[&EvaluationRow]) -> ParquetResult<(Vec<u8>, u64)> {
    let labels = Labels::new(part, rows.iter().map(|row| row.label_set));
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| (labels.rank(row.label_set), row.evaluations.window));
    let mut table = write::Table::new(schema::evaluations(&write::keys(&labels.columns)))?;
    for rows in rows.chunks(schema::BATCH_ROWS) {
        let evaluations = || rows.iter().map(|row| &row.evaluations);
        let mut arrays = labels.arrays(rows.iter().map(|row| row.label_set))?;
        arrays.extend(times(evaluations().map(|evaluations| evaluations.window)));
        let text = |of: fn(&FlagEvaluations) -> &str| -> ArrayRef {
            Arc::new(evaluations().map(|one| Some(of(one))).collect::<DictionaryArray<Int32Type>>())
        };
        arrays.extend([text(|one| &one.flag), text(|one| &one.variant), text(|one| &one.reason)]);
        arrays.push(Arc::new(UInt64Array::from_iter_values(evaluations().map(|one| one.count))));
        table.write(arrays)?;
    }
    Ok((table.finish()?, labels.without_column))
}

/// The label columns of a table of counts.
struct Labels {
    columns: Vec<LabelColumn>,
    dictionaries: Vec<ArrayRef>,
    ranks: HashMap<u32, u32>,
    without_column: u64,
}

impl Labels {
    fn new(part: &Part, numbers: impl Iterator<Item = u32>) -> Self {
        let (sets, ranks) = write::ranked(part, numbers);
        let (columns, without_column) = labels::columns(&sets);
        let dictionaries = columns.iter().map(write::texts).collect();
        Self { columns, dictionaries, ranks, without_column }
    }

    fn rank(&self, label_set: u32) -> u32 {
        self.ranks.get(&label_set).copied().unwrap_or(0)
    }

    fn arrays(&self, label_sets: impl Iterator<Item = u32>) -> Result<Vec<ArrayRef>, ArrowError> {
        let ranks: Vec<usize> = label_sets.map(|number| self.rank(number) as usize).collect();
        let array = |(column, texts): (&LabelColumn, &ArrayRef)| -> Result<ArrayRef, ArrowError> {
            let codes = ranks.iter().map(|rank| column.codes.get(*rank).copied().unwrap_or(0));
            let codes = Int32Array::from_iter_values(codes);
            Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(codes, texts.clone())?))
        };
        self.columns.iter().zip(&self.dictionaries).map(array).collect()
    }
}

fn times(windows: impl Iterator<Item = Window>) -> [ArrayRef; 2] {
    let (starts, durations): (Vec<i64>, Vec<i64>) =
        windows.map(|window| (window.start_ns, window.duration_ns())).unzip();
    let starts = TimestampNanosecondArray::from(starts).with_timezone("UTC");
    [Arc::new(starts), Arc::new(Int64Array::from(durations))]
}

/// Reads the counts of a batch whose columns from `at` on are those of [`schema::REQUEST_COLUMNS`]. Window and labels
/// are left empty.
pub(crate) fn read_requests(batch: &RecordBatch, at: usize) -> Result<Vec<RequestCounts>, StoreError> {
    let columns: Vec<UInt64Array> = (at..at + schema::REQUEST_COLUMNS.len())
        .map(|column| typed(batch, column))
        .collect::<Result<_, _>>()?;
    let [requests, measured, cpu_ns, instructions, client_errors, server_errors] = columns.as_slice() else {
        return Err(read::broken("a table of requests lacks columns"));
    };
    let counts = (0..batch.num_rows()).map(|row| RequestCounts {
        requests: requests.value(row),
        measured: measured.value(row),
        cpu_ns: cpu_ns.value(row),
        instructions: instructions.is_valid(row).then(|| instructions.value(row)),
        client_errors: client_errors.value(row),
        server_errors: server_errors.value(row),
        ..RequestCounts::default()
    });
    Ok(counts.collect())
}

/// Reads flag, variant, reason and count of a batch whose columns from `at` on are these.
pub(crate) fn read_evaluations(batch: &RecordBatch, at: usize) -> Result<Vec<FlagEvaluations>, StoreError> {
    let (flags, variants, reasons) =
        (Texts::new(batch, at)?, Texts::new(batch, at + 1)?, Texts::new(batch, at + 2)?);
    let counts: UInt64Array = typed(batch, at + 3)?;
    let evaluations = (0..batch.num_rows()).map(|row| FlagEvaluations {
        flag: flags.get(row),
        variant: variants.get(row),
        reason: reasons.get(row),
        count: counts.value(row),
        ..FlagEvaluations::default()
    });
    Ok(evaluations.collect())
}

/// Adds all rows of `requests` to a part.
pub(super) fn load_requests(table: &read::Table, part: &mut Part) -> Result<(), StoreError> {
    each_batch(table, part, |batch, at, part, places| {
        for (counts, (label_set, window)) in read_requests(batch, at)?.into_iter().zip(places) {
            let counts = RequestCounts { window: *window, ..counts };
            part.requests.push(RequestRow { label_set: *label_set, counts });
        }
        Ok(())
    })
}

/// Adds all rows of `evaluations` to a part.
pub(super) fn load_evaluations(table: &read::Table, part: &mut Part) -> Result<(), StoreError> {
    each_batch(table, part, |batch, at, part, places| {
        for (evaluations, (label_set, window)) in read_evaluations(batch, at)?.into_iter().zip(places) {
            let evaluations = FlagEvaluations { window: *window, ..evaluations };
            part.evaluations.push(EvaluationRow { label_set: *label_set, evaluations });
        }
        Ok(())
    })
}

/// Adds all rows of `marginals` to a part.
pub(super) fn load_marginals(table: &read::Table, part: &mut Part) -> Result<(), StoreError> {
    each_batch(table, part, |batch, at, part, places| {
        let kinds = Texts::new(batch, at)?;
        let totals: Int64Array = typed(batch, at + 1)?;
        let counts = read_requests(batch, at + 2)?;
        for (row, (counts, (label_set, window))) in counts.into_iter().zip(places).enumerate() {
            let kind = ProfileType::from_name(&kinds.get(row)).unwrap_or_default();
            let total = totals.value(row);
            part.marginals.push(MarginalRow { label_set: *label_set, window: *window, kind, total, counts });
        }
        Ok(())
    })
}

/// Gives each batch of a table of counts to `add`: where the counts' columns begin, and the label set and window of
/// each row.
fn each_batch(
    table: &read::Table,
    part: &mut Part,
    add: impl Fn(&RecordBatch, usize, &mut Part, &[(u32, Window)]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let schema = table.metadata.schema();
    let all: Vec<usize> = (0..schema.fields().len()).collect();
    let keys: Vec<&str> = schema.fields().iter().map_while(|field| label_key(field.name())).collect();
    for batch in table.read_all(&all)? {
        let batch = batch.map_err(ParquetError::from)?;
        let labels: Vec<Texts> =
            (0..keys.len()).map(|at| Texts::new(&batch, at)).collect::<Result<_, _>>()?;
        let ts: TimestampNanosecondArray = typed(&batch, keys.len())?;
        let durations_ns: Int64Array = typed(&batch, keys.len() + 1)?;
        let places: Vec<(u32, Window)> = (0..batch.num_rows())
            .map(|row| {
                let labels: LabelSet = label_set(&keys, &labels, row);
                let start_ns = ts.value(row);
                let end_ns = start_ns.saturating_add(durations_ns.value(row));
                (part.label_sets.insert(&labels), Window { start_ns, end_ns })
            })
            .collect();
        add(&batch, keys.len() + 2, part, &places)?;
    }
    Ok(())
}
