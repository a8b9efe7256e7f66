//! Runtimes: which processes run an interpreter or say who they are working for, and how to read them.
//!
//! What a program is stays the same for all processes of its address-space image, so it is found once; what a process
//! publishes of itself (its requests, its counters) is looked for in each. Both are looked at again, ever more rarely:
//! libraries are loaded late, and an SDK publishes when its first request comes. The kernel side is told what to read
//! before the next sample; what it read is understood here.

mod existing;
mod image;
mod inspection;
mod pace;
mod process;
mod requests;

use std::{collections::VecDeque, path::PathBuf, sync::Arc};

use agent_bpf::{RuntimeConfig, TargetKey};
use agent_python::{Memory, Record, RecordError, Refusal, Unread};
use agent_unwind::{ImageKey, ProcFiles, ProcessFiles, Unwinder};
use foldhash::{HashMap, HashMapExt};
use model::LabelSet;

use crate::{context::labels, lru::Lru, process_memory::ProcessMemory, tally::Tally};

pub(crate) use image::{Image, Python};
pub(crate) use inspection::python_mapping;
pub(crate) use requests::Requests;

use image::Looking;
use inspection::Inspections;
use pace::Pace;
use process::Process;

/// Something that the kernel side has to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// How to read a process or image.
    Configure(TargetKey, Box<RuntimeConfig>),
    /// A process that is no more.
    Forget(TargetKey),
}

/// All that is known of runtimes, bounded.
pub(crate) struct Runtimes {
    proc_root: PathBuf,
    files: ProcFiles,
    inspections: Inspections,
    images: Lru<ImageKey, Known>,
    processes: HashMap<u32, Process>,
    /// Processes that were sampled and are due to be looked at.
    due: HashMap<(u32, ImageKey), Option<agent_bpf::ImageKey>>,
    /// Labels of records that never change, by process and address.
    records: Lru<(u32, u64), Arc<LabelSet>>,
    changes: Vec<Change>,
    /// Images that the kernel side knows, the oldest first; it has room for so many.
    configured: VecDeque<agent_bpf::ImageKey>,
    requests: Requests,
    polled_at_ns: u64,
    tally: Tally,
}

/// A process that was sampled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) pid: u32,
    pub(crate) key: ImageKey,
    /// The key as the kernel side writes it; the perf ring does not.
    pub(crate) target: Option<agent_bpf::ImageKey>,
    pub(crate) at_ns: u64,
}

struct Known {
    image: Arc<Image>,
    pace: Pace,
    refusal: Option<Refusal>,
}

const MAX_IMAGES: usize = 4096;
/// Processes with a runtime. Each takes one file descriptor.
const MAX_PROCESSES: usize = 2048;
const MAX_DUE: usize = 4096;
const MAX_RECORDS: usize = 1 << 16;
const MAPS_BYTES: usize = 4 << 20;
/// How often counters are read.
const POLL_NS: u64 = 1_000_000_000;
/// Counts interpreters that are not followed, by the reason.
const PYTHON_REFUSALS: &str = "python_refusals_total";
/// Counts thread contexts that cannot be read, by the reason.
const THREAD_CONTEXTS: &str = "thread_contexts_unread_total";
/// Counts what processes publish and could not be read, by the reason.
const DISCOVERIES: &str = "discoveries_unread_total";
/// Counts processes and records that had no room or were gone.
const RUNTIMES: &str = "runtimes_total";

impl Runtimes {
    /// Knows the processes that publish something already, and no runtime yet.
    pub(crate) fn new(proc_root: PathBuf) -> Self {
        let existing = existing::publishers(&proc_root);
        let known = existing
            .into_iter()
            .take(MAX_PROCESSES)
            .map(|(pid, key)| (pid, Process::new(key, ProcessMemory::open_if_there(&proc_root, pid), false)));
        Self {
            processes: known.collect(),
            files: ProcFiles::new(&proc_root),
            proc_root,
            inspections: Inspections::new(),
            images: Lru::new(MAX_IMAGES),
            due: HashMap::new(),
            records: Lru::new(MAX_RECORDS),
            changes: Vec::new(),
            configured: VecDeque::new(),
            requests: Requests::default(),
            polled_at_ns: 0,
            tally: Tally::default(),
        }
    }

    /// A process was sampled. What its image runs, as far as that is known.
    pub(crate) fn saw(&mut self, seen: Seen) -> Option<Arc<Image>> {
        let Seen { pid, key, target, at_ns } = seen;
        let known = self.images.get(&key);
        let is_due = known.as_ref().is_none_or(|known| known.pace.is_due(at_ns));
        let image = known.map(|known| known.image.clone());
        let is_new =
            image.as_ref().is_some_and(|image| image.may_publish()) && !self.processes.contains_key(&pid);
        if (is_due || is_new) && self.due.len() < MAX_DUE {
            self.due.insert((pid, key), target);
        }
        image
    }

    /// Looks at everything that is due, and reads counters once a second. What comes back has to reach the kernel side.
    pub(crate) fn keep_up(
        &mut self,
        now_ns: u64,
        unwinder: &mut Unwinder,
        labels: impl FnMut(u32, ImageKey) -> Option<Arc<LabelSet>>,
    ) -> Vec<Change> {
        for ((pid, key), target) in std::mem::take(&mut self.due) {
            self.look(Seen { pid, key, target, at_ns: now_ns }, unwinder);
        }
        let due = self.processes.iter().filter(|(_, process)| process.pace.is_due(now_ns));
        for pid in due.map(|(pid, _)| *pid).collect::<Vec<u32>>() {
            self.read_publications(pid, now_ns);
        }
        if now_ns.saturating_sub(self.polled_at_ns) >= POLL_NS {
            self.polled_at_ns = now_ns;
            self.poll(labels);
        }
        std::mem::take(&mut self.changes)
    }

    /// Reads all counters now and hands out what was counted since the last time this was called.
    pub(crate) fn take_requests(
        &mut self,
        labels: impl FnMut(u32, ImageKey) -> Option<Arc<LabelSet>>,
    ) -> Requests {
        self.poll(labels);
        std::mem::take(&mut self.requests)
    }

    /// The labels of a record that never changes, in the memory of a process.
    pub(crate) fn record(&mut self, pid: u32, address: u64) -> Option<Arc<LabelSet>> {
        if let Some(labels) = self.records.get(&(pid, address)) {
            return Some(labels.clone());
        }
        let Some(process) = self.processes.get_mut(&pid) else {
            self.tally.add(RUNTIMES, "record of an unknown process", 1);
            return None;
        };
        let read = |process: &Process| {
            Record::read(&*process.memory, address, process.keys.variable.as_deref().unwrap_or_default())
        };
        let record = with_known_keys(process, read);
        self.understood(record).map(|(labels, is_final)| {
            if is_final {
                self.records.insert((pid, address), labels.clone());
            }
            labels
        })
    }

    /// The labels of a record that was copied together with the sample.
    pub(crate) fn copied_record(&mut self, pid: u32, bytes: &[u8]) -> Option<Arc<LabelSet>> {
        let process = self.processes.get_mut(&pid)?;
        let decode = |process: &Process| {
            Record::decode(bytes, process.keys.thread_local.as_deref().unwrap_or_default())
        };
        let record = with_known_keys(process, decode);
        self.understood(record).map(|(labels, _)| labels)
    }

    /// The memory of a process; nothing can be read of one that is not followed.
    pub(crate) fn memory(&self, pid: u32) -> Arc<dyn Memory> {
        match self.processes.get(&pid) {
            Some(process) => process.memory.clone(),
            None => Arc::new(ProcessMemory::open_if_there(&self.proc_root, pid)),
        }
    }

    /// True when a process says itself which requests it works on.
    pub(crate) fn has_records(&self, pid: u32) -> bool {
        self.processes.get(&pid).is_some_and(Process::has_records)
    }

    /// A child begins with what its parent was.
    pub(crate) fn fork(&mut self, parent: u32, child: u32) {
        let Some(process) = self.processes.get(&parent) else { return };
        let Some(known) = self.images.get(&process.image) else { return };
        let process = process.child(ProcessMemory::open_if_there(&self.proc_root, child));
        if process.variable.is_some() {
            let config = Box::new(process.config(&known.image.config));
            self.changes.push(Change::Configure(process.target(child), config));
        }
        self.follow(child, process);
    }

    /// A process has ended, or runs another program.
    pub(crate) fn forget(&mut self, pid: u32) {
        if let Some(process) = self.processes.remove(&pid) {
            self.changes.push(Change::Forget(process.target(pid)));
            self.records.retain(|(owner, _)| *owner != pid);
        }
    }

    /// Everything counted so far.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = self.tally.clone();
        tally.merge(self.inspections.tally());
        tally.set("cache_evictions_total", "runtime images", self.images.evicted());
        tally.set("cache_evictions_total", "request records", self.records.evicted());
        tally
    }

    /// Looks at what a process runs, unless it runs something else by now.
    fn look(&mut self, seen: Seen, unwinder: &mut Unwinder) {
        let Seen { pid, key, target, at_ns: now_ns } = seen;
        let memory = ProcessMemory::open_if_there(&self.proc_root, pid);
        let known = self.images.get(&key);
        let is_due = known.as_ref().is_none_or(|known| known.pace.is_due(now_ns));
        let mut image = known.as_ref().map(|known| known.image.clone()).unwrap_or_default();
        if is_due {
            let (mut pace, before) = known.map(|known| (known.pace, known.refusal)).unwrap_or_default();
            let mappings: Vec<_> = unwinder.mappings(pid, key).cloned().collect();
            if mappings.is_empty() {
                return;
            }
            pace.looked(now_ns);
            let Self { files, tally, inspections, .. } = self;
            let found =
                Looking { pid, key, files, memory: &memory, tally }.look(mappings.iter(), inspections);
            if found.refusal != before {
                found.refusal.iter().for_each(|refusal| tally.add(PYTHON_REFUSALS, refusal.name(), 1));
            }
            // An interpreter that was proven once is not disproven by a process on its way out.
            let is_kept = image.python.is_some() && found.image.python.is_none();
            if !is_kept {
                let is_changed = found.image.config != image.config;
                image = Arc::new(found.image);
                if is_changed {
                    self.configure_image(key, target, &image);
                }
            }
            self.images.insert(key, Known { image: image.clone(), pace, refusal: found.refusal });
        }
        let is_current = self.processes.get(&pid).is_some_and(|process| process.image == key);
        if image.may_publish() && !is_current {
            // It published nothing when the agent started, so whatever it has counted is new.
            self.follow(pid, Process::new(key, memory, true));
        }
    }

    fn configure_image(&mut self, key: ImageKey, target: Option<agent_bpf::ImageKey>, image: &Image) {
        if let Some(target) = target {
            if self.configured.len() >= agent_bpf::CONFIGS_MAX {
                let oldest = self.configured.pop_front();
                self.changes.extend(oldest.map(|oldest| Change::Forget(TargetKey::Image(oldest))));
            }
            self.configured.retain(|known| *known != target);
            self.configured.push_back(target);
            self.changes.push(Change::Configure(TargetKey::Image(target), Box::new(image.config.clone())));
        }
        let Self { processes, changes, .. } = self;
        let configured =
            processes.iter().filter(|(_, process)| process.image == key && process.variable.is_some());
        changes.extend(configured.map(|(pid, process)| {
            Change::Configure(process.target(*pid), Box::new(process.config(&image.config)))
        }));
    }

    fn follow(&mut self, pid: u32, process: Process) {
        if self.processes.len() >= MAX_PROCESSES && !self.processes.contains_key(&pid) {
            self.tally.add(RUNTIMES, "processes beyond limit", 1);
            return;
        }
        self.processes.insert(pid, process);
    }

    fn read_publications(&mut self, pid: u32, now_ns: u64) {
        let Self { processes, images, files, tally, changes, .. } = self;
        let Some(process) = processes.get_mut(&pid) else { return };
        process.pace.looked(now_ns);
        let Ok(maps) = files.maps(pid, MAPS_BYTES) else {
            self.forget(pid);
            return;
        };
        let before = process.variable;
        process.read(&maps, |reason| tally.add(DISCOVERIES, unread_name(reason), 1));
        if process.variable != before
            && let Some(known) = images.get(&process.image)
        {
            let config = Box::new(process.config(&known.image.config));
            changes.push(Change::Configure(process.target(pid), config));
        }
    }

    fn poll(&mut self, mut labels: impl FnMut(u32, ImageKey) -> Option<Arc<LabelSet>>) {
        for (pid, process) in &mut self.processes {
            for poll in process.poll() {
                if poll.has_unknown_keys {
                    process.refresh();
                }
                match labels(*pid, process.image) {
                    Some(labels) => self.requests.add(&labels, poll, &mut self.tally),
                    None => self.tally.add(RUNTIMES, "counts of an unknown process", 1),
                }
            }
        }
    }

    /// The labels of a record, and whether they are all of them.
    fn understood(&mut self, record: Result<Record, RecordError>) -> Option<(Arc<LabelSet>, bool)> {
        let outcome = match record {
            Ok(record) => {
                let labels = Arc::new(labels::canonical(record.labels.iter(), &mut self.tally));
                self.tally.add(RUNTIMES, "record with unknown keys", record.has_unknown_keys.into());
                return Some((labels, !record.has_unknown_keys));
            }
            Err(RecordError::Unreadable) => "record gone",
            Err(RecordError::NotValid) => "record torn",
            Err(RecordError::Size { .. }) => "record malformed",
        };
        self.tally.add(RUNTIMES, outcome, 1);
        None
    }
}

/// Reads a record, once more with the names published by now if it has keys that had no name.
fn with_known_keys(
    process: &mut Process,
    read: impl Fn(&Process) -> Result<Record, RecordError>,
) -> Result<Record, RecordError> {
    match read(process) {
        Ok(record) if record.has_unknown_keys => {
            process.refresh();
            read(process)
        }
        record => record,
    }
}

fn unread_name(reason: Unread) -> &'static str {
    match reason {
        Unread::Unreadable => "unreadable",
        Unread::Signature => "signature",
        Unread::Version => "version",
        Unread::Payload => "payload",
        Unread::Changing => "changing",
    }
}
