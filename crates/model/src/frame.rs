//! Frames: what one entry of a stack says.

use std::sync::Arc;

/// What kind of code a frame belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FrameKind {
    /// Machine code of an executable or shared object.
    #[default]
    Native,
    /// Code of the operating system kernel.
    Kernel,
    /// Machine code written at run time, named by a perf map when there is one.
    Jit,
    /// A Python function.
    Python,
    /// Not code: a note in the stack such as `[truncated]`.
    Marker,
}

/// One function, or one inlined function, in a stack.
///
/// Identity is the whole value. A frame that could be named carries no address, so that equal code merges; one
/// that could not keeps `executable` and `address` (invariant I5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Frame {
    /// What kind of code this is.
    pub kind: FrameKind,
    /// The function's readable name; empty when it is not known.
    pub function: Arc<str>,
    /// The source file; empty when it is not known.
    pub file: Arc<str>,
    /// The line in `file` that was executing; 0 when it is not known.
    pub line: u32,
    /// The executable's path as the process saw it; `[kernel]` and `[vdso]` are such names too.
    pub executable: Arc<str>,
    /// The executable's build id in lower-case hexadecimal; empty when it has none.
    pub build_id: Arc<str>,
    /// The file address, kept only while `function` is empty.
    pub address: u64,
    /// True when the compiler put this function into its caller, the next frame towards the root.
    pub inlined: bool,
}

impl Frame {
    /// A note in the stack, such as `[truncated]`.
    pub fn marker(name: &str) -> Self {
        Self { kind: FrameKind::Marker, function: name.into(), ..Self::default() }
    }

    /// The name a person reads: the function, else `executable+0xaddress`.
    pub fn display_name(&self) -> Arc<str> {
        if !self.function.is_empty() {
            return self.function.clone();
        }
        let base = self.executable.rsplit('/').next().unwrap_or_default();
        let base = if base.is_empty() { "[unknown]" } else { base };
        format!("{base}+{:#x}", self.address).into()
    }
}

/// Position of a frame in its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrameId(pub u32);

/// Position of a stack in its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StackId(pub u32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unnamed_frame_shows_executable_and_address() {
        let frame = Frame { executable: "/usr/lib/libc.so.6".into(), address: 0x1f0, ..Frame::default() };
        assert_eq!(frame.display_name().as_ref(), "libc.so.6+0x1f0");
        assert_eq!(Frame { address: 16, ..Frame::default() }.display_name().as_ref(), "[unknown]+0x10");
        assert_eq!(Frame::marker("[truncated]").display_name().as_ref(), "[truncated]");
    }
}
