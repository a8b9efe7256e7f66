//! What reading any file has in common: bounds, and putting the batch together.

use std::{borrow::Cow, io::Read};

use flate2::read::MultiGzDecoder;
use model::{Batch, BatchBuilder, Frame, FrameId, Profile, Sample};

use crate::file::{FileError, Format};

/// Bytes of a file once it is decompressed.
pub(crate) const FILE_BYTES_MAX: u64 = 256 << 20;

/// Frames of one stack.
const STACK_DEPTH_MAX: usize = 8192;

/// Frames of all stacks together: a few bytes of a file can stand for a deep stack.
const STACK_ENTRIES_MAX: usize = 32 << 20;

/// Collects the samples of one file within the bounds.
pub(crate) struct Reading {
    format: Format,
    builder: BatchBuilder,
    entries: usize,
    total: i64,
}

impl Reading {
    pub(crate) fn new(format: Format) -> Self {
        Self { format, builder: BatchBuilder::new(), entries: 0, total: 0 }
    }

    pub(crate) fn frame(&mut self, frame: Frame) -> FrameId {
        self.builder.frame(frame)
    }

    /// Adds a sample; the stack is leaf first.
    pub(crate) fn sample(
        &mut self,
        profile: &Profile,
        stack: Vec<FrameId>,
        value: i64,
    ) -> Result<(), FileError> {
        let format = self.format;
        let limit = |unit, limit| FileError::Limit { format, unit, limit };
        self.entries += stack.len();
        if stack.len() > STACK_DEPTH_MAX {
            return Err(limit("frames in one stack", STACK_DEPTH_MAX as u64));
        }
        if self.entries > STACK_ENTRIES_MAX {
            return Err(limit("frames in all its stacks", STACK_ENTRIES_MAX as u64));
        }
        if value < 0 {
            return Err(FileError::malformed(format, format!("it has a sample with the value {value}")));
        }
        self.total = self.total.checked_add(value).ok_or_else(|| limit("nanoseconds", i64::MAX as u64))?;
        let stack = self.builder.stack(stack);
        self.builder.add(profile, Sample { stack, value });
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<Batch, FileError> {
        let batch = self.builder.finish();
        batch.check().map_err(|error| FileError::malformed(self.format, error.to_string()))?;
        Ok(batch)
    }
}

pub(crate) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// The content of a file, decompressed when it is compressed, and never more than the bound.
pub(crate) fn gunzip(format: Format, bytes: &[u8]) -> Result<Cow<'_, [u8]>, FileError> {
    let mut plain = Cow::Borrowed(bytes);
    if is_gzip(bytes) {
        let mut content = Vec::new();
        let mut decoder = MultiGzDecoder::new(bytes).take(FILE_BYTES_MAX + 1);
        decoder.read_to_end(&mut content).map_err(|error| FileError::damaged(format, error))?;
        plain = Cow::Owned(content);
    }
    if plain.len() as u64 > FILE_BYTES_MAX {
        return Err(FileError::Limit { format, unit: "bytes", limit: FILE_BYTES_MAX });
    }
    Ok(plain)
}
