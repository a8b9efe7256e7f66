//! What the hosts of a fleet hold in memory more than once, from the reports of their agents.

mod evidence;
mod findings;
mod fleet;
mod look;

use analyzer_detect::sharing::Cause;
use wire::api::memory::{MemoryReport, MemoryReports};

use crate::{collector::Collector, error::AnalyzerError};

pub use evidence::evidence;
pub(crate) use findings::row_id;
pub use findings::{findings, value};
pub use fleet::report;
pub use look::{Look, look};

/// Reports that are older say nothing of now.
pub const SINCE_SECONDS: u32 = 3600;

/// The newest report of each host; of one service's processes only, where one is named.
pub fn fetch(collector: &Collector, service: Option<&str>) -> Result<Vec<MemoryReport>, AnalyzerError> {
    let since = SINCE_SECONDS.to_string();
    let reports: MemoryReports = collector.get(
        "memory",
        &[("since_seconds", &since), ("service", service.unwrap_or_default()), ("limit", "20000")],
    )?;
    Ok(reports.reports)
}

/// A cause in a few words.
pub fn cause_name(cause: Cause) -> &'static str {
    match cause {
        Cause::LoadedAfterFork => "loaded after the fork",
        Cause::Dirtied => "loaded before the fork, private since",
        Cause::Docstrings => "documentation",
        Cause::EqualPages => "equal pages",
        Cause::BrokenPages => "copy-on-write was broken",
        Cause::ZeroPages => "zeros",
        Cause::Arenas => "heaps of threads",
    }
}
