//! What a code object does, as a hash: the same wherever its function stands in its file, in every process and after
//! it ran; another one once an instruction, a constant or a name of it changes.

use std::collections::HashMap;

use twox_hash::XxHash3_128;

use super::{
    CODE_UNITS_MAX, CodeUnit, Identity, UNITS_MAX, identify, instructions, instructions::Instructions, sign,
    text_of,
};
use crate::{
    Interpreter, Memory,
    layout::{BYTES_DATA, OBJECT_SIZE, OBJECT_TYPE},
    memory::{read_array, read_bytes, read_u64, u32_at, u64_at},
};

/// What a code object does, and what it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Body {
    /// Instructions as compiled, constants, names and variables; not its own name, file and lines. Every minor version
    /// compiles differently, so it has hashes of its own.
    pub hash: u128,
    /// Memory of the code object with its tables. Constants and names are left out: others may have them, too.
    pub bytes: u32,
}

/// Reads the bodies of code objects of one process, each once: what code holds of other code is looked up.
pub struct Bodies<'a> {
    memory: &'a dyn Memory,
    interpreter: &'a Interpreter,
    fields: &'static Fields,
    instructions: Option<&'static Instructions>,
    /// By the address of a type.
    kinds: HashMap<u64, Type>,
    known: HashMap<u64, Option<(Identity, Body)>>,
    /// Objects that may still be read for the code object at hand.
    left: u32,
}

/// How an object's content is read.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Bytes,
    Int,
    Float,
    Complex,
    Tuple,
    Set,
    Code,
    /// One of a kind, or nothing that a compiler makes a constant of.
    Other,
}

/// A type, by the hash of its name.
type Type = (Kind, u128);

/// Where a code object has what it consists of.
struct Fields {
    flags: usize,
    /// Numbers of arguments: all, those by position only, those by keyword only.
    arguments: [usize; 3],
    constants: usize,
    /// Tuples of names: those used, and those of variables.
    names: &'static [usize],
    /// Instructions; since 3.11 kinds of variables and where exceptions are handled.
    bytes: &'static [usize],
}

/// What a constant is a constant of.
#[derive(Clone, Copy)]
struct Owner {
    /// Its first line, where its constants may say so.
    line: Option<u32>,
    depth: usize,
}

/// Objects of one code object, those inside of others included.
const OBJECTS_MAX: u32 = 1 << 18;
const ITEMS_MAX: u64 = 1 << 16;
/// Longer content counts by its beginning and, where that is known, its length.
const CONTENT_BYTES_MAX: usize = 1 << 20;
/// Code in code, and tuples in tuples.
const DEPTH_MAX: usize = 32;
const TYPE_NAME: u64 = 24;
const TYPE_NAME_BYTES: usize = 16;
const ITEMS: u64 = 24;
const NUMBER: u64 = 16;
const DIGITS: u64 = 24;
const SET_BYTES: usize = 48;
const SET_MASK: usize = 32;
const SET_TABLE: usize = 40;
const SET_ENTRY_BYTES: usize = 16;
/// What a code object takes itself before 3.11; later its instructions are a part of it.
const CODE_BYTES: u64 = 176;
/// Before a tuple, the collector's links; after the data of `bytes`, a zero.
const COLLECTOR_BYTES: u64 = 16;
/// A class of 3.13 says its own line, and what it calls its attributes in any order.
const CLASS_LINE: &str = "__firstlineno__";
const CLASS_LINE_MINOR: u8 = 13;
/// Stands for the line itself.
const LINE_MARK: &[u8] = b"line";

const FIELDS_8: Fields =
    Fields { flags: 36, arguments: [16, 20, 24], constants: 56, names: &[64, 72, 80, 88], bytes: &[48] };
const FIELDS_11: Fields =
    Fields { flags: 48, arguments: [56, 60, 64], constants: 24, names: &[32, 96], bytes: &[104, 40] };
const FIELDS_12: Fields = Fields { arguments: [52, 56, 60], ..FIELDS_11 };

impl<'a> Bodies<'a> {
    /// Has read nothing yet. What is read once is believed, so that memory that keeps what it read is of use here.
    pub fn new(memory: &'a dyn Memory, interpreter: &'a Interpreter) -> Self {
        let minor = interpreter.version.minor;
        let fields = match minor {
            ..=10 => &FIELDS_8,
            11 => &FIELDS_11,
            _ => &FIELDS_12,
        };
        let instructions = instructions::of_minor(minor);
        let (kinds, known) = (HashMap::new(), HashMap::new());
        Self { memory, interpreter, fields, instructions, kinds, known, left: 0 }
    }

    /// The body of a code object that a scan found. `None` when it is not there any more, or not to be read: a tool
    /// that watches the program changes instructions.
    pub fn read(&mut self, unit: &CodeUnit) -> Option<Body> {
        self.left = OBJECTS_MAX;
        let (identity, body) = self.code(unit.address, 0)?;
        (identity == unit.identity).then_some(body)
    }

    fn code(&mut self, address: u64, depth: usize) -> Option<(Identity, Body)> {
        if let Some(known) = self.known.get(&address) {
            return *known;
        }
        let read = self.read_code(address, depth);
        if self.known.len() < UNITS_MAX {
            self.known.insert(address, read);
        }
        read
    }

    fn read_code(&mut self, address: u64, depth: usize) -> Option<(Identity, Body)> {
        self.count()?;
        let head = read_bytes(self.memory, address, sign::head_bytes(self.interpreter)).ok()?;
        let identity = identify(self.interpreter, &head)?;
        let fields = self.fields;
        let at = |offset: usize| u64_at(&head, offset);
        let mut content = vec![self.interpreter.version.minor];
        for offset in fields.arguments.iter().chain([&fields.flags]) {
            content.extend(u32_at(&head, *offset).to_le_bytes());
        }
        let mut bytes = self.add_instructions(address, &identity, &mut content)?;
        for offset in fields.bytes {
            bytes += self.add_bytes(at(*offset), &mut content)?;
        }
        let mut is_class = false;
        for offset in fields.names {
            let names = self.items(at(*offset))?;
            bytes += tuple_bytes(names.len());
            content.extend((names.len() as u64).to_le_bytes());
            for name in names {
                let name = self.text(name)?;
                is_class |= name == CLASS_LINE && self.interpreter.version.minor >= CLASS_LINE_MINOR;
                add_framed(&mut content, name.as_bytes());
            }
        }
        let constants = self.items(at(fields.constants))?;
        bytes += tuple_bytes(constants.len());
        content.extend((constants.len() as u64).to_le_bytes());
        let owner = Owner { line: is_class.then_some(identity.line), depth: depth + 1 };
        for constant in constants {
            content.extend(self.constant(constant, owner)?.to_le_bytes());
        }
        bytes += bytes_bytes(self.bytes_length(identity.line_table)?);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        Some((identity, Body { hash: XxHash3_128::oneshot(&content), bytes }))
    }

    /// The instructions that are a part of the object; returns what the object itself takes.
    fn add_instructions(&self, address: u64, identity: &Identity, content: &mut Vec<u8>) -> Option<u64> {
        let Some(instructions) = self.instructions else { return Some(CODE_BYTES) };
        let offset = u64::from(self.interpreter.code.code);
        let length = 2 * identity.size.min(CODE_UNITS_MAX);
        let mut code = read_bytes(self.memory, address.wrapping_add(offset), length as usize).ok()?;
        instructions.restore(&mut code).then_some(())?;
        add_framed(content, &code);
        Some(offset + length)
    }

    /// The hash of a constant.
    fn constant(&mut self, address: u64, owner: Owner) -> Option<u128> {
        self.count()?;
        let object_type = read_u64(self.memory, address.wrapping_add(OBJECT_TYPE.into())).ok()?;
        let (kind, name) = self.kind(object_type)?;
        let mut content = name.to_le_bytes().to_vec();
        match kind {
            Kind::Text => content.extend(self.text(address)?.as_bytes()),
            Kind::Bytes => {
                self.add_bytes(address, &mut content)?;
            }
            Kind::Int => self.add_int(address, owner, &mut content)?,
            Kind::Float => {
                content.extend(read_array::<8>(self.memory, address.wrapping_add(NUMBER)).ok()?);
            }
            Kind::Complex => {
                content.extend(read_array::<16>(self.memory, address.wrapping_add(NUMBER)).ok()?);
            }
            Kind::Tuple => {
                let items = self.items(address)?;
                self.add_items(&items, owner.line.is_some(), owner, &mut content)?;
            }
            Kind::Set => {
                let items = self.set_items(address)?;
                self.add_items(&items, true, owner, &mut content)?;
            }
            Kind::Code => content.extend(self.inner(address, owner)?.to_le_bytes()),
            Kind::Other => {}
        }
        Some(XxHash3_128::oneshot(&content))
    }

    fn inner(&mut self, address: u64, owner: Owner) -> Option<u128> {
        (owner.depth < DEPTH_MAX).then_some(())?;
        self.code(address, owner.depth).map(|(_, body)| body.hash)
    }

    /// The order of a set depends on the process.
    fn add_items(
        &mut self,
        items: &[u64],
        is_unordered: bool,
        owner: Owner,
        content: &mut Vec<u8>,
    ) -> Option<()> {
        (owner.depth < DEPTH_MAX).then_some(())?;
        let owner = Owner { depth: owner.depth + 1, ..owner };
        let mut hashes = Vec::with_capacity(items.len());
        for item in items {
            hashes.push(self.constant(*item, owner)?);
        }
        if is_unordered {
            hashes.sort_unstable();
        }
        content.extend((items.len() as u64).to_le_bytes());
        content.extend(hashes.iter().flat_map(|hash| hash.to_le_bytes()));
        Some(())
    }

    fn add_int(&self, address: u64, owner: Owner, content: &mut Vec<u8>) -> Option<()> {
        let size = read_u64(self.memory, address.wrapping_add(OBJECT_SIZE.into())).ok()?;
        // Since 3.12 the lowest bits say the sign: 0 above zero, 2 below.
        let (count, is_negative) = match self.interpreter.version.minor {
            ..=11 => (size.cast_signed().unsigned_abs(), size.cast_signed() < 0),
            _ => (size >> 3, size & 3 == 2),
        };
        (count < ITEMS_MAX).then_some(())?;
        let digits = read_bytes(self.memory, address.wrapping_add(DIGITS), 4 * count as usize).ok()?;
        let value = u64::from(u32_at(&digits, 0)) + (u64::from(u32_at(&digits, 4)) << 30);
        if count <= 2 && !is_negative && owner.line.is_some_and(|line| u64::from(line) == value) {
            content.extend(LINE_MARK);
            return Some(());
        }
        content.push(is_negative.into());
        content.extend(digits);
        Some(())
    }

    /// The data of a `bytes` object; returns what the object takes.
    fn add_bytes(&self, address: u64, content: &mut Vec<u8>) -> Option<u64> {
        let length = self.bytes_length(address)?;
        let read = (length as usize).min(CONTENT_BYTES_MAX);
        let data = read_bytes(self.memory, address.wrapping_add(BYTES_DATA.into()), read).ok()?;
        content.extend(length.to_le_bytes());
        content.extend(data);
        Some(bytes_bytes(length))
    }

    fn bytes_length(&self, address: u64) -> Option<u64> {
        let length = read_u64(self.memory, address.wrapping_add(OBJECT_SIZE.into())).ok()?;
        (length <= 4 * CODE_UNITS_MAX).then_some(length)
    }

    /// The addresses in a tuple.
    fn items(&self, address: u64) -> Option<Vec<u64>> {
        let count = read_u64(self.memory, address.wrapping_add(OBJECT_SIZE.into())).ok()?;
        (count <= ITEMS_MAX).then_some(())?;
        let items = read_bytes(self.memory, address.wrapping_add(ITEMS), 8 * count as usize).ok()?;
        Some(items.chunks_exact(8).map(|item| u64_at(item, 0)).collect())
    }

    fn set_items(&self, address: u64) -> Option<Vec<u64>> {
        let head: [u8; SET_BYTES] = read_array(self.memory, address).ok()?;
        let slots = u64_at(&head, SET_MASK).checked_add(1).filter(|slots| *slots <= ITEMS_MAX)?;
        let entries = read_bytes(self.memory, u64_at(&head, SET_TABLE), slots as usize * SET_ENTRY_BYTES);
        let entries = entries.ok()?;
        let items = entries.chunks_exact(SET_ENTRY_BYTES).map(|entry| u64_at(entry, 0));
        Some(items.filter(|item| *item != 0).collect())
    }

    fn text(&mut self, address: u64) -> Option<String> {
        self.count()?;
        text_of(self.memory, self.interpreter, address, CONTENT_BYTES_MAX)
    }

    fn kind(&mut self, address: u64) -> Option<Type> {
        if let Some(known) = self.kinds.get(&address) {
            return Some(*known);
        }
        let name = read_u64(self.memory, address.wrapping_add(TYPE_NAME)).ok()?;
        let name: [u8; TYPE_NAME_BYTES] = read_array(self.memory, name).ok()?;
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        let kind = match name {
            b"str" => Kind::Text,
            b"bytes" => Kind::Bytes,
            b"int" | b"bool" => Kind::Int,
            b"float" => Kind::Float,
            b"complex" => Kind::Complex,
            b"tuple" => Kind::Tuple,
            b"frozenset" => Kind::Set,
            _ if address == self.interpreter.code_type => Kind::Code,
            _ => Kind::Other,
        };
        let found = (kind, XxHash3_128::oneshot(name));
        if self.kinds.len() < ITEMS_MAX as usize {
            self.kinds.insert(address, found);
        }
        Some(found)
    }

    fn count(&mut self) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        Some(())
    }
}

/// Bytes with their length, so that what follows is never taken for a part of them.
fn add_framed(content: &mut Vec<u8>, bytes: &[u8]) {
    content.extend((bytes.len() as u64).to_le_bytes());
    content.extend(bytes);
}

/// What a tuple takes. There is only one that is empty.
fn tuple_bytes(items: usize) -> u64 {
    if items == 0 { 0 } else { COLLECTOR_BYTES + ITEMS + 8 * items as u64 }
}

fn bytes_bytes(length: u64) -> u64 {
    if length == 0 { 0 } else { u64::from(BYTES_DATA) + 1 + length }
}
