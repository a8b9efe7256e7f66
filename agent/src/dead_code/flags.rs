//! Feature flags whose outcome never varied while a process ran: what checks them runs for nothing.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use agent_python::{CountersReader, Discovery, Mapping};
use agent_unwind::{ProcFiles, ProcessFiles};

use super::DeadCodeError;
use crate::process_memory::ProcessMemory;

/// One flag, as the SDK counted its evaluations in the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Its key.
    pub flag: Arc<str>,
    /// Its variants and how often each was served, in order of name.
    pub variants: BTreeMap<Arc<str>, u64>,
}

const MAPS_BYTES: usize = 16 << 20;

/// The flags that a process evaluated since it started or was forked. None without an SDK in it.
pub fn flags(proc_root: &Path, pid: u32) -> Result<Vec<Flag>, DeadCodeError> {
    let unreadable = |what| move |source| DeadCodeError::Unreadable { pid, what, source };
    let memory = ProcessMemory::open(proc_root, pid).map_err(unreadable("mem"))?;
    let maps = ProcFiles::new(proc_root).maps(pid, MAPS_BYTES).map_err(unreadable("maps"))?;
    let mut by_flag: BTreeMap<Arc<str>, BTreeMap<Arc<str>, u64>> = BTreeMap::new();
    for discovery in Discovery::find(Mapping::parse_all(&maps)) {
        let Ok(published) = discovery.read(&memory) else { continue };
        let Some(location) = published.counters else { continue };
        // Before its first request a fork has no counts of its own.
        let poll = CountersReader::from_start().poll(&memory, &location, &published.keys, None);
        for row in poll.map(|poll| poll.evaluations).unwrap_or_default() {
            *by_flag.entry(row.flag).or_default().entry(row.variant).or_default() += row.count;
        }
    }
    Ok(by_flag.into_iter().map(|(flag, variants)| Flag { flag, variants }).collect())
}

impl Flag {
    /// How often it was evaluated.
    pub fn evaluations(&self) -> u64 {
        self.variants.values().sum()
    }

    /// The only variant it ever had.
    pub fn only_variant(&self) -> Option<&Arc<str>> {
        self.variants.keys().next().filter(|_| self.variants.len() == 1)
    }
}
