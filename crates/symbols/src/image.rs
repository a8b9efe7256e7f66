//! The bytes of an executable.

use std::{
    fs::File,
    io,
    os::{fd::AsRawFd, unix::fs::FileExt},
    path::PathBuf,
};

/// Where an executable's bytes are.
#[derive(Debug)]
pub enum Image {
    /// An open file.
    File(File),
    /// A copy in memory, such as the vdso.
    Memory(Vec<u8>),
}

impl Image {
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

    /// A path that opens this very file, whatever became of its name.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::File(file) => Some(format!("/proc/self/fd/{}", file.as_raw_fd()).into()),
            Self::Memory(_) => None,
        }
    }
}
