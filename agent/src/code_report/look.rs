//! One look at processes after the other.

use std::path::Path;

use model::{CodeReport, Frame, LabelSet};

use super::{
    family::{Asked, Outcome, Polled, Scanned},
    native::{Native, Sampled},
    state::{FamilyKey, State},
};
use crate::{
    cost,
    memory_report::groups,
    processes::{ProcessOptions, Processes},
    tally::Tally,
};

/// Looks at processes again and again, and tells what is new.
#[derive(Debug)]
pub struct CodeReporter {
    processes: ProcessOptions,
    state: State,
    native: Native,
    tally: Tally,
}

/// Code objects kept, of all processes together: about 20 MB.
const UNITS_MAX: usize = 80_000;
/// A process is scanned again after so long, and when it has grown by so much: functions may have come.
const RESCAN_NS: u64 = 3_600_000_000_000;
const GROWTH_BYTES: u64 = 1 << 20;

/// Processes, by what became of them.
pub(super) const PROCESSES: &str = "code_processes_total";
/// Functions, by what became of them.
pub(super) const FUNCTIONS: &str = "code_functions_total";
/// Marks that were read again.
const MARKS: &str = "code_marks_total";
/// Conditions of functions, by what became of them.
const BRANCHES: &str = "code_branches_total";

impl CodeReporter {
    /// Has looked at nothing yet. `labels` win over what is found of processes.
    pub fn new(proc_root: &Path, host_name: &str, labels: LabelSet) -> Self {
        let (proc_root, host_name) = (proc_root.to_owned(), host_name.to_owned());
        Self::with(ProcessOptions { proc_root, host_name, extra_labels: labels })
    }

    pub(super) fn with(processes: ProcessOptions) -> Self {
        Self { processes, state: State::default(), native: Native::default(), tally: Tally::default() }
    }

    /// One look: marks that are known first, as that costs little and must not be late; then code that may be new,
    /// where it was looked for longest ago. `is_over` says whether to stop; what is not reached is counted.
    pub fn look(&mut self, pids: &[u32], at_ns: i64, is_over: &mut dyn FnMut() -> bool) {
        if self.state.begin(at_ns) {
            self.native.new_day();
        }
        let mut labels = Processes::new(self.processes.clone());
        let met = self.state.meet((&self.processes.proc_root, pids), &mut labels, is_over);
        self.tally.add(PROCESSES, "refused", met.refused);
        self.tally.add(PROCESSES, "not readable", met.unreadable);
        self.tally.add(PROCESSES, "left out", met.left_out);
        let families = self.state.families.iter();
        let new: Vec<(FamilyKey, u32)> =
            families.filter_map(|(key, (_, family))| Some((key.clone(), family.oldest()?))).collect();
        for one in &new {
            self.scan(one, is_over);
        }
        for one in self.all() {
            self.poll(&one, is_over);
        }
        let others = self.state.without_python();
        let Self { processes, native, tally, .. } = self;
        native.look((&processes.proc_root, &others, met.left_out == 0), &mut labels, tally, is_over);
        for one in self.due() {
            self.scan(&one, is_over);
            self.poll(&one, is_over);
        }
        self.ask(is_over);
    }

    /// Takes in the frames of sampled stacks: what native functions are in them have run.
    pub fn add_sampled(&mut self, frames: &[Frame]) {
        self.native.add_frames(frames);
    }

    pub(super) fn add_all_sampled(&mut self, sampled: Sampled) {
        self.native.add_sampled(sampled);
    }

    /// What is new since it was told last, by group; on a new day, everything.
    pub fn tell(&mut self, at_ns: i64) -> Vec<CodeReport> {
        let mut reports = self.state.tell(at_ns);
        reports.extend(self.native.tell(at_ns));
        let told: usize = reports.iter().map(|report| report.functions.len()).sum();
        self.tally.add(FUNCTIONS, "told", told as u64);
        reports
    }

    /// What became of everything that was looked at.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(super) fn tally_mut(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn all(&self) -> Vec<(FamilyKey, u32)> {
        let families = self.state.families.iter();
        families.flat_map(|(key, (_, family))| family.workers.keys().map(|pid| (key.clone(), *pid))).collect()
    }

    /// Processes that may have new code, those first that were not scanned for longest.
    fn due(&self) -> Vec<(FamilyKey, u32)> {
        let now_ns = cost::monotonic_ns();
        let mut due = Vec::new();
        for (key, (_, family)) in &self.state.families {
            for (pid, worker) in &family.workers {
                let is_due = worker.scanned.is_none_or(|scanned| {
                    now_ns.saturating_sub(scanned.at_ns) >= RESCAN_NS
                        || self.resident_bytes(*pid) > scanned.resident_bytes + GROWTH_BYTES
                });
                if is_due {
                    due.push((worker.scanned.map_or(0, |scanned| scanned.at_ns), (key.clone(), *pid)));
                }
            }
        }
        due.sort_unstable();
        due.into_iter().map(|(_, one)| one).collect()
    }

    fn scan(&mut self, (key, pid): &(FamilyKey, u32), is_over: &mut dyn FnMut() -> bool) {
        let resident_bytes = self.resident_bytes(*pid);
        let Self { processes, state, tally, .. } = self;
        let room = UNITS_MAX.saturating_sub(state.units());
        let Some((group, family)) = state.families.get_mut(key) else { return };
        let group = state.groups.entry(group.clone()).or_default();
        let scanned = match is_over() {
            true => Err(Outcome::OutOfTime),
            false => {
                family.scan((&processes.proc_root, *pid), (&mut group.functions, room), &mut || !is_over())
            }
        };
        match scanned {
            Ok(added) => {
                tally.add(PROCESSES, "scanned", 1);
                tally.add(FUNCTIONS, "left out", added.left_out);
                group.left_out = group.left_out.max(added.left_out);
            }
            Err(outcome) => tally.add(PROCESSES, outcome.name(), 1),
        }
        // One that cannot be scanned is not tried again at once either.
        if scanned != Err(Outcome::OutOfTime)
            && let Some(worker) = family.workers.get_mut(pid)
        {
            worker.scanned = Some(Scanned { at_ns: cost::monotonic_ns(), resident_bytes });
        }
    }

    fn poll(&mut self, (key, pid): &(FamilyKey, u32), is_over: &mut dyn FnMut() -> bool) {
        let Some((_, family)) = self.state.families.get_mut(key) else { return };
        let polled = match is_over() {
            true => Err(Outcome::OutOfTime),
            false => family.poll((&self.processes.proc_root, *pid)),
        };
        match polled {
            Ok(Polled { marks, unread }) => {
                self.tally.add(PROCESSES, "read", 1);
                self.tally.add(MARKS, "read", marks - unread);
                self.tally.add(MARKS, "not readable", unread);
            }
            Err(outcome) => self.tally.add(PROCESSES, outcome.name(), 1),
        }
    }

    fn ask(&mut self, is_over: &mut dyn FnMut() -> bool) {
        let Self { processes, state, tally, .. } = self;
        for (group, family) in state.families.values_mut() {
            let functions = &mut state.groups.entry(group.clone()).or_default().functions;
            match family.ask(&processes.proc_root, functions, &mut || !is_over()) {
                Ok(Asked { branches, unread, left_out }) => {
                    tally.add(BRANCHES, "read", branches);
                    tally.add(BRANCHES, "of functions that are not readable", unread);
                    tally.add(BRANCHES, "left out", left_out);
                }
                Err(outcome) => tally.add(PROCESSES, outcome.name(), 1),
            }
        }
    }

    fn resident_bytes(&self, pid: u32) -> u64 {
        groups::resident_bytes(&self.processes.proc_root.join(pid.to_string())).unwrap_or_default()
    }
}
