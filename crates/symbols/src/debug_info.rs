//! Debug information: functions, inlined functions and lines.

use std::{collections::HashSet, fmt, io, sync::Arc};

use addr2line::Context;
use gimli::{EndianArcSlice, RunTimeEndian, SectionId};
use object::{CompressedData, CompressionFormat};

use crate::{
    Image,
    demangle::demangle,
    elf::{Contents, DebugSection},
    symbol::Function,
};

type Reader = EndianArcSlice<RunTimeEndian>;

/// The debug information of one file, in memory. Units are parsed when an address in them is looked up.
pub(crate) struct DebugInfo {
    context: Option<Context<Reader>>,
    bytes: u64,
    parsed_units: HashSet<usize>,
}

/// What parsing makes of a byte: of abbreviations, which are parsed at once for all units, and of a unit's lines. Both
/// are packed tightly in the file.
const BYTES_PER_ABBREVIATION_BYTE: u64 = 8;
const BYTES_PER_LINE_BYTE: u64 = 6;

impl DebugInfo {
    /// Reads the sections that name functions and lines, those shared with other files too. What cannot be read names
    /// nothing.
    pub(crate) fn read(image: &Image, contents: &Contents, shared: Option<&(Image, Contents)>) -> Self {
        let context =
            read_dwarf(image, contents, shared).ok().and_then(|dwarf| Context::from_dwarf(dwarf).ok());
        let bytes = if context.is_some() { Self::bytes_expected(contents, shared) } else { 0 };
        Self { context, bytes, parsed_units: HashSet::new() }
    }

    /// Debug information that names nothing, in place of more than can be held.
    pub(crate) fn nothing() -> Self {
        Self { context: None, bytes: 0, parsed_units: HashSet::new() }
    }

    /// About how many bytes will be held when it is read; 0 when there is nothing to read.
    pub(crate) fn bytes_expected(contents: &Contents, shared: Option<&(Image, Contents)>) -> u64 {
        let shared_sections = shared.iter().flat_map(|(_, contents)| &contents.debug);
        let sections = contents.debug.iter().chain(shared_sections).map(|section| match section.id {
            SectionId::DebugAbbrev => section.whole_size.saturating_mul(1 + BYTES_PER_ABBREVIATION_BYTE),
            _ => section.whole_size,
        });
        sections.fold(0, u64::saturating_add)
    }

    /// The functions at a file address, innermost first; empty where debug information says nothing. The name is
    /// empty where it speaks of a line but not of a function.
    pub(crate) fn find(&mut self, address: u64) -> Vec<Function> {
        let Some(context) = &self.context else { return Vec::new() };
        let functions = find(context, address);
        let Some(unit) = context.find_dwarf_and_unit(address).skip_all_loads() else { return functions };
        if unit.header.debug_info_offset().is_some_and(|offset| self.parsed_units.insert(offset.0)) {
            let lines = unit.line_program.as_ref().map_or(0, |lines| lines.header().unit_length());
            let lines = (lines as u64).saturating_mul(BYTES_PER_LINE_BYTE);
            self.bytes = self.bytes.saturating_add(lines).saturating_add(unit.header.unit_length() as u64);
        }
        functions
    }

    /// About how many bytes are held. It grows with the units met.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl fmt::Debug for DebugInfo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DebugInfo").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

fn find(context: &Context<Reader>, address: u64) -> Vec<Function> {
    let Ok(mut frames) = context.find_frames(address).skip_all_loads() else { return Vec::new() };
    let mut functions = Vec::new();
    while let Ok(Some(frame)) = frames.next() {
        let name = frame.function.as_ref().and_then(|function| function.raw_name().ok());
        let location = frame.location.as_ref();
        functions.push(Function {
            name: name.map(|name| demangle(&name)).unwrap_or_default(),
            file: location.and_then(|location| location.file).unwrap_or_default().to_owned(),
            line: location.and_then(|location| location.line).unwrap_or_default(),
        });
    }
    functions
}

fn read_dwarf(
    image: &Image,
    contents: &Contents,
    shared: Option<&(Image, Contents)>,
) -> io::Result<gimli::Dwarf<Reader>> {
    let mut dwarf = gimli::Dwarf::load(|id| read_part(image, contents, id))?;
    if let Some((image, contents)) = shared {
        dwarf.load_sup(|id| read_part(image, contents, id))?;
    }
    Ok(dwarf)
}

/// One section, or nothing where the file has none such.
fn read_part(image: &Image, contents: &Contents, id: SectionId) -> io::Result<Reader> {
    let endian = if contents.is_big_endian { RunTimeEndian::Big } else { RunTimeEndian::Little };
    let section = contents.debug.iter().find(|section| section.id == id);
    let bytes = section.map(|section| read_section(image, section)).transpose()?;
    Ok(EndianArcSlice::new(bytes.unwrap_or_default(), endian))
}

/// A section's bytes, decompressed. Its sizes were held against the limit before.
fn read_section(image: &Image, section: &DebugSection) -> io::Result<Arc<[u8]>> {
    let stored = read_bytes(image, section.offset, section.size)?;
    if section.format == CompressionFormat::None {
        return Ok(stored);
    }
    let compressed =
        CompressedData { format: section.format, data: &stored, uncompressed_size: section.whole_size };
    let whole = compressed.decompress().map_err(io::Error::other)?;
    Ok(whole.as_ref().into())
}

/// Reads into the place where the bytes stay.
fn read_bytes(image: &Image, offset: u64, size: u64) -> io::Result<Arc<[u8]>> {
    let size = usize::try_from(size).map_err(io::Error::other)?;
    let mut bytes: Arc<[u8]> = std::iter::repeat_n(0, size).collect();
    let buffer = Arc::get_mut(&mut bytes).unwrap_or_default();
    let mut done = 0;
    while done < size {
        let rest = buffer.get_mut(done..).unwrap_or_default();
        match image.read_at(rest, offset.saturating_add(done as u64))? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => done += read,
        }
    }
    Ok(bytes)
}
