//! Samples what the CPUs of a host are doing, through a BPF program or the kernel's perf ring.
//!
//! [`Sampler::start`] attaches to every CPU; [`Sampler::drain`] hands out [`Event`]s: samples with registers, kernel
//! stack and a copy of the user stack, all of one instant, and the life of processes. [`probe`] says what this
//! kernel permits. [`Sampler::configure`] tells the program how to read a process's runtime; then samples carry
//! Python frames, the running request and the running query too. [`decode`] is the pure half: bytes of a record to a
//! [`RawSample`].

mod allocator;
mod backend;
mod config;
mod cursor;
mod error;
mod event;
mod facts;
mod follow;
mod options;
mod perf;
mod probe;
mod record;
mod ring;
mod rings;
mod sampler;
mod sideband;
#[cfg(test)]
mod testing;

pub use allocator::{give_memory_back, return_memory_early};
pub use config::{
    CONFIGS_MAX, ContextVariable, CustomLabels, GoLabels, GoLabelsForm, PythonLayout, PythonMode,
    PythonTarget, QueryText, RuntimeConfig, TargetKey, ThreadContext,
};
pub use error::{BpfError, ConfigureError, SamplerError};
pub use event::{CodeMapping, Event, LifeChange, LifeEvent, Losses};
pub use options::{
    Backend, FREQUENCY_HZ, RING_BYTES, STACK_BYTES, SamplerOptions, TARGETS_MAX, Target, Trigger,
};
pub use probe::{Capabilities, CapabilityRow, CapabilityState, probe};
pub use record::{
    Addresses, Comm, ContextOutcome, ContextSource, DecodeError, ImageKey, LABEL_KEY_BYTES_MAX,
    LABEL_VALUE_BYTES_MAX, LABELS_MAX, Mode, PYTHON_FRAMES_MAX, PythonFrame, PythonFrames, PythonOutcome,
    PythonStack, RawContext, RawSample, RawText, StackEnd, TEXT_BYTES, TextOutcome, UserRegisters, UserStack,
    UserState, VERSION, decode,
};
pub use sampler::Sampler;
