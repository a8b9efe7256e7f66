//! Symbol tables of ELF files: where they are, their entries and their names.

use std::{cmp::Reverse, io};

use crate::{Image, demangle::demangle};

/// Where a symbol table and its names are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SymbolTable {
    pub(crate) offset: u64,
    pub(crate) size: u64,
    pub(crate) names_offset: u64,
    pub(crate) names_size: u64,
}

/// A symbol of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) start: u64,
    /// Zero where the symbol does not say where it ends.
    pub(crate) size: u64,
    /// Where the name is in the table's names.
    pub(crate) name: u32,
    /// Global beats weak beats local.
    rank: u8,
}

/// How an entry compares with others that cover the same address: the greatest wins.
pub(crate) type Precedence = (u64, u8, Reverse<u32>);

/// Bytes of one entry.
pub(crate) const ENTRY_BYTES: usize = 24;

/// Bytes of a symbol table read at a time.
const CHUNK_BYTES: usize = ENTRY_BYTES * 2048;

/// Longest name read.
const NAME_BYTES_MAX: usize = 8192;

impl SymbolTable {
    /// Reads every function once, in the order of the table.
    pub(crate) fn for_each(&self, image: &Image, mut take: impl FnMut(Entry)) -> io::Result<()> {
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut done = 0;
        while done < self.size {
            let length = (CHUNK_BYTES as u64).min(self.size - done) as usize;
            let chunk = buffer.get_mut(..length).unwrap_or_default();
            let read = image.read_at(chunk, self.offset.saturating_add(done))? / ENTRY_BYTES * ENTRY_BYTES;
            if read == 0 {
                break;
            }
            let entries = chunk.get(..read).unwrap_or_default().chunks_exact(ENTRY_BYTES);
            entries.filter_map(Entry::parse).for_each(&mut take);
            done += read as u64;
        }
        Ok(())
    }

    /// The readable name at an offset.
    pub(crate) fn name(&self, image: &Image, name: u32) -> io::Result<String> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 256];
        while bytes.len() < NAME_BYTES_MAX {
            let at = u64::from(name) + bytes.len() as u64;
            let left = self.names_size.saturating_sub(at).min(buffer.len() as u64) as usize;
            let part = buffer.get_mut(..left).unwrap_or_default();
            let read = image.read_at(part, self.names_offset.saturating_add(at))?;
            let part = part.get(..read).unwrap_or_default();
            let end = part.iter().position(|byte| *byte == 0);
            bytes.extend_from_slice(part.get(..end.unwrap_or(read)).unwrap_or_default());
            if end.is_some() || read == 0 {
                break;
            }
        }
        Ok(demangle(&String::from_utf8_lossy(&bytes)))
    }
}

impl Entry {
    /// Reads an entry, unless it is something else than a defined function. Hand-written code often does not say
    /// what its symbols are.
    fn parse(bytes: &[u8]) -> Option<Self> {
        const NOTYPE: u8 = 0;
        const FUNC: u8 = 2;
        const GNU_IFUNC: u8 = 10;
        let name = u32::from_le_bytes(*bytes.first_chunk()?);
        let info = *bytes.get(4)?;
        let section = u16::from_le_bytes(*bytes.get(6..)?.first_chunk()?);
        let rank = match info >> 4 {
            1 => 2,
            2 => 1,
            _ => 0,
        };
        let is_function = matches!(info & 0xf, NOTYPE | FUNC | GNU_IFUNC) && section != 0 && name != 0;
        is_function.then_some(Self {
            start: u64::from_le_bytes(*bytes.get(8..)?.first_chunk()?),
            size: u64::from_le_bytes(*bytes.get(16..)?.first_chunk()?),
            name,
            rank,
        })
    }

    /// An inner symbol beats the one around it, a global one beats a local one. Of equals the first name wins, so
    /// that the answer never changes.
    pub(crate) fn precedence(&self) -> Precedence {
        (self.start, self.rank, Reverse(self.name))
    }

    pub(crate) fn end(&self) -> u64 {
        self.start.saturating_add(self.size)
    }
}
