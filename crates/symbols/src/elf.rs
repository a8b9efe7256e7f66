//! Symbol tables of ELF files, read in one pass.

use std::io;

use object::{
    Endianness, ReadCache, ReadRef, elf,
    read::elf::{CompressionHeader, FileHeader, SectionHeader},
};

use crate::{Image, demangle::demangle, symbol::Function};

type Header = elf::FileHeader64<Endianness>;

/// What there is to read in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Symbols of all functions, or at least of the exported ones.
    pub(crate) symbols: Option<SymbolTable>,
    /// Bytes of debug information, 0 when there is none.
    pub(crate) debug_bytes: u64,
    /// Name and checksum of a separate file with the debug information.
    pub(crate) debug_link: Option<(String, u32)>,
    /// Address ranges of sections with code.
    pub(crate) code: Vec<(u64, u64)>,
}

/// Where a symbol table and its names are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SymbolTable {
    offset: u64,
    size: u64,
    names_offset: u64,
    names_size: u64,
}

/// One entry of a symbol table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    name: u32,
    info: u8,
    section: u16,
    start: u64,
    size: u64,
}

/// The best symbol so far for one wanted address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    /// An inner symbol beats the one around it.
    start: u64,
    rank: u8,
    /// Of equals the first name wins, so that the answer never changes.
    name: std::cmp::Reverse<u32>,
}

/// Nearest symbols below a wanted address, of those that do not say where they end and of those that do.
#[derive(Clone, Copy, Debug, Default)]
struct Below {
    endless: Option<Candidate>,
    ended: u64,
}

const ENTRY_BYTES: usize = 24;

/// Bytes of a symbol table read at a time.
const CHUNK_BYTES: usize = ENTRY_BYTES * 8192;

/// Longest name read.
const NAME_BYTES_MAX: usize = 8192;

/// Says what there is in a file; an error for anything but 64-bit ELF.
pub(crate) fn contents(image: &Image) -> object::Result<Contents> {
    match image {
        Image::File(file) => read_contents(&ReadCache::new(file)),
        Image::Memory(bytes) => read_contents(bytes.as_slice()),
    }
}

/// Names the functions at `wanted` file addresses, which are sorted and distinct. Reads every symbol once and keeps
/// none but the answers.
pub(crate) fn find_symbols(
    image: &Image,
    contents: &Contents,
    wanted: &[u64],
) -> io::Result<Vec<Option<Function>>> {
    let Some(table) = contents.symbols else { return Ok(vec![None; wanted.len()]) };
    let mut best: Vec<Option<Candidate>> = vec![None; wanted.len()];
    let mut below: Vec<Below> = vec![Below::default(); wanted.len()];
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut done = 0;
    while done < table.size {
        let length = CHUNK_BYTES.min((table.size - done) as usize);
        let chunk = buffer.get_mut(..length).unwrap_or_default();
        let read = image.read_at(chunk, table.offset.saturating_add(done))? / ENTRY_BYTES * ENTRY_BYTES;
        if read == 0 {
            break;
        }
        for entry in chunk.get(..read).unwrap_or_default().chunks_exact(ENTRY_BYTES).filter_map(Entry::parse)
        {
            consider(&entry, wanted, &mut best, &mut below);
        }
        done += read as u64;
    }
    settle_endless(contents, wanted, &mut best, &below);
    best.into_iter()
        .map(|candidate| candidate.map(|found| read_name(image, &table, found)).transpose())
        .collect()
}

fn read_contents<'data, R: ReadRef<'data>>(data: R) -> object::Result<Contents> {
    let header = Header::parse(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let mut contents = Contents::default();
    for section in sections.iter() {
        let name = sections.section_name(endian, section).unwrap_or_default();
        let kind = section.sh_type(endian);
        if section.sh_flags(endian).contains(elf::SHF_EXECINSTR) {
            let start = section.sh_addr(endian);
            contents.code.push((start, start.saturating_add(section.sh_size(endian))));
        }
        if kind != elf::SHT_NOBITS && (name.starts_with(b".debug_") || name.starts_with(b".zdebug_")) {
            let compressed = section.compression(endian, data).ok().flatten();
            let bytes = compressed.map_or(section.sh_size(endian), |(header, ..)| header.ch_size(endian));
            contents.debug_bytes = contents.debug_bytes.saturating_add(bytes);
        }
        if name == b".gnu_debuglink" {
            contents.debug_link = section.data(endian, data).ok().and_then(parse_debug_link);
        }
        let is_better = kind == elf::SHT_SYMTAB || (kind == elf::SHT_DYNSYM && contents.symbols.is_none());
        if is_better && section.sh_size(endian) >= ENTRY_BYTES as u64 {
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

/// A name, its end, padding to four bytes, then the checksum.
fn parse_debug_link(bytes: &[u8]) -> Option<(String, u32)> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let checksum = bytes.get((end + 4) & !3..)?.first_chunk()?;
    Some((String::from_utf8(bytes.get(..end)?.to_vec()).ok()?, u32::from_le_bytes(*checksum)))
}

impl Entry {
    fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            name: u32::from_le_bytes(*bytes.first_chunk()?),
            info: *bytes.get(4)?,
            section: u16::from_le_bytes(*bytes.get(6..)?.first_chunk()?),
            start: u64::from_le_bytes(*bytes.get(8..)?.first_chunk()?),
            size: u64::from_le_bytes(*bytes.get(16..)?.first_chunk()?),
        })
    }

    /// True for a defined function; hand-written code often does not say what its symbols are.
    fn is_function(&self) -> bool {
        const NOTYPE: u8 = 0;
        const FUNC: u8 = 2;
        const GNU_IFUNC: u8 = 10;
        matches!(self.info & 0xf, NOTYPE | FUNC | GNU_IFUNC) && self.section != 0 && self.name != 0
    }

    /// Global beats weak beats local.
    fn rank(&self) -> u8 {
        match self.info >> 4 {
            1 => 2,
            2 => 1,
            _ => 0,
        }
    }
}

fn consider(entry: &Entry, wanted: &[u64], best: &mut [Option<Candidate>], below: &mut [Below]) {
    if !entry.is_function() {
        return;
    }
    let Entry { start, size, .. } = *entry;
    let first = wanted.partition_point(|address| *address < start);
    let candidate = Candidate { start, rank: entry.rank(), name: std::cmp::Reverse(entry.name) };
    let Some(nearest) = below.get_mut(first) else { return };
    if size == 0 {
        nearest.endless = nearest.endless.max(Some(candidate));
        return;
    }
    nearest.ended = nearest.ended.max(start);
    let end = start.saturating_add(size);
    let covered = wanted.iter().zip(best.iter_mut()).skip(first).take_while(|(address, _)| **address < end);
    for (_, best) in covered {
        *best = (*best).max(Some(candidate));
    }
}

/// Hand-written code often has symbols without a size. Such a symbol names what follows it in its section, up to the
/// next symbol.
fn settle_endless(contents: &Contents, wanted: &[u64], best: &mut [Option<Candidate>], below: &[Below]) {
    let mut nearest = Below::default();
    for ((address, best), below) in wanted.iter().zip(best).zip(below) {
        nearest.endless = nearest.endless.max(below.endless);
        nearest.ended = nearest.ended.max(below.ended);
        let Some(endless) = nearest.endless.filter(|_| best.is_none()) else { continue };
        let in_same_section = contents
            .code
            .iter()
            .any(|(start, end)| *start <= endless.start && endless.start < *end && *address < *end);
        if in_same_section && endless.start >= nearest.ended {
            *best = Some(endless);
        }
    }
}

fn read_name(image: &Image, table: &SymbolTable, candidate: Candidate) -> io::Result<Function> {
    let offset = u64::from(candidate.name.0);
    let mut name = Vec::new();
    let mut buffer = [0; 256];
    while name.len() < NAME_BYTES_MAX {
        let at = offset + name.len() as u64;
        let left = table.names_size.saturating_sub(at).min(buffer.len() as u64) as usize;
        let part = buffer.get_mut(..left).unwrap_or_default();
        let read = image.read_at(part, table.names_offset.saturating_add(at))?;
        let part = part.get(..read).unwrap_or_default();
        let end = part.iter().position(|byte| *byte == 0);
        name.extend_from_slice(part.get(..end.unwrap_or(read)).unwrap_or_default());
        if end.is_some() || read == 0 {
            break;
        }
    }
    Ok(Function { name: demangle(&String::from_utf8_lossy(&name)), ..Function::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of one symbol table: (name, kind and binding, start, size), all in one section of code at 0x1000.
    fn check(symbols: &[(&str, u8, u64, u64)], expected: &[(u64, Option<&str>)]) {
        let mut names = vec![0];
        let mut bytes = Vec::new();
        for (name, info, start, size) in symbols {
            bytes.extend((names.len() as u32).to_le_bytes());
            bytes.extend([*info, 0, 1, 0]);
            bytes.extend(start.to_le_bytes());
            bytes.extend(size.to_le_bytes());
            names.extend(name.bytes().chain([0]));
        }
        let size = bytes.len() as u64;
        let table = SymbolTable { offset: 0, size, names_offset: size, names_size: names.len() as u64 };
        bytes.extend(names);
        let contents = Contents { symbols: Some(table), code: vec![(0x1000, 0x2000)], ..Contents::default() };
        let wanted: Vec<u64> = expected.iter().map(|(address, _)| *address).collect();
        let found = find_symbols(&Image::Memory(bytes), &contents, &wanted).unwrap();
        let names: Vec<Option<&str>> =
            found.iter().map(|found| found.as_ref().map(|function| function.name.as_str())).collect();
        assert_eq!(names, expected.iter().map(|(_, name)| *name).collect::<Vec<_>>());
    }

    const LOCAL: u8 = 0x02;
    const GLOBAL: u8 = 0x12;
    const WEAK: u8 = 0x22;
    const OBJECT: u8 = 0x11;

    #[test]
    fn a_symbol_covers_what_it_says() {
        check(
            &[("b", LOCAL, 0x1100, 0x10), ("a", GLOBAL, 0x1000, 0x80), ("data", OBJECT, 0x1080, 0x80)],
            &[
                (0xfff, None),
                (0x1000, Some("a")),
                (0x107f, Some("a")),
                (0x1080, None),
                (0x110f, Some("b")),
                (0x1110, None),
            ],
        );
        check(&[], &[(0x1000, None)]);
    }

    #[test]
    fn of_several_the_same_one_always_wins() {
        check(
            &[
                ("local", LOCAL, 0x1000, 9),
                ("weak", WEAK, 0x1000, 9),
                ("global", GLOBAL, 0x1000, 9),
                ("later", GLOBAL, 0x1000, 9),
            ],
            &[(0x1008, Some("global"))],
        );
        check(
            &[("outer", GLOBAL, 0x1000, 0x100), ("inner", LOCAL, 0x1040, 8)],
            &[(0x1041, Some("inner")), (0x1050, Some("outer"))],
        );
    }

    #[test]
    fn a_symbol_without_size_ends_at_the_next() {
        check(
            &[("start", GLOBAL, 0x1000, 0), ("sized", GLOBAL, 0x1100, 0x10), ("last", LOCAL, 0x1200, 0)],
            &[
                (0x10ff, Some("start")),
                (0x1105, Some("sized")),
                (0x1180, None),
                (0x1fff, Some("last")),
                (0x2000, None),
            ],
        );
    }

    #[test]
    fn debug_links_are_read() {
        assert_eq!(parse_debug_link(b"a.debug\0\x01\x02\0\0"), Some(("a.debug".into(), 0x201)));
        assert_eq!(parse_debug_link(b"ab\0\0\x07\0\0\0"), Some(("ab".into(), 7)));
        assert_eq!(parse_debug_link(b"abc"), None);
        assert_eq!(parse_debug_link(b"abc\0\x07"), None);
    }
}
