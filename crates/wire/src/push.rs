//! The push format: how an agent sends profiles to a collector. `proto/fewer/push/v1/push.proto` is its document.
//!
//! A body is the version byte and one zstd frame with a protobuf message, in which every text, frame and stack
//! stands once. Reading trusts nothing: see [`Limits`].

mod code;
mod decode;
mod encode;
mod error;
mod limits;
mod memory;
mod proto;

pub use decode::decode;
pub use encode::{Reports, encode, encode_with, encode_within};
pub use error::PushError;
pub use limits::Limits;

use model::{AgentReport, Batch, CodeReport, MemoryGroup, PushKey};

/// The version that is written, and the newest that is read.
pub const VERSION: u8 = 1;

/// Content type of a body.
pub const CONTENT_TYPE: &str = "application/vnd.fewer.push";

/// One push.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Push {
    /// Names it for ever.
    pub key: PushKey,
    /// What it brings; it has passed [`Batch::check`].
    pub batch: Batch,
    /// What the agent says of itself.
    pub report: Option<AgentReport>,
    /// What groups of processes hold in memory.
    pub memory: Vec<MemoryGroup>,
    /// What code they hold, and which of it has run.
    pub code: Vec<CodeReport>,
}

#[cfg(test)]
mod tests;
