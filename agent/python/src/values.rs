//! What the values of a live interpreter are worth in memory, by the module attribute that holds them, and what they
//! contain, so that processes that each loaded the same can be told from processes that loaded different things.
//!
//! The walk goes from `sys.modules` through modules, containers, instances, classes and functions. Every object counts
//! once, for the first attribute that reaches it. Its fingerprint depends on its content alone: not on its address,
//! not on the hash seed, not on the process. The process runs on meanwhile, so whatever is read may be half changed:
//! types are proven before they are believed, and everything is bounded (I6).

mod fingerprint;
mod layout;
mod object;
mod owners;
mod types;
mod visited;
mod walk;

use std::{collections::HashMap, io};

use thiserror::Error;

use crate::{Binary, Memory};

pub use owners::{Owner, Sample, Share};

/// Memory that knows which of its pages no other process has.
pub trait PageMemory: Memory {
    /// Of a range, the bytes on pages that only this process has.
    fn own_bytes(&self, address: u64, length: u64) -> u64;
}

/// How far a walk goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueLimits {
    /// Objects looked at.
    pub objects: u64,
    /// Attributes told apart; what further ones hold counts for their module.
    pub owners: usize,
    /// Samples kept of all content.
    pub samples: usize,
    /// Of small content, one in so many is kept; a power of two.
    pub sampled_one_in: u64,
}

/// Everything found in one process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values {
    /// By path, in the order of the walk.
    pub owners: Vec<Owner>,
    /// The addresses of types that were met, and whether the collector follows their objects: it keeps two links
    /// before each.
    pub types: HashMap<u64, bool>,
    /// Objects counted.
    pub objects: u64,
    /// References to what could not be read or is no object any more.
    pub unreadable: u64,
    /// Objects nested too deep to be followed.
    pub too_deep: u64,
    /// True when a limit or the caller ended the walk: all sums are lower bounds then.
    pub is_cut: bool,
}

/// Why the values of an interpreter cannot be walked.
#[derive(Debug, Error)]
pub enum ValuesError {
    /// No layout is known for this version.
    #[error("values of this version of CPython are not known; those of 3.8 to 3.13 are")]
    Version,
    /// The process is gone or its memory may not be read.
    #[error("the interpreter's memory could not be read: {0}")]
    Unreadable(#[from] io::Error),
    /// Nothing that looks like the table of modules is where it has to be.
    #[error("the interpreter's table of modules is not where this version has it")]
    Modules,
}

impl Values {
    /// Walks everything that the modules of a process's first interpreter reach. `bias` comes from [`Binary::bias`];
    /// `is_over` is asked now and then whether to stop.
    pub fn read(
        binary: &Binary,
        bias: u64,
        memory: &dyn PageMemory,
        limits: ValueLimits,
        is_over: &mut dyn FnMut() -> bool,
    ) -> Result<Self, ValuesError> {
        let mut heap = object::Heap::open(binary, bias, memory)?;
        let modules = heap.modules_table(binary, bias)?;
        Ok(walk::Walk::new(heap, limits, is_over).modules(modules))
    }
}
