//! What several processes hold in memory, and what of it they hold more than once: for a person who asks, and every few
//! minutes for the collector, from live processes that are never stopped.
//!
//! Two kinds of evidence. **Pages**: private pages by their content, which tells broken copy-on-write, copies and
//! zeros apart for any program. **Values**: what the modules of CPython hold, by content and owner, which also finds
//! what each process loaded for itself, at addresses and with reference counts of its own. Both only say what is;
//! causes and advice are the analyzer's.
//!
//! Reading goes through `/proc/PID/mem` and `pagemap` alone, so pages that forked processes share stay shared (I10).
//! Contents stay here; names, sizes and counts leave (I14).

mod contents;
pub(crate) mod groups;
mod memory;
mod owners;
mod pages;
pub(crate) mod process;
pub(crate) mod reporter;
mod since_fork;
mod smaps;
mod summary;
mod values;

use std::{collections::BTreeMap, path::Path};

pub use owners::{Copies, SharedOwner};
pub use pages::{PageCopies, SharedPages};
pub use since_fork::SinceFork;

use process::Process;

/// How far a report goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimits {
    /// Private pages of one process that are read; of more, an even sample is.
    pub pages: u64,
    /// Objects of one process that are looked at.
    pub objects: u64,
    /// Of the small objects of large processes, one in so many is compared between them; of smaller ones, more.
    pub sampled_one_in: u64,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self { pages: 1 << 16, objects: 20_000_000, sampled_one_in: 64 }
    }
}

/// What became of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was read.
    Read,
    /// There is no such process, or it ended or ran another program meanwhile.
    Gone,
    /// It may not be read.
    NotPermitted,
}

/// What became of a process's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValuesOutcome {
    /// It does not run CPython.
    None,
    /// They were walked, all of them.
    Walked,
    /// They were walked until a limit; what is said of them is a lower bound.
    Cut,
    /// They could not be walked, and why.
    Refused(String),
}

/// What a mapping is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum MappingKind {
    /// The C library's heap that grows at its end.
    Heap,
    /// Memory without a file: arenas, large blocks, other heaps.
    Anonymous,
    /// Stacks.
    Stack,
    /// Data of programs and libraries that can be written.
    FileData,
    /// Files that are only read: code and tables.
    File,
    /// Memory meant to be shared.
    Shared,
    /// The kernel's own.
    #[default]
    Other,
}

impl MappingKind {
    /// The name for people and documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Heap => "heap",
            Self::Anonymous => "anonymous",
            Self::Stack => "stack",
            Self::FileData => "file data",
            Self::File => "file",
            Self::Shared => "shared memory",
            Self::Other => "other",
        }
    }
}

/// Memory by how many have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resident {
    /// Resident: shared or not.
    pub resident_bytes: u64,
    /// Its proportional share.
    pub proportional_bytes: u64,
    /// No other process has it.
    pub own_bytes: u64,
    /// In huge pages.
    pub huge_bytes: u64,
    /// Swapped out, and not looked at.
    pub swapped_bytes: u64,
    /// Merged by the kernel's own search for equal pages.
    pub merged_bytes: u64,
}

/// One process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessReport {
    /// Its id.
    pub pid: u32,
    /// Its command line.
    pub command: String,
    /// The command line of the process it was forked from, where that one still runs.
    pub parent_command: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// What became of its values.
    pub values: ValuesOutcome,
    /// Objects counted.
    pub objects: u64,
    /// References that could not be followed, because memory changed or could not be read.
    pub unreadable: u64,
    /// Version of its interpreter.
    pub python: Option<agent_python::Version>,
    /// Its memory by the kind of mapping.
    pub mappings: BTreeMap<MappingKind, Resident>,
    /// Heaps that the C library keeps for further threads.
    pub arenas: u64,
    /// What of them is resident.
    pub arena_bytes: u64,
}

/// What was found in all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct MemoryReport {
    /// Each process, in the order asked for.
    pub processes: Vec<ProcessReport>,
    /// What interpreters hold, by owner.
    pub owners: Vec<SharedOwner>,
    /// Private pages by the kind of mapping.
    pub pages: Vec<SharedPages>,
    /// One of so many private pages was read; 1 when all were.
    pub pages_read_one_in: u64,
    /// Of interpreters that are forks, what became of the pages that they shared with their parents.
    pub since_fork: SinceFork,
}

/// Reads these processes. `is_over` is asked now and then whether to stop; what was found until then is reported.
/// Processes that cannot be read are in the report with the reason.
pub fn read(
    proc_root: &Path,
    pids: &[u32],
    limits: MemoryLimits,
    is_over: &mut dyn FnMut() -> bool,
) -> MemoryReport {
    let mut reports = Vec::new();
    let mut read: Vec<Target> = Vec::new();
    for pid in pids {
        let opened = Process::open(proc_root, *pid).and_then(|process| Target::read(process, proc_root));
        let (report, target) = match opened {
            Ok((report, target)) => (report, Some(target)),
            Err(outcome) => (ProcessReport::unread(*pid, outcome), None),
        };
        reports.push(report);
        read.extend(target);
    }
    let limits = MemoryLimits { sampled_one_in: sampled_one_in(&read, limits), ..limits };
    let mut inspector = values::Inspector::default();
    let (mut values, mut looked) = (Vec::new(), Vec::new());
    let mut pages = pages::Compared::new(&read, limits.pages);
    let pages_read_one_in = pages.one_in();
    for (process, target) in (0..).zip(&read) {
        let memory = &target.process.memory;
        // The walk comes by most pages, which are then not read a second time.
        memory.keep_contents(contents::Contents::of_sample(pages_read_one_in));
        let of_process = inspector.read(&target.process, limits, is_over);
        memory.forget();
        pages.read(process, (target, &memory.take_contents()), is_over);
        looked.push(of_process.values.as_ref().and_then(|values| since_fork::look(target, values, is_over)));
        memory.forget();
        values.push(of_process);
    }
    let parents: Vec<Option<_>> = read
        .iter()
        .map(|target| target.parent.as_ref().map(|parent| inspector.parent(parent, limits, is_over)))
        .collect();
    // What was read while a process went away or became another is not to be believed.
    let is_same: Vec<bool> = read.iter().map(|target| target.process.is_same()).collect();
    let mut inhabitants = Vec::new();
    let mut since_fork = SinceFork::default();
    let evidence = values.into_iter().zip(looked).zip(parents);
    for ((target, ((values, looked), parent)), is_same) in read.iter().zip(evidence).zip(&is_same) {
        let Some(report) = reports.iter_mut().find(|report| report.pid == target.process.pid) else {
            continue;
        };
        if !is_same {
            *report = ProcessReport::unread(report.pid, Outcome::Gone);
            continue;
        }
        (report.values, report.python) = (values.outcome, values.python);
        if let Some(values) = &values.values {
            (report.objects, report.unreadable) = (values.objects, values.unreadable + values.too_deep);
        }
        looked.iter().for_each(|looked| since_fork.add(looked.sum()));
        inhabitants.push(owners::Inhabitant { values: values.values, parent: parent.flatten(), looked });
    }
    MemoryReport {
        processes: reports,
        owners: owners::compare(&inhabitants),
        pages: pages.finish(&is_same),
        pages_read_one_in,
        since_fork,
    }
}

/// Of small objects, one in so many is compared: the same in all processes, fewer in larger ones, so that tens of
/// thousands stand for the rest.
fn sampled_one_in(targets: &[Target], limits: MemoryLimits) -> u64 {
    let own = |target: &Target| target.mappings.iter().map(|mapping| mapping.own).sum::<u64>();
    let most = targets.iter().map(own).max().unwrap_or_default();
    (most / SAMPLED_FROM_BYTES).next_power_of_two().clamp(1, limits.sampled_one_in.max(1))
}

const SAMPLED_FROM_BYTES: u64 = 4 << 20;

/// A process that is read, and the one it was forked from.
struct Target {
    process: Process,
    parent: Option<Process>,
    mappings: Vec<smaps::Mapping>,
}

/// Where the C library's heaps for further threads begin.
const ARENA_BYTES: u64 = 64 << 20;

impl Target {
    fn read(process: Process, proc_root: &Path) -> Result<(ProcessReport, Self), Outcome> {
        let mappings = smaps::read(&process.root).map_err(|error| process::outcome(&error))?;
        let parent = Process::open(proc_root, process.stat.parent).ok();
        let parent = parent.filter(|parent| process.is_fork_of(parent));
        let is_arena = |mapping: &&smaps::Mapping| {
            mapping.kind == MappingKind::Anonymous
                && mapping.start.is_multiple_of(ARENA_BYTES)
                && mapping.end - mapping.start <= ARENA_BYTES
        };
        let report = ProcessReport {
            pid: process.pid,
            command: process.command.clone(),
            parent_command: parent.as_ref().map(|parent| parent.command.clone()),
            outcome: Outcome::Read,
            values: ValuesOutcome::None,
            objects: 0,
            unreadable: 0,
            python: None,
            mappings: by_kind(&mappings),
            arenas: mappings.iter().filter(is_arena).count() as u64,
            arena_bytes: mappings.iter().filter(is_arena).map(|mapping| mapping.resident).sum(),
        };
        Ok((report, Self { process, parent, mappings }))
    }
}

/// The sums of all mappings of a kind.
fn by_kind(mappings: &[smaps::Mapping]) -> BTreeMap<MappingKind, Resident> {
    let mut by_kind: BTreeMap<MappingKind, Resident> = BTreeMap::new();
    for mapping in mappings {
        let sum = by_kind.entry(mapping.kind).or_default();
        sum.resident_bytes += mapping.resident;
        sum.proportional_bytes += mapping.proportional;
        sum.own_bytes += mapping.own;
        sum.huge_bytes += mapping.huge;
        sum.swapped_bytes += mapping.swapped;
        sum.merged_bytes += mapping.merged;
    }
    by_kind
}

impl ProcessReport {
    /// All its memory.
    pub fn total(&self) -> Resident {
        let mut total = Resident::default();
        for sum in self.mappings.values() {
            total.resident_bytes += sum.resident_bytes;
            total.proportional_bytes += sum.proportional_bytes;
            total.own_bytes += sum.own_bytes;
            total.huge_bytes += sum.huge_bytes;
            total.swapped_bytes += sum.swapped_bytes;
            total.merged_bytes += sum.merged_bytes;
        }
        total
    }

    fn unread(pid: u32, outcome: Outcome) -> Self {
        Self {
            pid,
            command: String::new(),
            parent_command: None,
            outcome,
            values: ValuesOutcome::None,
            objects: 0,
            unreadable: 0,
            python: None,
            mappings: BTreeMap::new(),
            arenas: 0,
            arena_bytes: 0,
        }
    }
}
