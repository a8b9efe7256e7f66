//! Marks that are known, read again: many with one read, and none believed that is not the same code object's.

use twox_hash::XxHash3_128;

use super::{CodeUnit, ExecutionState, Identity, InstructionForm, Mark, identify, sign};
use crate::{
    Interpreter, Memory,
    code::NAME_BYTES_MAX,
    layout::is_count,
    memory::u64_at,
    text::{self, Text},
};

/// Where the mark of a code object is, and what tells the object from another that took its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkPlace {
    /// Where the object is.
    pub address: u64,
    bytes: u32,
    pub(super) identity: Identity,
}

/// What stood at the place of a mark. What has not changed says what it said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Content(u128);

/// A mark to be read again.
#[derive(Clone, Copy, Debug)]
pub struct Watched<'a> {
    /// Where it is.
    pub place: &'a MarkPlace,
    /// The function's name.
    pub name: &'a str,
    /// What was there; by default nothing that could be.
    pub content: Content,
}

/// What became of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// It is as it was.
    Same,
    /// It is this, and this stands there now.
    Is(Mark, Content),
    /// There is another object, or none.
    Gone,
    /// It could not be read.
    Unread,
}

/// Read at once at most.
const WINDOW_BYTES: u64 = 1 << 18;
/// So much between two marks is read and not looked at, rather than to read twice: a page costs as much as a call.
const GAP_BYTES: u64 = 4096;
/// The reference count is no part of the content: it changes without end.
const COUNT_BYTES: usize = 8;

impl CodeUnit {
    /// Where its mark is.
    pub fn place(&self, interpreter: &Interpreter) -> MarkPlace {
        let units = match interpreter.code.instruction {
            InstructionForm::Pointer => self.identity.size,
            InstructionForm::Bytes | InstructionForm::Units => 0,
        };
        let bytes = sign::bytes(interpreter, units) as u32;
        MarkPlace { address: self.address, bytes, identity: self.identity }
    }
}

#[cfg(test)]
impl MarkPlace {
    /// One made by hand.
    pub(super) fn at(address: u64, identity: Identity) -> Self {
        Self { address, bytes: 0, identity }
    }
}

/// Reads marks, which stand in the order of their addresses, and tells of each by its number; returns how much memory
/// was read.
pub fn poll(
    memory: &dyn Memory,
    interpreter: &Interpreter,
    watched: &[Watched<'_>],
    found: &mut dyn FnMut(usize, Look),
) -> u64 {
    let place = |watched: &Watched<'_>| (watched.place.address, watched.place.bytes as usize);
    read_many(memory, watched, place, |number, watched, bytes| {
        found(number, bytes.map_or(Look::Unread, |bytes| look(memory, interpreter, watched, bytes)));
    })
}

/// Reads pieces of memory, which stand in the order of their addresses, many with one read; returns how much was read.
pub(super) fn read_many<T>(
    memory: &dyn Memory,
    items: &[T],
    place: impl Fn(&T) -> (u64, usize),
    mut found: impl FnMut(usize, &T, Option<&[u8]>),
) -> u64 {
    let mut buffer = Vec::new();
    let (mut first, mut read_bytes) = (0, 0);
    while let Some(rest) = items.get(first..).filter(|rest| !rest.is_empty()) {
        let (count, start, end) = window(rest.iter().map(&place));
        buffer.resize((end - start) as usize, 0);
        let is_read = memory.read(start, &mut buffer).is_ok();
        read_bytes += end - start;
        for (number, item) in (first..).zip(rest.iter().take(count)) {
            let (address, length) = place(item);
            let from = (address - start) as usize;
            let bytes = buffer.get_mut(from..from + length).unwrap_or_default();
            // Where a page is not there, its neighbours may be.
            let is_there = is_read || memory.read(address, bytes).is_ok();
            found(number, item, is_there.then_some(&*bytes));
        }
        first += count;
    }
    read_bytes
}

/// How many are read with one call, and the range that is.
fn window(places: impl Iterator<Item = (u64, usize)>) -> (usize, u64, u64) {
    let (mut count, mut start, mut end) = (0, 0, 0);
    for (address, length) in places {
        let next_end = address.saturating_add(length as u64);
        if count == 0 {
            (start, end) = (address, address);
        }
        let is_near =
            address >= start && address.saturating_sub(end) <= GAP_BYTES && next_end - start <= WINDOW_BYTES;
        if count > 0 && !is_near {
            break;
        }
        end = end.max(next_end);
        count += 1;
    }
    (count, start, end)
}

fn look(memory: &dyn Memory, interpreter: &Interpreter, watched: &Watched<'_>, bytes: &[u8]) -> Look {
    let place = watched.place;
    if !is_count(u64_at(bytes, 0)) {
        return Look::Gone;
    }
    let content = content(bytes);
    if content == watched.content {
        return Look::Same;
    }
    if identify(interpreter, bytes) != Some(place.identity) {
        return Look::Gone;
    }
    let Some(mark) = sign::read(memory, interpreter, place.address, bytes) else { return Look::Unread };
    // A name that is freed is soon replaced by another at its address. What did not run lends nobody a mark.
    if mark.sign.state() != ExecutionState::Executed {
        return Look::Is(mark, content);
    }
    let Interpreter { unicode_type, code, .. } = interpreter;
    match text::read(memory, place.identity.name, *unicode_type, code, NAME_BYTES_MAX) {
        Ok(Text::Is(name)) if is_called(watched.name, &name) => Look::Is(mark, content),
        Ok(_) => Look::Gone,
        Err(_) => Look::Unread,
    }
}

fn content(bytes: &[u8]) -> Content {
    Content(XxHash3_128::oneshot(bytes.get(COUNT_BYTES..).unwrap_or_default()))
}

/// True when a name, or its last part where names are qualified by others, is this text.
pub(super) fn is_called(name: &str, text: &str) -> bool {
    name.strip_suffix(text).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}
