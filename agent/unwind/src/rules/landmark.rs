//! Landmarks: places in an executable where a rule of our own takes over from its unwind rows.

use object::{
    Endianness, ReadRef, elf,
    read::elf::{SectionTable, Sym},
};

use super::signal;
use crate::elf::{Image, Segment};

/// What a landmark means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A signal handler returns here; the interrupted registers are on the stack.
    SignalReturn,
    /// A coroutine made by `makecontext` returns here: it has no caller.
    ContextStart,
    /// A greenlet begins in here: below it lies a stack that belongs to others.
    GreenletStart,
}

/// A range of return addresses, in file addresses, with a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Landmark {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) meaning: Meaning,
}

/// How glibc's context start begins: `mov %rbx,%rsp; mov (%rsp),%rdi; test %rdi,%rdi`.
const CONTEXT_START: &[u8] = b"\x48\x89\xdc\x48\x8b\x3c\x24\x48\x85\xff";

/// Only files with this much code or less are searched: every C library is, and a search costs a millisecond.
const SEARCHED_BYTES_MAX: u64 = 4 << 20;

/// Most landmarks kept of one file; a C library has two.
const LANDMARKS_MAX: usize = 16;

/// Most symbols read in search of a name.
const SYMBOLS_MAX: usize = 1 << 16;

/// The landmark at a file address, if any.
pub(crate) fn at(landmarks: &[Landmark], address: u64) -> Option<Meaning> {
    landmarks
        .iter()
        .find(|landmark| landmark.start <= address && address < landmark.end)
        .map(|landmark| landmark.meaning)
}

/// Finds the code of the C library that the kernel and coroutines return to. It has no symbols where libraries
/// are stripped, so it is known by its bytes.
pub(crate) fn find_in_code(image: &Image, code: &[Segment]) -> Vec<Landmark> {
    let total: u64 = code.iter().fold(0, |sum, segment| sum.saturating_add(segment.size));
    if total > SEARCHED_BYTES_MAX {
        return Vec::new();
    }
    let patterns = [(signal::TRAMPOLINE, Meaning::SignalReturn), (CONTEXT_START, Meaning::ContextStart)];
    let mut landmarks = Vec::new();
    for segment in code {
        let Ok(bytes) = image.read(segment.offset, segment.size) else { continue };
        for (pattern, meaning) in patterns {
            landmarks.extend(memchr::memmem::find_iter(&bytes, pattern).map(|offset| {
                let start = segment.address.wrapping_add(offset as u64);
                Landmark { start, end: start.wrapping_add(1), meaning }
            }));
        }
    }
    landmarks.truncate(LANDMARKS_MAX);
    landmarks
}

/// True for Python's greenlet extension.
pub(crate) fn may_hold_greenlets(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.starts_with("_greenlet"))
}

/// Finds the functions that a greenlet's stack begins with. In every release one of them has this in its name.
pub(crate) fn find_in_symbols<'data, R: ReadRef<'data>>(
    sections: &SectionTable<'data, elf::FileHeader64<Endianness>, R>,
    endian: Endianness,
    data: R,
) -> Vec<Landmark> {
    let mut landmarks = Vec::new();
    for kind in [elf::SHT_SYMTAB, elf::SHT_DYNSYM] {
        let Ok(symbols) = sections.symbols(endian, data, kind) else { continue };
        for symbol in symbols.iter().take(SYMBOLS_MAX) {
            let name = symbol.name(endian, symbols.strings()).unwrap_or_default();
            let begins_greenlets = memchr::memmem::find(name, b"g_initialstub").is_some()
                || memchr::memmem::find(name, b"inner_bootstrap").is_some();
            if begins_greenlets && symbol.st_size(endian) > 0 {
                // A call that is the function's last instruction returns to just after it.
                let start = symbol.st_value(endian).saturating_add(1);
                let end = start.saturating_add(symbol.st_size(endian));
                landmarks.push(Landmark { start, end, meaning: Meaning::GreenletStart });
            }
        }
    }
    landmarks.truncate(LANDMARKS_MAX);
    landmarks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_known_by_its_bytes() {
        let mut bytes = vec![0x90; 64];
        bytes[20..29].copy_from_slice(signal::TRAMPOLINE);
        bytes[40..50].copy_from_slice(CONTEXT_START);
        let code = [Segment { offset: 4, address: 0x1004, size: 60 }];
        let landmarks = find_in_code(&Image::Memory(bytes), &code);
        let cases =
            [(0x1014, Some(Meaning::SignalReturn)), (0x1028, Some(Meaning::ContextStart)), (0x1015, None)];
        for (address, expected) in cases {
            assert_eq!(at(&landmarks, address), expected, "{address:#x}");
        }
    }

    #[test]
    fn only_the_extension_itself_is_searched_for_greenlets() {
        assert!(may_hold_greenlets("/venv/greenlet/_greenlet.cpython-311-x86_64-linux-gnu.so"));
        assert!(!may_hold_greenlets("/venv/greenlet/other.so"));
    }
}
