//! Changes to what is known.

use std::fmt;

use analyzer::{AnalyzerError, capacity::CapacityOptions};
use analyzer_detect::capacity::Amount;

use super::inputs::{FindingInput, Inputs, Number};

/// One change.
#[derive(Clone, Debug)]
pub(crate) struct WhatIf {
    key: Key,
    value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Cores,
    TargetUtilisation,
    Growth,
    Regions,
    Reserve,
    CpuShare,
    WorkerMb,
    Finding,
}

const KEYS: [(&str, Key); 8] = [
    ("cores", Key::Cores),
    ("target_utilisation", Key::TargetUtilisation),
    ("growth", Key::Growth),
    ("regions", Key::Regions),
    ("reserve", Key::Reserve),
    ("cpu_share", Key::CpuShare),
    ("worker_mb", Key::WorkerMb),
    ("finding", Key::Finding),
];

/// Reads `KEY=VALUE`.
pub(super) fn parse(text: &str) -> Result<WhatIf, String> {
    let known = || KEYS.map(|(name, _)| name).join(", ");
    let (name, value) =
        text.split_once('=').ok_or_else(|| format!("write KEY=VALUE; keys are {}", known()))?;
    let key = KEYS.iter().find(|(key, _)| *key == name).map(|(_, key)| *key);
    let key = key.ok_or_else(|| format!("`{name}` is none of {}", known()))?;
    let is_number = match key {
        Key::Finding => true,
        Key::Cores | Key::Regions | Key::Reserve => value.parse::<u32>().is_ok(),
        _ => value.parse::<f64>().is_ok_and(|number| number.is_finite() && number >= 0.0),
    };
    is_number
        .then(|| WhatIf { key, value: value.to_owned() })
        .ok_or_else(|| format!("`{value}` is no number for `{name}`"))
}

impl WhatIf {
    /// Changes what is decided for the whole fleet; false when this is known of one service only.
    pub(super) fn of_fleet(&self, options: &mut CapacityOptions) -> bool {
        let whole = || self.value.parse().unwrap_or_default();
        let number = || Amount::Known(self.value.parse().unwrap_or_default());
        match self.key {
            Key::Cores => options.cores = Some(whole()),
            Key::Regions => options.regions = whole(),
            Key::Reserve => options.reserve = whole(),
            Key::Growth => options.growth = number(),
            Key::TargetUtilisation => options.target_utilisation = Some(number()),
            Key::Finding => options.only_finding = Some(self.value.clone()),
            Key::CpuShare | Key::WorkerMb => return false,
        }
        true
    }

    /// What is known with this change.
    pub(super) fn apply(&self, mut inputs: Inputs) -> anyhow::Result<Inputs> {
        let whole = || self.value.parse().unwrap_or_default();
        let number = || Number::Known(self.value.parse().unwrap_or_default());
        let mut add = |cpu_share, worker_mb| {
            let shared_mb = worker_mb;
            inputs.findings.push(FindingInput { name: self.to_string(), cpu_share, worker_mb, shared_mb });
        };
        match self.key {
            Key::CpuShare => add(Some(number()), None),
            Key::WorkerMb => add(None, Some(number())),
            Key::Cores => inputs.cores = Some(whole()),
            Key::Regions => inputs.regions = Some(whole()),
            Key::Reserve => inputs.reserve = Some(whole()),
            Key::Growth => inputs.growth = Some(number()),
            Key::TargetUtilisation => inputs.target_utilisation = Some(number()),
            Key::Finding => {
                inputs.findings.retain(|finding| finding.name == self.value);
                if inputs.findings.is_empty() {
                    return Err(AnalyzerError::Usage(format!("no finding is called `{}`", self.value)).into());
                }
            }
        }
        Ok(inputs)
    }
}

impl fmt::Display for WhatIf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = KEYS.iter().find(|(_, key)| *key == self.key).map_or("", |(name, _)| name);
        write!(f, "{name}={}", self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_read_and_refused() {
        for text in ["cores=32", "growth=0.5", "finding=cache templates", "cpu_share=0.1"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        for text in ["cores", "cores=", "cores=1.5", "growth=-1", "growth=nan", "size=3"] {
            assert!(parse(text).is_err(), "{text}");
        }
        let mut options = CapacityOptions::default();
        assert!(parse("regions=3").unwrap().of_fleet(&mut options) && options.regions == 3);
        assert!(!parse("cpu_share=0.1").unwrap().of_fleet(&mut options));
        let changed = parse("regions=3").unwrap().apply(Inputs::default()).unwrap();
        assert_eq!(changed.regions, Some(3));
        assert!(parse("finding=x").unwrap().apply(Inputs::default()).is_err());
    }
}
