//! Telling people about findings: one message per finding, an update when it matters, and one when it is over.
//!
//! [`plan`] is a pure function of the findings, of what was told before, of the settings and of the time. [`send`] carries
//! a plan out and remembers each message as soon as it was taken, so that a crash repeats none.

mod config;
mod forms;
mod plan;
mod send;
mod sent;

pub use config::{AlertConfig, Kind, QuietHours, Receiver, Threshold, parse};
pub use plan::{Event, Message, Plan, plan};
pub use send::{Failure, send};
pub use sent::{Sent, SentState};
