//! The agent: samples a host, says where each sample came from, and brings ten-second profiles to a
//! collector.
//!
//! A sample takes one way (invariant I4): [`agent_bpf`] hands out raw samples; `attribute` gives each its
//! labels and one stack of addresses; `aggregate` adds them up by window; `symbolize` names the addresses;
//! [`spool`] keeps the encoded windows on disk and [`upload`] brings them to the collector. Three threads,
//! joined by bounded queues.
//!
//! - No sample fails: every outcome is counted and reported with each push (I5).
//! - Copied stacks stay inside `attribute`; what leaves it are addresses (I14).
//! - [`budget`] watches what the agent costs and steps the sampling rate down before it costs too much (I10).

mod aggregate;
pub mod args;
mod attribute;
pub mod budget;
pub mod code_report;
mod command;
mod context;
mod cost;
pub mod dead_code;
pub mod doctor;
mod error;
mod host;
mod location;
mod lru;
pub mod memory_report;
mod options;
mod pace;
mod process_memory;
mod processes;
mod random;
mod record;
mod report;
mod run;
mod runtimes;
mod session;
pub mod spool;
mod state;
mod symbolize;
mod tally;
pub mod upload;
mod watch;

pub use command::execute;
pub use error::AgentError;
pub use options::{AgentOptions, Sampling};
pub use record::{RecordOptions, Recorder, Recording, Summary};
pub use run::run;
pub use state::{cpu_count, state_directory};
pub use watch::{Interval, Watch};

/// What can be sampled.
pub use agent_bpf::Target;
