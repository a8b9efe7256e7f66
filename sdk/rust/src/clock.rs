//! What a thread has spent: its CPU clock, and instructions where they are asked for and counted.

use crate::system;

/// A reading, or the difference of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) cpu_ns: u64,
    pub(crate) instructions: u64,
}

impl Spent {
    pub(crate) const ZERO: Self = Self { cpu_ns: 0, instructions: 0 };

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            cpu_ns: self.cpu_ns.wrapping_add(other.cpu_ns),
            instructions: self.instructions.wrapping_add(other.instructions),
        }
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self {
            cpu_ns: self.cpu_ns.saturating_sub(other.cpu_ns),
            instructions: self.instructions.saturating_sub(other.instructions),
        }
    }
}

/// What this thread has spent so far.
pub(crate) fn reading() -> Spent {
    Spent { cpu_ns: system::thread_cpu_ns(), instructions: instructions::read() }
}

pub(crate) use instructions::{forget, problem};

#[cfg(not(feature = "instructions"))]
mod instructions {
    pub(crate) fn read() -> u64 {
        0
    }

    pub(crate) fn forget() {}

    pub(crate) fn problem() -> Option<String> {
        Some("instructions: the feature `instructions` is off".to_owned())
    }
}

#[cfg(feature = "instructions")]
mod instructions {
    use std::{
        cell::RefCell,
        io,
        sync::atomic::{
            AtomicBool, AtomicU32,
            Ordering::{Relaxed, SeqCst},
        },
    };

    use perf_event::{Builder, Counter, events::Hardware};

    /// Raised in a forked child, whose inherited descriptors count for threads of its parent.
    static GENERATION: AtomicU32 = AtomicU32::new(1);
    static AVAILABLE: AtomicBool = AtomicBool::new(false);

    thread_local! {
        static COUNTER: RefCell<(u32, Option<Counter>)> = const { RefCell::new((0, None)) };
    }

    /// User-space instructions of this thread since its first reading; 0 where they are not counted.
    pub(crate) fn read() -> u64 {
        if !AVAILABLE.load(Relaxed) {
            return 0;
        }
        let generation = GENERATION.load(Relaxed);
        let read = COUNTER.try_with(|counter| {
            let mut counter = counter.try_borrow_mut().ok()?;
            if counter.0 != generation {
                *counter = (generation, open().ok());
            }
            counter.1.as_mut()?.read().ok()
        });
        read.ok().flatten().unwrap_or(0)
    }

    pub(crate) fn forget() {
        GENERATION.fetch_add(1, SeqCst);
    }

    /// Tries the counter, and says why there is none.
    pub(crate) fn problem() -> Option<String> {
        let tried = open();
        AVAILABLE.store(tried.is_ok(), Relaxed);
        tried.err().map(|error| format!("instructions: this machine does not count them: {error}"))
    }

    fn open() -> io::Result<Counter> {
        let mut counter = Builder::new().kind(Hardware::INSTRUCTIONS).build()?;
        counter.enable()?;
        Ok(counter)
    }
}
