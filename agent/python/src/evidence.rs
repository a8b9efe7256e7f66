//! Execution evidence: which functions of a live process have ever run, read from the marks that CPython leaves in its
//! code objects for its own specialisation. Nothing is added to the process, and it is never stopped.
//!
//! A [`Scan`] looks at all words of the memory it is given for the type of code objects, names what it found, and reads
//! the mark of each: [`Sign`] has what a mark means by version. What changes under the reader is dropped and counted,
//! so that no function gets another's name or mark. Marks that are known are read again by [`poll`], and what a function
//! does is told by [`Bodies`].

mod adaptive;
mod body;
mod branches;
mod instructions;
mod names;
mod places;
mod poll;
mod pools;
mod qualified;
mod sign;
mod verify;

use std::{ops::Range, sync::Arc};

use crate::{
    Interpreter, Memory, Refusal,
    layout::{InstructionForm, OBJECT_SIZE, OBJECT_TYPE, is_count},
    memory::{read_bytes, u32_at, u64_at},
    text::{self, Text},
};

pub use body::{Bodies, Body};
pub use branches::{Branches, Hidden, branches};
pub use poll::{Content, Look, MarkPlace, Watched, poll};
pub use sign::{ExecutionState, Mark, Sign};

use qualified::Functions;

/// A code object: one function, lambda, comprehension, class body or module body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeUnit {
    /// Where it is.
    pub address: u64,
    /// Its qualified name. Before 3.11 its name alone, where nothing that could be found says more.
    pub function: Arc<str>,
    /// The file it was compiled from, as the process has it.
    pub file: Arc<str>,
    /// Its first line.
    pub line: u32,
    /// Its mark.
    pub mark: Mark,
    identity: Identity,
}

/// How a scan went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanCounters {
    /// Memory looked at.
    pub bytes: u64,
    /// Of that, memory of objects that are smaller than any code object: it was not read.
    pub smaller_bytes: u64,
    /// Memory that was gone before it could be read.
    pub unreadable_bytes: u64,
    /// Words that looked like a code object and were none: freed ones, and words on stacks.
    pub not_code: u64,
    /// Code objects that changed or went away while they were read.
    pub changed: u64,
    /// Code objects beyond [`UNITS_MAX`].
    pub beyond_limit: u64,
}

/// Finds the code objects of one process, one piece of its memory after the other.
pub struct Scan<'a> {
    memory: &'a dyn Memory,
    interpreter: &'a Interpreter,
    /// The same memory where it need not be read anew.
    cache: &'a dyn Memory,
    buffer: Vec<u8>,
    found: Vec<Found>,
    /// Only where code objects do not have their qualified names.
    functions: Option<Functions>,
    counters: ScanCounters,
}

/// All that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// In order of address where the memory was given so.
    pub units: Vec<CodeUnit>,
    /// How it went.
    pub counters: ScanCounters,
}

/// Most code objects kept of one process; a large Django site has 60,000.
pub const UNITS_MAX: usize = 200_000;
/// First minor version whose code objects have their qualified names; before, they are found by functions elsewhere.
pub const QUALIFIED_SINCE_MINOR: u8 = 11;

/// What is read at a time: less than a core's own cache has.
const BUFFER_BYTES: usize = 1 << 18;
const PAGE_BYTES: usize = 4096;
/// Objects are aligned to this, and have their reference count and type in the first so many bytes.
const OBJECT_ALIGNMENT: usize = 16;
/// No function has more code units.
const CODE_UNITS_MAX: u64 = 1 << 24;
/// Of so many units at most one may have a mark that no interpreter writes; else the layout is another.
const IMPLAUSIBLE_ONE_IN: usize = 100;

/// What tells a code object from another that took its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    name: u64,
    file: u64,
    line_table: u64,
    line: u32,
    size: u64,
}

/// What looked like a code object when it was read first.
#[derive(Clone, Copy, Debug)]
struct Found {
    address: u64,
    identity: Identity,
}

impl<'a> Scan<'a> {
    /// Has seen nothing yet.
    pub fn new(memory: &'a dyn Memory, interpreter: &'a Interpreter) -> Self {
        Self {
            memory,
            interpreter,
            cache: memory,
            buffer: Vec::new(),
            found: Vec::new(),
            functions: None,
            counters: ScanCounters::default(),
        }
    }

    /// Reads what is compared with fresh memory later from this, which may keep what it read.
    pub fn with_cache(self, cache: &'a dyn Memory) -> Self {
        Self { cache, ..self }
    }

    /// Also looks for functions, whose type is at this address, to qualify names before 3.11.
    pub fn with_function_type(self, address: u64) -> Self {
        let is_needed = self.interpreter.version.minor < QUALIFIED_SINCE_MINOR;
        Self { functions: is_needed.then(|| Functions::new(address)), ..self }
    }

    /// Looks at a piece of memory whose pages are all present.
    pub fn look(&mut self, range: Range<u64>) {
        self.memory.expect(range.clone());
        let least_bytes = self.least_bytes();
        let mut unread = range.start.next_multiple_of(OBJECT_ALIGNMENT as u64)..range.end;
        let first_pool = range.start.next_multiple_of(pools::POOL_BYTES);
        let has_pools = self.interpreter.version.minor >= pools::SINCE_MINOR;
        for pool in (first_pool..range.end).step_by(pools::POOL_BYTES as usize).filter(|_| has_pools) {
            let end = pool.saturating_add(pools::POOL_BYTES);
            if end <= range.end && pools::is_of_smaller(self.memory, pool, least_bytes) {
                self.counters.bytes += pools::POOL_BYTES;
                self.counters.smaller_bytes += pools::POOL_BYTES;
                self.read_through(unread.start..pool);
                unread.start = end;
            }
        }
        self.read_through(unread);
        self.memory.expect(0..0);
    }

    /// What is looked for has at least so many bytes.
    fn least_bytes(&self) -> u64 {
        let code_bytes = sign::head_bytes(self.interpreter);
        let least =
            if self.functions.is_some() { code_bytes.min(qualified::FUNCTION_BYTES) } else { code_bytes };
        least as u64
    }

    fn read_through(&mut self, range: Range<u64>) {
        let mut at = range.start;
        while at < range.end {
            let length = (range.end - at).min(BUFFER_BYTES as u64) as usize;
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.resize(length, 0);
            if self.memory.read(at, &mut buffer).is_ok() {
                self.look_in(at, &buffer);
            } else {
                self.look_by_page(at, &mut buffer);
            }
            self.buffer = buffer;
            at = at.saturating_add(length as u64);
        }
    }

    /// Ends the scan. Fails when the marks make no sense, so that this build's layout is another than the table's, or
    /// when the process is no more.
    pub fn finish(self) -> Result<Evidence, Refusal> {
        let Evidence { units, counters } = self.finish_part();
        let implausible = units.iter().filter(|unit| unit.mark.sign == Sign::Implausible).count();
        let is_executed = |unit: &CodeUnit| unit.mark.sign.state() == ExecutionState::Executed;
        if units.is_empty() && counters.unreadable_bytes >= counters.bytes {
            return Err(Refusal::Unreadable);
        }
        // An interpreter that runs has run its own start.
        if implausible * IMPLAUSIBLE_ONE_IN > units.len() || !units.iter().any(is_executed) {
            return Err(Refusal::Inconsistent);
        }
        Ok(Evidence { units, counters })
    }

    /// Ends a scan of a part of a process that was found to make sense as a whole.
    pub fn finish_part(self) -> Evidence {
        let Self { memory, interpreter, cache, mut found, functions, mut counters, .. } = self;
        found.sort_by_key(|found| found.address);
        let mut units = verify::units((memory, cache), interpreter, &found, &mut counters);
        if let Some(functions) = &functions {
            functions.qualify(memory, interpreter, &mut units);
        }
        Evidence { units, counters }
    }

    fn look_by_page(&mut self, start: u64, buffer: &mut [u8]) {
        for (page, at) in buffer.chunks_mut(PAGE_BYTES).zip((start..).step_by(PAGE_BYTES)) {
            if self.memory.read(at, page).is_ok() {
                self.look_in(at, page);
            } else {
                self.counters.bytes += page.len() as u64;
                self.counters.unreadable_bytes += page.len() as u64;
            }
        }
    }

    fn look_in(&mut self, start: u64, bytes: &[u8]) {
        self.counters.bytes += bytes.len() as u64;
        let code_type = self.interpreter.code_type;
        let function_type = self.functions.as_ref().map(|functions| functions.type_address);
        let head_bytes = sign::head_bytes(self.interpreter);
        let (heads, _) = bytes.as_chunks::<OBJECT_ALIGNMENT>();
        for (head, offset) in heads.iter().zip((0..).step_by(OBJECT_ALIGNMENT)) {
            let object_type = u64_at(head, OBJECT_TYPE as usize);
            let at = start.saturating_add(offset as u64);
            if object_type == code_type && is_count(u64_at(head, 0)) {
                self.take(at, bytes.get(offset..offset + head_bytes));
            } else if Some(object_type) == function_type
                && let Some(functions) = &mut self.functions
            {
                let head = bytes.get(offset..offset + qualified::FUNCTION_BYTES);
                functions.add(self.memory, self.interpreter, (at, head), UNITS_MAX);
            }
        }
    }

    /// Takes it for a code object for now. `head` is what was read of it already.
    fn take(&mut self, address: u64, head: Option<&[u8]>) {
        let identity = match head {
            Some(head) => identify(self.interpreter, head),
            None => read_bytes(self.memory, address, sign::head_bytes(self.interpreter))
                .ok()
                .and_then(|head| identify(self.interpreter, &head)),
        };
        match identity {
            Some(_) if self.found.len() >= UNITS_MAX => self.counters.beyond_limit += 1,
            Some(identity) => self.found.push(Found { address, identity }),
            None => self.counters.not_code += 1,
        }
    }
}

impl CodeUnit {
    /// What the mark of this very code object says in another process, such as the one that this was forked from.
    /// `None` when that process has something else at the address.
    pub fn sign_in(&self, memory: &dyn Memory, interpreter: &Interpreter) -> Option<Sign> {
        mark_of(memory, interpreter, self.address, &self.identity).map(|mark| mark.sign)
    }
}

/// The mark of a code object that is still this one.
fn mark_of(
    memory: &dyn Memory,
    interpreter: &Interpreter,
    address: u64,
    identity: &Identity,
) -> Option<Mark> {
    let head = read_bytes(memory, address, sign::first_bytes(interpreter, identity.size)).ok()?;
    (identify(interpreter, &head)? == *identity).then_some(())?;
    sign::read(memory, interpreter, address, &head)
}

fn text_of(memory: &dyn Memory, interpreter: &Interpreter, address: u64, bytes_max: usize) -> Option<String> {
    match text::read(memory, address, interpreter.unicode_type, &interpreter.code, bytes_max) {
        Ok(Text::Is(text)) => Some(text),
        Ok(Text::IsNot) | Err(_) => None,
    }
}

fn identify(interpreter: &Interpreter, head: &[u8]) -> Option<Identity> {
    let layout = &interpreter.code;
    let is_object = u64_at(head, OBJECT_TYPE as usize) == interpreter.code_type && is_count(u64_at(head, 0));
    let line = u32_at(head, layout.first_line as usize);
    let size = match layout.instruction {
        InstructionForm::Pointer => u64_at(head, OBJECT_SIZE as usize),
        InstructionForm::Bytes | InstructionForm::Units => u64_at(head, layout.code as usize),
    };
    let is_sized = layout.instruction != InstructionForm::Pointer || (1..=CODE_UNITS_MAX).contains(&size);
    let pointer = |offset: u16| Some(u64_at(head, offset as usize)).filter(|pointer| *pointer != 0);
    (is_object && is_sized && line.cast_signed() >= 0).then_some(())?;
    Some(Identity {
        name: pointer(layout.name)?,
        file: pointer(layout.file)?,
        line_table: pointer(layout.line_table)?,
        line,
        size,
    })
}

#[cfg(test)]
mod tests;
