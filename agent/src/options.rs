//! What a caller can choose.

use std::{path::PathBuf, time::Duration};

use agent_bpf::{Backend, SamplerOptions, Target};
use model::LabelSet;

use crate::{budget::Ceilings, upload::ClientOptions};

/// How to sample.
#[derive(Clone, Debug)]
pub struct Sampling {
    /// Sampling events per second on each CPU.
    pub rate_hz: u32,
    /// Most bytes of user stack copied per sample.
    pub stack_bytes: u32,
    /// How to take the samples.
    pub backend: Backend,
    /// Labels for everything; they win over what is found.
    pub labels: LabelSet,
}

/// How to run the agent.
#[derive(Clone, Debug)]
pub struct AgentOptions {
    /// How to sample.
    pub sampling: Sampling,
    /// Where pushes wait.
    pub spool_directory: PathBuf,
    /// Most bytes that wait.
    pub spool_limit_bytes: u64,
    /// Where pushes go.
    pub collector: ClientOptions,
    /// What the agent may cost.
    pub ceilings: Ceilings,
    /// How often it looks at what processes hold in memory; `None` for never.
    pub memory_interval: Option<Duration>,
    /// How often it looks at which of their code has run; `None` for never.
    pub code_interval: Option<Duration>,
}

impl Default for Sampling {
    fn default() -> Self {
        let SamplerOptions { frequency_hz, stack_bytes, backend, .. } = SamplerOptions::default();
        Self { rate_hz: frequency_hz, stack_bytes, backend, labels: LabelSet::default() }
    }
}

impl Sampling {
    pub(crate) fn sampler_options(&self, target: Target, phase_seed: u64) -> SamplerOptions {
        SamplerOptions {
            frequency_hz: self.rate_hz,
            stack_bytes: self.stack_bytes,
            backend: self.backend,
            target,
            phase_seed,
            ..SamplerOptions::default()
        }
    }
}
