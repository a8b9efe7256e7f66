//! Python frames of a sample: named while the process lives, and put in their places among the native ones.

use std::sync::Arc;

use agent_bpf::{PythonOutcome, PythonStack};
use agent_python::{
    CodeObjects, Entry, InterpreterFrames, Memory, MergeOutcome, NamingCounters, NativeFrame, NativeStack,
    Source, merge,
};
use agent_unwind::{CodeAddress, ImageKey, Outcome};

use crate::{
    location::{Location, TRUNCATED, UNNAMED_PYTHON},
    runtimes::Python,
    tally::Tally,
};

use super::{cut_marker, user_location};

/// One sample's stacks, to be merged.
pub(super) struct Merging<'a> {
    pub(super) pid: u32,
    pub(super) image: ImageKey,
    pub(super) python: &'a Python,
    pub(super) memory: &'a dyn Memory,
    /// Leaf first.
    pub(super) native: &'a [CodeAddress],
    /// How unwinding the native stack ended.
    pub(super) outcome: Outcome,
}

/// Counts samples of Python processes by how reading the Python frames ended.
pub(crate) const PYTHON: &str = "python_outcome_total";
/// The same for merging them with the native ones.
pub(crate) const PYTHON_MERGES: &str = "python_merge_total";
const NAMES: &str = "python_names_total";

impl Merging<'_> {
    /// Adds the merged stack, leaf first.
    pub(super) fn merge(
        &self,
        frames: &PythonStack<'_>,
        names: &mut CodeObjects<ImageKey>,
        tally: &mut Tally,
        stack: &mut Vec<Location>,
    ) {
        let native: Vec<NativeFrame> =
            self.native.iter().map(|address| self.python.native_frame(address)).collect();
        let entries: Vec<bool> = frames.frames.iter().map(|frame| frame.is_entry).collect();
        let is_complete = frames.outcome == PythonOutcome::Complete;
        let python = agent_python::PythonStack { entries: &entries, is_complete, marks: self.python.marks };
        let native = NativeStack { frames: &native, is_complete: self.outcome.is_complete() };
        let merged = merge(&native, &python, InterpreterFrames::Fold);
        tally.add(PYTHON, outcome_name(frames.outcome), 1);
        tally.add(PYTHON_MERGES, merge_name(merged.outcome), 1);
        let has_python = merged.outcome != MergeOutcome::NoPython;
        let source = Source {
            image: self.image,
            pid: self.pid,
            memory: self.memory,
            interpreter: &self.python.interpreter,
        };
        for (at, entry) in merged.entries.iter().enumerate() {
            if merged.native_cut == Some(at) {
                stack.push(Location::Marker(cut_marker(self.outcome)));
            }
            match *entry {
                Entry::Native(idx) => {
                    stack
                        .extend(self.native.get(idx).map(|address| user_location(address.clone(), self.pid)));
                }
                Entry::Python(idx) => {
                    let Some(frame) = frames.frames.get(idx) else { continue };
                    let named = names.frame(&source, frame.code, frame.instruction);
                    stack.push(named.map_or(UNNAMED_PYTHON, |frame| Location::Python(Arc::new(frame))));
                }
            }
        }
        if merged.native_cut == Some(merged.entries.len()) {
            stack.push(Location::Marker(cut_marker(self.outcome)));
        }
        // The outermost Python frame is a root as good as the native one.
        let has_root = self.outcome.is_complete() || (has_python && is_complete);
        if !has_root {
            stack.push(TRUNCATED);
        }
    }
}

/// How naming went.
pub(super) fn count(tally: &mut Tally, names: NamingCounters) {
    tally.set(NAMES, "named", names.named);
    tally.set(NAMES, "named by image", names.named_by_image);
    tally.set(NAMES, "unreadable", names.unreadable);
    tally.set(NAMES, "not code", names.not_code);
    tally.set(NAMES, "not text", names.not_text);
    tally.set(NAMES, "without line", names.without_line);
    tally.set("cache_evictions_total", "code objects", names.evicted);
}

fn outcome_name(outcome: PythonOutcome) -> &'static str {
    match outcome {
        PythonOutcome::Complete => "complete",
        PythonOutcome::Truncated => "truncated",
        PythonOutcome::NoThreadState => "no thread state",
        PythonOutcome::Fault => "fault",
        PythonOutcome::WrongType => "wrong type",
    }
}

fn merge_name(outcome: MergeOutcome) -> &'static str {
    match outcome {
        MergeOutcome::Complete => "complete",
        MergeOutcome::NoPython => "no Python",
        MergeOutcome::NativeCut => "native cut",
        MergeOutcome::PythonCut => "Python cut",
        MergeOutcome::Unequal => "unequal",
    }
}
