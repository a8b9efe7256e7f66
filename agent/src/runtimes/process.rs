//! One process with a runtime in it: what it publishes of itself, and what it has counted.

use std::sync::Arc;

use agent_bpf::{ContextVariable, RuntimeConfig, TargetKey};
use agent_python::{CountersReader, Discovery, Mapping, Poll, Published, ThreadSchema, Unread};
use agent_unwind::ImageKey;

use super::pace::Pace;
use crate::process_memory::ProcessMemory;

/// What is known of one process.
pub(super) struct Process {
    pub(super) image: ImageKey,
    pub(super) memory: Arc<ProcessMemory>,
    /// When to look for what it publishes.
    pub(super) pace: Pace,
    /// Names for the keys in its records: its own, or those of the process that it was forked from.
    pub(super) keys: Keys,
    /// The request record that it was last seen to publish.
    pub(super) variable: Option<ContextVariable>,
    publications: Vec<Publication>,
    /// False for a process that was there before: what it counted until now is not ours to report.
    is_from_start: bool,
}

/// Names for key indexes, by kind of record.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    pub(super) variable: Option<Arc<[Arc<str>]>>,
    pub(super) thread_local: Option<Arc<[Arc<str>]>>,
}

struct Publication {
    discovery: Discovery,
    published: Published,
    counters: CountersReader,
}

impl Process {
    pub(super) fn new(image: ImageKey, memory: ProcessMemory, is_from_start: bool) -> Self {
        Self {
            image,
            memory: Arc::new(memory),
            pace: Pace::default(),
            keys: Keys::default(),
            variable: None,
            publications: Vec::new(),
            is_from_start,
        }
    }

    /// A child as it is right after its fork: records of its parent have the same meaning in it.
    pub(super) fn child(&self, memory: ProcessMemory) -> Self {
        Self { keys: self.keys.clone(), variable: self.variable, ..Self::new(self.image, memory, true) }
    }

    /// True when the process says which requests its threads work on, itself or through its parent.
    pub(super) fn has_records(&self) -> bool {
        self.variable.is_some() || self.keys.thread_local.is_some()
    }

    /// Reads what the process publishes, and says whether anything is new.
    pub(super) fn read(&mut self, maps: &[u8], mut unread: impl FnMut(Unread)) -> bool {
        let mut is_new = false;
        for discovery in Discovery::find(Mapping::parse_all(maps)) {
            let known = self.publications.iter().position(|known| known.discovery.start == discovery.start);
            let current = known.and_then(|at| self.publications.get(at)).map(|known| known.published.at_ns);
            if current.is_some() && discovery.published_at_ns(&*self.memory).ok() == current {
                continue;
            }
            match discovery.read(&*self.memory) {
                Ok(published) => {
                    is_new = true;
                    self.take(discovery, published);
                }
                Err(reason) => unread(reason),
            }
        }
        is_new
    }

    /// Reads again what has changed since, such as the name of a flag that a record has for the first time.
    pub(super) fn refresh(&mut self) {
        let changed = |known: &Publication| {
            let discovery = &known.discovery;
            let is_changed = discovery.published_at_ns(&*self.memory).ok() != Some(known.published.at_ns);
            let published = is_changed.then(|| discovery.read(&*self.memory).ok()).flatten()?;
            Some((*discovery, published))
        };
        for (discovery, published) in self.publications.iter().filter_map(changed).collect::<Vec<_>>() {
            self.take(discovery, published);
        }
    }

    fn take(&mut self, discovery: Discovery, published: Published) {
        match published.schema {
            ThreadSchema::ContextVariable => {
                if let Some(variable) = published.context_variable.as_ref().map(variable) {
                    self.variable = Some(variable);
                    self.keys.variable = Some(published.keys.clone());
                }
            }
            ThreadSchema::ThreadLocal => self.keys.thread_local = Some(published.keys.clone()),
            ThreadSchema::None | ThreadSchema::Unknown => {}
        }
        let known = self.publications.iter_mut().find(|known| known.discovery.start == discovery.start);
        match known {
            Some(known) => known.published = published,
            None => {
                let counters = if self.is_from_start {
                    CountersReader::from_start()
                } else {
                    CountersReader::from_now()
                };
                self.publications.push(Publication { discovery, published, counters });
            }
        }
    }

    /// What was counted since the last time.
    pub(super) fn poll(&mut self) -> Vec<Poll> {
        let memory = self.memory.clone();
        let poll = |publication: &mut Publication| {
            let location = publication.published.counters.as_ref()?;
            publication.counters.poll(&*memory, location, &publication.published.keys, None).ok()
        };
        self.publications.iter_mut().filter_map(poll).collect()
    }

    /// The configuration of the kernel side for this process, where it needs another than its image.
    pub(super) fn config(&self, image: &RuntimeConfig) -> RuntimeConfig {
        RuntimeConfig { context_variable: self.variable.filter(|_| image.python.is_some()), ..image.clone() }
    }

    pub(super) fn target(&self, pid: u32) -> TargetKey {
        TargetKey::Process { pid, start_stack: self.image.start_stack }
    }
}

/// The same in the words of the kernel side.
fn variable(published: &agent_python::ContextVariable) -> ContextVariable {
    ContextVariable {
        address: published.address,
        hash32: published.hash32,
        tstate_context: published.tstate_context,
        context_vars: published.context_vars,
        hamt_root: published.hamt_root,
        bytes_type: published.bytes_type,
        bitmap_type: published.bitmap_type,
        array_type: published.array_type,
        bytes_data: published.bytes_data,
        hamt_bitmap: published.hamt_bitmap,
        hamt_pairs: published.hamt_pairs,
        hamt_children: published.hamt_children,
    }
}
