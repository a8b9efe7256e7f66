//! What a caller can choose, and its limits.

use std::ops::RangeInclusive;

use crate::error::SamplerError;

/// Accepted sampling rates.
pub const FREQUENCY_HZ: RangeInclusive<u32> = 1..=999;
/// Accepted sizes of the user stack copy.
pub const STACK_BYTES: RangeInclusive<u32> = 8 << 10..=64 << 10;
/// Accepted total sizes of the sample rings.
pub const RING_BYTES: RangeInclusive<usize> = 128 << 10..=256 << 20;
/// At most this many processes can be named as targets; their descendants come on top.
pub const TARGETS_MAX: usize = 1024;

const PAGE_BYTES: u32 = 4096;
/// What a sample takes on average: most of it is the copied stack.
const SAMPLE_BYTES: usize = 12 << 10;

/// How to sample.
#[derive(Clone, Debug)]
pub struct SamplerOptions {
    /// Sampling events per second on each CPU.
    pub frequency_hz: u32,
    /// Most bytes of user stack to copy per sample, in whole pages.
    pub stack_bytes: u32,
    /// What to sample.
    pub target: Target,
    /// How to take the samples.
    pub backend: Backend,
    /// What triggers a sample.
    pub trigger: Trigger,
    /// Total size of the sample rings, rounded up to powers of two; `None` chooses it from the number of CPUs.
    pub ring_bytes: Option<usize>,
    /// Seed of the jitter that keeps CPUs from being sampled in step with each other and with what they run.
    pub phase_seed: u64,
}

/// What to sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Every process and the kernel.
    Host,
    /// These processes and their descendants.
    Processes(Vec<u32>),
}

/// How samples are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backend {
    /// A BPF program where possible, else the perf ring.
    Auto,
    /// A BPF program per CPU.
    Bpf,
    /// The kernel's perf ring alone.
    PerfRing,
}

/// What triggers a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// The clock of a busy CPU.
    CpuClock,
    /// The cycle counter; only machines with hardware counters have it.
    Cycles,
}

impl Default for SamplerOptions {
    fn default() -> Self {
        Self {
            frequency_hz: 19,
            stack_bytes: 32 << 10,
            target: Target::Host,
            backend: Backend::Auto,
            trigger: Trigger::CpuClock,
            ring_bytes: None,
            phase_seed: 0,
        }
    }
}

impl SamplerOptions {
    /// Time between two sampling events of one CPU.
    #[must_use]
    pub fn period_ns(&self) -> u64 {
        period_ns(self.frequency_hz)
    }

    pub(crate) fn check(&self) -> Result<(), SamplerError> {
        check_frequency(self.frequency_hz)?;
        let stack_bytes = self.stack_bytes;
        if !STACK_BYTES.contains(&stack_bytes) || !stack_bytes.is_multiple_of(PAGE_BYTES) {
            return Err(SamplerError::StackBytes { stack_bytes });
        }
        if let Some(ring_bytes) = self.ring_bytes.filter(|ring_bytes| !RING_BYTES.contains(ring_bytes)) {
            return Err(SamplerError::RingBytes { ring_bytes });
        }
        match &self.target {
            Target::Processes(pids) if pids.is_empty() || pids.len() > TARGETS_MAX => {
                Err(SamplerError::TargetCount { count: pids.len() })
            }
            _ => Ok(()),
        }
    }

    /// Total ring size for a number of CPUs: half a second of samples, where readers come ten times a second. The
    /// kernel maps a ring twice, so it counts double in the agent's memory.
    pub(crate) fn ring_bytes_for(&self, cpu_count: usize) -> usize {
        let half_a_second = cpu_count.saturating_mul(self.frequency_hz as usize) * SAMPLE_BYTES / 2;
        let chosen = half_a_second.clamp(2 << 20, 32 << 20);
        self.ring_bytes.unwrap_or(chosen).next_power_of_two()
    }
}

pub(crate) fn period_ns(frequency_hz: u32) -> u64 {
    1_000_000_000 / u64::from(frequency_hz.max(1))
}

pub(crate) fn check_frequency(frequency_hz: u32) -> Result<(), SamplerError> {
    if FREQUENCY_HZ.contains(&frequency_hz) {
        Ok(())
    } else {
        Err(SamplerError::FrequencyHz { frequency_hz })
    }
}
