//! Types of objects: proven before they are believed, and read once.

use std::{io, rc::Rc};

use foldhash::{HashMap, HashMapExt};

use super::{
    PageMemory,
    fingerprint::{self, Fingerprint},
};
use crate::{
    layout::OBJECT_TYPE,
    memory::{read_array, read_u64, u64_at},
};

/// How an object is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    List = 1,
    Tuple,
    Dict,
    Set,
    Text,
    Bytes,
    ByteArray,
    Int,
    Float,
    Code,
    Function,
    Class,
    Module,
    /// Holds one object in its third word: cells, static and class methods.
    Holder,
    /// Anything else: what its type says about attributes is followed.
    Instance,
}

/// What a type says about its objects.
#[derive(Debug)]
pub(super) struct Type {
    pub(super) kind: Kind,
    pub(super) name: String,
    /// Of the name, which every object's content begins with.
    pub(super) fingerprint: Fingerprint,
    pub(super) basic_bytes: u64,
    pub(super) item_bytes: u64,
    /// True when the collector has its links before the object.
    pub(super) is_collected: bool,
    /// True when its objects keep attributes in two words before themselves.
    pub(super) has_managed_dict: bool,
    /// True when its objects keep attributes behind themselves (3.13).
    pub(super) has_inline_values: bool,
    /// True for types made while the program runs.
    pub(super) is_heap_type: bool,
    /// Offset of the dictionary's address; 0 without one, from the end when negative.
    pub(super) dict_offset: i64,
    /// Offsets of attributes that have slots.
    pub(super) slots: Vec<u64>,
}

/// The types of one process, bounded.
#[derive(Debug)]
pub(super) struct Types {
    type_type: u64,
    code_type: u64,
    known: HashMap<u64, Option<Rc<Type>>>,
}

const TYPES_MAX: usize = 1 << 17;
const NAME: usize = 24;
const BASIC_SIZE: usize = 32;
const ITEM_SIZE: usize = 40;
const FLAGS: usize = 168;
const MEMBERS: usize = 240;
const BASE: usize = 256;
const DICT_OFFSET: usize = 288;
const TYPE_BYTES: usize = DICT_OFFSET + 8;

const INLINE_VALUES: u64 = 1 << 2;
const MANAGED_DICT: u64 = 1 << 4;
const HEAP_TYPE: u64 = 1 << 9;
const COLLECTED: u64 = 1 << 14;
const IS_TYPE: u64 = 1 << 31;
/// Kinds that the flags of a type and all types derived from it tell.
const KINDS: [(u64, Kind); 7] = [
    (IS_TYPE, Kind::Class),
    (1 << 29, Kind::Dict),
    (1 << 28, Kind::Text),
    (1 << 27, Kind::Bytes),
    (1 << 26, Kind::Tuple),
    (1 << 25, Kind::List),
    (1 << 24, Kind::Int),
];

/// No object that is not itself a container is larger at its base.
const BASIC_BYTES_MAX: u64 = 1 << 20;
/// A metaclass of a metaclass is rare, and one of that is not made.
const METACLASSES_MAX: usize = 4;
const BASES_MAX: usize = 16;
const SLOTS_MAX: usize = 64;
const MEMBER_BYTES: u64 = 40;
/// Member types that are references to objects.
const REFERENCES: [u32; 2] = [6, 16];
const NAME_BYTES: usize = 64;

impl Types {
    pub(super) fn new(type_type: u64, code_type: u64) -> Self {
        Self { type_type, code_type, known: HashMap::new() }
    }

    /// The type at an address; `None` when there is none.
    pub(super) fn get(&mut self, memory: &dyn PageMemory, address: u64) -> Option<Rc<Type>> {
        if let Some(known) = self.known.get(&address) {
            return known.clone();
        }
        let read = self.read(memory, address).ok().flatten().map(Rc::new);
        if self.known.len() < TYPES_MAX {
            self.known.insert(address, read.clone());
        }
        read
    }

    /// All that were met.
    pub(super) fn proven(&self) -> impl Iterator<Item = (u64, &Type)> {
        self.known.iter().filter_map(|(address, kind)| Some((*address, kind.as_deref()?)))
    }

    fn read(&self, memory: &dyn PageMemory, address: u64) -> io::Result<Option<Type>> {
        if !self.is_type(memory, address)? {
            return Ok(None);
        }
        let bytes: [u8; TYPE_BYTES] = read_array(memory, address)?;
        let flags = u64_at(&bytes, FLAGS);
        let name = read_name(memory, u64_at(&bytes, NAME))?;
        let (basic_bytes, item_bytes) = (u64_at(&bytes, BASIC_SIZE), u64_at(&bytes, ITEM_SIZE));
        if !(16..=BASIC_BYTES_MAX).contains(&basic_bytes) || item_bytes > BASIC_BYTES_MAX {
            return Ok(None);
        }
        let is_heap_type = flags & HEAP_TYPE != 0;
        Ok(Some(Type {
            kind: self.kind(address, flags, is_heap_type, &name),
            fingerprint: fingerprint::of_type(&name),
            name,
            basic_bytes,
            item_bytes,
            is_collected: flags & COLLECTED != 0,
            has_managed_dict: flags & MANAGED_DICT != 0,
            has_inline_values: flags & INLINE_VALUES != 0,
            is_heap_type,
            dict_offset: u64_at(&bytes, DICT_OFFSET).cast_signed(),
            slots: if is_heap_type { slots(memory, address)? } else { Vec::new() },
        }))
    }

    /// A type's own type is the type of types, or a metaclass whose type is.
    fn is_type(&self, memory: &dyn PageMemory, address: u64) -> io::Result<bool> {
        let mut at = address;
        for _ in 0..METACLASSES_MAX {
            if at == self.type_type {
                return Ok(true);
            }
            at = read_u64(memory, at.wrapping_add(OBJECT_TYPE.into()))?;
        }
        Ok(at == self.type_type)
    }

    fn kind(&self, address: u64, flags: u64, is_heap_type: bool, name: &str) -> Kind {
        if let Some((_, kind)) = KINDS.iter().find(|(flag, _)| flags & flag != 0) {
            return *kind;
        }
        match name {
            _ if address == self.code_type => Kind::Code,
            _ if is_heap_type => Kind::Instance,
            "set" | "frozenset" => Kind::Set,
            "bytearray" => Kind::ByteArray,
            "float" => Kind::Float,
            "function" => Kind::Function,
            "module" => Kind::Module,
            "cell" | "staticmethod" | "classmethod" => Kind::Holder,
            _ => Kind::Instance,
        }
    }
}

fn read_name(memory: &dyn PageMemory, address: u64) -> io::Result<String> {
    let mut bytes = [0; NAME_BYTES];
    let mut length = 0;
    // The name can be the last before memory ends.
    for part in bytes.chunks_exact_mut(8) {
        if memory.read(address.wrapping_add(length as u64), part).is_err() {
            break;
        }
        length += part.iter().take_while(|byte| **byte != 0).count();
        if part.contains(&0) {
            break;
        }
    }
    let name = bytes.get(..length).unwrap_or_default();
    Ok(String::from_utf8_lossy(name).into_owned())
}

/// Where a type and those it derives from keep attributes that were declared.
fn slots(memory: &dyn PageMemory, mut address: u64) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for _ in 0..BASES_MAX {
        let bytes: [u8; TYPE_BYTES] = read_array(memory, address)?;
        if u64_at(&bytes, FLAGS) & HEAP_TYPE == 0 {
            break;
        }
        let mut member = u64_at(&bytes, MEMBERS);
        while member != 0 && found.len() < SLOTS_MAX {
            let bytes: [u8; MEMBER_BYTES as usize] = read_array(memory, member)?;
            let (name, kind, offset) =
                (u64_at(&bytes, 0), crate::memory::u32_at(&bytes, 8), u64_at(&bytes, 16));
            if name == 0 {
                break;
            }
            if REFERENCES.contains(&kind) && offset < BASIC_BYTES_MAX {
                found.push(offset);
            }
            member = member.wrapping_add(MEMBER_BYTES);
        }
        address = u64_at(&bytes, BASE);
        if address == 0 {
            break;
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}
