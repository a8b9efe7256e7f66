//! Memory of another process.

use std::{io, ops::Range};

/// Reads the memory of one process. In the agent this is `/proc/PID/mem` and nothing else: other ways of reading
/// break the sharing of pages between forked processes (I10).
pub trait Memory {
    /// Fills `into` from `address` on, or fails.
    fn read(&self, address: u64, into: &mut [u8]) -> io::Result<()>;

    /// Hears what is read next, in many pieces; what can be found out for all of them at once need not be for each. An
    /// empty range ends it.
    fn expect(&self, _range: Range<u64>) {}
}

/// So many bytes from `address` on.
pub(crate) fn read_array<const N: usize>(memory: &dyn Memory, address: u64) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    memory.read(address, &mut bytes)?;
    Ok(bytes)
}

/// So many bytes from `address` on; the caller has bounded their number.
pub(crate) fn read_bytes(memory: &dyn Memory, address: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    memory.read(address, &mut bytes)?;
    Ok(bytes)
}

/// The word at `address`.
pub(crate) fn read_u64(memory: &dyn Memory, address: u64) -> io::Result<u64> {
    read_array(memory, address).map(u64::from_ne_bytes)
}

/// The half word at `address`.
pub(crate) fn read_u32(memory: &dyn Memory, address: u64) -> io::Result<u32> {
    read_array(memory, address).map(u32::from_ne_bytes)
}

/// The word at an offset of bytes that were read; 0 beyond their end.
pub(crate) fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    bytes.get(offset..).and_then(|rest| rest.first_chunk()).map_or(0, |chunk| u64::from_ne_bytes(*chunk))
}

/// The half word at an offset of bytes that were read; 0 beyond their end.
pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    bytes.get(offset..).and_then(|rest| rest.first_chunk()).map_or(0, |chunk| u32::from_ne_bytes(*chunk))
}
