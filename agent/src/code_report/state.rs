//! What is known of all Python processes, from one look to the next and for one day.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use agent_python::Refusal;
use model::{CodeReport, LabelSet, keys};

use super::{
    family::{Family, Worker},
    group::Functions,
    marks::Marks,
    role,
};
use crate::{
    dead_code::{DeadCodeError, target::Target},
    memory_report::{
        groups,
        process::{Process, Stat},
    },
    processes::Processes,
};

/// An executable, and where its address space begins: forks of one process have both in common.
pub(super) type FamilyKey = (PathBuf, [u64; 3]);

/// What makes processes one group: they do the same for the same service.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GroupKey {
    labels: LabelSet,
    program: String,
    runtime: String,
}

/// The functions of a group.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) functions: Functions,
    /// Code objects left out today.
    pub(super) left_out: u64,
    is_told: bool,
}

/// All processes.
#[derive(Debug, Default)]
pub(super) struct State {
    day: i64,
    pub(super) families: BTreeMap<FamilyKey, (GroupKey, Family)>,
    pub(super) groups: BTreeMap<GroupKey, Group>,
    /// Processes that are not read.
    apart: BTreeMap<u32, (Stat, Apart)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Apart {
    /// It runs no Python.
    NoPython,
    /// Its interpreter is none that is known.
    Refused(GroupKey),
}

/// What became of processes that were not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Met {
    pub(super) refused: u64,
    pub(super) unreadable: u64,
    pub(super) left_out: u64,
}

/// Processes read; more are left out.
const WORKERS_MAX: usize = 1024;
const DAY_NS: i64 = 86_400_000_000_000;

impl State {
    /// Begins a look; with a new day, everything is told anew. Returns whether it is one.
    pub(super) fn begin(&mut self, at_ns: i64) -> bool {
        let day = at_ns.div_euclid(DAY_NS);
        let is_new = day != self.day;
        if is_new {
            self.day = day;
            self.groups.clear();
            // By now it may have loaded an interpreter.
            self.apart.retain(|_, (_, apart)| *apart != Apart::NoPython);
            self.families.values_mut().for_each(|(_, family)| family.new_day());
        }
        let workers = self.families.values_mut().flat_map(|(_, family)| family.workers.values_mut());
        workers.for_each(|worker| worker.is_read = false);
        is_new
    }

    /// Processes that run no Python.
    pub(super) fn without_python(&self) -> BTreeMap<u32, Stat> {
        let apart = self.apart.iter().filter(|(_, (_, apart))| *apart == Apart::NoPython);
        apart.map(|(pid, (stat, _))| (*pid, *stat)).collect()
    }

    /// Makes the acquaintance of processes, and forgets those that are not among them.
    pub(super) fn meet(
        &mut self,
        (proc_root, pids): (&Path, &[u32]),
        processes: &mut Processes,
        is_over: &mut dyn FnMut() -> bool,
    ) -> Met {
        let mut met = Met::default();
        let mut present = BTreeMap::new();
        for pid in pids {
            match Stat::read(&proc_root.join(pid.to_string())) {
                Ok(stat) => present.insert(*pid, stat),
                Err(_) => continue,
            };
        }
        let is_there = |pid: &u32, known: &Stat| present.get(pid).is_some_and(|stat| stat.is_same(known));
        self.apart.retain(|pid, (stat, _)| is_there(pid, stat));
        for (_, family) in self.families.values_mut() {
            family.workers.retain(|pid, worker| is_there(pid, &worker.stat));
            for (pid, worker) in &mut family.workers {
                worker.stat = present.get(pid).copied().unwrap_or(worker.stat);
            }
        }
        self.families.retain(|_, (_, family)| !family.workers.is_empty());
        for pid in present.into_keys().filter(|pid| !self.knows(*pid)).collect::<Vec<_>>() {
            if self.workers() >= WORKERS_MAX || is_over() {
                met.left_out += 1;
                continue;
            }
            self.attach((proc_root, pid), processes, &mut met);
        }
        met
    }

    fn attach(&mut self, (proc_root, pid): (&Path, u32), processes: &mut Processes, met: &mut Met) {
        let Ok(process) = Process::open(proc_root, pid) else {
            met.unreadable += 1;
            return;
        };
        let target = Target::attach(proc_root, pid);
        let stat = process.stat;
        if !process.is_same() {
            met.unreadable += 1;
            return;
        }
        match target {
            Ok(target) => {
                let runtime = format!("cpython 3.{}", target.interpreter.version.minor);
                let worker = Worker {
                    stat,
                    interpreter: target.interpreter,
                    function_type: target.function_type,
                    scanned: None,
                    is_read: false,
                    marks: Marks::default(),
                };
                let group = || group_key(proc_root, &process, processes, runtime);
                let key = (process.executable.clone(), stat.layout);
                let (_, family) = self.families.entry(key).or_insert_with(|| (group(), Family::default()));
                family.workers.insert(pid, worker);
            }
            Err(DeadCodeError::NoInterpreter { .. }) => {
                self.apart.insert(pid, (stat, Apart::NoPython));
            }
            Err(DeadCodeError::Refused { refusal, .. }) if !refusal.is_temporary() => {
                met.refused += 1;
                self.refuse((proc_root, &process), processes, refusal);
            }
            Err(_) => met.unreadable += 1,
        }
    }

    fn refuse(
        &mut self,
        (proc_root, process): (&Path, &Process),
        processes: &mut Processes,
        refusal: Refusal,
    ) {
        tracing::debug!(pid = process.pid, refusal = refusal.name(), "execution marks are not read");
        let group = group_key(proc_root, process, processes, "cpython".to_owned());
        self.apart.insert(process.pid, (process.stat, Apart::Refused(group)));
    }

    fn knows(&self, pid: u32) -> bool {
        self.apart.contains_key(&pid)
            || self.families.values().any(|(_, family)| family.workers.contains_key(&pid))
    }

    fn workers(&self) -> usize {
        self.families.values().map(|(_, family)| family.workers.len()).sum()
    }

    /// Code objects kept.
    pub(super) fn units(&self) -> usize {
        self.families.values().map(|(_, family)| family.len()).sum()
    }

    /// Ends a look: what is new, by group.
    pub(super) fn tell(&mut self, at_ns: i64) -> Vec<CodeReport> {
        let mut counts: BTreeMap<&GroupKey, [u32; 3]> = BTreeMap::new();
        for (key, family) in self.families.values() {
            let [processes, read, _] = counts.entry(key).or_default();
            *processes += family.workers.len() as u32;
            *read += family.workers.values().filter(|worker| worker.is_read).count() as u32;
            family.find(&mut self.groups.entry(key.clone()).or_default().functions);
        }
        for (_, apart) in self.apart.values() {
            if let Apart::Refused(key) = apart {
                let [processes, _, refused] = counts.entry(key).or_default();
                (*processes, *refused) = (*processes + 1, *refused + 1);
            }
        }
        let mut reports = Vec::new();
        for (key, [processes, read, refused]) in counts {
            let group = self.groups.entry(key.clone()).or_default();
            let functions = group.functions.tell();
            // A group of which nothing was read yet is told when it is.
            if (read + refused == 0 || group.is_told) && functions.is_empty() {
                continue;
            }
            reports.push(CodeReport {
                at_ns,
                processes,
                read,
                refused,
                is_complete: !std::mem::replace(&mut group.is_told, true),
                functions,
                left_out: group.left_out,
                ..key.report()
            });
        }
        reports
    }
}

impl GroupKey {
    /// A report that says only whose it is.
    pub(super) fn report(&self) -> CodeReport {
        CodeReport {
            labels: self.labels.clone(),
            program: self.program.as_str().into(),
            runtime: self.runtime.as_str().into(),
            ..CodeReport::default()
        }
    }
}

/// The group of a process, by what is known of it and of the one that started it.
pub(super) fn group_key(
    proc_root: &Path,
    process: &Process,
    processes: &mut Processes,
    runtime: String,
) -> GroupKey {
    let labels = processes.program_labels(process.pid, process.stat.layout[1]).unwrap_or_default();
    let parent = Process::open(proc_root, process.stat.parent).ok();
    let started_by = parent.as_ref().map_or("", |parent| &parent.command);
    let role = role::role(&process.command, started_by).map(|role| (keys::ROLE, role));
    let labels = LabelSet::new(role).merged(&labels);
    let first = parent.as_ref().filter(|parent| process.is_fork_of(parent)).unwrap_or(process);
    GroupKey { labels, program: groups::program(&first.command), runtime }
}
