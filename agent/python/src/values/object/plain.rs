//! Strings, numbers and bytes: what they contain.

use std::io;

use super::{Heap, Kind, Type, bounded, head::Head};
use crate::{
    layout::{OBJECT_SIZE, OBJECT_TYPE},
    memory::{read_array, read_bytes},
    values::fingerprint::{self, Fingerprint},
};

/// A string.
pub(super) struct TextContent {
    pub(super) content: Fingerprint,
    /// The size of its own block.
    pub(super) bytes: u64,
    /// Where its characters are, and how much they take, when they are not behind it.
    pub(super) apart: Option<(u64, u64)>,
}

/// Longer content is hashed at its ends and at so many places between.
const HASHED_WHOLE_BYTES: u64 = 16 << 10;
const HASHED_PIECES: u64 = 64;
const PIECE_BYTES: usize = 64;
/// Content up to this length is read without a buffer of its own.
const SHORT_BYTES: usize = 192;
const TEXT_STATE: u64 = 32;
const INT_DIGITS: u64 = 24;

impl Heap<'_> {
    /// The content of a string, or a number, without a look at how much memory it takes. None for all others.
    pub(in super::super) fn plain_content(&mut self, address: u64) -> io::Result<Option<Fingerprint>> {
        let head = Head::read(self.memory, address)?;
        let kind = self.types.get(self.memory, head.word(OBJECT_TYPE.into())?);
        let kind = kind.ok_or(io::ErrorKind::InvalidData)?;
        match kind.kind {
            Kind::Text => self.text_content(&head, &kind).map(|text| Some(text.content)),
            Kind::Int => self.int_content(&head, &kind).map(|(content, _)| Some(content)),
            _ => Ok(None),
        }
    }

    /// The fingerprint of plain content that stands in its object, from an offset on for so many bytes.
    pub(super) fn content_behind(
        &self,
        head: &Head<'_>,
        kind: &Type,
        length: u64,
        (offset, bytes): (u64, u64),
    ) -> io::Result<Fingerprint> {
        match head.slice(offset, bytes) {
            Some(here) => Ok(fingerprint::of_bytes(kind.fingerprint, length, here)),
            None => self.content(kind, length, head.address().wrapping_add(offset), bytes),
        }
    }

    /// The fingerprint of plain content; very long content is looked at in pieces.
    pub(super) fn content(&self, kind: &Type, length: u64, at: u64, bytes: u64) -> io::Result<Fingerprint> {
        let mut short = [0; SHORT_BYTES];
        if let Some(into) = short.get_mut(..bytes as usize) {
            self.memory.read(at, into)?;
            return Ok(fingerprint::of_bytes(kind.fingerprint, length, into));
        }
        if bytes <= HASHED_WHOLE_BYTES {
            let whole = read_bytes(self.memory, at, bytes as usize)?;
            return Ok(fingerprint::of_bytes(kind.fingerprint, length, &whole));
        }
        let step = (bytes - PIECE_BYTES as u64) / (HASHED_PIECES - 1);
        let mut pieces = Vec::with_capacity(HASHED_PIECES as usize * PIECE_BYTES);
        for piece in 0..HASHED_PIECES {
            let piece: [u8; PIECE_BYTES] = read_array(self.memory, at.wrapping_add(piece * step))?;
            pieces.extend_from_slice(&piece);
        }
        Ok(fingerprint::of_bytes(kind.fingerprint, length, &pieces))
    }

    pub(super) fn text_content(&self, head: &Head<'_>, kind: &Type) -> io::Result<TextContent> {
        let state = u32::from_ne_bytes(head.array(TEXT_STATE)?);
        let (width, is_compact, is_ascii) =
            (u64::from((state >> 2) & 7), state & 1 << 5 != 0, state & 1 << 6 != 0);
        if !matches!(width, 1 | 2 | 4) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let length = bounded(head.word(OBJECT_SIZE.into())?)?;
        let data = if is_ascii { self.code.ascii_data } else { self.code.compact_data };
        let bytes = length * width;
        if is_compact {
            let content = self.content_behind(head, kind, length, (data.into(), bytes))?;
            return Ok(TextContent { content, bytes: u64::from(data) + bytes + width, apart: None });
        }
        // A string of a derived type keeps its characters elsewhere.
        let at = head.word(self.code.compact_data.into())?;
        let content = self.content(kind, length, at, bytes)?;
        let own_bytes = u64::from(self.code.compact_data) + 8;
        Ok(TextContent { content, bytes: own_bytes, apart: Some((at, bytes + width)) })
    }

    /// The content of a number, and its size.
    pub(super) fn int_content(&self, head: &Head<'_>, kind: &Type) -> io::Result<(Fingerprint, u64)> {
        let size = head.word(OBJECT_SIZE.into())?;
        let digits = if self.layout.has_tagged_int { size >> 3 } else { size.cast_signed().unsigned_abs() };
        let digits = bounded(digits)?;
        let sign = if self.layout.has_tagged_int { size & 3 } else { u64::from(size.cast_signed() < 0) };
        let content = self.content_behind(head, kind, digits << 2 | sign, (INT_DIGITS, digits * 4))?;
        Ok((content, INT_DIGITS + digits.max(1) * 4))
    }
}
