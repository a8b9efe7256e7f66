//! Symbolizing: addresses in, functions, files, lines and inlined frames out.
//!
//! - Work comes in batches, off the sampling path. What is parsed of an executable is dropped after its batch; only
//!   results are kept, in a bounded cache (I6).
//! - No address fails: one without a name keeps its executable and file address, with an [`Outcome`] that says why,
//!   and every outcome is counted (I5).
//! - Files with debug information are read with `blazesym`, which knows inlined functions and lines. Files with a
//!   symbol table alone are read in one pass over that table with the wanted addresses in hand, which needs neither a
//!   sorted copy nor memory. Kernel symbols and perf maps have readers of their own.

mod cache;
mod debug_file;
mod demangle;
mod dwarf;
mod elf;
mod image;
mod kernel;
mod outcome;
mod perf_files;
mod perf_map;
mod symbol;
mod symbolizer;

pub use image::Image;
pub use outcome::{Counters, Outcome};
pub use perf_map::PerfMap;
pub use symbol::{Executable, Symbol};
pub use symbolizer::{Limits, Sources, Symbolizer};
