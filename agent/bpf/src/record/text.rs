//! The text of the query that a sampled database backend was running.

use std::fmt;

use crate::cursor::Cursor;
use crate::record::DecodeError;

/// Bytes of a text's beginning, and of its end, that are recorded.
pub const TEXT_BYTES: usize = 512;

/// The text of the running query. It holds private data and must never leave the agent's memory.
#[derive(Clone, Copy)]
pub struct RawText<'a> {
    /// What was found.
    pub outcome: TextOutcome,
    /// Bytes of the whole text; `None` when it is so long that its end was not looked for.
    pub length: Option<u32>,
    /// The first bytes, at most [`TEXT_BYTES`].
    pub head: &'a [u8],
    /// The last bytes after `head`, at most [`TEXT_BYTES`]: head and tail are the whole text when their lengths add
    /// up to `length`. Either may be cut amid a character.
    pub tail: &'a [u8],
}

/// What reading a text came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextOutcome {
    /// There is a text.
    Read,
    /// No query is running.
    Null,
    /// The text was unreadable.
    Fault,
}

impl fmt::Debug for RawText<'_> {
    /// Shows the size and never the contents, so that no log can leak them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RawText")
            .field("outcome", &self.outcome)
            .field("length", &self.length)
            .field("head", &self.head.len())
            .field("tail", &self.tail.len())
            .finish()
    }
}

pub(super) fn decode(payload: &[u8]) -> Result<RawText<'_>, DecodeError> {
    let mut cursor = Cursor::new(payload);
    let outcome = match cursor.u32("the text's outcome")? {
        0 => TextOutcome::Read,
        1 => TextOutcome::Null,
        2 => TextOutcome::Fault,
        value => return Err(DecodeError::Value { field: "the text's outcome", value: value.into() }),
    };
    let head_bytes = cursor.u32("the text's head")? as usize;
    let tail_bytes = cursor.u32("the text's tail")? as usize;
    let length = cursor.u32("the text's length")?;
    let head = cursor.bytes(head_bytes, "the text's head")?;
    let tail = cursor.bytes(tail_bytes, "the text's tail")?;
    let length = (length != u32::MAX).then_some(length);
    Ok(RawText { outcome, length, head, tail })
}
