//! What a scan found, read anew: only what is still what it looked like is believed. A freed object's place is soon taken
//! by another like it, so that everything is read in an order and then once more from its end: files, objects with their
//! marks, names, files. An object that was the same in the scan and between the two looks at its file had that file.

use std::{collections::HashMap, io, sync::Arc};

use super::{Candidate, CodeUnit, Mark, identify, poll::read_many, sign, text_of};
use crate::{
    Interpreter, Memory,
    code::{FILE_BYTES_MAX, NAME_BYTES_MAX},
    text::FIRST_READ_BYTES,
};

/// The code objects among what was found, which is in the order of addresses. The second memory may be as it was when
/// they were found.
pub(super) fn units(
    (memory, cache): (&dyn Memory, &dyn Memory),
    interpreter: &Interpreter,
    found: Vec<Candidate>,
    files: &HashMap<u64, Arc<str>>,
) -> Vec<CodeUnit> {
    let is_file = |(address, file): &(&u64, &Arc<str>)| {
        text_of(memory, interpreter, **address, FILE_BYTES_MAX).as_deref() == Some(file)
    };
    let files: Vec<(&u64, &Arc<str>)> = files.iter().filter(is_file).collect();
    let mut marks: Vec<Option<Mark>> = Vec::with_capacity(found.len());
    let place = |found: &Candidate| (found.address, sign::bytes(interpreter, found.identity.size));
    read_many(memory, &found, place, |_, found, bytes| {
        let is_same = |bytes: &&[u8]| identify(interpreter, bytes) == Some(found.identity);
        let mark =
            bytes.filter(is_same).and_then(|bytes| sign::read(cache, interpreter, found.address, bytes));
        marks.push(mark);
    });
    let mut names: Vec<(u64, usize)> = found.iter().map(|found| found.identity.name).zip(0..).collect();
    names.sort_unstable();
    read_many(
        memory,
        &names,
        |(address, _)| (*address, FIRST_READ_BYTES),
        |_, (address, at), bytes| {
            let piece = Piece { start: *address, bytes: bytes.unwrap_or_default(), rest: memory };
            let name = text_of(&piece, interpreter, *address, NAME_BYTES_MAX);
            let is_same = found.get(*at).is_some_and(|found| name.as_deref() == Some(&found.function));
            if let Some(mark) = marks.get_mut(*at).filter(|_| !is_same) {
                *mark = None;
            }
        },
    );
    let files: HashMap<&u64, &Arc<str>> = files.into_iter().filter(is_file).collect();
    let unit = |(found, mark): (Candidate, Option<Mark>)| {
        let Candidate { address, function, file, identity } = found;
        let mark = mark.filter(|_| files.contains_key(&identity.file))?;
        Some(CodeUnit { address, function, file, line: identity.line, mark, identity })
    };
    found.into_iter().zip(marks).filter_map(unit).collect()
}

/// A piece of memory that was read, and what is around it.
struct Piece<'a> {
    start: u64,
    bytes: &'a [u8],
    rest: &'a dyn Memory,
}

impl Memory for Piece<'_> {
    fn read(&self, address: u64, into: &mut [u8]) -> io::Result<()> {
        let from = address.checked_sub(self.start).and_then(|from| usize::try_from(from).ok());
        let known = from.and_then(|from| self.bytes.get(from..from.checked_add(into.len())?));
        match known {
            Some(known) => into.copy_from_slice(known),
            None => self.rest.read(address, into)?,
        }
        Ok(())
    }
}
