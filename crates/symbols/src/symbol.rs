//! Symbols: what an address turned out to be.

use std::sync::Arc;

use model::{Frame, FrameKind};

use crate::Outcome;

/// The executable that addresses belong to. Two with the same path and build id share their results.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Executable {
    /// Path as the process saw it.
    pub path: Arc<str>,
    /// Build id or content hash in lower-case hexadecimal.
    pub build_id: Arc<str>,
}

/// The frames at one address, innermost inlined function first, and how they were found. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// One frame per function.
    pub frames: Arc<[Frame]>,
    /// How it ended.
    pub outcome: Outcome,
}

/// One function, before it is known which executable it is in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) line: u32,
}

impl Symbol {
    /// An address without a name: it keeps its executable and file address.
    pub fn unnamed(kind: FrameKind, executable: &Executable, address: u64, outcome: Outcome) -> Self {
        let frame = Frame {
            kind,
            executable: executable.path.clone(),
            build_id: executable.build_id.clone(),
            address,
            ..Frame::default()
        };
        Self { frames: [frame].into(), outcome }
    }

    /// The functions at an address, innermost first; all but the last were inlined.
    pub(crate) fn named(kind: FrameKind, executable: &Executable, functions: Vec<Function>) -> Self {
        let outermost = functions.len().saturating_sub(1);
        let frames = functions.into_iter().enumerate().map(|(at, function)| Frame {
            kind,
            function: function.name.into(),
            file: function.file.into(),
            line: function.line,
            executable: executable.path.clone(),
            build_id: executable.build_id.clone(),
            address: 0,
            inlined: at < outermost,
        });
        Self { frames: frames.collect(), outcome: Outcome::Named }
    }
}
