//! What a trial came to.

use analyzer_detect::stats::paired;

use super::Measured;

/// Both set-ups once.
#[derive(Clone, Debug)]
pub(super) struct Repetition {
    pub(super) present: Measured,
    pub(super) changed: Measured,
}

/// All of it.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) present: String,
    pub(super) changed: String,
    pub(super) load: String,
    pub(super) repetitions: Vec<Repetition>,
}

/// A saving in bytes, and the range that holds it in 95 of 100 cases where it was measured more than once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Saving {
    pub(super) bytes: f64,
    pub(super) range: Option<(f64, f64)>,
    /// Of the memory of the present set-up at that moment.
    pub(super) share: f64,
}

/// Numbers of one set-up, averaged over repetitions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Side {
    pub(super) workers: f64,
    pub(super) worker_own_bytes: f64,
    pub(super) started_bytes: f64,
    pub(super) after_bytes: f64,
    pub(super) requests: u64,
    pub(super) failed: u64,
}

impl Outcome {
    /// What is saved once it is started.
    pub(super) fn saved(&self) -> Saving {
        self.saving(|measured| measured.started.proportional_bytes as f64)
    }

    /// What is saved after use.
    pub(super) fn retained(&self) -> Saving {
        self.saving(|measured| measured.after.proportional_bytes as f64)
    }

    /// What the evidence in the present set-up's memory said of both.
    pub(super) fn predicted(&self) -> Option<(u64, u64)> {
        self.repetitions.iter().rev().find_map(|repetition| repetition.present.predicted)
    }

    pub(super) fn present_side(&self) -> Side {
        self.side(|repetition| &repetition.present)
    }

    pub(super) fn changed_side(&self) -> Side {
        self.side(|repetition| &repetition.changed)
    }

    fn saving(&self, part: impl Fn(&Measured) -> f64) -> Saving {
        let present: Vec<f64> = self.repetitions.iter().map(|repetition| part(&repetition.present)).collect();
        let changed: Vec<f64> = self.repetitions.iter().map(|repetition| part(&repetition.changed)).collect();
        let bytes = mean(&present) - mean(&changed);
        let range = paired(&changed, &present).map(|estimate| estimate.interval(0.95));
        Saving { bytes, range, share: bytes / mean(&present).max(1.0) }
    }

    fn side(&self, of: impl Fn(&Repetition) -> &Measured) -> Side {
        let average = |part: &dyn Fn(&Measured) -> f64| {
            mean(&self.repetitions.iter().map(|repetition| part(of(repetition))).collect::<Vec<_>>())
        };
        let own = |measured: &Measured| {
            let own = &measured.after.worker_own_bytes;
            own.iter().sum::<u64>() as f64 / own.len().max(1) as f64
        };
        let used = |part: &dyn Fn(&Measured) -> u64| self.repetitions.iter().map(|one| part(of(one))).sum();
        Side {
            workers: average(&|measured| measured.after.worker_own_bytes.len() as f64),
            worker_own_bytes: average(&own),
            started_bytes: average(&|measured| measured.started.proportional_bytes as f64),
            after_bytes: average(&|measured| measured.after.proportional_bytes as f64),
            requests: used(&|measured| measured.used.requests),
            failed: used(&|measured| measured.used.failed),
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
