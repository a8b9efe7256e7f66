//! Names of many objects, read in the order of where they are: many with one read.

use std::io;

use super::{poll::read_many, text_of};
use crate::{Interpreter, Memory, code::NAME_BYTES_MAX, text::FIRST_READ_BYTES};

/// Reads the names at these addresses, and tells of each by the number that stands with it.
pub(super) fn each_name(
    memory: &dyn Memory,
    interpreter: &Interpreter,
    mut names: Vec<(u64, usize)>,
    mut tell: impl FnMut(usize, Option<String>),
) {
    names.sort_unstable();
    let place = |(address, _): &(u64, usize)| (*address, FIRST_READ_BYTES);
    read_many(memory, &names, place, |_, (address, at), bytes| {
        let piece = Piece { start: *address, bytes: bytes.unwrap_or_default(), rest: memory };
        tell(*at, text_of(&piece, interpreter, *address, NAME_BYTES_MAX));
    });
}

/// A piece of memory that was read, and what is around it.
pub(super) struct Piece<'a> {
    pub(super) start: u64,
    pub(super) bytes: &'a [u8],
    pub(super) rest: &'a dyn Memory,
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
