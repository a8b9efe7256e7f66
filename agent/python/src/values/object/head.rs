//! The beginning of an object, read at once: most objects are wholly in it.

use std::io;

use super::{PAGE_BYTES, PageMemory};
use crate::memory::read_array;

/// The first bytes of an object, as far as they are on the page where it begins.
pub(super) struct Head<'a> {
    memory: &'a dyn PageMemory,
    address: u64,
    bytes: [u8; READ_BYTES],
    length: usize,
}

/// Most strings, and all that is asked of containers.
const READ_BYTES: usize = 128;
/// What every object begins with: references, type, and for most a size.
const LEAST_BYTES: usize = 24;

impl<'a> Head<'a> {
    /// Fails when there is no memory for the least of objects.
    pub(super) fn read(memory: &'a dyn PageMemory, address: u64) -> io::Result<Self> {
        let on_page = (PAGE_BYTES - address % PAGE_BYTES) as usize;
        let length = on_page.clamp(LEAST_BYTES, READ_BYTES);
        let mut bytes = [0; READ_BYTES];
        memory.read(address, bytes.get_mut(..length).unwrap_or_default())?;
        Ok(Self { memory, address, bytes, length })
    }

    pub(super) fn address(&self) -> u64 {
        self.address
    }

    /// So many bytes from an offset on, read now where they are not here.
    pub(super) fn array<const N: usize>(&self, offset: u64) -> io::Result<[u8; N]> {
        match self.slice(offset, N as u64).and_then(|bytes| bytes.first_chunk()) {
            Some(bytes) => Ok(*bytes),
            None => read_array(self.memory, self.address.wrapping_add(offset)),
        }
    }

    /// The word at an offset.
    pub(super) fn word(&self, offset: u64) -> io::Result<u64> {
        self.array(offset).map(u64::from_ne_bytes)
    }

    /// So many bytes from an offset on, if they are here.
    pub(super) fn slice(&self, offset: u64, length: u64) -> Option<&[u8]> {
        let offset = usize::try_from(offset).ok()?;
        let end = offset.checked_add(usize::try_from(length).ok()?)?;
        self.bytes.get(..self.length)?.get(offset..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;

    /// Two pages of bytes that count up.
    struct Counting;

    impl Memory for Counting {
        fn read(&self, address: u64, into: &mut [u8]) -> io::Result<()> {
            if address + into.len() as u64 > 2 * PAGE_BYTES {
                return Err(io::ErrorKind::NotFound.into());
            }
            into.iter_mut().zip(address..).for_each(|(byte, address)| *byte = address as u8);
            Ok(())
        }
    }

    impl PageMemory for Counting {
        fn own_bytes(&self, _: u64, length: u64) -> u64 {
            length
        }
    }

    #[test]
    fn what_is_beyond_the_page_is_read_when_it_is_asked_for() {
        let check = |address: u64, here: u64| {
            let head = Head::read(&Counting, address).unwrap();
            assert!(head.slice(0, here).is_some() && head.slice(0, here + 1).is_none(), "{address}");
            let counted = [30, 31].map(|offset| (address as u8).wrapping_add(offset));
            assert_eq!(head.array::<2>(30).ok(), Some(counted), "{address}");
        };
        check(0, 128);
        check(PAGE_BYTES - 64, 64);
        check(PAGE_BYTES - 16, 24);
        assert!(Head::read(&Counting, 2 * PAGE_BYTES - 16).is_err());
        assert!(Head::read(&Counting, 2 * PAGE_BYTES - 24).unwrap().array::<8>(24).is_err());
    }
}
