//! Code that nobody needs, from what the agents of a fleet saw run: candidates for removal, code behind flags that are off,
//! and code that runs for nothing.

pub mod branches;
mod classes;
mod cpu;
mod doubts;
mod evidence;
mod findings;
mod flags;
mod guards;
mod imports;
mod inventory;
mod known;
mod list;
mod native;
mod purity;
pub mod remove;
mod report;
mod service;
mod source;
mod syntax;
mod wasted;

use std::path::PathBuf;

use analyzer_detect::stats::servers::Sizing;

pub use findings::findings;
pub use report::{ROWS_MAX, report, seen};

/// What to look at.
#[derive(Clone, Debug)]
pub struct DeadCodeOptions {
    /// Only this service.
    pub service: Option<String>,
    /// Start of the time whose profiles say what costs how much, in nanoseconds since the Unix epoch.
    pub start_ns: i64,
    /// Its end.
    pub end_ns: i64,
    /// From when on the collector has anything.
    pub earliest_ns: i64,
    /// How cores become servers.
    pub sizing: Sizing,
    /// The folder with the source of what runs.
    pub source: Option<PathBuf>,
    /// Days from one release of everything to the next.
    pub release_train_days: u32,
}

/// Days between releases, where nobody says.
pub const RELEASE_TRAIN_DAYS: u32 = 7;
