//! Symbolizing: addresses in, functions, files, lines and inlined frames out.
//!
//! - Work comes in batches, off the sampling path. Results are remembered, and what they are found with: an index over
//!   each file's symbol table, and the debug information of files that have any. Each is bounded in bytes, and what was
//!   not used for longest goes (I6).
//! - No address fails: one without a name keeps its executable and file address, with an [`Outcome`] that says why,
//!   and every outcome is counted (I5).
//! - Debug information knows inlined functions and lines; it is read with `addr2line`. A file with too much of it is
//!   named from its symbol table, and one with too many symbols for an index in one pass over them. Kernel symbols and
//!   perf maps have readers of their own.
//! - [`inventory`] goes the other way: all functions that a file says it has.

mod cache;
mod debug_file;
mod debug_info;
mod demangle;
mod elf;
mod files;
mod image;
mod index;
mod inventory;
mod kept;
mod kernel;
mod outcome;
mod perf_files;
mod perf_map;
mod scan;
mod symbol;
mod symbolizer;
mod table;

pub use image::Image;
pub use inventory::{FileFunction, Inventory, InventoryError, InventoryLimits, inventory};
pub use outcome::{Counters, Outcome};
pub use perf_map::PerfMap;
pub use symbol::{Executable, Symbol};
pub use symbolizer::{Limits, Sources, Symbolizer};
