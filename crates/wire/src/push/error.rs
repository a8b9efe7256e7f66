//! Why a push is refused.

use model::InvalidBatch;

/// Why a push is refused. Sending it again as it is cannot help.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// There is not even a version byte.
    #[error("the push is empty: send a version byte and a zstd frame")]
    Empty,
    /// The format is one this reader was not made for.
    #[error(
        "the push has format version {version}, sent by a newer agent; this reader knows up to {newest}: \
         update the collector before its agents"
    )]
    UnsupportedVersion {
        /// Its version byte.
        version: u8,
        /// The newest version that can be read.
        newest: u8,
    },
    /// More of something than is accepted.
    #[error("push: `{field}` has {found} {unit}, the limit is {limit}: {fix}")]
    Limit {
        /// Field of the message, or `body`.
        field: &'static str,
        /// How much it has.
        found: u64,
        /// What was counted, in the plural.
        unit: &'static str,
        /// How much is accepted.
        limit: u64,
        /// What to do about it.
        fix: &'static str,
    },
    /// The body is not what the format says.
    #[error("push: `{field}` {problem}: {fix}")]
    Malformed {
        /// Field of the message, or `body`.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
        /// What to do about it.
        fix: &'static str,
    },
    /// The zstd frame is damaged.
    #[error("push: `body` is not one whole zstd frame: check that it arrived complete and compressed once")]
    Compression(#[source] std::io::Error),
    /// The message is not a protobuf message of this format.
    #[error("push: `body` does not hold a fewer.push.v1.Push: check the sender against push.proto")]
    Protobuf(#[source] prost::DecodeError),
    /// References or values make no sense together.
    #[error("push: {0}: check the sender against push.proto")]
    Batch(InvalidBatch),
}

impl PushError {
    /// The field it is about, for an answer that names it.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Limit { field, .. } | Self::Malformed { field, .. } => field,
            Self::Empty | Self::UnsupportedVersion { .. } | Self::Compression(_) | Self::Protobuf(_) => {
                "body"
            }
            Self::Batch(_) => "profiles",
        }
    }

    /// The limit that was hit, if one was.
    pub fn limit(&self) -> Option<u64> {
        match self {
            Self::Limit { limit, .. } => Some(*limit),
            _ => None,
        }
    }
}
