//! What is known of a service, as a person writes it.

use std::{fs, path::Path};

use analyzer::AnalyzerError;
use analyzer_detect::capacity::{Amount, Demand, Effect, Finding, HostMemory, Service};
use anyhow::Context;
use serde::Deserialize;

/// The document.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Inputs {
    pub(super) demands: Vec<DemandInput>,
    pub(super) cores: Option<u32>,
    pub(super) target_utilisation: Option<Number>,
    pub(super) growth: Option<Number>,
    pub(super) regions: Option<u32>,
    pub(super) reserve: Option<u32>,
    pub(super) memory: Option<MemoryInput>,
    pub(super) red_line_rate: Option<Number>,
    pub(super) findings: Vec<FindingInput>,
    /// Said beside the answer: where numbers are from and what they leave out.
    #[serde(skip)]
    pub(super) notes: Vec<String>,
}

/// A number, plain or with what is known of its error.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(super) enum Number {
    Known(f64),
    Estimate { value: f64, error: f64 },
    Range { low: f64, high: f64 },
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DemandInput {
    pub(super) name: String,
    pub(super) peak_rate: Number,
    pub(super) cpu_per_request_ms: Number,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MemoryInput {
    host_mb: Number,
    base_mb: Number,
    shared_mb: Number,
    worker_mb: Number,
    request_ms: Number,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FindingInput {
    pub(super) name: String,
    pub(super) cpu_share: Option<Number>,
    pub(super) worker_mb: Option<Number>,
    pub(super) shared_mb: Option<Number>,
}

const FILE_BYTES_MAX: u64 = 16 << 20;
const MB: f64 = 1e6;

/// Reads a file.
pub(super) fn read(path: &Path) -> anyhow::Result<Inputs> {
    let cannot_read = || format!("cannot read {}", path.display());
    let size = fs::metadata(path).with_context(cannot_read)?.len();
    let refused = |message: String| AnalyzerError::File { file: path.display().to_string(), message };
    if size > FILE_BYTES_MAX {
        return Err(
            refused(format!("more than {FILE_BYTES_MAX} bytes; leave out what is not asked for")).into()
        );
    }
    let text = fs::read(path).with_context(cannot_read)?;
    Ok(serde_json::from_slice(&text).map_err(|error| refused(error.to_string()))?)
}

impl Number {
    pub(super) fn amount(self) -> Amount {
        self.times(1.0)
    }

    fn times(self, factor: f64) -> Amount {
        match self {
            Self::Known(value) => Amount::Known(value * factor),
            Self::Estimate { value, error } => {
                Amount::Estimate { value: value * factor, standard_error: error.abs() * factor }
            }
            Self::Range { low, high } => Amount::Range { low: low * factor, high: high * factor },
        }
    }
}

impl From<Amount> for Number {
    fn from(amount: Amount) -> Self {
        match amount {
            Amount::Known(value) => Self::Known(value),
            Amount::Estimate { value, standard_error } => Self::Estimate { value, error: standard_error },
            Amount::Range { low, high } => Self::Range { low, high },
        }
    }
}

impl Inputs {
    /// In the words of the model; what is left out has no growth, one region and no reserve.
    pub(super) fn service(&self) -> Service {
        let demand = |demand: &DemandInput| Demand {
            name: demand.name.clone(),
            peak_rate: demand.peak_rate.amount(),
            cpu_per_request_s: demand.cpu_per_request_ms.times(1e-3),
        };
        let memory = |memory: MemoryInput| HostMemory {
            host_bytes: memory.host_mb.times(MB),
            base_bytes: memory.base_mb.times(MB),
            shared_bytes: memory.shared_mb.times(MB),
            worker_bytes: memory.worker_mb.times(MB),
            request_s: memory.request_ms.times(1e-3),
        };
        Service {
            demands: self.demands.iter().map(demand).collect(),
            cores: self.cores,
            target_utilisation: self.target_utilisation.map(Number::amount),
            growth: self.growth.map_or(Amount::Known(0.0), Number::amount),
            regions: self.regions.unwrap_or(1),
            reserve: self.reserve.unwrap_or(0),
            memory: self.memory.map(memory),
            red_line_rate: self.red_line_rate.map(Number::amount),
        }
    }

    pub(super) fn findings(&self) -> anyhow::Result<Vec<Finding>> {
        self.findings.iter().map(FindingInput::finding).collect()
    }
}

impl FindingInput {
    fn finding(&self) -> anyhow::Result<Finding> {
        let effect = match (self.cpu_share, self.worker_mb) {
            (Some(share), None) => Effect::Cpu(share.amount()),
            (None, Some(worker)) => Effect::Memory {
                worker_bytes: worker.times(MB),
                shared_bytes: self.shared_mb.unwrap_or(Number::Known(0.0)).times(MB),
            },
            _ => {
                let message = format!("finding `{}`: give either `cpu_share` or `worker_mb`", self.name);
                return Err(AnalyzerError::Usage(message).into());
            }
        };
        Ok(Finding { name: self.name.clone(), effect })
    }
}
