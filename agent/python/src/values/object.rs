//! Reading one object: how much memory it takes, what plain content it has, and which objects it holds.

use std::{collections::HashMap, io, rc::Rc};

use super::{
    PageMemory, ValuesError,
    fingerprint::{self, Fingerprint},
    layout::{self, FUNCTION_DOCUMENTATION, ManagedDict, ValueLayout},
    owners::Share,
    types::{Kind, Type, Types},
};
use crate::{
    Binary, debug_offsets,
    layout::{BYTES_DATA, CodeLayout, OBJECT_SIZE, OBJECT_TYPE},
    memory::{read_array, read_bytes, read_u64},
    text::{self, Text},
};

mod dict;
mod head;
mod plain;

pub(super) use dict::Entries;

use head::Head;

/// How objects of one process are read.
pub(super) struct Heap<'a> {
    pub(super) memory: &'a dyn PageMemory,
    layout: ValueLayout,
    code: CodeLayout,
    types: Types,
    unicode_type: u64,
    interpreters_head: u16,
}

/// The objects that an object holds, one after the other.
#[derive(Debug)]
pub(super) enum Held {
    /// So many addresses, this far apart, and none else.
    Items { at: u64, count: u64, stride: u64 },
    /// Keys and values.
    Pairs(Entries),
    /// A few.
    Few(Vec<u64>),
}

/// One object.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) share: Share,
    /// Own memory inside large blocks.
    pub(super) flat_own_bytes: u64,
    /// The size of a small block without an object in it, and how much of it is own memory.
    pub(super) table: (u64, u64),
    /// How many hold it; more than anybody can where it lives for ever.
    pub(super) references: u64,
    /// The size of its own block, which reading it writes to.
    pub(super) head_bytes: u64,
    /// Of plain content, all of it; of others, the type and size.
    pub(super) content: Fingerprint,
    /// None for plain content.
    pub(super) held: Option<Held>,
    /// The address of a function's documentation, or 0.
    pub(super) documentation: u64,
}

/// What objects take before themselves for the collector.
const COLLECTOR_BYTES: u64 = 16;
/// What instances with a managed dictionary take before themselves in addition.
const MANAGED_BYTES: u64 = 16;
/// Larger objects come from the C library, which adds a word.
pub(super) const POOLED_BYTES_MAX: u64 = 512;
/// No object has more items; keeps sizes that are none out of the arithmetic.
const ITEMS_MAX: u64 = 1 << 32;
const PAGE_BYTES: u64 = 4096;
/// The main interpreter follows the head of the list of all.
const MAIN_AFTER_HEAD: u64 = 8;

impl<'a> Heap<'a> {
    pub(super) fn open(binary: &Binary, bias: u64, memory: &'a dyn PageMemory) -> Result<Self, ValuesError> {
        let minor = binary.version.minor;
        let layout = layout::of_minor(minor).ok_or(ValuesError::Version)?;
        let mut known = crate::layout::of_minor(minor).ok_or(ValuesError::Version)?;
        let runtime = bias.wrapping_add(binary.symbols.runtime);
        if layout.managed_dict == ManagedDict::Inline {
            let bytes = read_bytes(memory, runtime, debug_offsets::BYTES)?;
            known = debug_offsets::apply(&bytes, minor, known).map_err(|_| ValuesError::Version)?;
        }
        let address = |file_address: u64| bias.wrapping_add(file_address);
        Ok(Self {
            memory,
            layout,
            code: known.code,
            types: Types::new(address(binary.symbols.type_type), address(binary.symbols.code_type)),
            unicode_type: address(binary.symbols.unicode_type),
            interpreters_head: known.runtime.interpreters_head,
        })
    }

    /// The dictionary of all modules of the main interpreter.
    pub(super) fn modules_table(&mut self, binary: &Binary, bias: u64) -> Result<u64, ValuesError> {
        let runtime = bias.wrapping_add(binary.symbols.runtime);
        let main = runtime.wrapping_add(self.interpreters_head.into()).wrapping_add(MAIN_AFTER_HEAD);
        let interpreter = read_u64(self.memory, main)?;
        let table = read_u64(self.memory, interpreter.wrapping_add(self.layout.interpreter_modules.into()))?;
        let is_table = self.kind(table).is_some_and(|found| found.kind == Kind::Dict);
        if is_table { Ok(table) } else { Err(ValuesError::Modules) }
    }

    /// The type of the object at an address, without a look at what it holds.
    pub(super) fn kind(&mut self, address: u64) -> Option<Rc<Type>> {
        let kind = read_u64(self.memory, address.wrapping_add(OBJECT_TYPE.into())).ok()?;
        self.types.get(self.memory, kind)
    }

    /// The types that were met, and whether the collector follows their objects.
    pub(super) fn collected_types(&self) -> HashMap<u64, bool> {
        self.types.proven().map(|(address, kind)| (address, kind.is_collected)).collect()
    }

    /// A string of at most so many bytes.
    pub(super) fn text(&self, address: u64, bytes_max: usize) -> Option<String> {
        match text::read(self.memory, address, self.unicode_type, &self.code, bytes_max) {
            Ok(Text::Is(text)) => Some(text),
            Ok(Text::IsNot) | Err(_) => None,
        }
    }

    /// The dictionary of a module.
    pub(super) fn module_dict(&mut self, module: u64) -> Option<u64> {
        let kind = self.kind(module)?;
        let dict = match kind.kind {
            Kind::Module => read_u64(self.memory, module.wrapping_add(MODULE_DICT)).ok()?,
            _ => self.dict_of(module, &kind).ok()??,
        };
        self.kind(dict).filter(|kind| kind.kind == Kind::Dict).map(|_| dict)
    }

    /// What a dictionary holds.
    pub(super) fn entries(&self, dict: u64) -> io::Result<Entries> {
        let head = Head::read(self.memory, dict)?;
        Entries::read(self.memory, &self.layout, &head).map(|(entries, _)| entries)
    }

    /// Reads the object at an address if it is of a kind that is wanted; fails when there is none.
    pub(super) fn read(
        &mut self,
        address: u64,
        is_wanted: impl Fn(Kind) -> bool,
    ) -> io::Result<Option<Object>> {
        let head = Head::read(self.memory, address)?;
        let kind = self.types.get(self.memory, head.word(OBJECT_TYPE.into())?);
        let kind = kind.ok_or(io::ErrorKind::InvalidData)?;
        if !is_wanted(kind.kind) {
            return Ok(None);
        }
        self.read_as(address, &head, &kind).map(Some)
    }

    fn read_as(&mut self, address: u64, head: &Head<'_>, kind: &Type) -> io::Result<Object> {
        let mut object = Object {
            kind: kind.kind,
            share: Share::default(),
            flat_own_bytes: 0,
            table: (0, 0),
            references: head.word(0)?,
            head_bytes: 0,
            content: kind.fingerprint,
            held: None,
            documentation: 0,
        };
        let size = head.word(OBJECT_SIZE.into())?;
        let bytes = match kind.kind {
            Kind::Text => self.read_text(head, kind, &mut object)?,
            Kind::Bytes => {
                let length = bounded(size)?;
                object.content = self.content_behind(head, kind, length, (BYTES_DATA.into(), length))?;
                length + u64::from(BYTES_DATA) + 1
            }
            Kind::ByteArray => self.read_byte_array(head, bounded(size)?, kind, &mut object)?,
            Kind::Int => {
                let (content, bytes) = self.int_content(head, kind)?;
                object.content = content;
                bytes
            }
            Kind::Float => {
                object.content = fingerprint::of_bytes(kind.fingerprint, 0, &size.to_ne_bytes());
                kind.basic_bytes
            }
            Kind::List => {
                let (count, items) = (bounded(size)?, head.word(LIST_ITEMS)?);
                self.add_table(&mut object, items, bounded(head.word(LIST_ITEMS + 8)?)? * 8);
                object.held = Some(Held::Items { at: items, count, stride: 8 });
                object.content = fingerprint::of_size(kind.fingerprint, count);
                kind.basic_bytes
            }
            Kind::Tuple => {
                let count = bounded(size)?;
                object.held = Some(Held::Items { at: address.wrapping_add(TUPLE_ITEMS), count, stride: 8 });
                object.content = fingerprint::of_size(kind.fingerprint, count);
                kind.basic_bytes + count * 8
            }
            Kind::Set => self.read_set((address, head), bounded(size)?, kind, &mut object)?,
            Kind::Dict => self.read_dict(head, kind, &mut object)?,
            _ => self.read_instance(address, size, kind, &mut object)?,
        };
        let before = if kind.is_collected { COLLECTOR_BYTES } else { 0 }
            + if kind.has_managed_dict { MANAGED_BYTES } else { 0 };
        self.add_block(&mut object, address.wrapping_sub(before), bytes + before);
        object.head_bytes = taken_bytes(bytes + before);
        Ok(object)
    }

    /// Counts a block of memory for an object; returns what of it is own memory. What the program's file holds itself
    /// is not counted as its own: nothing that could be loaded once is there.
    fn add_block(&self, object: &mut Object, address: u64, bytes: u64) -> u64 {
        if bytes == 0 {
            return 0;
        }
        let taken = taken_bytes(bytes);
        let own_bytes = self.memory.own_bytes(address, taken).min(taken);
        object.share.add(Share { bytes: taken, own_bytes });
        // Reading writes to the page where an object begins, its own or the next one's, and to no other.
        object.flat_own_bytes += own_bytes.min(taken.saturating_sub(PAGE_BYTES));
        own_bytes
    }

    /// Counts a block beside an object, in which there is nothing that reading it writes to.
    fn add_table(&self, object: &mut Object, address: u64, bytes: u64) {
        let own_bytes = self.add_block(object, address, bytes);
        if (1..=POOLED_BYTES_MAX).contains(&bytes) {
            object.table = (taken_bytes(bytes), own_bytes);
        }
    }

    fn read_text(&mut self, head: &Head<'_>, kind: &Type, object: &mut Object) -> io::Result<u64> {
        let text = self.text_content(head, kind)?;
        object.content = text.content;
        if let Some((at, bytes)) = text.apart {
            self.add_table(object, at, bytes);
        }
        Ok(text.bytes)
    }

    fn read_byte_array(
        &mut self,
        head: &Head<'_>,
        length: u64,
        kind: &Type,
        object: &mut Object,
    ) -> io::Result<u64> {
        let (allocated, start) = (bounded(head.word(ARRAY_ALLOCATED)?)?, head.word(ARRAY_START)?);
        if length > 0 {
            object.content = self.content(kind, length, start, length)?;
        }
        self.add_table(object, start, allocated);
        Ok(kind.basic_bytes)
    }

    fn read_set(
        &mut self,
        (address, head): (u64, &Head<'_>),
        fill: u64,
        kind: &Type,
        object: &mut Object,
    ) -> io::Result<u64> {
        let [used, mask, table] = [head.word(SET_USED)?, head.word(SET_USED + 8)?, head.word(SET_USED + 16)?];
        let slots = bounded(mask)? + 1;
        if used > fill || fill > slots {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if table != address.wrapping_add(SET_SMALL_TABLE) {
            self.add_table(object, table, slots * SET_ENTRY_BYTES);
        }
        object.held = Some(Held::Items { at: table, count: slots, stride: SET_ENTRY_BYTES });
        object.content = fingerprint::of_size(kind.fingerprint, used);
        Ok(kind.basic_bytes)
    }

    fn read_dict(&mut self, head: &Head<'_>, kind: &Type, object: &mut Object) -> io::Result<u64> {
        let (entries, (table, bytes)) = Entries::read(self.memory, &self.layout, head)?;
        self.add_table(object, table, bytes);
        object.content = fingerprint::of_size(kind.fingerprint, entries.used);
        object.held = Some(Held::Pairs(entries));
        Ok(kind.basic_bytes)
    }

    /// Code, functions, classes, and whatever has attributes.
    fn read_instance(
        &mut self,
        address: u64,
        size: u64,
        kind: &Type,
        object: &mut Object,
    ) -> io::Result<u64> {
        let at = |offset: u16| read_u64(self.memory, address.wrapping_add(offset.into()));
        let mut held = Vec::new();
        let mut behind = 0;
        match kind.kind {
            Kind::Function => {
                held = self.layout.function.map(at).into_iter().collect::<io::Result<_>>()?;
                object.documentation = held.get(FUNCTION_DOCUMENTATION).copied().unwrap_or_default();
            }
            Kind::Code => {
                held = self.layout.code.iter().map(|offset| at(*offset)).collect::<io::Result<_>>()?;
            }
            Kind::Class => held.push(at(CLASS_DICT)?),
            Kind::Holder => held.push(at(HELD_OBJECT)?),
            Kind::Module => {}
            _ => behind = self.attributes(address, kind, object, &mut held)?,
        }
        held.retain(|address| *address != 0);
        object.content = fingerprint::of_size(kind.fingerprint, 0);
        object.held = Some(Held::Few(held));
        let items = if kind.item_bytes > 0 && kind.kind != Kind::Class {
            bounded(size.cast_signed().unsigned_abs())? * kind.item_bytes
        } else {
            0
        };
        // The types and modules of the program's own file stand in its data, not in memory of their own.
        let is_static = kind.kind == Kind::Class && !self.is_heap_type(address)?;
        Ok(if is_static { 0 } else { kind.basic_bytes + items + behind })
    }

    fn is_heap_type(&mut self, address: u64) -> io::Result<bool> {
        Ok(self.types.get(self.memory, address).is_some_and(|kind| kind.is_heap_type))
    }

    /// The attributes of an instance: those with slots, its dictionary, or bare values. Returns the bytes of values
    /// that stand behind the instance, in its own block.
    fn attributes(
        &mut self,
        address: u64,
        kind: &Type,
        object: &mut Object,
        held: &mut Vec<u64>,
    ) -> io::Result<u64> {
        for offset in &kind.slots {
            held.push(read_u64(self.memory, address.wrapping_add(*offset))?);
        }
        if let Some(dict) = self.dict_of(address, kind)? {
            held.push(dict);
            return Ok(0);
        }
        let Some((values, is_apart)) = self.values_of(address, kind)? else { return Ok(0) };
        let bytes = self.add_values(values, held)?;
        if is_apart {
            self.add_table(object, values, bytes);
            return Ok(0);
        }
        Ok(bytes)
    }

    /// The dictionary of an instance that has one by now.
    fn dict_of(&self, address: u64, kind: &Type) -> io::Result<Option<u64>> {
        let found = match self.layout.managed_dict {
            ManagedDict::Apart | ManagedDict::Inline if kind.has_managed_dict => {
                read_u64(self.memory, address.wrapping_sub(MANAGED_DICT))?
            }
            ManagedDict::Tagged if kind.has_managed_dict => {
                let word = read_u64(self.memory, address.wrapping_sub(MANAGED_DICT))?;
                if word & 1 == 1 { 0 } else { word }
            }
            _ if kind.dict_offset > 0 => {
                read_u64(self.memory, address.wrapping_add(kind.dict_offset.cast_unsigned()))?
            }
            _ => 0,
        };
        Ok((found != 0).then_some(found))
    }

    /// Where an instance has attributes without a dictionary, and whether apart from itself.
    fn values_of(&self, address: u64, kind: &Type) -> io::Result<Option<(u64, bool)>> {
        if !kind.has_managed_dict {
            return Ok(None);
        }
        let found = match self.layout.managed_dict {
            ManagedDict::None => None,
            ManagedDict::Apart => Some((read_u64(self.memory, address.wrapping_sub(MANAGED_VALUES))?, true)),
            ManagedDict::Tagged => {
                let word = read_u64(self.memory, address.wrapping_sub(MANAGED_DICT))?;
                Some((word.wrapping_add(1), word & 1 == 1)).filter(|(_, is_values)| *is_values)
            }
            ManagedDict::Inline => {
                kind.has_inline_values.then(|| (address.wrapping_add(kind.basic_bytes), false))
            }
        };
        Ok(found.filter(|(values, _)| *values != 0))
    }

    /// Adds bare values in the order in which they were set; returns the size of their block.
    fn add_values(&self, values: u64, held: &mut Vec<u64>) -> io::Result<u64> {
        let (order, bytes) = if self.layout.managed_dict == ManagedDict::Inline {
            let [capacity, used, _, is_valid]: [u8; 4] = read_array(self.memory, values)?;
            if is_valid == 0 {
                return Ok(0);
            }
            let values_bytes = u64::from(self.layout.values) + u64::from(capacity) * 8;
            let order = read_bytes(self.memory, values.wrapping_add(values_bytes), used.into())?;
            (order, values_bytes + u64::from(capacity))
        } else {
            // Before the values stand, backwards: the size of all this, how many there are, and their order.
            let [used, prefix]: [u8; 2] = read_array(self.memory, values.wrapping_sub(2))?;
            let start = values.wrapping_sub(2 + u64::from(used));
            let order = read_bytes(self.memory, start, used.into())?.into_iter().rev().collect();
            (order, u64::from(prefix) * 9)
        };
        for at in order {
            let offset = u64::from(self.layout.values) + u64::from(at) * 8;
            held.push(read_u64(self.memory, values.wrapping_add(offset))?);
        }
        Ok(bytes)
    }
}

const MODULE_DICT: u64 = 16;
const LIST_ITEMS: u64 = 24;
const TUPLE_ITEMS: u64 = 24;
const ARRAY_ALLOCATED: u64 = 24;
const ARRAY_START: u64 = 40;
const SET_USED: u64 = 24;
const SET_SMALL_TABLE: u64 = 64;
const SET_ENTRY_BYTES: u64 = 16;
const CLASS_DICT: u16 = 264;
const HELD_OBJECT: u16 = 16;
/// Before an instance: its dictionary, and its bare values where both have a word.
const MANAGED_DICT: u64 = 24;
const MANAGED_VALUES: u64 = 32;

/// A number of items, unless no object has so many.
fn bounded(count: u64) -> io::Result<u64> {
    if count < ITEMS_MAX { Ok(count) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// What a block of this size takes.
fn taken_bytes(bytes: u64) -> u64 {
    let with_head = if bytes > POOLED_BYTES_MAX { bytes + 8 } else { bytes };
    with_head.next_multiple_of(16)
}
