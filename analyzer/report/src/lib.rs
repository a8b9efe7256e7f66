//! What was found, as a person and as a program reads it: markdown, terminal text, JSON, SARIF and GitLab's Code Quality.
//! Values in, text out; the same report gives the same text.

pub mod canary;
pub mod capacity;
pub mod check;
pub mod dead_code;
pub mod flags;
pub mod number;
pub mod regressions;
pub mod sharing;
pub mod versions;

pub use check::CheckReport;
