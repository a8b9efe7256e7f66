//! Native and Python frames of one sample, put into one order.
//!
//! Every run of the evaluation loop on the native stack stands for a segment of Python frames. What lies between two
//! runs was called by the Python function below it: a C extension, or the interpreter's own machinery, which folds away.

use crate::FrameMode;

/// One native frame as far as merging cares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NativeFrame {
    /// True in the evaluation loop ([`crate::Binary::is_eval`]).
    pub is_eval: bool,
    /// True for code of the interpreter's own files, the loop included.
    pub is_interpreter: bool,
}

/// The native frames of one sample.
#[derive(Clone, Copy, Debug)]
pub struct NativeStack<'a> {
    /// Leaf first.
    pub frames: &'a [NativeFrame],
    /// True when unwinding reached the thread's first function.
    pub is_complete: bool,
}

/// The Python frames of one sample.
#[derive(Clone, Copy, Debug)]
pub struct PythonStack<'a> {
    /// For each frame, leaf first: whether a run of the loop begins with it. In 3.12 and later the marked frames are
    /// shims.
    pub entries: &'a [bool],
    /// True when the walk reached the end of the chain.
    pub is_complete: bool,
    /// How the version marks where a run begins.
    pub marks: Marks,
}

/// How a version marks where a run of the evaluation loop begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Marks {
    /// 3.8 to 3.10: each frame is a run of its own.
    EachFrame,
    /// 3.11: the frame that a run begins with is marked.
    Frame,
    /// 3.12 and later: a marked shim stands before the frame that a run begins with.
    Shim,
}

/// What happens to the interpreter's own frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum InterpreterFrames {
    /// Left out where Python frames stand for them.
    #[default]
    Fold,
    /// Kept; the Python frames of a run stand on the leaf's side of its native frame.
    Keep,
}

/// One place in a merged stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entry {
    /// The native frame of this index.
    Native(usize),
    /// The Python frame of this index.
    Python(usize),
}

/// How merging ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MergeOutcome {
    /// Each run of the loop has its Python frames and the other way round.
    Complete,
    /// There are no Python frames; the native ones stay as they are.
    NoPython,
    /// The native stack was cut: Python frames beyond stand above the cut.
    NativeCut,
    /// The Python chain was cut: runs of the loop beyond stand for nothing.
    PythonCut,
    /// Both are whole, and yet their numbers differ: a run was just beginning or ending.
    Unequal,
}

/// A merged stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// Leaf first.
    pub entries: Vec<Entry>,
    /// Where in `entries` the native stack was cut; what comes after are Python frames only.
    pub native_cut: Option<usize>,
    /// How it ended.
    pub outcome: MergeOutcome,
}

/// Merges the two. No Python frame is lost, and no native one that is not the interpreter's.
pub fn merge(native: &NativeStack<'_>, python: &PythonStack<'_>, own: InterpreterFrames) -> Merged {
    let segments = segments(python);
    let runs = native.frames.iter().filter(|frame| frame.is_eval).count();
    let has_python = segments.iter().any(|segment| !segment.is_empty());
    let keeps = |frame: &NativeFrame| !has_python || own == InterpreterFrames::Keep || !frame.is_interpreter;
    // Two whole stacks are laid from the root, where nothing changes while the leaf begins or ends a run. Else only
    // the leaf is common.
    let is_whole = native.is_complete && python.is_complete;
    let (runs_skipped, first_segments) = match is_whole && has_python {
        true => (runs.saturating_sub(segments.len()), segments.len().saturating_sub(runs)),
        false => (0, 0),
    };
    let mut merged = Vec::with_capacity(native.frames.len() + python.entries.len());
    let mut segments_left = segments.iter();
    let python_of = |segment: &Segment| segment.clone().map(Entry::Python);
    merged.extend(segments_left.by_ref().take(first_segments).flat_map(python_of));
    let mut runs_seen = 0;
    for (at, frame) in native.frames.iter().enumerate() {
        if frame.is_eval {
            runs_seen += 1;
            if runs_seen > runs_skipped {
                merged.extend(segments_left.next().into_iter().flat_map(python_of));
            }
        }
        if keeps(frame) {
            merged.push(Entry::Native(at));
        }
    }
    let native_cut = (!native.is_complete).then_some(merged.len());
    merged.extend(segments_left.flat_map(python_of));
    let outcome = match (has_python, native.is_complete, python.is_complete) {
        (false, ..) => MergeOutcome::NoPython,
        _ if runs == segments.len() && native.is_complete => MergeOutcome::Complete,
        (_, false, _) => MergeOutcome::NativeCut,
        (_, true, false) => MergeOutcome::PythonCut,
        (_, true, true) => MergeOutcome::Unequal,
    };
    Merged { entries: merged, native_cut, outcome }
}

type Segment = std::ops::Range<usize>;

/// The Python frames of each run, without shims.
fn segments(python: &PythonStack<'_>) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut start = 0;
    for (at, is_entry) in python.entries.iter().enumerate() {
        let end = match python.marks {
            Marks::EachFrame => Some(at + 1),
            Marks::Frame => is_entry.then_some(at + 1),
            Marks::Shim => is_entry.then_some(at),
        };
        if let Some(end) = end {
            segments.push(start..end);
            start = at + 1;
        }
    }
    if start < python.entries.len() {
        segments.push(start..python.entries.len());
    }
    segments
}

impl Marks {
    /// The marks of a layout.
    pub fn of(frames: &crate::FrameLayout) -> Self {
        match frames.mode {
            FrameMode::FrameObject => Self::EachFrame,
            _ if frames.entry_is_shim() => Self::Shim,
            FrameMode::CFrame | FrameMode::Direct => Self::Frame,
        }
    }
}

#[cfg(test)]
mod tests;
