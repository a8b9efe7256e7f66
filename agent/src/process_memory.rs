//! The memory of other processes, read through `/proc/PID/mem`: unlike the system calls for it, that leaves pages
//! which forked workers share as they are (I10).

use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

use agent_python::Memory;

/// One process's memory. Once the process ends or runs another program, reading fails.
#[derive(Debug)]
pub(crate) struct ProcessMemory(Option<File>);

impl ProcessMemory {
    pub(crate) fn open(proc_root: &Path, pid: u32) -> io::Result<Self> {
        File::open(proc_root.join(format!("{pid}/mem"))).map(|file| Self(Some(file)))
    }

    /// The same for a process that may have ended by now: then every read fails.
    pub(crate) fn open_if_there(proc_root: &Path, pid: u32) -> Self {
        Self::open(proc_root, pid).unwrap_or(Self(None))
    }
}

impl Memory for ProcessMemory {
    fn read(&self, address: u64, into: &mut [u8]) -> io::Result<()> {
        match &self.0 {
            Some(file) => file.read_exact_at(into, address),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}
