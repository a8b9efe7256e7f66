//! What got dearer, and who should know: fetches what the detectors need, puts revisions to the test, and says what was
//! found. The decisions are `analyzer-detect`'s, the words `analyzer-report`'s.

pub mod acknowledged;
pub mod canary;
pub mod check;
pub mod collector;
mod error;
pub mod flags;
pub mod functions;
pub mod git;
pub mod hunks;
mod languages;
pub mod owners;
pub mod paths;
pub mod regressions;

pub use analyzer_detect::{comparison::Limits, stats::servers::Sizing};
pub use analyzer_report as report;
pub use error::AnalyzerError;
