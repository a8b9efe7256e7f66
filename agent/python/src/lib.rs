//! CPython from outside: which interpreter a process runs, how to walk its frames, what its code objects are
//! called, and what the SDK inside it publishes.
//!
//! - Everything is read through [`Memory`], from a process that goes on running. Nothing is stopped, written or
//!   called in it (I10), and every read that a race can spoil is checked.
//! - Layouts come from tables by version and are proven against the live process before they are used
//!   ([`Interpreter::attach`]). What is not proven is refused, with a reason that is counted (I5).
//! - All input is outside input: every loop, string and table has a bound (I6).

mod binary;
mod code;
mod code_objects;
mod counters;
mod debug_offsets;
mod discovery;
mod eval;
mod evidence;
mod interpreter;
mod layout;
mod lines;
mod mapping;
mod memory;
mod merge;
mod process_context;
mod record;
mod refusal;
mod text;
mod threads;
mod values;
mod version;

#[cfg(test)]
mod tests;

pub use binary::{Binary, Segment};
pub use code_objects::{CodeObjects, NamingCounters, Source, Unnamed};
pub use counters::{
    CountersError, CountersLocation, CountersReader, EvaluationDelta, Poll, Reason, RequestDelta,
};
pub use discovery::{
    ContextVariable, DISCOVERIES_MAX, Discovery, Published, Publisher, ThreadSchema, Unread,
};
pub use evidence::{
    Bodies, Body, Branches, CodeUnit, Content, Evidence, ExecutionState, Hidden, Look, Mark, MarkPlace,
    QUALIFIED_SINCE_MINOR, Scan, ScanCounters, Sign, UNITS_MAX, Watched, branches, poll,
};
pub use interpreter::{Interpreter, is_musl, may_be_interpreter};
pub use layout::{CodeLayout, FrameLayout, FrameMode, InstructionForm, LineTable};
pub use mapping::Mapping;
pub use memory::Memory;
pub use merge::{
    Entry, InterpreterFrames, Marks, MergeOutcome, Merged, NativeFrame, NativeStack, PythonStack, merge,
};
pub use record::{RECORD_BYTES_MAX, Record, RecordError};
pub use refusal::Refusal;
pub use values::{Owner, PageMemory, Sample, Share, ValueLimits, Values, ValuesError};
pub use version::Version;
