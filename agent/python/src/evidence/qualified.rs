//! Qualified names before 3.11, where a code object only has its own: from the function objects that run it, and from the
//! code objects that it is a constant of.

use std::{collections::HashMap, io};

use super::{
    CodeUnit, mark_of,
    names::{Piece, each_name},
    poll::read_many,
    text_of,
};
use crate::{
    Interpreter, Memory,
    code::NAME_BYTES_MAX,
    layout::{OBJECT_SIZE, OBJECT_TYPE, is_count},
    memory::{read_bytes, u64_at},
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
/// Most functions have no more.
const FIRST_CONSTANTS: usize = 16;
/// Functions inside of functions are followed so deep.
const DEPTH_MAX: usize = 16;

impl Functions {
    pub(super) fn new(type_address: u64) -> Self {
        Self { type_address, by_code: HashMap::new() }
    }

    /// Remembers a function. `head` is what was read of it already.
    pub(super) fn add(
        &mut self,
        memory: &dyn Memory,
        interpreter: &Interpreter,
        (function, head): (u64, Option<&[u8]>),
        max: usize,
    ) {
        let fields = match head {
            Some(head) => self.fields(interpreter, head),
            None => read_bytes(memory, function, FUNCTION_BYTES)
                .ok()
                .and_then(|head| self.fields(interpreter, &head)),
        };
        if let Some((code, _)) = fields
            && self.by_code.len() < max
        {
            self.by_code.insert(code, function);
        }
    }

    /// Gives every unit the name it is reached by, as far as that is known.
    pub(super) fn qualify(&self, memory: &dyn Memory, interpreter: &Interpreter, units: &mut [CodeUnit]) {
        let by_address: HashMap<u64, usize> = units.iter().map(|unit| unit.address).zip(0..).collect();
        let mut named = self.name_those_of_functions(memory, interpreter, units);
        for _ in 0..DEPTH_MAX {
            let outers: Vec<(u64, usize)> =
                named.iter().filter_map(|at| Some((units.get(*at)?.address, *at))).collect();
            let mut within: Vec<(usize, Vec<usize>)> = Vec::new();
            each_constants(memory, outers, |at, constants| {
                let units = constants.iter().filter_map(|constant| by_address.get(constant).copied());
                within.push((at, units.collect()));
            });
            named.clear();
            for (at, inner) in within.into_iter().filter(|(_, inner)| !inner.is_empty()) {
                // Constants of one that was freed meanwhile are another's.
                let outer = units.get(at).filter(|outer| is_still(memory, interpreter, outer)).cloned();
                let Some(outer) = outer else { continue };
                for at in inner {
                    let is_own =
                        |unit: &&mut CodeUnit| !unit.function.contains('.') && is_within(unit, &outer);
                    if let Some(unit) = units.get_mut(at).filter(is_own) {
                        unit.function = format!("{}.<locals>.{}", outer.function, unit.function).into();
                        named.push(at);
                    }
                }
            }
            if named.is_empty() {
                break;
            }
        }
    }

    /// Gives units the names of functions that still run them; returns which. A decorator can give a function another's
    /// name; then it does not end in the code's own.
    fn name_those_of_functions(
        &self,
        memory: &dyn Memory,
        interpreter: &Interpreter,
        units: &mut [CodeUnit],
    ) -> Vec<usize> {
        let function = |(unit, at): (&CodeUnit, usize)| Some((*self.by_code.get(&unit.address)?, at));
        let mut functions: Vec<(u64, usize)> = units.iter().zip(0..).filter_map(function).collect();
        functions.sort_unstable();
        let mut names = Vec::with_capacity(functions.len());
        let place = |(function, _): &(u64, usize)| (*function, FUNCTION_BYTES);
        read_many(memory, &functions, place, |_, (_, at), head| {
            let fields = head.and_then(|head| self.fields(interpreter, head));
            let is_its = |code| units.get(*at).is_some_and(|unit| unit.address == code);
            names.extend(fields.filter(|(code, _)| is_its(*code)).map(|(_, name)| (name, *at)));
        });
        let mut named = Vec::with_capacity(names.len());
        each_name(memory, interpreter, names, |at, name| {
            let (Some(unit), Some(name)) = (units.get_mut(at), name) else { return };
            if name.rsplit('.').next() == Some(&*unit.function) {
                unit.function = name.into();
                named.push(at);
            }
        });
        named
    }

    /// Code and qualified name of a function.
    fn fields(&self, interpreter: &Interpreter, head: &[u8]) -> Option<(u64, u64)> {
        let is_function =
            u64_at(head, OBJECT_TYPE as usize) == self.type_address && is_count(u64_at(head, 0));
        let (code, name) = if interpreter.version.minor == 10 { FIELDS_10 } else { FIELDS_9 };
        is_function.then(|| (u64_at(head, code), u64_at(head, name)))
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

/// Reads the constants of these code objects, and tells of each by the number that stands with it.
fn each_constants(memory: &dyn Memory, mut codes: Vec<(u64, usize)>, mut tell: impl FnMut(usize, &[u64])) {
    codes.sort_unstable();
    let mut tuples: Vec<(u64, usize)> = Vec::with_capacity(codes.len());
    let place = |(code, _): &(u64, usize)| (code.wrapping_add(CONSTANTS), 8);
    read_many(memory, &codes, place, |_, (_, at), bytes| {
        tuples.extend(bytes.map(|bytes| (u64_at(bytes, 0), *at)));
    });
    tuples.sort_unstable();
    let place = |(tuple, _): &(u64, usize)| (*tuple, ITEMS + 8 * FIRST_CONSTANTS);
    read_many(memory, &tuples, place, |_, (tuple, at), bytes| {
        let piece = Piece { start: *tuple, bytes: bytes.unwrap_or_default(), rest: memory };
        tell(*at, &items(&piece, *tuple).unwrap_or_default());
    });
}

fn items(memory: &dyn Memory, tuple: u64) -> io::Result<Vec<u64>> {
    let head = read_bytes(memory, tuple, ITEMS)?;
    let count = u64_at(&head, OBJECT_SIZE as usize).min(CONSTANTS_MAX) as usize;
    let items = read_bytes(memory, tuple.wrapping_add(ITEMS as u64), 8 * count)?;
    Ok(items.chunks_exact(8).map(|item| u64_at(item, 0)).collect())
}
