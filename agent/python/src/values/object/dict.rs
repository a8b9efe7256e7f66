//! Dictionaries: a table of keys and values in one block, or of keys that instances share and values apart.

use std::io;

use super::{Head, PageMemory, ValueLayout, bounded};
use crate::memory::{read_array, read_u64, u64_at};

/// The entries of a dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Entries {
    /// Entries in use.
    pub(in super::super) used: u64,
    /// Entries there were, also removed ones.
    pub(in super::super) count: u64,
    at: u64,
    stride: u64,
    key: u64,
    /// Where the values are when they are apart from the keys.
    values: Option<u64>,
}

const USED: u64 = 16;
const KEYS: u64 = 32;
const VALUES: u64 = 40;
/// Keys that instances share.
const SPLIT: u8 = 2;
const GENERAL: u8 = 0;
const SHARES_MAX: u64 = 1 << 8;

impl Entries {
    /// The entries of a dictionary, and the address and size of the block that it alone has.
    pub(super) fn read(
        memory: &dyn PageMemory,
        layout: &ValueLayout,
        dict: &Head<'_>,
    ) -> io::Result<(Self, (u64, u64))> {
        let (used, keys, values) = (dict.word(USED)?, dict.word(KEYS)?, dict.word(VALUES)?);
        let table = Table::read(memory, layout, keys)?;
        let values = (values != 0).then(|| values.wrapping_add(layout.values.into()));
        let count = if values.is_some() { table.count.min(SHARES_MAX) } else { table.count };
        let entries = Self {
            used: bounded(used)?,
            count,
            at: keys.wrapping_add(table.entries),
            stride: table.stride,
            key: table.stride - 16,
            values,
        };
        if entries.used > count {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let block = match entries.values {
            Some(values) => (values, count * 8),
            None => (keys, table.bytes),
        };
        Ok((entries, block))
    }

    /// The key and value of an entry; 0 for none.
    pub(in super::super) fn pair(&self, memory: &dyn PageMemory, at: u64) -> io::Result<(u64, u64)> {
        let entry = self.at.wrapping_add(at.wrapping_mul(self.stride)).wrapping_add(self.key);
        let pair: [u8; 16] = read_array(memory, entry)?;
        let value = match self.values {
            Some(values) => read_u64(memory, values.wrapping_add(at.wrapping_mul(8)))?,
            None => u64_at(&pair, 8),
        };
        Ok((u64_at(&pair, 0), value))
    }
}

/// A block of keys.
struct Table {
    /// Offset of the first entry.
    entries: u64,
    stride: u64,
    count: u64,
    bytes: u64,
}

impl Table {
    fn read(memory: &dyn PageMemory, layout: &ValueLayout, keys: u64) -> io::Result<Self> {
        let head: [u8; 40] = read_array(memory, keys)?;
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        let (slots, index_bytes, header, stride, count) = if layout.has_compact_keys {
            let [_, _, _, _, _, _, _, _, slots_log2, index_log2, kind, ..] = head;
            let power = |log2: u8| if log2 < 40 { Ok(1_u64 << log2) } else { Err(invalid()) };
            let stride = if kind == GENERAL { 24 } else { 16 };
            if kind > SPLIT {
                return Err(invalid());
            }
            (power(slots_log2)?, power(index_log2)?, 32, stride, u64_at(&head, 24))
        } else {
            let slots = bounded(u64_at(&head, 8))?;
            let width = match slots {
                0..=0xff => 1,
                0x100..=0xffff => 2,
                _ => 4,
            };
            (slots, slots * width, 40, 24, u64_at(&head, 32))
        };
        let usable = slots * 2 / 3;
        if count > usable {
            return Err(invalid());
        }
        let entries = header + index_bytes;
        Ok(Self { entries, stride, count, bytes: entries + usable * stride })
    }
}
