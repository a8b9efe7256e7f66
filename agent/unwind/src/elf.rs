//! What unwinding has to know of an ELF file: where its code is loaded, where its unwind rows are, who it is.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    ops::Deref,
    sync::Arc,
};

use object::{
    Endianness, ReadCache, ReadRef, elf,
    read::elf::{FileHeader, ProgramHeader, SectionHeader, SectionTable},
};

use crate::{build_id, rules::landmark};

type Header = elf::FileHeader64<Endianness>;

/// The bytes of an executable: a file, or the vdso's image.
#[derive(Debug)]
pub(crate) enum Image {
    /// A file.
    File(File),
    /// A copy from memory.
    Memory(Vec<u8>),
}

/// Bytes copied out of an executable, shared by all who use them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content(Arc<Vec<u8>>);

impl Deref for Content {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// A part of the file that is loaded as code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) offset: u64,
    pub(crate) address: u64,
    pub(crate) size: u64,
}

/// Where a section is in the file, and at which file address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) offset: u64,
    pub(crate) address: u64,
    pub(crate) size: u64,
}

/// The layout of one executable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Executable segments.
    pub(crate) code: Vec<Segment>,
    pub(crate) build_id: Option<Arc<str>>,
    pub(crate) eh_frame: Option<Section>,
    pub(crate) eh_frame_hdr: Option<Section>,
    pub(crate) text: Option<Section>,
    pub(crate) got: Option<Section>,
    /// Places where a rule of our own takes over from the rows, in order of address.
    pub(crate) landmarks: Vec<landmark::Landmark>,
}

/// A file with more segments than this is not one that a linker wrote.
const SEGMENTS_MAX: usize = 64;

/// What tells a file with code from others, as in [`crate::Executable::build_id`].
pub fn build_id_of(file: &File) -> io::Result<Arc<str>> {
    let noted = || {
        let data = &ReadCache::new(file);
        let header = Header::parse(data).ok()?;
        let endian = header.endian().ok().filter(|endian| header.e_machine(*endian) == elf::EM_X86_64)?;
        let segments = header.program_headers(endian, data).ok()?.iter().take(SEGMENTS_MAX);
        segments.into_iter().find_map(|segment| noted_build_id(segment, endian, data))
    };
    match noted() {
        Some(build_id) => Ok(build_id),
        None => build_id::from_content(file, file.metadata()?.len()),
    }
}

impl Image {
    /// Reads the layout; `None` for anything but x86-64 code. `path` only decides whether a name is worth searching.
    pub(crate) fn layout(&self, path: &str) -> Option<Layout> {
        let mut layout = match self {
            Self::File(file) => read_layout(&ReadCache::new(file), path)?,
            Self::Memory(bytes) => read_layout(bytes.as_slice(), path)?,
        };
        layout.landmarks.extend(landmark::find_in_code(self, &layout.code));
        layout.landmarks.sort_unstable_by_key(|landmark| landmark.start);
        Some(layout)
    }

    /// Copies a range out, straight to where it stays: these are the largest pieces of memory there are, and each
    /// further copy on the way would leave a hole.
    pub(crate) fn read(&self, offset: u64, size: u64) -> io::Result<Content> {
        let too_big = |_| io::Error::from(io::ErrorKind::InvalidData);
        let length = usize::try_from(size).map_err(too_big)?;
        match self {
            Self::File(file) => {
                // The length comes from the file's headers; memory is asked for only if the file is that long.
                if offset.saturating_add(size) > file.metadata()?.len() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                let mut bytes = Vec::new();
                bytes.try_reserve_exact(length)?;
                // Reads into memory that was not cleared before: clearing it took as long as reading.
                let mut file: &File = file;
                file.seek(SeekFrom::Start(offset))?;
                file.take(size).read_to_end(&mut bytes)?;
                if bytes.len() != length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Ok(Content(Arc::new(bytes)))
            }
            Self::Memory(bytes) => {
                let offset = usize::try_from(offset).map_err(too_big)?;
                let part = offset.checked_add(length).and_then(|end| bytes.get(offset..end));
                let content = part.map(|part| Content(Arc::new(part.to_vec())));
                content.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
            }
        }
    }
}

impl Layout {
    /// How much there is to read of unwind rows.
    pub(crate) fn rows_bytes(&self) -> u64 {
        [self.eh_frame, self.eh_frame_hdr].iter().flatten().map(|section| section.size).sum()
    }

    /// What to subtract from a runtime address to get the file address, for a mapping of this file.
    pub(crate) fn bias(&self, mapping_start: u64, mapping_offset: u64) -> Option<u64> {
        // The kernel maps whole pages, so the mapping can begin before its segment.
        let page = 0xfff;
        let segment = self.code.iter().find(|segment| {
            let start = segment.offset & !page;
            start <= mapping_offset && mapping_offset < segment.offset.saturating_add(segment.size)
        })?;
        let address = segment.address.wrapping_add(mapping_offset).wrapping_sub(segment.offset);
        Some(mapping_start.wrapping_sub(address))
    }

    /// Gives up rows of more than so many bytes, and says whether it did.
    pub(crate) fn drop_rows_above(&mut self, bytes_max: usize) -> bool {
        let size = |section: &Option<Section>| section.as_ref().map_or(0, |section| section.size);
        let is_above = size(&self.eh_frame).saturating_add(size(&self.eh_frame_hdr)) > bytes_max as u64;
        if is_above {
            (self.eh_frame, self.eh_frame_hdr) = (None, None);
        }
        is_above
    }
}

fn read_layout<'data, R: ReadRef<'data>>(data: R, path: &str) -> Option<Layout> {
    let header = Header::parse(data).ok()?;
    let endian = header.endian().ok()?;
    if header.e_machine(endian) != elf::EM_X86_64 {
        return None;
    }
    let mut layout = Layout::default();
    for segment in header.program_headers(endian, data).ok()?.iter().take(SEGMENTS_MAX) {
        if segment.p_type(endian) == elf::PT_LOAD && segment.p_flags(endian).contains(elf::PF_X) {
            layout.code.push(Segment {
                offset: segment.p_offset(endian),
                address: segment.p_vaddr(endian),
                size: segment.p_filesz(endian),
            });
        }
        layout.build_id = layout.build_id.or_else(|| noted_build_id(segment, endian, data));
    }
    if let Ok(sections) = header.sections(endian, data) {
        let section = |name: &[u8]| find_section(&sections, endian, name);
        layout.eh_frame = section(b".eh_frame");
        layout.eh_frame_hdr = section(b".eh_frame_hdr");
        layout.text = section(b".text");
        layout.got = section(b".got");
        if landmark::may_hold_greenlets(path) {
            layout.landmarks = landmark::find_in_symbols(&sections, endian, data);
        }
    }
    Some(layout)
}

fn noted_build_id<'data, R: ReadRef<'data>>(
    segment: &elf::ProgramHeader64<Endianness>,
    endian: Endianness,
    data: R,
) -> Option<Arc<str>> {
    let mut notes = segment.notes(endian, data).ok()??;
    std::iter::from_fn(|| notes.next().ok().flatten())
        .find(|note| note.name() == elf::ELF_NOTE_GNU && note.n_type(endian) == elf::NT_GNU_BUILD_ID)
        .and_then(|note| build_id::from_note(note.desc()))
}

fn find_section<'data, R: ReadRef<'data>>(
    sections: &SectionTable<'data, Header, R>,
    endian: Endianness,
    name: &[u8],
) -> Option<Section> {
    let (_, section) = sections.section_by_name(endian, name)?;
    // A separate debug file has the headers of sections that are not in it.
    let (offset, size) = section.file_range(endian)?;
    Some(Section { offset, address: section.sh_addr(endian), size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bias_is_found_when_a_mapping_begins_before_its_segment() {
        let layout = Layout {
            code: vec![Segment { offset: 0x1234, address: 0x40_2234, size: 0x5000 }],
            ..Layout::default()
        };
        assert_eq!(layout.bias(0x7f00_0000_1000, 0x1000), Some(0x7f00_0000_1000 - 0x40_2000));
        assert_eq!(layout.bias(0x7f00_0000_3000, 0x3000), Some(0x7f00_0000_1000 - 0x40_2000));
        assert_eq!(layout.bias(0x1000, 0x9000), None);
        // A program that is not position-independent: addresses are as stated.
        assert_eq!(layout.bias(0x40_2000, 0x1000), Some(0));
    }

    #[test]
    fn anything_but_an_executable_has_no_layout() {
        for bytes in [&b""[..], b"#!/bin/sh\n", &[0x7f, b'E', b'L', b'F', 2, 1, 1, 0]] {
            assert_eq!(Image::Memory(bytes.to_vec()).layout("/x"), None);
        }
    }
}
