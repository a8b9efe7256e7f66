//! OpenTelemetry's thread context (OTEP 4947): a thread-local pointer to a record, null when there is none.
//!
//! Any number of modules of a process may define the variable, each a copy of its own (two SDKs, say), so all
//! modules are asked and the distinct distances collected.

use std::io;

use object::ReadRef;

use super::{
    elf::Elf,
    tls::{self, TlsLocation, TlsVariable},
};

/// Name of the thread-local pointer.
pub(crate) const SYMBOL: &str = "otel_thread_ctx_v1";

/// Where the variables of one process are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offsets {
    known: Vec<i64>,
    /// Distances that had no room.
    pub(crate) beyond_limit: u64,
    /// Modules whose variable has no fixed distance.
    pub(crate) dynamic: u64,
    /// Modules to ask again.
    pub(crate) unresolved: u64,
    /// Modules whose slot could not be read.
    pub(crate) unreadable: u64,
}

/// The thread context of a module, if it has one.
pub(crate) fn find<'data, R: ReadRef<'data>>(elf: &Elf<'data, R>) -> Option<TlsVariable> {
    tls::find(elf, SYMBOL)
}

impl Offsets {
    /// How many contexts of one thread are read with each sample.
    pub(crate) const LIMIT: usize = 2;

    /// Adds what one module said.
    pub(crate) fn add(&mut self, located: io::Result<TlsLocation>) {
        match located {
            Ok(TlsLocation::Offset(offset)) if self.known.contains(&offset) => {}
            Ok(TlsLocation::Offset(offset)) if self.known.len() < Self::LIMIT => self.known.push(offset),
            Ok(TlsLocation::Offset(_)) => self.beyond_limit += 1,
            Ok(TlsLocation::Dynamic) => self.dynamic += 1,
            Ok(TlsLocation::Unresolved) => self.unresolved += 1,
            Err(_) => self.unreadable += 1,
        }
    }

    /// Distances from the thread pointer, in the order in which they were added.
    pub(crate) fn known(&self) -> &[i64] {
        &self.known
    }
}

#[cfg(test)]
mod tests;
