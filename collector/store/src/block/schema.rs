//! The tables of a folder and their columns. This is a disk format: see invariant I9.
//!
//! | table      | a row is                | columns |
//! |------------|-------------------------|---------|
//! | `samples`  | one stack of a profile  | labels, `type`, `ts`, `duration_ns`, `period`, `stack`, `value` |
//! | `profiles` | one profile             | labels, `type`, `ts`, `duration_ns`, `period`, `rows`, `total` |
//! | `stacks`   | one distinct stack      | `hash` (128 bits of its content), `frames` (rows of `frames`, leaf first) |
//! | `frames`   | one distinct frame      | `kind`, `function`, `file`, `line`, `executable`, `build_id`, `address`, `inlined` |
//! | `requests` | requests of one label set in one window | labels, `ts`, `duration_ns`, `requests`, `measured`, `cpu_ns`, `instructions`, `client_errors`, `server_errors` |
//! | `evaluations` | evaluations of one flag with one outcome in one window | labels, `ts`, `duration_ns`, `flag`, `variant`, `reason`, `count` |
//! | `marginals` | one variant of one flag in one window, of label sets that are not told apart | labels, `ts`, `duration_ns`, `type`, `total`, and the counts of `requests` |
//!
//! Labels are one column `label.KEY` for each key that occurs, and `labels_rest` where there are too many; an absent
//! label is the empty text. `stack` counts rows of `stacks`, so a sum by stack is an array; the hash tells equal
//! stacks of two folders. Rows of `samples` are sorted by service, endpoint, all labels, time, stack, and `profiles` is in
//! the same order: a profile's `rows` are the next that many rows of `samples`. So conditions are decided on the few rows
//! of `profiles`, and of `samples` only `stack` and `value` are read, where they are needed; its other columns repeat what
//! `profiles` says, for engines that know nothing of this. Further kinds of facts become further tables in the folder.
//!
//! A folder without counts has no `requests` or `evaluations`. Their rows are sorted by the same labels, then by time.
//! `cpu_ns` and `instructions` are sums over the `measured` of the `requests`; `instructions` is null where not all of
//! those have them. In blocks, `endpoint` and the labels `feature_flag.result.variant.KEY` of `samples`, `profiles` and
//! `requests` have the value `_other` where there were too many to tell apart (see `plan::caps`). What single flags have of
//! those is in `marginals`, whose label `fewer.marginal` names the flag; they repeat what the other tables hold.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use model::FrameKind;
use parquet::{
    basic::{Compression, ZstdLevel},
    errors::Result,
    file::{
        metadata::KeyValue,
        properties::{EnabledStatistics, WriterProperties},
    },
    schema::types::ColumnPath,
};

/// Format of the tables written by this program.
pub(crate) const VERSION: u32 = 1;
/// Where a file says its format.
pub(crate) const VERSION_KEY: &str = "fewer.format";

pub(crate) const SAMPLES: &str = "samples";
pub(crate) const PROFILES: &str = "profiles";
pub(crate) const STACKS: &str = "stacks";
pub(crate) const FRAMES: &str = "frames";
pub(crate) const REQUESTS: &str = "requests";
pub(crate) const EVALUATIONS: &str = "evaluations";
pub(crate) const MARGINALS: &str = "marginals";

/// Prefix of a label's column.
pub(crate) const LABEL_PREFIX: &str = "label.";
/// The column of labels that have none of their own.
pub(crate) const LABELS_REST: &str = "labels_rest";
pub(crate) const TYPE: &str = "type";
pub(crate) const TS: &str = "ts";
pub(crate) const DURATION_NS: &str = "duration_ns";
pub(crate) const PERIOD: &str = "period";
pub(crate) const STACK: &str = "stack";
pub(crate) const VALUE: &str = "value";
pub(crate) const ROWS: &str = "rows";
pub(crate) const TOTAL: &str = "total";
pub(crate) const HASH: &str = "hash";
pub(crate) const FLAG: &str = "flag";
pub(crate) const VARIANT: &str = "variant";
pub(crate) const REASON: &str = "reason";
pub(crate) const COUNT: &str = "count";

/// Columns of `requests` behind labels and time.
pub(crate) const REQUEST_COLUMNS: [&str; 6] =
    ["requests", "measured", "cpu_ns", "instructions", "client_errors", "server_errors"];

/// Rows of a batch on the way to the writer.
pub(crate) const BATCH_ROWS: usize = 65_536;
const ROW_GROUP_ROWS: usize = 262_144;
const PAGE_ROWS: usize = 20_000;
const DICTIONARY_BYTES: usize = 4 << 20;

/// A text column with few distinct values.
pub(crate) fn dictionary(name: &str) -> Field {
    Field::new_dictionary(name, DataType::Int32, DataType::Utf8, false)
}

/// The name of a label's column; the empty key is the rest.
pub(crate) fn label_column(key: &str) -> String {
    if key.is_empty() { LABELS_REST.into() } else { format!("{LABEL_PREFIX}{key}") }
}

fn time() -> [Field; 2] {
    let ts = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    [Field::new(TS, ts, false), Field::new(DURATION_NS, DataType::Int64, false)]
}

fn with_labels(keys: &[&str], more: impl IntoIterator<Item = Field>) -> SchemaRef {
    let labels = keys.iter().map(|key| dictionary(&label_column(key)));
    Arc::new(Schema::new(labels.chain(more).collect::<Vec<Field>>()))
}

/// Columns of the tables about profiles: what `samples` and `profiles` have in common, and `more`.
fn of_profiles(keys: &[&str], more: [Field; 2]) -> SchemaRef {
    let period = Field::new(PERIOD, DataType::Int64, false);
    with_labels(keys, [dictionary(TYPE)].into_iter().chain(time()).chain([period]).chain(more))
}

/// Columns of `requests` for some label keys.
pub(crate) fn requests(keys: &[&str]) -> SchemaRef {
    let counts = REQUEST_COLUMNS.map(|name| Field::new(name, DataType::UInt64, name == "instructions"));
    with_labels(keys, time().into_iter().chain(counts))
}

/// Columns of `marginals` for some label keys.
pub(crate) fn marginals(keys: &[&str]) -> SchemaRef {
    let counts = REQUEST_COLUMNS.map(|name| Field::new(name, DataType::UInt64, name == "instructions"));
    let sampled = [dictionary(TYPE), Field::new(TOTAL, DataType::Int64, false)];
    with_labels(keys, time().into_iter().chain(sampled).chain(counts))
}

/// Columns of `evaluations` for some label keys.
pub(crate) fn evaluations(keys: &[&str]) -> SchemaRef {
    let texts = [FLAG, VARIANT, REASON].map(dictionary);
    let count = Field::new(COUNT, DataType::UInt64, false);
    with_labels(keys, time().into_iter().chain(texts).chain([count]))
}

/// Columns of `samples` for some label keys.
pub(crate) fn samples(keys: &[&str]) -> SchemaRef {
    let more = [Field::new(STACK, DataType::UInt32, false), Field::new(VALUE, DataType::Int64, false)];
    of_profiles(keys, more)
}

/// Columns of `profiles` for some label keys.
pub(crate) fn profiles(keys: &[&str]) -> SchemaRef {
    let more = [Field::new(ROWS, DataType::UInt32, false), Field::new(TOTAL, DataType::Int64, false)];
    of_profiles(keys, more)
}

/// The items of the column `frames` in `stacks`.
pub(crate) fn stack_item() -> FieldRef {
    Arc::new(Field::new("frame", DataType::UInt32, false))
}

/// Columns of `stacks`.
pub(crate) fn stacks() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new(HASH, DataType::FixedSizeBinary(16), false),
        Field::new(FRAMES, DataType::List(stack_item()), false),
    ]))
}

/// Columns of `frames`.
pub(crate) fn frames() -> SchemaRef {
    Arc::new(Schema::new(vec![
        dictionary("kind"),
        Field::new("function", DataType::Utf8, false),
        dictionary("file"),
        Field::new("line", DataType::UInt32, false),
        dictionary("executable"),
        dictionary("build_id"),
        Field::new("address", DataType::UInt64, false),
        Field::new("inlined", DataType::Boolean, false),
    ]))
}

/// How tables are written; measured to be near the smallest at a good speed.
pub(crate) fn writer_properties() -> Result<WriterProperties> {
    let hash = ColumnPath::from(HASH);
    let version = KeyValue::new(VERSION_KEY.to_owned(), VERSION.to_string());
    Ok(WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(8_192)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_column_dictionary_enabled(hash.clone(), false)
        .set_column_statistics_enabled(hash.clone(), EnabledStatistics::None)
        .set_column_compression(hash, Compression::UNCOMPRESSED)
        .set_key_value_metadata(Some(vec![version]))
        .set_created_by("fewer".into())
        .build())
}

/// Name of a frame kind in `frames`.
pub(crate) fn kind_name(kind: FrameKind) -> &'static str {
    match kind {
        FrameKind::Native => "native",
        FrameKind::Kernel => "kernel",
        FrameKind::Jit => "jit",
        FrameKind::Python => "python",
        FrameKind::Marker => "marker",
    }
}

/// The frame kind of this name.
pub(crate) fn kind_of(name: &str) -> Option<FrameKind> {
    use FrameKind::{Jit, Kernel, Marker, Native, Python};
    [Native, Kernel, Jit, Python, Marker].into_iter().find(|kind| kind_name(*kind) == name)
}
