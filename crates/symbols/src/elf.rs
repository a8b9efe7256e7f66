//! What there is to read in an ELF file.

use object::{
    CompressionFormat, Endianness, ReadCache, ReadRef, elf,
    read::elf::{CompressionHeader, FileHeader, SectionHeader},
};

use crate::{
    Image,
    table::{ENTRY_BYTES, SymbolTable},
};

type Header = elf::FileHeader64<Endianness>;

/// What there is to read in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Symbols of all functions, or at least of the exported ones.
    pub(crate) symbols: Option<SymbolTable>,
    /// True when these are all functions.
    pub(crate) has_all_symbols: bool,
    /// Sections with the debug information that names functions and lines.
    pub(crate) debug: Vec<DebugSection>,
    /// Name and checksum of a separate file with the debug information.
    pub(crate) debug_link: Option<(String, u32)>,
    /// Name and build id of a file with debug information that this file shares with others.
    pub(crate) shared_link: Option<(String, Vec<u8>)>,
    /// The build id, or nothing.
    pub(crate) build_id: Vec<u8>,
    /// Address ranges of sections with code.
    pub(crate) code: Vec<(u64, u64)>,
    pub(crate) is_big_endian: bool,
}

/// A section with debug information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DebugSection {
    pub(crate) id: gimli::SectionId,
    pub(crate) offset: u64,
    /// Bytes in the file.
    pub(crate) size: u64,
    pub(crate) format: CompressionFormat,
    /// Bytes once decompressed.
    pub(crate) whole_size: u64,
}

/// Variables, call frames and types name no function.
const DEBUG_SECTIONS: [gimli::SectionId; 10] = [
    gimli::SectionId::DebugAbbrev,
    gimli::SectionId::DebugAddr,
    gimli::SectionId::DebugAranges,
    gimli::SectionId::DebugInfo,
    gimli::SectionId::DebugLine,
    gimli::SectionId::DebugLineStr,
    gimli::SectionId::DebugRanges,
    gimli::SectionId::DebugRngLists,
    gimli::SectionId::DebugStr,
    gimli::SectionId::DebugStrOffsets,
];

impl Contents {
    /// Bytes of debug information once decompressed, 0 when there is none.
    pub(crate) fn debug_bytes(&self) -> u64 {
        self.debug.iter().fold(0, |sum: u64, section| sum.saturating_add(section.whole_size))
    }
}

/// Says what there is in a file; an error for anything but 64-bit ELF.
pub(crate) fn contents(image: &Image) -> object::Result<Contents> {
    match image {
        Image::File(file) => read_contents(&ReadCache::new(file)),
        Image::Memory(bytes) => read_contents(bytes.as_slice()),
    }
}

fn read_contents<'data, R: ReadRef<'data>>(data: R) -> object::Result<Contents> {
    let header = Header::parse(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let mut contents = Contents { is_big_endian: endian == Endianness::Big, ..Contents::default() };
    for section in sections.iter() {
        let name = sections.section_name(endian, section).unwrap_or_default();
        let kind = section.sh_type(endian);
        if section.sh_flags(endian).contains(elf::SHF_EXECINSTR) {
            let start = section.sh_addr(endian);
            contents.code.push((start, start.saturating_add(section.sh_size(endian))));
        }
        if kind != elf::SHT_NOBITS {
            contents.debug.extend(debug_section(name, endian, section, data));
        }
        let bytes = || section.data(endian, data).unwrap_or_default();
        match name {
            b".gnu_debuglink" => contents.debug_link = parse_debug_link(bytes()),
            b".gnu_debugaltlink" => contents.shared_link = parse_shared_link(bytes()),
            b".note.gnu.build-id" => contents.build_id = bytes().get(16..).unwrap_or_default().to_vec(),
            _ => {}
        }
        let is_better = kind == elf::SHT_SYMTAB || (kind == elf::SHT_DYNSYM && contents.symbols.is_none());
        if is_better && section.sh_size(endian) >= ENTRY_BYTES as u64 {
            contents.has_all_symbols = kind == elf::SHT_SYMTAB;
            let names = sections.section(section.link(endian))?;
            contents.symbols = Some(SymbolTable {
                offset: section.sh_offset(endian),
                size: section.sh_size(endian),
                names_offset: names.sh_offset(endian),
                names_size: names.sh_size(endian),
            });
        }
    }
    Ok(contents)
}

fn debug_section<'data, R: ReadRef<'data>>(
    name: &[u8],
    endian: Endianness,
    section: &elf::SectionHeader64<Endianness>,
    data: R,
) -> Option<DebugSection> {
    let id = DEBUG_SECTIONS.into_iter().find(|id| id.name().as_bytes() == name)?;
    let plain = DebugSection {
        id,
        offset: section.sh_offset(endian),
        size: section.sh_size(endian),
        format: CompressionFormat::None,
        whole_size: section.sh_size(endian),
    };
    let Some((header, offset, size)) = section.compression(endian, data).ok()? else { return Some(plain) };
    let format = match header.ch_type(endian) {
        elf::ELFCOMPRESS_ZLIB => CompressionFormat::Zlib,
        elf::ELFCOMPRESS_ZSTD => CompressionFormat::Zstandard,
        _ => CompressionFormat::Unknown,
    };
    Some(DebugSection { offset, size, format, whole_size: header.ch_size(endian), ..plain })
}

/// A name, its end, padding to four bytes, then the checksum.
fn parse_debug_link(bytes: &[u8]) -> Option<(String, u32)> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let checksum = bytes.get((end + 4) & !3..)?.first_chunk()?;
    Some((String::from_utf8(bytes.get(..end)?.to_vec()).ok()?, u32::from_le_bytes(*checksum)))
}

/// A name, its end, then the build id.
fn parse_shared_link(bytes: &[u8]) -> Option<(String, Vec<u8>)> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let build_id = bytes.get(end + 1..).filter(|id| !id.is_empty())?;
    Some((String::from_utf8(bytes.get(..end)?.to_vec()).ok()?, build_id.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_links_are_read() {
        assert_eq!(parse_shared_link(b"/a\0\x01\x02"), Some(("/a".into(), vec![1, 2])));
        assert_eq!(parse_shared_link(b"/a\0"), None);
        assert_eq!(parse_debug_link(b"a.debug\0\x01\x02\0\0"), Some(("a.debug".into(), 0x201)));
        assert_eq!(parse_debug_link(b"ab\0\0\x07\0\0\0"), Some(("ab".into(), 7)));
        assert_eq!(parse_debug_link(b"abc"), None);
        assert_eq!(parse_debug_link(b"abc\0\x07"), None);
    }
}
