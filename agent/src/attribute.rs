//! Attribution: a raw sample becomes labels and one stack, kernel and user part joined, leaf first.
//!
//! No sample fails here (I5): a stack that was cut stands under `[truncated]` with the reason next to it,
//! code outside everything mapped is `[unknown]`, and a process that is gone goes by its thread's name.

mod context;
mod python;
mod threads;

use std::sync::Arc;

use agent_bpf::{LifeChange, LifeEvent, Mode, RawSample, UserState};
use agent_python::CodeObjects;
use agent_unwind::{
    Address, CodeAddress, ImageKey, Outcome, ProcFiles, Registers, Sample, StackCopy, StackEnd, Unwinder,
};
use model::LabelSet;

use crate::{
    location::{Location, TRUNCATED, UNKNOWN},
    processes::{ProcessOptions, Processes, Thread},
    runtimes::{Change, Image, Requests, Runtimes, Seen},
    tally::Tally,
};

pub(crate) use python::{PYTHON, PYTHON_MERGES};

use context::Contexts;
use threads::Threads;

/// A sample with everything that is known of it, before symbols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attributed {
    /// Where it came from.
    pub(crate) labels: Arc<LabelSet>,
    /// Leaf first.
    pub(crate) stack: Vec<Location>,
}

/// What must be remembered from sample to sample.
pub(crate) struct Attributor {
    processes: Processes,
    unwinder: Unwinder,
    files: ProcFiles,
    threads: Threads,
    runtimes: Runtimes,
    contexts: Contexts,
    code_objects: CodeObjects<ImageKey>,
    addresses: Vec<CodeAddress>,
    tally: Tally,
}

/// What names of Python functions may take.
const CODE_OBJECTS_BYTES: usize = 8 << 20;

/// Counts samples by what the CPU was doing.
pub(crate) const SAMPLES: &str = "samples_total";
/// Counts samples with a user stack by how unwinding it ended.
pub(crate) const UNWINDING: &str = "unwind_outcome_total";

impl Attributor {
    /// Knows no process yet.
    pub(crate) fn new(options: ProcessOptions) -> Self {
        Self {
            files: ProcFiles::new(&options.proc_root),
            threads: Threads::new(options.proc_root.clone()),
            runtimes: Runtimes::new(options.proc_root.clone()),
            contexts: Contexts::new(),
            code_objects: CodeObjects::new(CODE_OBJECTS_BYTES),
            processes: Processes::new(options),
            unwinder: Unwinder::new(agent_unwind::Limits::default()),
            addresses: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Labels and stack of one sample.
    pub(crate) fn sample(&mut self, sample: &RawSample<'_>) -> Attributed {
        let image = match (sample.mode, sample.image) {
            // A process that has given up its memory on its way out looks like a thread of the kernel.
            (Mode::KernelThread, _) => self.threads.known_image(sample.pid),
            (_, Some(key)) => {
                Some(self.threads.set_image(sample.pid, image_key(&key).told_apart(sample.pid)))
            }
            (_, None) => Some(self.threads.image(sample.pid)),
        };
        let mode = match sample.mode {
            Mode::User => "user",
            Mode::Kernel => "kernel",
            Mode::KernelThread if image.is_some() => "exiting",
            Mode::KernelThread => "kernel thread",
        };
        self.tally.add(SAMPLES, mode, 1);
        let comm = sample.comm.unwrap_or_else(|| self.threads.comm(sample.pid, sample.tid));
        let labels = self.processes.labels(Thread { pid: sample.pid, image, comm });
        let mut stack = kernel_locations(sample.kernel_stack.iter());
        if let (Some(user), Some(image)) = (&sample.user, image) {
            self.add_user_stack(sample, user, image, &mut stack);
        }
        if stack.is_empty() {
            stack.push(UNKNOWN);
        }
        let labels = self.contexts.labels(sample, labels, &stack, &mut self.runtimes);
        Attributed { labels, stack }
    }

    /// Looks at processes that are new or publish something new. What comes back has to reach the kernel side.
    pub(crate) fn keep_up(&mut self, now_ns: u64) -> Vec<Change> {
        let Self { runtimes, unwinder, processes, .. } = self;
        runtimes.keep_up(now_ns, unwinder, |pid, image| processes.process_labels(pid, image))
    }

    /// What processes have counted until now since this was last asked.
    pub(crate) fn take_requests(&mut self) -> Requests {
        self.code_objects.begin_window();
        let Self { runtimes, processes, .. } = self;
        runtimes.take_requests(|pid, image| processes.process_labels(pid, image))
    }

    /// Keeps up with the life of processes.
    pub(crate) fn life(&mut self, event: &LifeEvent<'_>) {
        match &event.change {
            LifeChange::Fork { parent_pid } => {
                self.threads.fork(*parent_pid, event.pid);
                self.runtimes.fork(*parent_pid, event.pid);
            }
            LifeChange::Exec { .. } => {
                self.threads.forget(event.pid);
                self.runtimes.forget(event.pid);
            }
            LifeChange::Exit => {
                self.unwinder.forget_process(event.pid);
                self.runtimes.forget(event.pid);
            }
            LifeChange::Map(_) => self.unwinder.mapped(event.pid),
        }
    }

    /// Gives back memory.
    pub(crate) fn trim(&mut self) {
        self.processes.trim();
        self.unwinder.trim();
        self.contexts.trim();
    }

    /// Everything counted so far.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = self.tally.clone();
        tally.merge(&self.processes.tally());
        tally.merge(&self.runtimes.tally());
        tally.merge(self.contexts.tally());
        python::count(&mut tally, self.code_objects.counters());
        let counters = self.unwinder.counters();
        for (outcome, count) in counters.outcomes() {
            tally.set(UNWINDING, outcome.name(), count);
        }
        tally.set("unwind_maps_total", "read", counters.maps_read);
        tally.set("unwind_maps_total", "read again", counters.maps_reread);
        tally.set("unwind_maps_total", "mappings dropped", counters.mappings_dropped);
        tally.set("unwind_rows_total", "loaded", counters.rows_loaded);
        tally.set("unwind_rows_total", "evicted", counters.rows_evicted);
        tally.set("unwind_rows_total", "too big", counters.rows_too_big);
        tally.set("unwind_rows_total", "delayed", counters.rows_delayed);
        tally.set("unwind_signal_frames_total", "", counters.signal_frames);
        tally
    }

    fn add_user_stack(
        &mut self,
        sample: &RawSample<'_>,
        user: &UserState<'_>,
        image: ImageKey,
        stack: &mut Vec<Location>,
    ) {
        let thread = Sample {
            pid: sample.pid,
            image,
            at_ns: sample.time_ns,
            registers: Registers { ip: user.registers.ip, sp: user.registers.sp(), bp: user.registers.bp() },
            stack: stack_copy(user),
        };
        let outcome = self.unwinder.unwind(&thread, &self.files, &mut self.addresses);
        let seen = Seen { pid: sample.pid, key: image, target: sample.image, at_ns: sample.time_ns };
        let runtime = self.runtimes.saw(seen);
        let python = runtime.as_deref().and_then(|runtime: &Image| runtime.python.as_ref());
        if let (Some(python), Some(frames)) = (python, &sample.python) {
            let merging = python::Merging {
                pid: sample.pid,
                image,
                python,
                memory: &*self.runtimes.memory(sample.pid),
                native: &self.addresses,
                outcome,
            };
            merging.merge(frames, &mut self.code_objects, &mut self.tally, stack);
            self.addresses.clear();
            return;
        }
        stack.extend(self.addresses.drain(..).map(|address| user_location(address, sample.pid)));
        if !outcome.is_complete() {
            stack.extend([Location::Marker(cut_marker(outcome)), TRUNCATED]);
        }
    }
}

/// The reason for a cut, as it stands in the stack.
fn cut_marker(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Complete => "[complete]",
        Outcome::BeyondCopy => "[beyond copy]",
        Outcome::StackSwitch => "[stack switch]",
        Outcome::NoMapping => "[no mapping]",
        Outcome::NoRows => "[no unwind rows]",
        Outcome::RowsDelayed => "[rows delayed]",
        Outcome::Jit => "[jit]",
        Outcome::FileUnreadable => "[file unreadable]",
        Outcome::ReadFault => "[read fault]",
        Outcome::ProcessGone => "[process gone]",
        Outcome::DepthLimit => "[depth limit]",
        Outcome::Stuck => "[stuck]",
    }
}

/// The kernel reports the interrupted instruction, then return addresses.
fn kernel_locations(addresses: impl Iterator<Item = u64>) -> Vec<Location> {
    let lookup = |(at, address)| {
        let address =
            if at == 0 { Some(Address::Instruction(address)) } else { Address::from_return(address) };
        address.map(|address| Location::Kernel { address: address.lookup() })
    };
    addresses.enumerate().filter_map(lookup).collect()
}

fn user_location(address: CodeAddress, pid: u32) -> Location {
    match address {
        CodeAddress::File { executable, address } => Location::File { executable, address },
        CodeAddress::Anonymous { address } => Location::Jit { pid, address },
        CodeAddress::Unmapped { .. } => UNKNOWN,
    }
}

fn image_key(key: &agent_bpf::ImageKey) -> ImageKey {
    ImageKey {
        start_stack: key.start_stack,
        start_code: key.start_code,
        inode: key.exe_inode,
        ..ImageKey::default()
    }
}

fn stack_copy<'a>(user: &UserState<'a>) -> StackCopy<'a> {
    let end = match user.stack.end {
        agent_bpf::StackEnd::Top => StackEnd::Top,
        agent_bpf::StackEnd::Cap => StackEnd::Limit,
        agent_bpf::StackEnd::Fault => StackEnd::Fault,
    };
    StackCopy { start: user.stack.address, bytes: user.stack.bytes, end }
}

#[cfg(test)]
mod tests;
