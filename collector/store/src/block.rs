//! Segments and blocks: folders of plain Parquet tables that any engine can read.

pub(crate) mod counts;
pub(crate) mod labels;
pub(crate) mod load;
pub(crate) mod read;
pub(crate) mod schema;
pub(crate) mod write;
