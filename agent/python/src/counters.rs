//! The SDK's exact counters: how many requests ended with which labels, and what they cost.
//!
//! Words only grow, each by its own, while the process runs on: two readings are compared, and a request that was
//! counted in one word but not yet in another shows in the next difference.

use std::{io, sync::Arc};

use model::{LabelSet, keys::FLAG_PREFIX};
use thiserror::Error;

use crate::{
    Memory, Record, RecordError,
    memory::{read_array, read_bytes, u32_at, u64_at},
    process_context::ProcessContext,
};

/// Where a process counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountersLocation {
    /// Start of the page.
    pub address: u64,
    /// How many slots it has at most.
    pub slots: u32,
    /// Start of the table of evaluations.
    pub evaluations_address: u64,
    /// How many rows that has at most.
    pub evaluations: u32,
}

/// Why there are no counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum CountersError {
    /// The memory is gone.
    #[error("the counters could not be read")]
    Unreadable,
    /// A forked child that has not counted yet.
    #[error("the process has not counted yet")]
    NotStarted,
    /// The page is another process's: a copy that a fork left behind.
    #[error("the counters are those of process {0}")]
    OtherProcess(u64),
    /// There is something else at this address.
    #[error("no counters at this address")]
    NotCounters,
}

impl From<io::Error> for CountersError {
    fn from(_: io::Error) -> Self {
        Self::Unreadable
    }
}

/// Requests that ended with the same labels between two readings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestDelta {
    /// Their labels.
    pub labels: LabelSet,
    /// How many ended.
    pub requests: u64,
    /// Of how many the CPU time was taken.
    pub measured: u64,
    /// CPU time of the measured ones.
    pub cpu_ns: u64,
    /// Instructions of the measured ones, where the process counts them.
    pub instructions: Option<u64>,
    /// Status 400 to 499.
    pub client_errors: u64,
    /// Status 500 and up, an exception, a failed task.
    pub server_errors: u64,
}

/// Why a flag's variant was what it was, in OpenFeature's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Reason {
    Static,
    Default,
    TargetingMatch,
    /// By chance: only these may be compared with each other as an experiment.
    Split,
    Cached,
    Disabled,
    Unknown,
    Stale,
    Error,
}

/// Evaluations of one flag with one outcome between two readings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationDelta {
    /// The flag's key.
    pub flag: Arc<str>,
    /// The variant served.
    pub variant: Arc<str>,
    /// Why.
    pub reason: Reason,
    /// How many.
    pub count: u64,
}

/// What changed between two readings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Poll {
    /// Requests, one entry per label set that changed.
    pub requests: Vec<RequestDelta>,
    /// Evaluations, one entry per row that changed.
    pub evaluations: Vec<EvaluationDelta>,
    /// Evaluations and labels that fell at a cap of the SDK.
    pub overflowed: u64,
    /// Labels that the SDK cut at their greatest length.
    pub cut: u64,
    /// Errors inside the SDK that it swallowed.
    pub faults: u64,
    /// Words that ran backwards (threads of CPython 3.9 and before lose updates); they count as unchanged.
    pub backwards: u64,
    /// Rows whose record could not be decoded this time. Their counts are kept for the next.
    pub undecoded: u64,
    /// True when a record has a key without a name: read what is published anew, then poll again.
    pub has_unknown_keys: bool,
}

/// Compares readings of one process. Make a new one for each process.
#[derive(Clone, Debug)]
pub struct CountersReader {
    pid: Option<u64>,
    is_from_start: bool,
    header: [u64; HEADER_COUNTERS],
    slots: Vec<Option<Row>>,
    evaluations: Vec<Option<Row>>,
}

#[derive(Clone, Debug)]
struct Row {
    labels: LabelSet,
    words: Words,
}

type Words = [u64; 6];

const SCHEMA: u64 = 2;
const MAGIC: u64 = u64::from_ne_bytes(*b"FEWERCNT");
const HEADER_BYTES: usize = 64;
const SLOT_BYTES: usize = 64;
const EVALUATION_BYTES: usize = 32;
/// Greatest capacities of schema 2.
const SLOTS_MAX: u64 = 4096;
const EVALUATIONS_MAX: u64 = 1024;
/// Overflowed, cut, faults.
const HEADER_COUNTERS: usize = 3;
const MEASURES_INSTRUCTIONS: u64 = 1 << 1;

impl CountersLocation {
    pub(crate) fn published(context: &ProcessContext) -> Option<Self> {
        let bounded = |name, max| context.number(name).filter(|number| (1..=max).contains(number));
        (context.number("fewer.counters_schema")? == SCHEMA).then_some(())?;
        (context.number("fewer.counters_slot_bytes")? == SLOT_BYTES as u64).then_some(())?;
        Some(Self {
            address: context.number("fewer.counters_addr")?,
            slots: bounded("fewer.counters_slots", SLOTS_MAX)?.try_into().ok()?,
            evaluations_address: context.number("fewer.evaluations_addr")?,
            evaluations: bounded("fewer.evaluations_slots", EVALUATIONS_MAX)?.try_into().ok()?,
        })
    }
}

impl Reason {
    fn from_word(word: u64) -> Self {
        match word {
            1 => Self::Static,
            2 => Self::Default,
            3 => Self::TargetingMatch,
            4 => Self::Split,
            5 => Self::Cached,
            6 => Self::Disabled,
            8 => Self::Stale,
            9 => Self::Error,
            _ => Self::Unknown,
        }
    }

    /// The name as OpenTelemetry spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Default => "default",
            Self::TargetingMatch => "targeting_match",
            Self::Split => "split",
            Self::Cached => "cached",
            Self::Disabled => "disabled",
            Self::Unknown => "unknown",
            Self::Stale => "stale",
            Self::Error => "error",
        }
    }
}

impl CountersReader {
    /// For a process that was there before: what it counted so far is not this window's.
    pub fn from_now() -> Self {
        Self {
            pid: None,
            is_from_start: false,
            header: [0; HEADER_COUNTERS],
            slots: Vec::new(),
            evaluations: Vec::new(),
        }
    }

    /// For a process that was seen to start: all it counted is new.
    pub fn from_start() -> Self {
        Self { is_from_start: true, ..Self::from_now() }
    }

    /// Reads the counters and says what changed since the last time. `pid` is the process's number in its own
    /// namespace, where it is known.
    pub fn poll(
        &mut self,
        memory: &dyn Memory,
        location: &CountersLocation,
        keys: &[Arc<str>],
        pid: Option<u32>,
    ) -> Result<Poll, CountersError> {
        let header: [u8; HEADER_BYTES] = read_array(memory, location.address)?;
        self.recognise(&header, pid)?;
        let is_base = !self.is_from_start;
        let mut reading = Reading { memory, keys, is_base, poll: Poll::default() };
        reading.take_header(&header, &mut self.header);
        let start = location.address.wrapping_add(HEADER_BYTES as u64);
        let count = u32_at(&header, 16).min(location.slots) as usize;
        let slots = read_bytes(memory, start, count * SLOT_BYTES)?;
        let count = u32_at(&header, 48).min(location.evaluations) as usize;
        let evaluations = read_bytes(memory, location.evaluations_address, count * EVALUATION_BYTES)?;
        let has_instructions = u64_at(&header, 56) & MEASURES_INSTRUCTIONS != 0;
        let changes = reading.compare(&mut self.slots, &slots, SLOT_BYTES);
        reading.poll.requests = changes.into_iter().map(|change| change.requests(has_instructions)).collect();
        let changes = reading.compare(&mut self.evaluations, &evaluations, EVALUATION_BYTES);
        reading.poll.evaluations = changes.into_iter().filter_map(Change::evaluation).collect();
        self.is_from_start = true;
        Ok(reading.poll)
    }

    /// Makes sure that this is the process's own page. A new one, after a fork, counts from its start.
    fn recognise(&mut self, header: &[u8], pid: Option<u32>) -> Result<(), CountersError> {
        match u64_at(header, 0) {
            MAGIC => {}
            0 => {
                *self = Self::from_start();
                return Err(CountersError::NotStarted);
            }
            _ => return Err(CountersError::NotCounters),
        }
        let found = u64_at(header, 8);
        if pid.is_some_and(|pid| u64::from(pid) != found) {
            return Err(CountersError::OtherProcess(found));
        }
        if self.pid.is_some_and(|pid| pid != found) {
            *self = Self::from_start();
        }
        self.pid = Some(found);
        Ok(())
    }
}

/// One reading while it is compared with the one before.
struct Reading<'a> {
    memory: &'a dyn Memory,
    keys: &'a [Arc<str>],
    /// True for the first reading of a process that was there before: it only says where counting begins.
    is_base: bool,
    poll: Poll,
}

/// A row that changed.
struct Change {
    labels: LabelSet,
    words: Words,
    delta: Words,
}

impl Reading<'_> {
    fn take_header(&mut self, header: &[u8], seen: &mut [u64; HEADER_COUNTERS]) {
        let now = [24, 32, 40].map(|offset| u64_at(header, offset));
        let [overflowed, cut, faults] = self.advance(seen, now);
        if !self.is_base {
            (self.poll.overflowed, self.poll.cut, self.poll.faults) = (overflowed, cut, faults);
        }
    }

    fn compare(&mut self, seen: &mut Vec<Option<Row>>, bytes: &[u8], row_bytes: usize) -> Vec<Change> {
        let rows = bytes.chunks_exact(row_bytes);
        seen.resize(seen.len().max(rows.len()), None);
        let mut changes = Vec::new();
        for (slot, bytes) in seen.iter_mut().zip(rows) {
            let record = u64_at(bytes, 0);
            if record == 0 {
                continue;
            }
            let words: Words = std::array::from_fn(|at| u64_at(bytes, 8 + 8 * at));
            let row = match slot {
                Some(row) => row,
                None => {
                    let Some(labels) = self.labels(record) else { continue };
                    let words = if self.is_base { words } else { Words::default() };
                    slot.insert(Row { labels, words })
                }
            };
            let delta = self.advance(&mut row.words, words);
            if delta != Words::default() {
                changes.push(Change { labels: row.labels.clone(), words, delta });
            }
        }
        changes
    }

    /// The labels of a row's record. Rows never move and records never change, so they are read once.
    fn labels(&mut self, record: u64) -> Option<LabelSet> {
        let record = match Record::read(self.memory, record, self.keys) {
            Ok(record) => record,
            Err(RecordError::Unreadable | RecordError::NotValid | RecordError::Size { .. }) => {
                self.poll.undecoded += 1;
                return None;
            }
        };
        self.poll.has_unknown_keys |= record.has_unknown_keys;
        self.poll.undecoded += u64::from(record.has_unknown_keys);
        (!record.has_unknown_keys).then_some(record.labels)
    }

    fn advance<const N: usize>(&mut self, seen: &mut [u64; N], now: [u64; N]) -> [u64; N] {
        let mut delta = [0; N];
        for ((delta, seen), now) in delta.iter_mut().zip(seen.iter_mut()).zip(now) {
            match now.checked_sub(*seen) {
                Some(more) => *delta = more,
                None => self.poll.backwards += 1,
            }
            *seen = now;
        }
        delta
    }
}

impl Change {
    fn requests(self, has_instructions: bool) -> RequestDelta {
        let [requests, cpu_ns, measured, instructions, client_errors, server_errors] = self.delta;
        let instructions = has_instructions.then_some(instructions);
        RequestDelta {
            labels: self.labels,
            requests,
            measured,
            cpu_ns,
            instructions,
            client_errors,
            server_errors,
        }
    }

    /// A row of evaluations has a count and a reason, and a record of one label.
    fn evaluation(self) -> Option<EvaluationDelta> {
        let ([count, ..], [_, reason, ..]) = (self.delta, self.words);
        let (key, variant) = self.labels.iter().next()?;
        let flag = key.strip_prefix(FLAG_PREFIX)?.into();
        let reason = Reason::from_word(reason);
        (count > 0).then(|| EvaluationDelta { flag, variant: variant.clone(), reason, count })
    }
}

#[cfg(test)]
mod tests;
