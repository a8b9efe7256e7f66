//! Requests and flag evaluations that processes have counted, added up until the window ends.

use std::sync::Arc;

use agent_python::{EvaluationDelta, Poll, RequestDelta};
use foldhash::HashMap;
use model::{FlagEvaluations, LabelSet, RequestCounts, Window, keys};

use crate::{context::labels, tally::Tally};

/// Counts of one window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Requests {
    counts: HashMap<LabelSet, RequestCounts>,
    evaluations: HashMap<Evaluation, u64>,
}

/// Labels of the process, the flag, its variant, and why.
type Evaluation = (Arc<LabelSet>, Arc<str>, Arc<str>, &'static str);

/// Distinct rows of a window. What comes beyond is counted under the endpoint `_other`.
const ROWS_MAX: usize = 1 << 16;
/// Counts what the SDKs say went wrong, and what had no room here.
const SDK: &str = "sdk_total";

impl Requests {
    /// Adds what one process counted.
    pub(super) fn add(&mut self, process: &Arc<LabelSet>, poll: Poll, tally: &mut Tally) {
        tally.add(SDK, "overflowed", poll.overflowed);
        tally.add(SDK, "labels cut", poll.cut);
        tally.add(SDK, "faults", poll.faults);
        tally.add(SDK, "backwards", poll.backwards);
        tally.add(SDK, "undecoded", poll.undecoded);
        for delta in poll.requests {
            self.add_requests(process, &delta, tally);
        }
        for delta in poll.evaluations {
            self.add_evaluations(process, delta, tally);
        }
    }

    /// The counts as those of a window.
    pub(crate) fn of(&self, window: Window) -> (Vec<RequestCounts>, Vec<FlagEvaluations>) {
        let counts = self.counts.values().map(|counts| RequestCounts { window, ..counts.clone() });
        let evaluations =
            self.evaluations.iter().map(|((process, flag, variant, reason), count)| FlagEvaluations {
                window,
                labels: LabelSet::clone(process),
                flag: flag.clone(),
                variant: variant.clone(),
                reason: Arc::from(*reason),
                count: *count,
            });
        (counts.collect(), evaluations.collect())
    }

    fn add_requests(&mut self, process: &LabelSet, delta: &RequestDelta, tally: &mut Tally) {
        let own = labels::canonical(delta.labels.iter(), tally);
        let mut labels = process.merged(&own);
        if self.counts.len() >= ROWS_MAX && !self.counts.contains_key(&labels) {
            tally.add(SDK, "rows beyond limit", 1);
            labels = process.merged(&LabelSet::new([(keys::ENDPOINT, keys::OTHER)]));
        }
        let counts = RequestCounts {
            labels: labels.clone(),
            requests: delta.requests,
            measured: delta.measured,
            cpu_ns: delta.cpu_ns,
            instructions: delta.instructions,
            client_errors: delta.client_errors,
            server_errors: delta.server_errors,
            ..RequestCounts::default()
        };
        self.counts.entry(labels).and_modify(|sum| sum.add(&counts)).or_insert(counts);
    }

    fn add_evaluations(&mut self, process: &Arc<LabelSet>, delta: EvaluationDelta, tally: &mut Tally) {
        let key = (process.clone(), delta.flag, delta.variant, delta.reason.name());
        if self.evaluations.len() >= ROWS_MAX && !self.evaluations.contains_key(&key) {
            tally.add(SDK, "rows beyond limit", 1);
            return;
        }
        *self.evaluations.entry(key).or_insert(0) += delta.count;
    }
}
