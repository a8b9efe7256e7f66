//! Looks at all processes every few minutes, on a thread of their own, slowly enough to stay within the budget (I10).

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use model::{CodeReport, Frame};

use super::{
    look::{CodeReporter, PROCESSES},
    native::Sampled,
};
use crate::{
    cost,
    memory_report::groups,
    pace::{self, LookOptions, Pace},
    tally::Tally,
};

/// What was found, until it is sent; and what became of all looks.
#[derive(Debug, Default)]
pub(crate) struct Found {
    reports: Mutex<VecDeque<CodeReport>>,
    /// What was sampled since the last look.
    sampled: Mutex<Sampled>,
    /// True while somebody looks.
    is_looking: AtomicBool,
    tally: Mutex<Tally>,
}

/// Groups of processes that are looked at, the largest.
const GROUPS_MAX: usize = 128;
/// Functions that go with one push, unless one group has more.
const PUSH_FUNCTIONS_MAX: usize = 20_000;
impl Found {
    /// What is to be sent with the next push; each is handed out once.
    pub(crate) fn take(&self) -> Vec<CodeReport> {
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken: Vec<CodeReport> = Vec::new();
        let mut functions = 0;
        while let Some(next) = reports.front() {
            functions += next.functions.len();
            if !taken.is_empty() && functions > PUSH_FUNCTIONS_MAX {
                break;
            }
            taken.extend(reports.pop_front());
        }
        taken
    }

    /// Takes in the frames of a window.
    pub(crate) fn add_sampled(&self, frames: &[Frame]) {
        if self.is_looking.load(Ordering::Relaxed) {
            self.sampled.lock().unwrap_or_else(PoisonError::into_inner).add(frames);
        }
    }

    fn take_sampled(&self) -> Sampled {
        std::mem::take(&mut *self.sampled.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What became of everything that was looked at.
    pub(crate) fn tally(&self) -> Tally {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_empty(&self) -> bool {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn put(&self, reports: Vec<CodeReport>) {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner).extend(reports);
    }

    fn set_tally(&self, tally: Tally) {
        *self.tally.lock().unwrap_or_else(PoisonError::into_inner) = tally;
    }
}

/// Looks until it is told to end.
pub(crate) fn run(options: &LookOptions, found: &Found, end: &AtomicBool) {
    found.is_looking.store(true, Ordering::Relaxed);
    let mut reporter = CodeReporter::with(options.processes.clone());
    pace::every(options.interval, end, || {
        look(options, found, &mut reporter, &mut Pace::new(options, end));
    });
}

fn look(options: &LookOptions, found: &Found, reporter: &mut CodeReporter, pace: &mut Pace<'_>) {
    let at_ns = cost::wall_ns();
    let (groups, left_out) = groups::largest(&options.processes.proc_root, std::process::id(), GROUPS_MAX);
    reporter.tally_mut().add(PROCESSES, "not readable", left_out.processes);
    reporter.add_all_sampled(found.take_sampled());
    let pids: Vec<u32> = groups.into_iter().flat_map(|group| group.pids).collect();
    reporter.look(&pids, at_ns, &mut || pace.is_over());
    // What the last look told has to be on its way before there is more.
    if found.is_empty() {
        found.put(reporter.tell(at_ns));
    }
    found.set_tally(reporter.tally().clone());
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::CodeFunction;

    use super::*;
    use crate::processes::ProcessOptions;

    fn report(functions: usize) -> CodeReport {
        CodeReport { functions: vec![CodeFunction::default(); functions], ..CodeReport::default() }
    }

    #[test]
    fn few_functions_go_with_one_push() {
        let found = Found::default();
        found.put([15_000, 5_000, 1, 50_000, 3].map(report).into());
        let mut pushes = Vec::new();
        while !found.is_empty() {
            pushes.push(found.take().iter().map(|report| report.functions.len()).collect::<Vec<_>>());
        }
        assert_eq!(pushes, [vec![15_000, 5_000], vec![1], vec![50_000], vec![3]]);
        assert_eq!(found.take(), []);
    }

    #[test]
    fn a_look_at_this_host_ends_when_told() {
        let options = LookOptions {
            processes: ProcessOptions {
                proc_root: "/proc".into(),
                host_name: "host".into(),
                extra_labels: model::LabelSet::default(),
            },
            interval: Duration::from_secs(10),
            cpus: 1.0,
        };
        let (found, end) = (Found::default(), AtomicBool::new(true));
        let mut reporter = CodeReporter::with(options.processes.clone());
        look(&options, &found, &mut reporter, &mut Pace::new(&options, &end));
        // Nothing was read, so there is nothing to tell.
        assert_eq!((found.take(), found.tally().get(PROCESSES, "read")), (vec![], 0));
        run(&options, &found, &end);
    }
}
