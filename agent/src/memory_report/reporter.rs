//! Memory reports while the agent runs: every few minutes, on a thread of their own, slowly enough to stay within the
//! budget (I10).

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, PoisonError, atomic::AtomicBool},
};

use super::{
    MemoryLimits, by_kind,
    groups::{self, Group, GroupKey},
    read, smaps,
    summary::{self, About},
};
use crate::{
    cost,
    pace::{self, LookOptions, Pace},
    processes::Processes,
    tally::Tally,
};
use model::{LabelSet, MemoryGroup};

/// What was found last, until it is sent; and what became of all looks.
#[derive(Debug, Default)]
pub(crate) struct Found {
    groups: Mutex<Vec<MemoryGroup>>,
    tally: Mutex<Tally>,
}

/// Groups that are told, the largest.
const GROUPS_MAX: usize = 32;
/// Processes of one group that are compared with each other: what more of them hold is the same, as a rule.
const COMPARED_MAX: usize = 4;
/// Processes of one group whose sizes are read.
const SIZED_MAX: usize = 512;
/// A process has this much of its memory read, and so many objects; an even sample of more.
const LIMITS: MemoryLimits = MemoryLimits { pages: 1 << 14, objects: 4_000_000, sampled_one_in: 128 };

const GROUPS: &str = "memory_groups_total";
const PROCESSES: &str = "memory_processes_total";

impl Found {
    /// What is to be sent with the next push; it is handed out once.
    pub(crate) fn take(&self) -> Vec<MemoryGroup> {
        std::mem::take(&mut *self.groups.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What became of everything that was looked at.
    pub(crate) fn tally(&self) -> Tally {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, metric: &'static str, outcome: &'static str, count: u64) {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).add(metric, outcome, count);
    }
}

/// Looks until it is told to end.
pub(crate) fn run(options: &LookOptions, found: &Found, end: &AtomicBool) {
    let mut known = Known::new();
    pace::every(options.interval, end, || {
        look(options, found, &mut known, end);
        let groups = known.values().cloned().collect();
        *found.groups.lock().unwrap_or_else(PoisonError::into_inner) = groups;
    });
}

/// What was last found of each group that is there.
type Known = BTreeMap<GroupKey, MemoryGroup>;

/// One look at the largest groups: those first that were not looked at for longest, as there may not be time for all.
fn look(options: &LookOptions, found: &Found, known: &mut Known, end: &AtomicBool) {
    let proc_root = &options.processes.proc_root;
    let (mut groups, left_out) = groups::largest(proc_root, std::process::id(), GROUPS_MAX);
    found.add(GROUPS, "left out", left_out.groups);
    found.add(PROCESSES, "not readable", left_out.processes);
    let mut pace = Pace::new(options, end);
    let mut processes = Processes::new(options.processes.clone());
    known.retain(|key, _| groups.iter().any(|group| group.key == *key));
    groups.sort_by_key(|group| known.get(&group.key).map_or(i64::MIN, |last| last.at_ns));
    for group in &groups {
        if pace.is_over() {
            found.add(GROUPS, "out of time", 1);
            continue;
        }
        let labels = labels(&mut processes, group);
        let report = look_at(proc_root, group, labels, &mut pace);
        found.add(GROUPS, "looked at", 1);
        found.add(PROCESSES, "compared", report.compared);
        found.add(PROCESSES, "not readable", report.unread);
        known.insert(group.key.clone(), report);
    }
}

fn look_at(proc_root: &Path, group: &Group, labels: LabelSet, pace: &mut Pace<'_>) -> MemoryGroup {
    let at_ns = cost::wall_ns();
    let compared = spread(&group.pids, COMPARED_MAX);
    // One alone has nothing to be compared with: only its sizes are of use.
    let limits = if compared.len() < 2 { MemoryLimits { pages: 0, objects: 0, ..LIMITS } } else { LIMITS };
    let report = read(proc_root, &compared, limits, &mut || pace.is_over());
    let mut others = Vec::new();
    let mut unread = 0;
    for pid in group.pids.iter().filter(|pid| !compared.contains(pid)) {
        if others.len() >= SIZED_MAX || pace.is_over() {
            unread += 1;
            continue;
        }
        match smaps::read(&proc_root.join(pid.to_string())) {
            Ok(mappings) => others.push(by_kind(&mappings)),
            Err(_) => unread += 1,
        }
    }
    let about = About { at_ns, labels, processes: group.pids.len() as u64, unread, others };
    summary::of(&report, about)
}

/// So many of them, from the first to the last: the youngest workers were used least.
fn spread(pids: &[u32], most: usize) -> Vec<u32> {
    let step = pids.len().div_ceil(most.max(1)).max(1);
    pids.iter().copied().step_by(step).take(most).collect()
}

/// The labels of a group's first process.
fn labels(processes: &mut Processes, group: &Group) -> LabelSet {
    let of_first = group.pids.first().and_then(|pid| processes.program_labels(*pid, group.start_stack));
    of_first.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, sync::atomic::Ordering, time::Duration};

    use model::keys;

    use super::*;
    use crate::processes::ProcessOptions;

    fn options(interval: Duration, cpus: f64) -> LookOptions {
        let processes = ProcessOptions {
            proc_root: "/proc".into(),
            host_name: "host".into(),
            extra_labels: LabelSet::default(),
        };
        LookOptions { processes, interval, cpus }
    }

    #[test]
    fn few_are_spread_over_all() {
        let pids: Vec<u32> = (1..=10).collect();
        assert_eq!(spread(&pids, 4), [1, 4, 7, 10]);
        assert_eq!(spread(&pids, 20), pids);
        assert_eq!(spread(&[], 4), [] as [u32; 0]);
    }

    #[test]
    fn this_host_is_looked_at_and_what_was_found_is_handed_out_once() {
        let (found, end) = (Found::default(), AtomicBool::new(false));
        // Own memory that is large enough to be told of belongs to a child: this process leaves itself out.
        let mut known = Known::from([((PathBuf::from("/gone"), 1), MemoryGroup::default())]);
        // A busy host has more than there is time for; what was not reached is counted.
        look(&options(Duration::from_secs(3), 1.0), &found, &mut known, &end);
        assert!(!known.contains_key(&(PathBuf::from("/gone"), 1)));
        for group in known.values() {
            assert!(group.processes >= 1 && !group.mappings.is_empty() || group.unread > 0, "{group:?}");
            assert_eq!(group.labels.get(keys::PROCESS_PID), None);
        }
        assert_eq!(found.tally().get(GROUPS, "looked at"), known.len() as u64);
        *found.groups.lock().unwrap() = vec![MemoryGroup::default()];
        assert_eq!((found.take().len(), found.take().len()), (1, 0));
        end.store(true, Ordering::Relaxed);
        run(&options(Duration::from_secs(1), 1.0), &found, &end);
        assert!(found.take().is_empty());
    }
}
