//! Where a thread-local variable is, as a distance from the thread pointer.
//!
//! The linker fixes the distance for variables of the main executable. For libraries the dynamic linker decides, and
//! leaves its decision in a slot that the code reads: that slot is read from the process. A library loaded late may
//! have its variables in memory of its own for each thread; those are not followed, only told apart.

use std::io;

use object::{ReadRef, elf};

use super::elf::{Elf, Symbol, ThreadLocalBlock};

/// A thread-local pointer as one file defines or uses it. A property of the file: worth caching by file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsVariable {
    /// Distance from the thread pointer if the file is the main executable and defines the variable.
    static_offset: Option<i64>,
    slots: Vec<Slot>,
}

/// How a file was loaded into a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Loaded {
    /// Runtime address minus file address.
    pub(crate) bias: u64,
    /// False for libraries.
    pub(crate) is_main_executable: bool,
}

/// Where the variable is in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsLocation {
    /// At this distance from every thread's pointer.
    Offset(i64),
    /// In memory of its own for each thread, or reached in a way that is not followed here.
    Dynamic,
    /// The dynamic linker has not come to it yet: ask again.
    Unresolved,
}

/// What the dynamic linker fills in for code to read, by file address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    /// A function to call and its argument; the argument is the distance if the variable has one.
    Descriptor(u64),
    /// The distance.
    Offset(u64),
    /// Number of the module and offset in its block.
    Pair,
}

/// One slot is enough; a linker makes two or three at most.
const SLOTS_MAX: usize = 8;
const POINTER_BYTES: u64 = 8;

/// Looks for a thread-local pointer of this name, whether the file defines it or takes it from another.
pub(crate) fn find<'data, R: ReadRef<'data>>(elf: &Elf<'data, R>, name: &str) -> Option<TlsVariable> {
    let definition = elf.symbol(name, elf::STT_TLS).filter(|symbol| symbol.size == POINTER_BYTES);
    let index = elf.dynamic_symbol_index(name, elf::STT_TLS);
    if definition.is_none() && index.is_none() {
        return None;
    }
    let slots = elf.relocations().filter_map(|relocation| {
        let is_meant = match (relocation.symbol, definition) {
            (Some(_), _) => relocation.symbol == index && relocation.addend == 0,
            // A variable that cannot be replaced is named by its offset. A pair's offset is not in the relocation.
            (None, Some(Symbol { value, .. })) => {
                relocation.addend == value as i64 && relocation.kind != elf::R_X86_64_DTPMOD64
            }
            (None, None) => false,
        };
        let slot = match relocation.kind {
            elf::R_X86_64_TLSDESC => Slot::Descriptor(relocation.address),
            elf::R_X86_64_TPOFF64 => Slot::Offset(relocation.address),
            elf::R_X86_64_DTPMOD64 => Slot::Pair,
            _ => return None,
        };
        is_meant.then_some(slot)
    });
    let slots = slots.take(SLOTS_MAX).collect();
    let static_offset = definition
        .and_then(|symbol| elf.thread_local_block().and_then(|block| static_offset(block, symbol.value)));
    Some(TlsVariable { static_offset, slots })
}

/// Distance of a variable of the main executable. The block ends at the thread pointer, moved down until its
/// alignment holds.
pub(crate) fn static_offset(block: ThreadLocalBlock, value: u64) -> Option<i64> {
    let padding = block.address.wrapping_add(block.size).wrapping_neg() & (block.align - 1);
    let distance = i64::try_from(block.size.checked_add(padding)?).ok()?;
    let offset = i64::try_from(value).ok()?.checked_sub(distance)?;
    is_distance(offset).then_some(offset)
}

impl TlsVariable {
    /// Finds the variable in a process whose memory `read` reads.
    pub(crate) fn locate(
        &self,
        loaded: Loaded,
        read: impl Fn(u64, &mut [u8]) -> io::Result<()>,
    ) -> io::Result<TlsLocation> {
        if let (true, Some(offset)) = (loaded.is_main_executable, self.static_offset) {
            return Ok(TlsLocation::Offset(offset));
        }
        let mut location = TlsLocation::Dynamic;
        for slot in &self.slots {
            let address = match slot {
                Slot::Descriptor(address) => address.wrapping_add(POINTER_BYTES),
                Slot::Offset(address) => *address,
                Slot::Pair => continue,
            };
            let mut word = [0; POINTER_BYTES as usize];
            read(address.wrapping_add(loaded.bias), &mut word)?;
            match i64::from_le_bytes(word) {
                0 => location = TlsLocation::Unresolved,
                offset if is_distance(offset) => return Ok(TlsLocation::Offset(offset)),
                _ => {}
            }
        }
        Ok(location)
    }
}

/// On x86-64 all thread-local blocks are below the thread pointer. Everything else in a slot is a pointer.
fn is_distance(offset: i64) -> bool {
    (i64::from(i32::MIN)..0).contains(&offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_offsets_honour_alignment() {
        let cases = [
            // (address, size, align), value, offset
            ((0x3db8, 8, 8), 0, Some(-8)),
            ((0x3db8, 0x14, 8), 0x8, Some(-0x10)),
            ((0x4000, 0x14, 64), 0, Some(-64)),
            ((0x4000, 0x41, 64), 0x40, Some(-64)),
            // A block that does not begin at its alignment keeps its remainder.
            ((0x4008, 0x10, 64), 0, Some(-0x38)),
            ((0x4000, 8, 1), 0, Some(-8)),
            ((0x4000, 8, 8), 8, None),
            ((0x4000, u64::MAX, 8), 0, None),
            ((0x4000, 1 << 40, 8), 0, None),
        ];
        for ((address, size, align), value, expected) in cases {
            assert_eq!(
                static_offset(ThreadLocalBlock { address, size, align }, value),
                expected,
                "{size:#x}"
            );
        }
    }

    #[test]
    fn slots_are_told_apart_by_what_they_hold() {
        let check = |slots: &[Slot], word: i64, expected: TlsLocation| {
            let variable = TlsVariable { static_offset: Some(-8), slots: slots.to_vec() };
            let library = Loaded { bias: 0x7000, is_main_executable: false };
            let read = |address, into: &mut [u8]| {
                assert_eq!(address, 0x7110);
                into.copy_from_slice(&word.to_le_bytes());
                Ok(())
            };
            assert_eq!(variable.locate(library, read).unwrap(), expected);
        };
        check(&[Slot::Descriptor(0x108)], -152, TlsLocation::Offset(-152));
        check(&[Slot::Offset(0x110)], -160, TlsLocation::Offset(-160));
        check(&[Slot::Descriptor(0x108)], 0x7f12_3456_7890, TlsLocation::Dynamic);
        check(&[Slot::Descriptor(0x108)], 0, TlsLocation::Unresolved);
        check(&[Slot::Pair, Slot::Offset(0x110)], -8, TlsLocation::Offset(-8));
        check(&[Slot::Pair], 0, TlsLocation::Dynamic);
        check(&[], 0, TlsLocation::Dynamic);
        check(&[Slot::Offset(0x110)], i64::MIN, TlsLocation::Dynamic);
    }

    #[test]
    fn memory_that_cannot_be_read_is_an_error() {
        let variable = TlsVariable { static_offset: None, slots: vec![Slot::Offset(0)] };
        let read = |_, _: &mut [u8]| Err(io::ErrorKind::NotFound.into());
        assert!(variable.locate(Loaded { bias: 0, is_main_executable: true }, read).is_err());
    }
}
