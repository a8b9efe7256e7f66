//! The bytes of an executable.

use std::{fs::File, io, os::unix::fs::FileExt};

/// Where an executable's bytes are.
#[derive(Debug)]
pub enum Image {
    /// An open file.
    File(File),
    /// A copy in memory, such as the vdso.
    Memory(Vec<u8>),
}

impl Image {
    /// How many bytes there are.
    pub(crate) fn length(&self) -> io::Result<u64> {
        match self {
            Self::File(file) => Ok(file.metadata()?.len()),
            Self::Memory(bytes) => Ok(bytes.len() as u64),
        }
    }

    /// Fills as much of the buffer as there is, and says how much that was.
    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read_at(buffer, offset),
            Self::Memory(bytes) => {
                let rest =
                    usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
                let length = rest.len().min(buffer.len());
                for (to, from) in buffer.iter_mut().zip(rest) {
                    *to = *from;
                }
                Ok(length)
            }
        }
    }
}
