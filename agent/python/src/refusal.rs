//! Why an interpreter is not followed.

use thiserror::Error;

/// Why a process or file that looks like CPython is left alone. Its native frames stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Error)]
pub enum Refusal {
    /// The file is an interpreter, but not of a version with a proven layout.
    #[error("this version of CPython is not supported; 3.8 to 3.13 are")]
    Version,
    /// The file does not prove which version it is, or is an alpha or beta.
    #[error("the file does not state a released version of CPython")]
    UnknownVersion,
    /// The file has a runtime, but not all else that every interpreter exports.
    #[error("the interpreter's symbols are missing")]
    Symbols,
    /// Built without the global lock: other layouts.
    #[error("free-threaded builds are not supported")]
    FreeThreaded,
    /// Built to keep track of all objects, which moves every field.
    #[error("builds with Py_TRACE_REFS are not supported")]
    TraceReferences,
    /// Thread storage of musl is laid out in another way.
    #[error("interpreters on musl are not supported")]
    Musl,
    /// The interpreter has not started yet, or is shutting down. Ask again.
    #[error("the interpreter has no thread with a frame yet")]
    NotReady,
    /// No thread's state was found in its thread storage.
    #[error("thread storage does not hold the interpreter's thread state")]
    ThreadStorage,
    /// Live memory contradicts the layout of this version.
    #[error("memory contradicts the layout of this version")]
    Inconsistent,
    /// The process's memory or the file could not be read.
    #[error("the interpreter's memory or file could not be read")]
    Unreadable,
}

impl Refusal {
    /// All of them, in the order of the list above.
    pub const ALL: [Self; 10] = [
        Self::Version,
        Self::UnknownVersion,
        Self::Symbols,
        Self::FreeThreaded,
        Self::TraceReferences,
        Self::Musl,
        Self::NotReady,
        Self::ThreadStorage,
        Self::Inconsistent,
        Self::Unreadable,
    ];

    /// The name in counters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::UnknownVersion => "unknown_version",
            Self::Symbols => "symbols",
            Self::FreeThreaded => "free_threaded",
            Self::TraceReferences => "trace_references",
            Self::Musl => "musl",
            Self::NotReady => "not_ready",
            Self::ThreadStorage => "thread_storage",
            Self::Inconsistent => "inconsistent",
            Self::Unreadable => "unreadable",
        }
    }

    /// True when the same process may be taken a moment later: it was starting, or moved under the reader.
    pub fn is_temporary(self) -> bool {
        matches!(self, Self::NotReady | Self::ThreadStorage | Self::Inconsistent | Self::Unreadable)
    }
}
