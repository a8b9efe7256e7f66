//! What a file with an interpreter in it says, before any process is looked at. One [`Binary`] serves every process
//! that has the file mapped.

use std::{
    io::{Read, Seek},
    ops::Range,
};

use object::{
    Endianness, ReadCache, ReadRef, elf,
    read::elf::{FileHeader, ProgramHeader, SectionHeader, SectionTable},
};

use crate::{Refusal, Version, eval, layout};

type Header = elf::FileHeader64<Endianness>;

/// A part of the file that is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where it is in the file.
    pub offset: u64,
    /// At which file address.
    pub address: u64,
    /// How much of it is in the file.
    pub size: u64,
}

/// A file that contains CPython: a shared library, a static interpreter, or a program with one inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binary {
    /// Its release.
    pub version: Version,
    /// Where the code of the evaluation loop is, in file addresses: the function and the parts that the compiler
    /// put elsewhere. In order, disjoint.
    pub eval: Vec<Range<u64>>,
    /// The loaded parts.
    pub segments: Vec<Segment>,
    pub(crate) symbols: Symbols,
}

/// File addresses of the variables that are needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Symbols {
    pub(crate) runtime: u64,
    pub(crate) code_type: u64,
    pub(crate) type_type: u64,
    pub(crate) unicode_type: u64,
    version: u64,
    /// The newest minor version whose functions are exported.
    exported_minor: u8,
}

#[cfg(test)]
impl Symbols {
    pub(crate) fn at(runtime: u64, code_type: u64, type_type: u64, unicode_type: u64) -> Self {
        Self { runtime, code_type, type_type, unicode_type, ..Self::default() }
    }
}

/// A file with more segments than this is not one that a linker wrote.
const SEGMENTS_MAX: usize = 64;
/// Most symbols looked at; a full table of CPython has 20,000.
const SYMBOLS_MAX: usize = 1 << 18;
/// Sections larger than this are not read.
const SECTION_BYTES_MAX: u64 = 64 << 20;
/// First version that states its number.
const MINOR_WITH_NUMBER: u8 = 11;
/// Functions of the stable interface by the version that brought them, as its documentation has it.
const EXPORTS: [(&[u8], u8); 3] =
    [(b"PyConfig_InitPythonConfig", 8), (b"PyModule_AddType", 9), (b"PyModule_AddObjectRef", 10)];
const EVAL: &[u8] = b"_PyEval_EvalFrameDefault";

impl Binary {
    /// Looks into a file. `None` when it holds no CPython; PyPy is none.
    pub fn inspect(file: impl Read + Seek) -> Result<Option<Self>, Refusal> {
        inspect(&ReadCache::new(file))
    }

    /// True when a file address is code of the evaluation loop.
    pub fn is_eval(&self, address: u64) -> bool {
        self.eval.iter().any(|range| range.contains(&address))
    }

    /// What to add to a file address to get the runtime address, by one of the file's mappings.
    pub fn bias(&self, mapping_start: u64, mapping_offset: u64) -> Option<u64> {
        // The kernel maps whole pages, so the mapping can begin before its segment.
        let page = 0xfff;
        let segment = self.segments.iter().find(|segment| {
            let start = segment.offset & !page;
            start <= mapping_offset && mapping_offset < segment.offset.saturating_add(segment.size)
        })?;
        let address = segment.address.wrapping_add(mapping_offset).wrapping_sub(segment.offset);
        Some(mapping_start.wrapping_sub(address))
    }
}

fn inspect<'data, R: ReadRef<'data>>(data: R) -> Result<Option<Binary>, Refusal> {
    let Some((header, endian)) = x86_64_header(data) else { return Ok(None) };
    let mut segments = Vec::new();
    for segment in header.program_headers(endian, data).unwrap_or_default().iter().take(SEGMENTS_MAX) {
        if segment.p_type(endian) == elf::PT_LOAD {
            let (offset, address) = (segment.p_offset(endian), segment.p_vaddr(endian));
            segments.push(Segment { offset, address, size: segment.p_filesz(endian) });
        }
    }
    let file = File { data, endian, sections: header.sections(endian, data).unwrap_or_default(), segments };
    let Some(found) = file.symbols()? else { return Ok(None) };
    let version = file.version(&found.symbols)?;
    layout::of_minor(version.minor).ok_or(Refusal::Version)?;
    let mut eval = found.eval;
    let function = eval.first().cloned().ok_or(Refusal::Symbols)?;
    if !found.is_full_table {
        eval.extend(file.cold_parts(&function));
    }
    eval.sort_unstable_by_key(|range| range.start);
    Ok(Some(Binary { version, eval, segments: file.segments, symbols: found.symbols }))
}

fn x86_64_header<'data, R: ReadRef<'data>>(data: R) -> Option<(&'data Header, Endianness)> {
    let header = Header::parse(data).ok()?;
    let endian = header.endian().ok()?;
    (header.e_machine(endian) == elf::EM_X86_64).then_some((header, endian))
}

struct File<'data, R: ReadRef<'data>> {
    data: R,
    endian: Endianness,
    sections: SectionTable<'data, Header, R>,
    segments: Vec<Segment>,
}

/// What the symbol tables gave.
#[derive(Default)]
struct Found {
    symbols: Symbols,
    /// The function first.
    eval: Vec<Range<u64>>,
    /// True when local symbols were there too, so that no part of the function is missing.
    is_full_table: bool,
}

impl<'data, R: ReadRef<'data>> File<'data, R> {
    /// The names needed. Every interpreter exports them, for its extension modules; `None` for all other files, whose
    /// full tables can be huge and are not read.
    fn symbols(&self) -> Result<Option<Found>, Refusal> {
        let mut found = Found::default();
        self.read_table(elf::SHT_DYNSYM, &mut found);
        if found.symbols.runtime == 0 {
            return Ok(None);
        }
        self.read_table(elf::SHT_SYMTAB, &mut found);
        let Symbols { code_type, type_type, unicode_type, .. } = found.symbols;
        let is_whole = [code_type, type_type, unicode_type].iter().all(|address| *address != 0);
        if is_whole { Ok(Some(found)) } else { Err(Refusal::Symbols) }
    }

    fn read_table(&self, kind: elf::SectionType, found: &mut Found) {
        let Ok(table) = self.sections.symbols(self.endian, self.data, kind) else { return };
        // The names are read in one piece: one by one, each would be a read of the file.
        let Some(names) =
            self.sections.section(table.string_section()).ok().and_then(|section| self.bytes(section))
        else {
            return;
        };
        found.is_full_table |= kind == elf::SHT_SYMTAB && !table.is_empty();
        for symbol in table.symbols().iter().take(SYMBOLS_MAX) {
            let address = symbol.st_value.get(self.endian);
            if address == 0 {
                continue;
            }
            let name = names.get(symbol.st_name.get(self.endian) as usize..).unwrap_or_default();
            let name = memchr::memchr(0, name).and_then(|end| name.get(..end)).unwrap_or_default();
            found.add(name, address, symbol.st_size.get(self.endian));
        }
    }

    /// The version, by its number where there is one, else by what is exported; both ways have to agree with the
    /// file's own constants where they can.
    fn version(&self, symbols: &Symbols) -> Result<Version, Refusal> {
        if symbols.version != 0 {
            let number = self.at_address(symbols.version, 8).and_then(|bytes| bytes.first_chunk());
            let number = number.map(|bytes| u64::from_le_bytes(*bytes)).unwrap_or_default();
            return Version::from_number(number)
                .filter(|version| version.minor >= MINOR_WITH_NUMBER)
                .ok_or(Refusal::UnknownVersion);
        }
        let constants = self.section(b".rodata").map(|(_, bytes)| bytes).unwrap_or_default();
        let version = Version::from_constants(constants).ok_or(Refusal::UnknownVersion)?;
        if version.minor < EXPORTS[0].1 {
            return Err(Refusal::Version);
        }
        (version.minor == symbols.exported_minor).then_some(version).ok_or(Refusal::UnknownVersion)
    }

    fn cold_parts(&self, function: &Range<u64>) -> Vec<Range<u64>> {
        let Some((address, rows)) = self.section(b".eh_frame") else { return Vec::new() };
        let functions = eval::functions(address, rows);
        eval::cold_parts(function, &functions, &|range| {
            self.at_address(range.start, range.end.saturating_sub(range.start))
        })
    }

    fn section(&self, name: &[u8]) -> Option<(u64, &'data [u8])> {
        let (_, section) = self.sections.section_by_name(self.endian, name)?;
        Some((section.sh_addr(self.endian), self.bytes(section)?))
    }

    fn bytes(&self, section: &elf::SectionHeader64<Endianness>) -> Option<&'data [u8]> {
        let (offset, size) = section.file_range(self.endian)?;
        (size <= SECTION_BYTES_MAX).then_some(())?;
        self.data.read_bytes_at(offset, size).ok()
    }

    fn at_address(&self, address: u64, size: u64) -> Option<&'data [u8]> {
        let segment = self.segments.iter().find(|segment| {
            segment.address <= address
                && address.saturating_add(size) <= segment.address.saturating_add(segment.size)
        })?;
        (size <= SECTION_BYTES_MAX).then_some(())?;
        self.data.read_bytes_at(segment.offset.wrapping_add(address - segment.address), size).ok()
    }
}

impl Found {
    fn add(&mut self, name: &[u8], address: u64, size: u64) {
        let symbols = &mut self.symbols;
        match name {
            b"_PyRuntime" => symbols.runtime = address,
            b"PyCode_Type" => symbols.code_type = address,
            b"PyType_Type" => symbols.type_type = address,
            b"PyUnicode_Type" => symbols.unicode_type = address,
            b"Py_Version" => symbols.version = address,
            _ => {}
        }
        if let Some((_, minor)) = EXPORTS.iter().find(|(export, _)| *export == name) {
            symbols.exported_minor = symbols.exported_minor.max(*minor);
        }
        // The compiler names parts and copies of a function by a suffix: `.cold`, `.constprop.0`.
        let is_eval = name.strip_prefix(EVAL).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"."));
        let range = address..address.saturating_add(size);
        if is_eval && size > 0 && !self.eval.contains(&range) {
            let at = if name == EVAL { 0 } else { self.eval.len() };
            self.eval.insert(at, range);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn what_holds_no_interpreter_is_none() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let cases: [&[u8]; 4] = [b"", b"#!/bin/sh\n", &[0x7f, b'E', b'L', b'F', 2, 1, 1, 0], &own];
        for bytes in cases {
            assert_eq!(Binary::inspect(Cursor::new(bytes)), Ok(None));
        }
    }
}
