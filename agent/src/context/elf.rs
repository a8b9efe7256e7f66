//! What the search for a context asks of an executable: symbols, relocations, and where it is loaded.

use object::{
    Endianness, ReadRef, SymbolIndex,
    elf::{self, SectionType, SymbolType},
    read::elf::{FileHeader, ProgramHeader, Rela, SectionHeader, SectionTable, Sym},
};

type Header = elf::FileHeader64<Endianness>;

/// A parsed executable or library for x86-64.
pub(crate) struct Elf<'data, R: ReadRef<'data>> {
    data: R,
    endian: Endianness,
    segments: &'data [elf::ProgramHeader64<Endianness>],
    sections: SectionTable<'data, Header, R>,
}

/// A symbol that the file defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Symbol {
    /// File address; for a thread-local variable its offset in the file's thread-local block.
    pub(crate) value: u64,
    pub(crate) size: u64,
}

/// The template of a thread's copy of this file's thread-local variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadLocalBlock {
    pub(crate) address: u64,
    pub(crate) size: u64,
    pub(crate) align: u64,
}

/// What the dynamic linker has to fill in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Relocation {
    /// File address of what is filled in.
    pub(crate) address: u64,
    pub(crate) kind: elf::RelocationType,
    /// Index in the table of dynamic symbols.
    pub(crate) symbol: Option<SymbolIndex>,
    pub(crate) addend: i64,
}

/// Part of the file with its file address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Section<'data> {
    pub(crate) address: u64,
    pub(crate) bytes: &'data [u8],
}

/// A file with more segments than this is not one that a linker wrote.
const SEGMENTS_MAX: usize = 64;
const PAGE_BYTES: u64 = 4096;

impl<'data, R: ReadRef<'data>> Elf<'data, R> {
    /// `None` for anything but a 64-bit ELF file for x86-64.
    pub(crate) fn parse(data: R) -> Option<Self> {
        let header = Header::parse(data).ok()?;
        let endian = header.endian().ok()?;
        if header.e_machine(endian) != elf::EM_X86_64 {
            return None;
        }
        let segments = header.program_headers(endian, data).ok()?;
        let sections = header.sections(endian, data).unwrap_or_default();
        Some(Self { data, endian, segments: segments.get(..SEGMENTS_MAX).unwrap_or(segments), sections })
    }

    /// What to add to a file address to get the runtime address, from any mapping of the file.
    pub(crate) fn bias(&self, mapping_start: u64, mapping_offset: u64) -> Option<u64> {
        // The kernel maps whole pages, so a mapping can begin before its segment.
        let segment = self.loaded().find(|segment| {
            let start = segment.p_offset(self.endian) & !(PAGE_BYTES - 1);
            let end = segment.p_offset(self.endian).saturating_add(segment.p_filesz(self.endian));
            start <= mapping_offset && mapping_offset < end
        })?;
        let address = segment.p_vaddr(self.endian).wrapping_add(mapping_offset);
        Some(mapping_start.wrapping_sub(address.wrapping_sub(segment.p_offset(self.endian))))
    }

    /// A symbol of this name and kind that the file defines, among the exported ones first.
    pub(crate) fn symbol(&self, name: &str, kind: SymbolType) -> Option<Symbol> {
        self.exported_symbol(name, kind).or_else(|| self.symbol_in(elf::SHT_SYMTAB, name, kind))
    }

    /// A symbol that the file defines for others.
    pub(crate) fn exported_symbol(&self, name: &str, kind: SymbolType) -> Option<Symbol> {
        self.symbol_in(elf::SHT_DYNSYM, name, kind)
    }

    /// Index of a dynamic symbol, whether it is defined here or elsewhere.
    pub(crate) fn dynamic_symbol_index(&self, name: &str, kind: SymbolType) -> Option<SymbolIndex> {
        let table = self.sections.symbols(self.endian, self.data, elf::SHT_DYNSYM).ok()?;
        let is_meant = |symbol: &elf::Sym64<Endianness>| {
            symbol.st_type() == kind && table.symbol_name(self.endian, symbol) == Ok(name.as_bytes())
        };
        table.enumerate().find(|(_, symbol)| is_meant(symbol)).map(|(index, _)| index)
    }

    /// All relocations that name their addend, which are all there are on x86-64.
    pub(crate) fn relocations(&self) -> impl Iterator<Item = Relocation> {
        let sections = self.sections.iter();
        let tables = sections.filter_map(|section| section.rela(self.endian, self.data).ok().flatten());
        tables.flat_map(|(table, _)| table).map(|entry| Relocation {
            address: entry.r_offset(self.endian),
            kind: entry.r_type(self.endian, false),
            symbol: entry.symbol(self.endian, false),
            addend: entry.r_addend(self.endian),
        })
    }

    /// The thread-local block, if the file has one that makes sense.
    pub(crate) fn thread_local_block(&self) -> Option<ThreadLocalBlock> {
        let segment = self.segments.iter().find(|segment| segment.p_type(self.endian) == elf::PT_TLS)?;
        let align = segment.p_align(self.endian).max(1);
        align.is_power_of_two().then(|| ThreadLocalBlock {
            address: segment.p_vaddr(self.endian),
            size: segment.p_memsz(self.endian),
            align,
        })
    }

    /// Bytes at a file address, as they are in the file before relocation.
    pub(crate) fn bytes_at(&self, address: u64, length: u64) -> Option<&'data [u8]> {
        self.loaded().find_map(|segment| {
            let within = address.checked_sub(segment.p_vaddr(self.endian))?;
            let end = within.checked_add(length)?;
            let offset = segment.p_offset(self.endian).checked_add(within)?;
            let is_inside = end <= segment.p_filesz(self.endian);
            is_inside.then(|| self.data.read_bytes_at(offset, length).ok()).flatten()
        })
    }

    /// A section by name.
    pub(crate) fn section(&self, name: &str) -> Option<Section<'data>> {
        let (_, section) = self.sections.section_by_name(self.endian, name.as_bytes())?;
        let bytes = section.data(self.endian, self.data).ok()?;
        Some(Section { address: section.sh_addr(self.endian), bytes })
    }

    /// The start of what the program can write to, at most so many bytes.
    pub(crate) fn writable_start(&self, bytes_max: u64) -> Option<Section<'data>> {
        let segment = self.loaded().find(|segment| segment.p_flags(self.endian).contains(elf::PF_W))?;
        let address = segment.p_vaddr(self.endian);
        let bytes = self.bytes_at(address, segment.p_filesz(self.endian).min(bytes_max))?;
        Some(Section { address, bytes })
    }

    fn loaded(&self) -> impl Iterator<Item = &'data elf::ProgramHeader64<Endianness>> {
        self.segments.iter().filter(|segment| segment.p_type(self.endian) == elf::PT_LOAD)
    }

    fn symbol_in(&self, table: SectionType, name: &str, kind: SymbolType) -> Option<Symbol> {
        let table = self.sections.symbols(self.endian, self.data, table).ok()?;
        // The kind first: reading a name costs more, and few symbols are of the kinds asked for.
        let found = table.iter().find(|symbol| {
            symbol.st_type() == kind
                && symbol.st_shndx(self.endian) != elf::SHN_UNDEF
                && table.symbol_name(self.endian, symbol) == Ok(name.as_bytes())
        })?;
        Some(Symbol { value: found.st_value(self.endian), size: found.st_size(self.endian) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_but_an_executable_is_refused() {
        let foreign =
            [&[0x7f, b'E', b'L', b'F', 2, 1, 1, 0][..], &[0; 8], &[3, 0, 0xb7, 0], &[0; 64]].concat();
        for bytes in [&b""[..], b"#!/bin/sh\n", &foreign] {
            assert!(Elf::parse(bytes).is_none());
        }
    }

    #[test]
    fn a_program_cut_short_has_no_symbols_and_no_relocations() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let whole = Elf::parse(own.as_slice()).unwrap();
        assert!(whole.relocations().count() > 0);
        let cut = Elf::parse(&own[..4096]).unwrap();
        assert_eq!(cut.symbol("main", elf::STT_FUNC), None);
        assert_eq!(cut.relocations().count(), 0);
    }
}
