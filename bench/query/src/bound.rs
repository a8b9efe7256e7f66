//! The bare cost of decoding: stack and value of the row groups a query needs, into one array, on one thread.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use anyhow::Context;
use arrow_array::{Int64Array, UInt32Array};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
    },
    file::{metadata::RowGroupMetaData, statistics::Statistics},
};

/// Decodes, and says how many rows there were.
pub(crate) fn decode(store_dir: &Path, label: Option<(&str, &str)>) -> anyhow::Result<u64> {
    let mut rows = 0;
    let mut sums: Vec<i64> = Vec::new();
    for path in tables(store_dir, "samples")? {
        let file = File::open(path)?;
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
        let schema = metadata.schema();
        let column = label.map(|(key, _)| schema.index_of(&format!("label.{key}"))).transpose()?;
        let wanted = label.zip(column).map(|((_, value), column)| (column, value));
        let groups = metadata.metadata().row_groups().iter().enumerate();
        let kept =
            groups.filter(|(_, group)| wanted.is_none_or(|(column, value)| may_hold(group, column, value)));
        let kept: Vec<usize> = kept.map(|(at, _)| at).collect();
        let columns = [schema.index_of("stack")?, schema.index_of("value")?];
        let mask = ProjectionMask::roots(metadata.parquet_schema(), columns);
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
            .with_row_groups(kept)
            .with_projection(mask)
            .with_batch_size(8_192)
            .build()?;
        for batch in reader {
            let batch = batch?;
            rows += batch.num_rows() as u64;
            let column = |at: usize| batch.column(at).as_any();
            let stacks = column(0).downcast_ref::<UInt32Array>().context("stack is not u32")?;
            let values = column(1).downcast_ref::<Int64Array>().context("value is not i64")?;
            for (stack, value) in stacks.values().iter().zip(values.values()) {
                let stack = *stack as usize;
                if stack >= sums.len() {
                    sums.resize(stack + 1, 0);
                }
                sums[stack] += value;
            }
        }
    }
    Ok(rows)
}

/// All tables of one name.
pub(crate) fn tables(store_dir: &Path, name: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(store_dir.join("data/blocks"))? {
        paths.push(entry?.path().join(format!("{name}.parquet")));
    }
    paths.sort();
    Ok(paths)
}

fn may_hold(group: &RowGroupMetaData, column: usize, value: &str) -> bool {
    let Some(Statistics::ByteArray(statistics)) = group.column(column).statistics() else { return true };
    let range = statistics.min_opt().zip(statistics.max_opt());
    range.is_none_or(|(min, max)| min.data() <= value.as_bytes() && value.as_bytes() <= max.data())
}
