//! Reading tables: opening them checked, and their columns.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use arrow_array::{Array, DictionaryArray, RecordBatch, StringArray, types::Int32Type};
use arrow_buffer::ScalarBuffer;
use model::Frame;
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{
            ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
            ParquetRecordBatchReaderBuilder, RowSelection,
        },
    },
    file::metadata::PageIndexPolicy,
};

use super::schema;
use crate::{StoreError, catalog::Entry, files::Files, files::TableFile};

/// Metadata kept in memory, at most; beyond it the oldest is dropped and read again when needed.
const METADATA_BYTES_MAX: usize = 64 << 20;
/// Rows decoded at a time: few enough that a batch stays in the processor's cache.
const DECODE_ROWS: usize = 8_192;

/// Opens tables, and remembers what is costly about that.
#[derive(Debug)]
pub(crate) struct Tables {
    files: Arc<Files>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    metadata: HashMap<(u64, String), ArrowReaderMetadata>,
    order: VecDeque<(u64, String)>,
    size_bytes: usize,
    /// Tables whose checksum was right once.
    sound: HashSet<(u64, String)>,
}

/// An open table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    file: TableFile,
    pub(crate) metadata: ArrowReaderMetadata,
}

impl Tables {
    /// Tables of the folders in `files`.
    pub(crate) fn new(files: Arc<Files>) -> Self {
        Self { files, known: Mutex::default() }
    }

    /// Opens one table of a folder. The first time the content is checked against the catalog.
    pub(crate) fn open(&self, entry: &Entry, name: &str) -> Result<Table, StoreError> {
        let corrupt = |what: String| StoreError::Corrupt { folder: entry.folder(), what };
        let listed = entry.tables.iter().find(|table| table.name == name);
        let listed = listed.ok_or_else(|| corrupt(format!("the catalog lists no table {name}")))?;
        let file = self.files.open_table(&format!("{}/{name}.parquet", entry.folder()), listed.size_bytes)?;
        let key = (entry.id, name.to_owned());
        let (metadata, sound) = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            (known.metadata.get(&key).cloned(), known.sound.contains(&key))
        };
        if !sound && file.checksum()? != listed.crc32 {
            return Err(corrupt(format!("{name}.parquet does not have the checksum it was written with")));
        }
        let metadata = match metadata {
            Some(metadata) => metadata,
            None => load_metadata(&file)?,
        };
        self.remember(key, &metadata);
        Ok(Table { file, metadata })
    }

    /// Drops what is remembered of folders that are gone.
    pub(crate) fn forget(&self, id: u64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.sound.retain(|(folder, _)| *folder != id);
    }

    fn remember(&self, key: (u64, String), metadata: &ArrowReaderMetadata) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.sound.insert(key.clone());
        if known.metadata.insert(key.clone(), metadata.clone()).is_some() {
            return;
        }
        known.order.push_back(key);
        known.size_bytes += metadata.metadata().memory_size();
        while known.size_bytes > METADATA_BYTES_MAX {
            let Some(oldest) = known.order.pop_front() else { break };
            let freed =
                known.metadata.remove(&oldest).map_or(0, |metadata| metadata.metadata().memory_size());
            known.size_bytes = known.size_bytes.saturating_sub(freed);
        }
    }
}

fn load_metadata(file: &TableFile) -> Result<ArrowReaderMetadata, StoreError> {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let metadata = ArrowReaderMetadata::load(file, options)?;
    let entries = metadata.metadata().file_metadata().key_value_metadata();
    let version = entries.into_iter().flatten().find(|entry| entry.key == schema::VERSION_KEY);
    let found = version.and_then(|entry| entry.value.as_deref()?.parse().ok()).unwrap_or(u32::MAX);
    if found > schema::VERSION {
        let what = "a segment or block".to_owned();
        return Err(StoreError::NewerVersion { what, found, supported: schema::VERSION });
    }
    Ok(metadata)
}

impl Table {
    /// How many row groups the table has.
    pub(crate) fn row_groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// Rows in a row group.
    pub(crate) fn rows(&self, row_group: usize) -> usize {
        self.metadata.metadata().row_groups().get(row_group).map_or(0, |group| group.num_rows() as usize)
    }

    /// Position of a column, if the table has it.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.metadata.schema().index_of(name).ok()
    }

    /// Reads some columns of some rows of one row group. Columns come in the order of the table.
    pub(crate) fn read(
        &self,
        row_group: usize,
        columns: &[usize],
        rows: &[Range<usize>],
    ) -> Result<ParquetRecordBatchReader, StoreError> {
        let total = self.rows(row_group);
        let builder = self.builder(columns).with_row_groups(vec![row_group]);
        if rows.first().is_some_and(|range| *range == (0..total)) {
            return Ok(builder.build()?);
        }
        let selection = RowSelection::from_consecutive_ranges(rows.iter().cloned(), total);
        Ok(builder.with_row_selection(selection).build()?)
    }

    /// Reads some columns of all rows.
    pub(crate) fn read_all(&self, columns: &[usize]) -> Result<ParquetRecordBatchReader, StoreError> {
        Ok(self.builder(columns).build()?)
    }

    fn builder(&self, columns: &[usize]) -> ParquetRecordBatchReaderBuilder<TableFile> {
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), columns.iter().copied());
        ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.clone(), self.metadata.clone())
            .with_projection(mask)
            .with_batch_size(DECODE_ROWS)
    }
}

/// Something in a table that is not as the format says. Whoever reads the folder adds its name.
pub(crate) fn broken(what: &str) -> StoreError {
    StoreError::Corrupt { folder: "table".into(), what: what.into() }
}

/// Positions of columns that the format promises.
pub(crate) fn columns(table: &Table, names: &[&str]) -> Result<Vec<usize>, StoreError> {
    let position =
        |name: &&str| table.column(name).ok_or_else(|| broken(&format!("there is no column {name}")));
    names.iter().map(position).collect()
}

/// The label key that a column holds; empty for the rest column.
pub(crate) fn label_key(column: &str) -> Option<&str> {
    if column == schema::LABELS_REST { Some("") } else { column.strip_prefix(schema::LABEL_PREFIX) }
}

/// A column of a batch as the type it must have.
pub(crate) fn typed<T: Array + Clone + 'static>(batch: &RecordBatch, at: usize) -> Result<T, StoreError> {
    let column = batch.columns().get(at);
    let column = column.and_then(|array| array.as_any().downcast_ref::<T>()).cloned();
    column.ok_or_else(|| broken(&format!("column {at} does not have the type of this format")))
}

/// Reads the frames of a folder.
pub(crate) fn frames(table: &Table) -> Result<Vec<Frame>, StoreError> {
    use arrow_array::{BooleanArray, UInt32Array, UInt64Array};
    let mut frames = Vec::new();
    for batch in table.read_all(&[0, 1, 2, 3, 4, 5, 6, 7])? {
        let batch = batch.map_err(parquet::errors::ParquetError::from)?;
        let kinds = Texts::new(&batch, 0)?;
        let functions: StringArray = typed(&batch, 1)?;
        let files = Texts::new(&batch, 2)?;
        let lines: UInt32Array = typed(&batch, 3)?;
        let executables = Texts::new(&batch, 4)?;
        let build_ids = Texts::new(&batch, 5)?;
        let addresses: UInt64Array = typed(&batch, 6)?;
        let inlined: BooleanArray = typed(&batch, 7)?;
        frames.extend((0..batch.num_rows()).map(|row| Frame {
            kind: schema::kind_of(&kinds.get(row)).unwrap_or_default(),
            function: functions.value(row).into(),
            file: files.get(row),
            line: lines.value(row),
            executable: executables.get(row),
            build_id: build_ids.get(row),
            address: addresses.value(row),
            inlined: inlined.value(row),
        }));
    }
    Ok(frames)
}

/// A text column of a batch.
#[derive(Debug)]
pub(crate) struct Texts {
    codes: ScalarBuffer<i32>,
    /// The distinct texts.
    pub(crate) values: Vec<Arc<str>>,
}

impl Texts {
    /// The column at this position.
    pub(crate) fn new(batch: &RecordBatch, at: usize) -> Result<Self, StoreError> {
        let column: DictionaryArray<Int32Type> = typed(batch, at)?;
        let texts = column.values().as_any().downcast_ref::<StringArray>();
        let texts = texts.ok_or_else(|| broken(&format!("column {at} is not text")))?;
        let values = texts.iter().map(|text| text.unwrap_or_default().into()).collect();
        Ok(Self { codes: column.keys().values().clone(), values })
    }

    /// For each row the index of its text.
    pub(crate) fn codes(&self) -> &[i32] {
        &self.codes
    }

    /// The index of a row's text.
    pub(crate) fn code(&self, row: usize) -> i32 {
        self.codes.get(row).copied().unwrap_or(-1)
    }

    /// The text of a row.
    pub(crate) fn get(&self, row: usize) -> Arc<str> {
        self.values.get(self.code(row) as usize).cloned().unwrap_or_default()
    }
}
