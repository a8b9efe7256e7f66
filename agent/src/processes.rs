//! Processes: what each says of itself, read once from `/proc` while it lives, and the labels that follow.
//!
//! Facts are kept by address-space image, not by pid: a forked worker has its parent's environment, so it is
//! labelled right from its first sample, even when it has ended before anybody could look at it.

mod cgroup;
mod command;
mod environ;
mod service;

use std::{
    fs::File,
    io::{self, Read},
    path::PathBuf,
    str::FromStr,
    sync::Arc,
};

use agent_bpf::Comm;
use agent_unwind::ImageKey;
use model::{LabelSet, keys};

use crate::{lru::Lru, tally::Tally};

/// One thread as a sample names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Thread {
    /// The process, as the host numbers it.
    pub(crate) pid: u32,
    /// Its address space; `None` for kernel threads, and for processes that have given it up on their way
    /// out.
    pub(crate) image: Option<ImageKey>,
    /// The thread's name.
    pub(crate) comm: Comm,
}

/// How processes are read and labelled.
#[derive(Clone, Debug)]
pub(crate) struct ProcessOptions {
    /// `/proc`, or where it is mounted.
    pub(crate) proc_root: PathBuf,
    /// This machine's name.
    pub(crate) host_name: String,
    /// Labels that the user wants on everything; they win over what is found.
    pub(crate) extra_labels: LabelSet,
}

/// What is known of processes, bounded.
#[derive(Debug)]
pub(crate) struct Processes {
    options: ProcessOptions,
    /// What is on every label set is held once.
    host_name: Arc<str>,
    label_keys: LabelKeys,
    /// Labels that all threads of an image share.
    images: Lru<ImageKey, Arc<LabelSet>>,
    threads: Lru<Thread, Arc<LabelSet>>,
    tally: Tally,
}

#[derive(Debug)]
struct LabelKeys {
    host_name: Arc<str>,
    process_pid: Arc<str>,
    thread_name: Arc<str>,
    label_source: Arc<str>,
    /// Where labels come from while no context says more: the thread's name.
    comm: Arc<str>,
}

/// Images and threads beyond these make room for others.
const MAX_IMAGES: usize = 2048;
const MAX_THREADS: usize = 4096;
/// Of one file in `/proc`, this much is read.
const MAX_FILE_BYTES: u64 = 128 << 10;
/// The kernel's flag for its own threads.
const PF_KTHREAD: u32 = 0x0020_0000;
/// Why a process could be read, or not.
const SNAPSHOTS: &str = "process_snapshots_total";

impl Processes {
    /// Knows no process yet.
    pub(crate) fn new(options: ProcessOptions) -> Self {
        Self {
            host_name: options.host_name.as_str().into(),
            label_keys: LabelKeys {
                host_name: keys::HOST_NAME.into(),
                process_pid: keys::PROCESS_PID.into(),
                thread_name: keys::THREAD_NAME.into(),
                label_source: keys::LABEL_SOURCE.into(),
                comm: "comm".into(),
            },
            options,
            images: Lru::new(MAX_IMAGES),
            threads: Lru::new(MAX_THREADS),
            tally: Tally::default(),
        }
    }

    /// The labels of one thread. A process that has ended before it could be read goes by its thread's name.
    pub(crate) fn labels(&mut self, thread: Thread) -> Arc<LabelSet> {
        if let Some(labels) = self.threads.get(&thread) {
            return labels.clone();
        }
        let comm = thread.comm.to_string_lossy();
        let known = match thread.image {
            None => self.is_kernel_thread(thread.pid).then(|| service_label(&service::kernel_thread(&comm))),
            Some(image) => self.image(thread.pid, image),
        };
        let is_lasting = known.is_some();
        let process = known.unwrap_or_else(|| service_label(&comm));
        let own = [
            (self.label_keys.host_name.clone(), self.host_name.clone()),
            (self.label_keys.process_pid.clone(), thread.pid.to_string().into()),
            (self.label_keys.thread_name.clone(), comm.into()),
            (self.label_keys.label_source.clone(), self.label_keys.comm.clone()),
        ];
        let labels = process.merged(&LabelSet::new(own)).merged(&self.options.extra_labels);
        let labels = Arc::new(labels);
        if is_lasting {
            self.threads.insert(thread, labels.clone());
        }
        labels
    }

    /// The labels of a process as a whole, for what it counts itself.
    pub(crate) fn process_labels(&mut self, pid: u32, image: ImageKey) -> Option<Arc<LabelSet>> {
        let process = self.image(pid, image)?;
        let own = [
            (self.label_keys.host_name.clone(), self.host_name.clone()),
            (self.label_keys.process_pid.clone(), pid.to_string().into()),
        ];
        Some(Arc::new(process.merged(&LabelSet::new(own)).merged(&self.options.extra_labels)))
    }

    /// The labels of what a process runs, for groups of such processes: without its number.
    pub(crate) fn program_labels(&mut self, pid: u32, start_stack: u64) -> Option<LabelSet> {
        let labels = self.process_labels(pid, ImageKey::of_stack(start_stack, pid))?;
        let kept = labels.iter().filter(|(key, _)| key.as_ref() != keys::PROCESS_PID);
        Some(LabelSet::new(kept.map(|(key, value)| (key.clone(), value.clone()))))
    }

    /// Gives back memory: keeps what was used last.
    pub(crate) fn trim(&mut self) {
        self.images.shrink(MAX_IMAGES / 8);
        self.threads.shrink(MAX_THREADS / 8);
    }

    /// How reading went, and what made room.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = self.tally.clone();
        tally.set("cache_evictions_total", "images", self.images.evicted());
        tally.set("cache_evictions_total", "threads", self.threads.evicted());
        tally
    }

    fn is_kernel_thread(&self, pid: u32) -> bool {
        let stat = self.file(pid, "stat").unwrap_or_default();
        // The idle threads have the number 0 and no entry in `/proc`.
        pid == 0
            || stat_field::<u32>(&String::from_utf8_lossy(&stat), 9)
                .is_some_and(|flags| flags & PF_KTHREAD != 0)
    }

    fn image(&mut self, pid: u32, image: ImageKey) -> Option<Arc<LabelSet>> {
        if let Some(labels) = self.images.get(&image) {
            return Some(labels.clone());
        }
        let snapshot = self.read(pid, image);
        let outcome = match &snapshot {
            Ok(Some(_)) => "read",
            Ok(None) => "another program",
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => "not permitted",
            Err(_) => "process gone",
        };
        self.tally.add(SNAPSHOTS, outcome, 1);
        let labels = Arc::new(snapshot.ok().flatten()?);
        self.images.insert(image, labels.clone());
        Some(labels)
    }

    /// Reads a process; `None` when the pid runs another program by now.
    fn read(&self, pid: u32, image: ImageKey) -> io::Result<Option<LabelSet>> {
        let executable = std::fs::read_link(self.path(pid, "exe"))?;
        let cmdline = self.file(pid, "cmdline")?;
        let environment = environ::parse(&self.file(pid, "environ").unwrap_or_default());
        let cgroup = cgroup::parse(&String::from_utf8_lossy(&self.file(pid, "cgroup").unwrap_or_default()));
        // Read last: if the program is the right one now, it was the right one before.
        let start_stack = start_stack(&String::from_utf8_lossy(&self.file(pid, "stat")?));
        if start_stack.is_some_and(|start_stack| image.start_stack != 0 && start_stack != image.start_stack) {
            return Ok(None);
        }
        let program = command::program_name(&executable.to_string_lossy(), &cmdline);
        let service = service::name(&environment, &cgroup, program);
        let found = [
            (keys::SERVICE_NAME.to_owned(), service),
            (keys::CONTAINER_ID.to_owned(), cgroup.container_id.unwrap_or_default()),
        ];
        Ok(Some(LabelSet::new(environment.attributes.into_iter().chain(found))))
    }

    fn file(&self, pid: u32, name: &str) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        File::open(self.path(pid, name))?.take(MAX_FILE_BYTES).read_to_end(&mut content)?;
        Ok(content)
    }

    fn path(&self, pid: u32, name: &str) -> PathBuf {
        self.options.proc_root.join(pid.to_string()).join(name)
    }
}

/// Where the main stack starts, from the content of `/proc/PID/stat`; absent without the permission to see
/// it.
pub(crate) fn start_stack(stat: &str) -> Option<u64> {
    stat_field(stat, 28).filter(|address| *address != 0)
}

/// A field of a `stat` file by its number in proc(5), from the third on. The second, the name in parentheses,
/// may hold anything, so fields are counted from its end.
pub(crate) fn stat_field<T: FromStr>(stat: &str, number: usize) -> Option<T> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

fn service_label(name: &str) -> Arc<LabelSet> {
    Arc::new(LabelSet::new([(keys::SERVICE_NAME, name)]))
}

#[cfg(test)]
mod tests;
