//! Unwinding: registers and a copied stack in, code addresses and an outcome out.
//!
//! The kernel side copies the top of a thread's stack; this crate finds the callers in it, for code built with or
//! without frame pointers, from the `.eh_frame` rows of the executables that the process has mapped.
//!
//! - Every address leaves here as a *lookup address in its executable* ([`CodeAddress`]); a return address cannot
//!   be looked up by mistake as if it were an instruction pointer.
//! - No sample fails: what was found comes back with an [`Outcome`], and every outcome is counted (I5).
//! - Executables are known by what the file is, processes by their address-space image, so that a forked worker
//!   is unwound from its first instruction and one copy of a library's rows serves the whole host.
//! - Unwind rows are copied to the heap, not mapped: a mapping would pin a container's mount and turn a truncated
//!   file into a signal. The copies are bounded in bytes (I6).
//! - Stack bytes are borrowed and never kept (I14).

mod address;
mod build_id;
mod elf;
mod executable;
mod executables;
mod load_budget;
mod lru;
mod maps;
mod outcome;
mod proc_files;
mod rows;
mod rules;
mod space;
mod spaces;
mod stack;
mod unwinder;

pub use address::{Address, CodeAddress};
pub use elf::build_id_of;
pub use executable::{Executable, ExecutableId, FileIdentity, MappedAt};
pub use maps::{Backing, Mapping, Maps, parse_maps};
pub use outcome::{Counters, Outcome};
pub use proc_files::{ProcFiles, ProcessFiles};
pub use stack::{ImageKey, Registers, Sample, StackCopy, StackEnd};
pub use unwinder::{Limits, Unwinder};
