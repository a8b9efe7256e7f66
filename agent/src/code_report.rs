//! Execution evidence while the agent runs: which functions of the host's Python processes have run, and which of the
//! functions of native programs samples saw, told to the collector once a day in full and then as it changes.
//!
//! Processes are read from outside as [`crate::dead_code`] reads them: not stopped, not slowed, and no larger than
//! before (I10). What runs since one look is seen at the next, so that what runs only between the last look and the end
//! of a process is missed: a share of about the interval over the life of a worker.

mod family;
mod group;
mod look;
mod marks;
mod native;
pub(crate) mod reporter;
mod role;
mod state;

pub use look::CodeReporter;
