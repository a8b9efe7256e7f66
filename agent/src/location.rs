//! One entry of an attributed stack: where code is, before anybody has asked for its name.

use std::sync::Arc;

use agent_unwind::Executable;
use model::Frame;

/// Leaf-first lists of these are what samples are added up by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Location {
    /// Kernel code.
    Kernel {
        /// The address to look up.
        address: u64,
    },
    /// Code of a file, or of the vdso.
    File {
        /// The file.
        executable: Arc<Executable>,
        /// The file address to look up.
        address: u64,
    },
    /// Code that a process wrote at run time.
    Jit {
        /// Whose code: the same address means something else in another process.
        pid: u32,
        /// The runtime address to look up.
        address: u64,
    },
    /// A Python function, named while its process lived.
    Python(Arc<Frame>),
    /// A note, such as that the stack was cut here.
    Marker(&'static str),
}

/// Root of every stack that was cut before its thread's first function.
pub(crate) const TRUNCATED: Location = Location::Marker("[truncated]");
/// An instruction pointer outside everything mapped.
pub(crate) const UNKNOWN: Location = Location::Marker("[unknown]");
/// A Python function that could not be named any more.
pub(crate) const UNNAMED_PYTHON: Location = Location::Marker("[unnamed Python function]");
/// Stands for the stacks that a window had no room for.
pub(crate) const BEYOND_LIMIT: Location = Location::Marker("[beyond the agent's limit]");
