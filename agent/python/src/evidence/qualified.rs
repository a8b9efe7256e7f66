//! Qualified names before 3.11, where a code object only has its own: from the function objects that run it, and from the
//! code objects that it is a constant of.

use std::{collections::HashMap, sync::Arc};

use super::{CodeUnit, mark_of, text_of};
use crate::{
    Interpreter, Memory,
    code::NAME_BYTES_MAX,
    layout::{OBJECT_SIZE, OBJECT_TYPE, is_count},
    memory::{read_bytes, u64_at},
    text::{self, Text},
};

/// Function objects seen so far.
pub(super) struct Functions {
    /// Address of their type.
    pub(super) type_address: u64,
    /// By code object, the address of one function that runs it.
    by_code: HashMap<u64, u64>,
}

/// Where a function has its code and its qualified name; later versions are not asked.
const FIELDS_9: (usize, usize) = (16, 104);
const FIELDS_10: (usize, usize) = (48, 40);
/// Read of a function; it has no fewer.
pub(super) const FUNCTION_BYTES: usize = 112;
/// Code: the tuple of constants; tuple: its items.
const CONSTANTS: u64 = 56;
const ITEMS: usize = 24;
const CONSTANTS_MAX: u64 = 1 << 16;
/// Functions inside of functions are followed so deep.
const DEPTH_MAX: usize = 16;

impl Functions {
    pub(super) fn new(type_address: u64) -> Self {
        Self { type_address, by_code: HashMap::new() }
    }

    /// Remembers a function.
    pub(super) fn add(&mut self, memory: &dyn Memory, interpreter: &Interpreter, function: u64, max: usize) {
        if let Some((code, _)) = self.fields(memory, interpreter, function)
            && self.by_code.len() < max
        {
            self.by_code.insert(code, function);
        }
    }

    /// Gives every unit the name it is reached by, as far as that is known.
    pub(super) fn qualify(&self, memory: &dyn Memory, interpreter: &Interpreter, units: &mut [CodeUnit]) {
        let by_address: HashMap<u64, usize> = units.iter().map(|unit| unit.address).zip(0..).collect();
        let mut named = Vec::new();
        for (at, unit) in units.iter_mut().enumerate() {
            let function = self.by_code.get(&unit.address);
            if let Some(name) = function.and_then(|function| self.name(memory, interpreter, *function, unit))
            {
                unit.function = name;
                named.push(at);
            }
        }
        for _ in 0..DEPTH_MAX {
            let mut inner = Vec::new();
            for at in std::mem::take(&mut named) {
                let Some(outer) = units.get(at).cloned() else { continue };
                let constants = constants(memory, outer.address).unwrap_or_default();
                let within: Vec<usize> =
                    constants.iter().filter_map(|constant| by_address.get(constant).copied()).collect();
                // Constants of one that was freed meanwhile are another's.
                if within.is_empty() || !is_still(memory, interpreter, &outer) {
                    continue;
                }
                for at in within {
                    let is_own =
                        |unit: &&mut CodeUnit| !unit.function.contains('.') && is_within(unit, &outer);
                    if let Some(unit) = units.get_mut(at).filter(is_own) {
                        unit.function = format!("{}.<locals>.{}", outer.function, unit.function).into();
                        inner.push(at);
                    }
                }
            }
            named = inner;
        }
    }

    /// Code and qualified name of a function.
    fn fields(&self, memory: &dyn Memory, interpreter: &Interpreter, function: u64) -> Option<(u64, u64)> {
        let bytes = read_bytes(memory, function, FUNCTION_BYTES).ok()?;
        let is_function =
            u64_at(&bytes, OBJECT_TYPE as usize) == self.type_address && is_count(u64_at(&bytes, 0));
        let (code, name) = if interpreter.version.minor == 10 { FIELDS_10 } else { FIELDS_9 };
        is_function.then(|| (u64_at(&bytes, code), u64_at(&bytes, name)))
    }

    /// The qualified name of a function that still runs this code. A decorator can give it another's name; then it does
    /// not end in the code's own.
    fn name(
        &self,
        memory: &dyn Memory,
        interpreter: &Interpreter,
        function: u64,
        unit: &CodeUnit,
    ) -> Option<Arc<str>> {
        let (code, name) = self.fields(memory, interpreter, function)?;
        let text = text::read(memory, name, interpreter.unicode_type, &interpreter.code, NAME_BYTES_MAX);
        let Ok(Text::Is(name)) = text else { return None };
        let is_own = name.rsplit('.').next() == Some(&*unit.function);
        (code == unit.address && is_own).then(|| name.into())
    }
}

/// True when a code object is still the one that was found, by its place in memory and its name.
fn is_still(memory: &dyn Memory, interpreter: &Interpreter, unit: &CodeUnit) -> bool {
    mark_of(memory, interpreter, unit.address, &unit.identity).is_some()
        && text_of(memory, interpreter, unit.identity.name, NAME_BYTES_MAX)
            .is_some_and(|name| unit.function.ends_with(&name))
}

/// True when one function can stand in another.
fn is_within(unit: &CodeUnit, outer: &CodeUnit) -> bool {
    unit.file == outer.file && unit.line >= outer.line
}

fn constants(memory: &dyn Memory, code: u64) -> Option<Vec<u64>> {
    let pointer = read_bytes(memory, code.wrapping_add(CONSTANTS), 8).ok()?;
    let tuple = u64_at(&pointer, 0);
    let head = read_bytes(memory, tuple, ITEMS).ok()?;
    let count = u64_at(&head, OBJECT_SIZE as usize).min(CONSTANTS_MAX) as usize;
    let items = read_bytes(memory, tuple.wrapping_add(ITEMS as u64), 8 * count).ok()?;
    Some(items.chunks_exact(8).map(|item| u64_at(item, 0)).collect())
}
