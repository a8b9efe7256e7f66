//! Execution evidence: which functions of a live process have ever run, read from the marks that CPython leaves in its
//! code objects for its own specialisation. Nothing is added to the process, and it is never stopped.
//!
//! A [`Scan`] looks at all words of the memory it is given for the type of code objects, names what it finds, and reads
//! the mark of each: [`Sign`] has what a mark means by version. What changes under the reader is dropped and counted,
//! so that no function gets another's name or mark.

mod adaptive;
mod sign;

use std::{collections::HashMap, ops::Range, sync::Arc};

use crate::{
    Interpreter, Memory, Refusal,
    code::{FILE_BYTES_MAX, NAME_BYTES_MAX},
    layout::{InstructionForm, OBJECT_SIZE, OBJECT_TYPE},
    memory::{read_bytes, u32_at, u64_at},
    text::{self, Text},
};

pub use sign::{ExecutionState, Sign};

/// A code object: one function, lambda, comprehension, class body or module body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeUnit {
    /// Where it is.
    pub address: u64,
    /// Its qualified name; before 3.11 its name alone.
    pub function: Arc<str>,
    /// The file it was compiled from, as the process has it.
    pub file: Arc<str>,
    /// Its first line.
    pub line: u32,
    /// What its mark says.
    pub sign: Sign,
    /// True when its body runs only while somebody iterates or awaits it.
    pub is_generator: bool,
    identity: Identity,
}

/// How a scan went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanCounters {
    /// Memory looked at.
    pub bytes: u64,
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
    buffer: Vec<u8>,
    /// File names by address; the same few are shared by all functions.
    files: HashMap<u64, Arc<str>>,
    units: Vec<CodeUnit>,
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

/// What is read at a time.
const BUFFER_BYTES: usize = 1 << 20;
const PAGE_BYTES: usize = 4096;
/// Objects are aligned to this, and have their reference count and type in the first so many bytes.
const OBJECT_ALIGNMENT: usize = 16;
/// A freed object has an address in place of its count.
const REFERENCES_MAX: u64 = u32::MAX as u64;
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

impl<'a> Scan<'a> {
    /// Has seen nothing yet.
    pub fn new(memory: &'a dyn Memory, interpreter: &'a Interpreter) -> Self {
        Self {
            memory,
            interpreter,
            buffer: Vec::new(),
            files: HashMap::new(),
            units: Vec::new(),
            counters: ScanCounters::default(),
        }
    }

    /// Looks at a piece of memory whose pages are all present.
    pub fn look(&mut self, range: Range<u64>) {
        let mut at = range.start.next_multiple_of(OBJECT_ALIGNMENT as u64);
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
    pub fn finish(mut self) -> Result<Evidence, Refusal> {
        self.drop_renamed_files();
        let Self { units, counters, .. } = self;
        let implausible = units.iter().filter(|unit| unit.sign == Sign::Implausible).count();
        let is_executed = |unit: &CodeUnit| unit.sign.state() == ExecutionState::Executed;
        if units.is_empty() && counters.unreadable_bytes >= counters.bytes {
            return Err(Refusal::Unreadable);
        }
        // An interpreter that runs has run its own start.
        if implausible * IMPLAUSIBLE_ONE_IN > units.len() || !units.iter().any(is_executed) {
            return Err(Refusal::Inconsistent);
        }
        Ok(Evidence { units, counters })
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
        for (head, at) in bytes.chunks_exact(OBJECT_ALIGNMENT).zip((start..).step_by(OBJECT_ALIGNMENT)) {
            if u64_at(head, OBJECT_TYPE as usize) == code_type && is_count(u64_at(head, 0)) {
                self.take(at);
            }
        }
    }

    fn take(&mut self, address: u64) {
        if self.units.len() >= UNITS_MAX {
            self.counters.beyond_limit += 1;
            return;
        }
        let Some(before) = self.identity(address) else {
            self.counters.not_code += 1;
            return;
        };
        let Some(function) = self.text(before.name, NAME_BYTES_MAX) else {
            self.counters.not_code += 1;
            return;
        };
        let known = self.files.get(&before.file).cloned();
        let Some(file) = known.or_else(|| self.text(before.file, FILE_BYTES_MAX)) else {
            self.counters.not_code += 1;
            return;
        };
        self.files.insert(before.file, file.clone());
        // The mark is read after the names, together with what tells that they are still its own.
        let head = read_head(self.memory, self.interpreter, address);
        let Some(head) = head.filter(|head| identify(self.interpreter, head) == Some(before)) else {
            self.counters.changed += 1;
            return;
        };
        let Some((sign, is_generator)) = sign::read(self.memory, self.interpreter, address, &head) else {
            self.counters.changed += 1;
            return;
        };
        let line = before.line;
        self.units.push(CodeUnit { address, function, file, line, sign, is_generator, identity: before });
    }

    fn identity(&self, address: u64) -> Option<Identity> {
        identify(self.interpreter, &read_head(self.memory, self.interpreter, address)?)
    }

    fn text(&self, address: u64, bytes_max: usize) -> Option<Arc<str>> {
        let Interpreter { unicode_type, code, .. } = self.interpreter;
        match text::read(self.memory, address, *unicode_type, code, bytes_max) {
            Ok(Text::Is(text)) => Some(text.into()),
            Ok(Text::IsNot) | Err(_) => None,
        }
    }

    /// File names were read once for all. One that is another text by now may have been another for some functions.
    fn drop_renamed_files(&mut self) {
        let is_same = |(address, file): &(&u64, &Arc<str>)| {
            self.text(**address, FILE_BYTES_MAX).as_ref() == Some(*file)
        };
        let kept: Vec<u64> = self.files.iter().filter(is_same).map(|(address, _)| *address).collect();
        if kept.len() == self.files.len() {
            return;
        }
        let before = self.units.len();
        self.units.retain(|unit| kept.contains(&unit.identity.file));
        self.counters.changed += (before - self.units.len()) as u64;
    }
}

impl CodeUnit {
    /// What the mark of this very code object says in another process, such as the one that this was forked from.
    /// `None` when that process has something else at the address.
    pub fn sign_in(&self, memory: &dyn Memory, interpreter: &Interpreter) -> Option<Sign> {
        let head = read_head(memory, interpreter, self.address)?;
        (identify(interpreter, &head)? == self.identity).then_some(())?;
        sign::read(memory, interpreter, self.address, &head).map(|(sign, _)| sign)
    }

    /// How many code units or, before 3.11, bytes of code it has: one more thing to tell functions apart by.
    pub fn size(&self) -> u64 {
        self.identity.size
    }
}

/// Everything of a code object before its instructions.
fn read_head(memory: &dyn Memory, interpreter: &Interpreter, address: u64) -> Option<Vec<u8>> {
    read_bytes(memory, address, sign::head_bytes(interpreter)).ok()
}

fn is_count(references: u64) -> bool {
    (1..=REFERENCES_MAX).contains(&references)
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
