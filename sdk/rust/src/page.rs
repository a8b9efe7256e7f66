//! The counters page, schema 2: exact counts per record, in memory that a profiler reads from outside.
//!
//! Private anonymous memory that the kernel wipes in a forked child, so its first word tells a new child from its parent
//! without a system call. Slots and rows have fixed places and name their record at the first count, which makes a wiped
//! page right again by counting on. The format is that of the Python SDK (its `LAYOUT.md`, section 5).

use std::{
    io,
    sync::atomic::{
        AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
};

use crate::{clock::Spent, record::Record, system};

pub(crate) const SCHEMA: i64 = 2;
pub(crate) const SLOTS: usize = 4096;
pub(crate) const SLOT_BYTES: usize = SLOT_WORDS * 8;
pub(crate) const EVALUATIONS: usize = 1024;
pub(crate) const EVALUATIONS_OFFSET: usize = FIRST_EVALUATION * 8;

pub(crate) const MEASURES_CPU: u64 = 1;
pub(crate) const MEASURES_INSTRUCTIONS: u64 = 2;

const MAGIC: u64 = u64::from_ne_bytes(*b"FEWERCNT");
const HEADER_WORDS: usize = 8;
const SLOT_WORDS: usize = 8;
const EVALUATION_WORDS: usize = 4;
const FIRST_EVALUATION: usize = HEADER_WORDS + SLOTS * SLOT_WORDS;
const WORDS: usize = FIRST_EVALUATION + EVALUATIONS * EVALUATION_WORDS;

/// What a word of the header says.
#[derive(Clone, Copy)]
pub(crate) enum Header {
    Pid = 1,
    Slots = 2,
    /// Labels and evaluations that fell at a cap.
    Overflowed = 3,
    /// Labels cut at their greatest length.
    Cut = 4,
    /// Errors inside the SDK that were swallowed.
    Faults = 5,
    Evaluations = 6,
    Measures = 7,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum End {
    #[default]
    Good,
    ClientError,
    ServerError,
}

/// The page of this process.
pub(crate) struct Page {
    words: &'static [AtomicU64],
    measures: u64,
}

impl Page {
    pub(crate) fn new(measures: u64) -> io::Result<Self> {
        Ok(Self { words: system::wiped_on_fork(WORDS)?, measures })
    }

    pub(crate) fn address(&self) -> u64 {
        self.words.as_ptr().expose_provenance() as u64
    }

    /// False before the first start, and again in a forked child.
    #[inline]
    pub(crate) fn is_started(&self) -> bool {
        self.word(0).load(Relaxed) == MAGIC
    }

    /// Fills in the header; starting twice does no harm.
    pub(crate) fn start(&self) {
        self.header(Header::Pid).store(u64::from(std::process::id()), Relaxed);
        self.header(Header::Slots).fetch_max((SLOTS as u64) << 32, Relaxed);
        self.header(Header::Evaluations).fetch_max((EVALUATIONS as u64) << 32, Relaxed);
        self.header(Header::Measures).store(self.measures, Relaxed);
        self.word(0).store(MAGIC, Release);
    }

    pub(crate) fn count(&self, header: Header) {
        self.header(header).fetch_add(1, Relaxed);
    }

    pub(crate) fn counted(&self, header: Header) -> u64 {
        self.header(header).load(Relaxed)
    }

    /// Counts a request that ended with this record.
    pub(crate) fn add_request(&self, record: &'static Record, spent: Option<Spent>, end: End) {
        let slot = self.slot(record);
        self.add(slot + 1, 1);
        if let Some(spent) = spent {
            self.add(slot + 3, 1);
            self.add_spent(slot, spent);
        }
        match end {
            End::Good => {}
            End::ClientError => self.add(slot + 5, 1),
            End::ServerError => self.add(slot + 6, 1),
        }
    }

    /// Adds cost to a record without a request: work that a request left to another task.
    pub(crate) fn add_cost(&self, record: &'static Record, spent: Spent) {
        self.add_spent(self.slot(record), spent);
    }

    /// Counts an evaluation of one flag to one variant for one reason, all of which `row` stands for.
    pub(crate) fn add_evaluation(&self, row: u16, record: &'static [u8], reason: u8) {
        let place = FIRST_EVALUATION + usize::from(row) * EVALUATION_WORDS;
        if self.word(place).load(Relaxed) == 0 {
            self.word(place + 2).store(u64::from(reason), Relaxed);
            self.word(place).store(address(record), Release);
            let used = (EVALUATIONS as u64) << 32 | (u64::from(row) + 1);
            self.header(Header::Evaluations).fetch_max(used, Relaxed);
        }
        self.add(place + 1, 1);
    }

    fn slot(&self, record: &'static Record) -> usize {
        let place = HEADER_WORDS + record.index * SLOT_WORDS;
        if self.word(place).load(Acquire) == 0 {
            self.word(place).store(address(&record.bytes), Release);
            let used = (SLOTS as u64) << 32 | (record.index as u64 + 1);
            self.header(Header::Slots).fetch_max(used, Relaxed);
        }
        place
    }

    fn add_spent(&self, slot: usize, spent: Spent) {
        self.add(slot + 2, spent.cpu_ns);
        if spent.instructions > 0 {
            self.add(slot + 4, spent.instructions);
        }
    }

    fn add(&self, place: usize, amount: u64) {
        self.word(place).fetch_add(amount, Relaxed);
    }

    fn header(&self, header: Header) -> &AtomicU64 {
        self.word(header as usize)
    }

    fn word(&self, place: usize) -> &AtomicU64 {
        static NOWHERE: AtomicU64 = AtomicU64::new(0);
        self.words.get(place).unwrap_or(&NOWHERE)
    }
}

fn address(record: &'static [u8]) -> u64 {
    record.as_ptr().expose_provenance() as u64
}
