//! What got dearer, and who should know: fetches what the detectors need, puts revisions to the test, and says what was
//! found. The decisions are `analyzer-detect`'s, the words `analyzer-report`'s.

pub mod acknowledged;
pub mod alerts;
pub mod analyze;
pub mod canary;
pub mod capacity;
pub mod check;
pub mod collector;
pub mod dead_code;
mod error;
pub mod findings;
pub mod flags;
pub mod forge;
pub mod functions;
pub mod git;
pub mod hunks;
mod languages;
pub mod ledger;
pub mod owners;
pub mod paths;
pub mod production;
pub mod regressions;
pub mod series;
pub mod sharing;
pub mod versions;

pub use analyzer_detect::{comparison::Limits, filters::floor::Floor, stats::servers::Sizing};
pub use analyzer_report as report;
pub use error::AnalyzerError;
