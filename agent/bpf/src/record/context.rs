//! What a sample says of the request or task that was running.

use std::fmt;

use crate::cursor::Cursor;
use crate::record::DecodeError;

/// At most this many labels are recorded of Go and custom labels.
pub const LABELS_MAX: usize = 16;
/// Longer keys of labels are cut.
pub const LABEL_KEY_BYTES_MAX: usize = 64;
/// Longer values of labels are cut.
pub const LABEL_VALUE_BYTES_MAX: usize = 128;

/// The running request's context. It holds private data until it is decoded into labels.
#[derive(Clone, Copy)]
pub struct RawContext<'a> {
    /// Where it was found; without a context the first configured source.
    pub source: ContextSource,
    /// What was found. Everything below is empty unless this is [`ContextOutcome::Found`].
    pub outcome: ContextOutcome,
    /// Address of the record (ContextVar, thread context) or of the labels in the process.
    pub address: u64,
    /// Bytes of the record in the process; 0 for labels.
    pub length: u32,
    /// Labels that were cut or left out at a limit.
    pub cut: u32,
    /// The record of a thread context, or the labels (see [`Self::labels`]). Nothing for a ContextVar: read the
    /// record at `address`.
    pub bytes: &'a [u8],
}

/// Where a context was found, in the order of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ContextSource {
    /// A record in a Python `ContextVar`.
    ContextVariable,
    /// OpenTelemetry thread context.
    ThreadContext,
    /// Go's pprof labels.
    GoLabels,
    /// custom-labels, version 1.
    CustomLabels,
}

/// What reading a context came to. After the first two the next source is read, after the others it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContextOutcome {
    /// No source has a context here: an event loop, a fresh thread, a Go scheduler.
    NoContext,
    /// There is a context and it holds no record: between requests.
    Absent,
    /// A record or labels.
    Found,
    /// Memory on the way was unreadable.
    Fault,
    /// The value is no record.
    WrongType,
    /// The thread was just changing its record.
    Torn,
    /// The record is longer than its format allows.
    Oversized,
}

impl<'a> RawContext<'a> {
    /// The labels of Go and custom labels, in their order: key and value, perhaps cut amid a character.
    pub fn labels(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let is_labels = matches!(self.source, ContextSource::GoLabels | ContextSource::CustomLabels);
        let mut cursor = Cursor::new(if is_labels { self.bytes } else { &[] });
        std::iter::from_fn(move || read_label(&mut cursor).ok())
    }
}

impl fmt::Debug for RawContext<'_> {
    /// Shows the size and never the contents, so that no log can leak them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RawContext")
            .field("source", &self.source)
            .field("outcome", &self.outcome)
            .field("address", &self.address)
            .field("length", &self.length)
            .field("cut", &self.cut)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}

pub(super) fn decode(payload: &[u8]) -> Result<RawContext<'_>, DecodeError> {
    let mut cursor = Cursor::new(payload);
    let source = match cursor.u32("the context's source")? {
        0 => ContextSource::ContextVariable,
        1 => ContextSource::ThreadContext,
        2 => ContextSource::GoLabels,
        3 => ContextSource::CustomLabels,
        value => return Err(DecodeError::Value { field: "the context's source", value: value.into() }),
    };
    let outcome = match cursor.u32("the context's outcome")? {
        0 => ContextOutcome::NoContext,
        1 => ContextOutcome::Absent,
        2 => ContextOutcome::Found,
        3 => ContextOutcome::Fault,
        4 => ContextOutcome::WrongType,
        5 => ContextOutcome::Torn,
        6 => ContextOutcome::Oversized,
        value => return Err(DecodeError::Value { field: "the context's outcome", value: value.into() }),
    };
    let address = cursor.u64("the context's address")?;
    let length = cursor.u32("the context's length")?;
    let cut = cursor.u32("the context's cut labels")?;
    let bytes = cursor.rest();
    if matches!(source, ContextSource::GoLabels | ContextSource::CustomLabels) {
        let mut labels = Cursor::new(bytes);
        while !labels.is_empty() {
            read_label(&mut labels)?;
        }
    }
    Ok(RawContext { source, outcome, address, length, cut, bytes })
}

fn read_label<'a>(cursor: &mut Cursor<'a>) -> Result<(&'a [u8], &'a [u8]), DecodeError> {
    let key_bytes = cursor.u16("a label's key")?;
    let value_bytes = cursor.u16("a label's value")?;
    let key = cursor.bytes(usize::from(key_bytes), "a label's key")?;
    Ok((key, cursor.bytes(usize::from(value_bytes), "a label's value")?))
}
