//! Reading fields off the front of a byte slice.

use crate::record::DecodeError;

/// The unread rest of a record. Every read names its field, for the error.
pub(crate) struct Cursor<'a> {
    all: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(all: &'a [u8]) -> Self {
        Self { all, position: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.position >= self.all.len()
    }

    pub(crate) fn bytes(&mut self, count: usize, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let end = self.position.saturating_add(count);
        let short = DecodeError::Short { bytes: self.all.len(), field };
        let bytes = self.all.get(self.position..end).ok_or(short)?;
        self.position = end;
        Ok(bytes)
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.all.get(self.position..).unwrap_or_default()
    }

    pub(crate) fn skip_to_multiple_of_8(&mut self) {
        self.position = self.position.next_multiple_of(8);
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.array(field).map(u16::from_ne_bytes)
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.array(field).map(u32::from_ne_bytes)
    }

    pub(crate) fn u64(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        self.array(field).map(u64::from_ne_bytes)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let bytes = self.bytes(N, field)?;
        bytes.try_into().map_err(|_| DecodeError::Short { bytes: self.all.len(), field })
    }
}
