//! Samples what the CPUs of a host are doing, through a BPF program or the kernel's perf ring.
//!
//! [`Sampler::start`] attaches to every CPU; [`Sampler::drain`] hands out [`Event`]s: samples with registers, kernel
//! stack and a copy of the user stack, all of one instant, and the life of processes. [`probe`] says what this
//! kernel permits. [`decode`] is the pure half: bytes of a record to a [`RawSample`].

mod allocator;
mod backend;
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

pub use allocator::return_memory_early;
pub use error::{BpfError, SamplerError};
pub use event::{CodeMapping, Event, LifeChange, LifeEvent, Losses};
pub use options::{
    Backend, FREQUENCY_HZ, RING_BYTES, STACK_BYTES, SamplerOptions, TARGETS_MAX, Target, Trigger,
};
pub use probe::{Capabilities, CapabilityRow, CapabilityState, probe};
pub use record::{
    Addresses, Comm, DecodeError, ImageKey, Mode, RawSample, StackEnd, UserRegisters, UserStack, UserState,
    VERSION, decode,
};
pub use sampler::Sampler;
