//! Systems other than Linux: nothing can be published, so the SDK stays off and costs nothing.

use std::{ffi::CStr, io, sync::atomic::AtomicU64};

pub(crate) fn wiped_on_fork(_words: usize) -> io::Result<&'static [AtomicU64]> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) enum NamedMemory {}

impl NamedMemory {
    pub(crate) fn new(_name: &'static CStr, _bytes: usize) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn address(&self) -> u64 {
        match *self {}
    }

    pub(crate) fn write(&mut self, _offset: usize, _data: &[u8]) -> bool {
        match *self {}
    }

    pub(crate) fn name(&self) {
        match *self {}
    }
}

pub(crate) fn thread_cpu_ns() -> u64 {
    0
}

pub(crate) fn boot_ns() -> u64 {
    0
}

pub(crate) fn is_exported() -> bool {
    false
}
