//! One code object: read from memory, and told from another that took its address.

use std::{io, sync::Arc};

use crate::{
    Interpreter, Memory, Unnamed,
    layout::{BYTES_DATA, InstructionForm, OBJECT_SIZE, OBJECT_TYPE},
    lines,
    memory::{read_array, read_bytes, u32_at, u64_at},
    text::{self, Text},
};

/// Longest function name kept, in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 1024;
/// Longest file name kept, in bytes.
pub(crate) const FILE_BYTES_MAX: usize = 4096;
/// Longest line table kept; lines beyond it are not known.
const LINE_TABLE_BYTES_MAX: usize = 256 << 10;

/// What tells a code object from another that took its place: every pointer and number that naming depends on, and
/// the text of the name. Two functions at one address that agree in all of it have their name, first line and size
/// in common; then only the file's name could be wrong, and only if one file's name was freed and another's took its
/// address as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    first_line: u32,
    file: u64,
    line_table: u64,
    /// Number of code units, or the address of the code's `bytes` object before 3.11.
    size: u64,
    pub(crate) name: String,
}

/// A code object's names and lines.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) identity: Identity,
    pub(crate) function: Arc<str>,
    pub(crate) file: Arc<str>,
    line_table: Box<[u8]>,
}

/// Reads what tells code objects apart: two reads for most.
pub(crate) fn read_identity(
    memory: &dyn Memory,
    interpreter: &Interpreter,
    code: u64,
) -> Result<Identity, Unnamed> {
    let layout = &interpreter.code;
    let last = layout.line_table.max(layout.name).max(layout.file).max(layout.first_line);
    let head = read_bytes(memory, code, last as usize + 8)?;
    if u64_at(&head, OBJECT_TYPE as usize) != interpreter.code_type {
        return Err(Unnamed::NotCode);
    }
    let size = match layout.instruction {
        InstructionForm::Pointer => u64_at(&head, OBJECT_SIZE as usize),
        InstructionForm::Bytes | InstructionForm::Units => u64_at(&head, layout.code as usize),
    };
    let name = u64_at(&head, layout.name as usize);
    Ok(Identity {
        first_line: u32_at(&head, layout.first_line as usize),
        file: u64_at(&head, layout.file as usize),
        line_table: u64_at(&head, layout.line_table as usize),
        size,
        name: read_text(memory, interpreter, name, NAME_BYTES_MAX)?,
    })
}

fn read_text(
    memory: &dyn Memory,
    interpreter: &Interpreter,
    address: u64,
    bytes_max: usize,
) -> Result<String, Unnamed> {
    match text::read(memory, address, interpreter.unicode_type, &interpreter.code, bytes_max)? {
        Text::Is(text) => Ok(text),
        Text::IsNot => Err(Unnamed::NotText),
    }
}

impl Code {
    /// Reads the rest.
    pub(crate) fn read(
        memory: &dyn Memory,
        interpreter: &Interpreter,
        identity: Identity,
    ) -> Result<Self, Unnamed> {
        let file = read_text(memory, interpreter, identity.file, FILE_BYTES_MAX)?;
        let line_table = read_line_table(memory, identity.line_table)?;
        Ok(Self { function: identity.name.as_str().into(), file: file.into(), line_table, identity })
    }

    /// The line that an instruction belongs to, as the frame states it.
    pub(crate) fn line(&self, interpreter: &Interpreter, code: u64, instruction: u64) -> Option<u32> {
        let layout = &interpreter.code;
        // Before 3.11 the field is an int; what stands behind it is not part of it.
        let index = i64::from((instruction as u32).cast_signed());
        let offset = match layout.instruction {
            InstructionForm::Bytes => index,
            InstructionForm::Units => index * CODE_UNIT_BYTES,
            InstructionForm::Pointer => {
                let first = code.wrapping_add(layout.code.into());
                let offset = instruction.wrapping_sub(first).cast_signed();
                let end = self.identity.size.min(CODE_UNITS_MAX).cast_signed() * CODE_UNIT_BYTES;
                (-CODE_UNIT_BYTES..end).contains(&offset).then_some(offset)?
            }
        };
        lines::line(layout.lines, &self.line_table, self.identity.first_line, offset)
    }

    /// About what it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        CODE_BYTES + 2 * self.function.len() + self.file.len() + self.line_table.len()
    }
}

const CODE_UNIT_BYTES: i64 = 2;
/// No function has more; keeps sizes that are not sizes out of the arithmetic.
const CODE_UNITS_MAX: u64 = 1 << 32;
/// The struct, its heads and its entry in a map.
const CODE_BYTES: usize = 256;

fn read_line_table(memory: &dyn Memory, address: u64) -> io::Result<Box<[u8]>> {
    let head: [u8; BYTES_DATA as usize] = read_array(memory, address)?;
    let length = u64_at(&head, OBJECT_SIZE as usize).min(LINE_TABLE_BYTES_MAX as u64) as usize;
    read_bytes(memory, address.wrapping_add(BYTES_DATA.into()), length).map(Vec::into_boxed_slice)
}
