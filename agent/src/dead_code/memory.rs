//! The memory of the process that is read, through `/proc/PID/mem` and nothing else (I10).

use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

use agent_python::Memory;

/// One process's memory. Once the process ends or runs another program, reading fails.
pub(super) struct ProcessMemory(File);

impl ProcessMemory {
    pub(super) fn open(proc_root: &Path, pid: u32) -> io::Result<Self> {
        File::open(proc_root.join(format!("{pid}/mem"))).map(Self)
    }
}

impl Memory for ProcessMemory {
    fn read(&self, address: u64, into: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(into, address)
    }
}
