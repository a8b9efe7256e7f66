//! The loop from leaf to root.

use std::sync::Arc;

use framehop::Error;

use crate::{
    Address, Backing, CodeAddress, Counters, ImageKey, Mapping, Outcome, ProcessFiles, Registers, Sample,
    StackEnd,
    executables::Executables,
    rules::{
        frame_pointer::{self, Position, Step},
        landmark::{self, Meaning},
        signal,
    },
    space::{AddressSpace, Code},
    spaces::Spaces,
};

/// Bounds on everything that grows with its input (I6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Frames of one stack.
    pub frames: usize,
    /// Address-space images.
    pub images: usize,
    /// Processes with mappings of their own beside those of their image.
    pub overlays: usize,
    /// Executables known by identity and layout.
    pub executables: usize,
    /// Bytes of unwind rows, the only large thing held.
    pub rows_bytes: usize,
    /// Bytes of unwind rows read in a second, over a while.
    pub rows_bytes_per_s: u64,
    /// Executable mappings of one process.
    pub mappings: usize,
    /// Bytes of one process's list of mappings.
    pub maps_bytes: usize,
    /// Shortest time between two readings of one process's mappings.
    pub reread_interval_ns: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frames: 512,
            images: 1024,
            overlays: 256,
            executables: 4096,
            rows_bytes: 12 << 20,
            rows_bytes_per_s: 4 << 20,
            mappings: 4096,
            maps_bytes: 4 << 20,
            reread_interval_ns: 500_000_000,
        }
    }
}

/// Finds the callers in copied stacks.
pub struct Unwinder {
    limits: Limits,
    spaces: Spaces,
    executables: Executables,
    counters: Counters,
}

impl Unwinder {
    /// An unwinder that knows nothing yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            spaces: Spaces::new(&limits),
            executables: Executables::new(&limits),
            counters: Counters::default(),
            limits,
        }
    }

    /// Puts the code addresses of a sample into `addresses`, leaf first, and says how it ended. There is always at
    /// least the leaf, whatever the outcome.
    pub fn unwind(
        &mut self,
        sample: &Sample<'_>,
        files: &dyn ProcessFiles,
        addresses: &mut Vec<CodeAddress>,
    ) -> Outcome {
        let mut outcome = self.attempt(sample, files, addresses);
        if outcome == Outcome::NoMapping && self.spaces.reread(sample, files, &mut self.counters) {
            outcome = self.attempt(sample, files, addresses);
        }
        self.counters.count(outcome);
        self.counters.rows_too_big = self.executables.too_big();
        outcome
    }

    /// The executable mappings of a process as they were last read for one of its samples.
    pub fn mappings(&mut self, pid: u32, image: ImageKey) -> impl Iterator<Item = &Mapping> {
        self.spaces.known(pid, image).into_iter().flat_map(AddressSpace::mappings)
    }

    /// A process has mapped code, so its mappings may be read again sooner than otherwise.
    pub fn mapped(&mut self, pid: u32) {
        self.spaces.mapped(pid);
    }

    /// Forgets what belongs to a process alone, now that it has ended. Bounds hold without this being called.
    pub fn forget_process(&mut self, pid: u32) {
        self.spaces.forget_process(pid);
    }

    /// Gives back memory: rows are read again when they are needed again.
    pub fn trim(&mut self) {
        self.executables.trim(&mut self.counters);
    }

    /// What was done so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    fn attempt(
        &mut self,
        sample: &Sample<'_>,
        files: &dyn ProcessFiles,
        addresses: &mut Vec<CodeAddress>,
    ) -> Outcome {
        addresses.clear();
        let Some(space) = self.spaces.get(sample, files, &mut self.counters) else {
            addresses.push(CodeAddress::Unmapped { address: sample.registers.ip });
            return Outcome::ProcessGone;
        };
        let mut walk = Walk {
            sample,
            files,
            space,
            executables: &mut self.executables,
            counters: &mut self.counters,
            retry_ns: self.limits.reread_interval_ns,
        };
        walk.run(self.limits.frames, addresses)
    }
}

/// Where the walk is: an address, the registers as they are there, and how it was reached.
#[derive(Clone, Copy)]
struct Here {
    address: Address,
    registers: Registers,
    position: Position,
}

/// One walk over one stack.
struct Walk<'a> {
    sample: &'a Sample<'a>,
    files: &'a dyn ProcessFiles,
    space: &'a mut AddressSpace,
    executables: &'a mut Executables,
    counters: &'a mut Counters,
    retry_ns: u64,
}

/// How far past its end a copy may be missed by for the miss to be called a matter of size. Threads' stacks have
/// eight megabytes as a rule; other stacks lie further away.
const SAME_STACK_BYTES: u64 = 8 << 20;

impl Walk<'_> {
    fn run(&mut self, frames_max: usize, addresses: &mut Vec<CodeAddress>) -> Outcome {
        let registers = self.sample.registers;
        let mut here =
            Here { address: Address::Instruction(registers.ip), registers, position: Position::Leaf };
        loop {
            if addresses.len() >= frames_max {
                return Outcome::DepthLimit;
            }
            let Some(at) = self.space.find(here.address.lookup()) else {
                // A return address that leads nowhere is not a frame; an instruction pointer is one wherever it is.
                if let Address::Instruction(address) = here.address {
                    addresses.push(CodeAddress::Unmapped { address });
                }
                return Outcome::NoMapping;
            };
            match self.step(at, here, addresses) {
                Ok(next) => here = next,
                Err(outcome) => return outcome,
            }
        }
    }

    /// Notes where we are, and moves to the caller.
    fn step(&mut self, at: usize, here: Here, addresses: &mut Vec<CodeAddress>) -> Result<Here, Outcome> {
        let is_anonymous = self.space.mapping(at).is_none_or(|mapping| mapping.backing == Backing::Anonymous);
        if is_anonymous {
            addresses.push(CodeAddress::Anonymous { address: here.address.lookup() });
            return self.step_by_frame_pointer(here, Outcome::Jit);
        }
        let when = (self.sample.pid, self.sample.at_ns, self.retry_ns);
        let Some(code) = self.space.code(at, self.executables, self.files, when) else {
            return Err(Outcome::NoMapping);
        };
        addresses.push(CodeAddress::File {
            executable: Arc::clone(&code.known.executable),
            address: here.address.lookup().wrapping_sub(code.bias),
        });
        match code.meaning(here.address) {
            Some(Meaning::SignalReturn) => self.step_over_signal(here),
            Some(Meaning::ContextStart | Meaning::GreenletStart) => Err(Outcome::Complete),
            None => self.step_by_rows(at, &code, here),
        }
    }

    fn step_over_signal(&mut self, here: Here) -> Result<Here, Outcome> {
        let registers = signal::interrupted(here.registers.sp, &self.sample.stack)
            .map_err(|address| self.unread(address, Outcome::StackSwitch))?;
        self.counters.signal_frames += 1;
        Ok(Here { address: Address::Instruction(registers.ip), registers, position: Position::Leaf })
    }

    fn step_by_rows(&mut self, at: usize, code: &Code, here: Here) -> Result<Here, Outcome> {
        let has_rows = code.known.layout.as_ref().is_some_and(|layout| layout.eh_frame.is_some());
        let mapping = self.space.mapping(at);
        let no_rows = if code.known.is_readable() { Outcome::NoRows } else { Outcome::FileUnreadable };
        let rows = mapping.filter(|_| has_rows).ok_or(no_rows).and_then(|mapping| {
            let at = (self.sample.pid, mapping, self.sample.at_ns);
            self.executables.rows(&code.known, self.files, at, self.counters)
        });
        let rows = match rows {
            Ok(rows) => rows,
            Err(outcome) => return self.step_by_frame_pointer(here, outcome),
        };
        let in_file = here.address.lookup().wrapping_sub(code.bias);
        // Without a row framehop takes the leaf for a stub that pushed nothing, which is wrong for whole programs
        // built without rows.
        if here.position == Position::Leaf && !rows.covers(in_file) {
            return self.step_by_frame_pointer(here, Outcome::NoRows);
        }
        let mut registers = here.registers;
        match rows.step(here.address, code.bias, &mut registers, &self.sample.stack) {
            Ok(None) => Err(Outcome::Complete),
            Ok(Some(address)) if here.position == Position::Leaf || registers.sp > here.registers.sp => {
                Ok(Here { address, registers, position: Position::Called })
            }
            Ok(Some(_)) => Err(Outcome::Stuck),
            Err(error) => {
                let otherwise = if rows.covers(in_file) { Outcome::StackSwitch } else { Outcome::NoRows };
                match error {
                    Error::CouldNotReadStack(address) => Err(self.unread(address, otherwise)),
                    _ if otherwise == Outcome::NoRows => Err(otherwise),
                    _ => Err(Outcome::Stuck),
                }
            }
        }
    }

    fn step_by_frame_pointer(&self, here: Here, otherwise: Outcome) -> Result<Here, Outcome> {
        let is_code =
            |ip| Address::from_return(ip).is_some_and(|address| self.space.find(address.lookup()).is_some());
        match frame_pointer::step(here.registers, here.position, &self.sample.stack, is_code) {
            Step::Caller(registers) => {
                let address = Address::from_return(registers.ip).ok_or(otherwise)?;
                Ok(Here { address, registers, position: Position::OnChain })
            }
            Step::Root => Err(Outcome::Complete),
            Step::Unread(address) => Err(self.unread(address, otherwise)),
            Step::Lost => Err(otherwise),
        }
    }

    /// Why bytes at an address were not in the copy.
    fn unread(&self, address: u64, otherwise: Outcome) -> Outcome {
        let stack = &self.sample.stack;
        let end = stack.start.saturating_add(stack.bytes.len() as u64);
        // A word that straddles the end begins before it.
        let is_near = address.saturating_add(8) > end && address.saturating_sub(end) < SAME_STACK_BYTES;
        match stack.end {
            _ if stack.bytes.is_empty() => Outcome::ReadFault,
            StackEnd::Limit if is_near => Outcome::BeyondCopy,
            StackEnd::Fault if is_near => Outcome::ReadFault,
            _ => otherwise,
        }
    }
}

impl Code {
    /// What a rule of our own says of an address in this executable.
    fn meaning(&self, address: Address) -> Option<Meaning> {
        let landmarks = &self.known.layout.as_ref()?.landmarks;
        landmark::at(landmarks, address.runtime().wrapping_sub(self.bias))
    }
}
