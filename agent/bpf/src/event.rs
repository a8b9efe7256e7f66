//! What a sampler hands out: samples and the life of processes.

use std::borrow::Cow;

use crate::record::{Comm, RawSample};

/// One thing that happened on the host.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all events are samples, and none is stored")]
pub enum Event<'a> {
    /// A sampling event.
    Sample(RawSample<'a>),
    /// A change in the life of a process.
    Life(LifeEvent<'a>),
}

/// A change in the life of a process, from the kernel's own records.
#[derive(Clone, Debug)]
pub struct LifeEvent<'a> {
    /// Time on `CLOCK_MONOTONIC`.
    pub time_ns: u64,
    /// The process.
    pub pid: u32,
    /// What happened.
    pub change: LifeChange<'a>,
}

/// What happened to a process.
#[derive(Clone, Debug)]
pub enum LifeChange<'a> {
    /// It was forked. Threads are not reported.
    Fork {
        /// The process it was forked from.
        parent_pid: u32,
    },
    /// It began a new program: everything known about the old one is void.
    Exec {
        /// The new name.
        comm: Comm,
    },
    /// It mapped code.
    Map(CodeMapping<'a>),
    /// Its first thread ended.
    Exit,
}

/// A newly mapped range of executable memory.
#[derive(Clone, Debug)]
pub struct CodeMapping<'a> {
    /// First address.
    pub address: u64,
    /// Length in bytes.
    pub length: u64,
    /// Offset in the file.
    pub file_offset: u64,
    /// Inode of the file; 0 without a file.
    pub inode: u64,
    /// Device of the file (major and minor number).
    pub device: (u32, u32),
    /// Path in the process's own view, or a name such as `[vdso]` or `//anon`.
    pub path: Cow<'a, [u8]>,
}

/// What was lost, counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Samples that found the ring full.
    pub samples: u64,
    /// Life events that found their ring full: what is known of processes may be stale, read `/proc` again.
    pub life_events: u64,
    /// Records that could not be read.
    pub undecodable: u64,
    /// Descendants of the targets that did not fit into the kernel's table of followed processes. They are
    /// sampled while an ancestor in the table lives.
    pub unfollowed: u64,
    /// Configurations of runtimes that found their table full: those processes are sampled without Python frames and
    /// labels.
    pub unconfigured: u64,
}
