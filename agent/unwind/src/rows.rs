//! Unwind rows: `.eh_frame` and its index, copied from an executable.

use std::io;

use framehop::{
    Error, ExplicitModuleSectionInfo, FrameAddress, Module, Unwinder as _,
    x86_64::{CacheX86_64, UnwindRegsX86_64, UnwinderX86_64},
};

use crate::{
    Address, Registers, StackCopy,
    elf::{Content, Image, Layout, Section},
    rules::aligned_frame::{self, AlignedFrame},
};

/// The rows of one executable, with the rules found in them so far. Everything is in file addresses, so that one
/// copy serves every process.
pub(crate) struct Rows {
    unwinder: UnwinderX86_64<Content>,
    rules: CacheX86_64,
    index: Option<Index>,
    aligned: Vec<AlignedFrame>,
    bytes: usize,
}

/// What is needed to tell whether an address has rows at all.
struct Index {
    header: (u64, Content),
    frames: (u64, Content),
}

/// About what framehop keeps beside the sections: 509 rules and a row being evaluated.
const RULES_BYTES: usize = 28 << 10;

/// The only encodings that linkers write into an index: version 1, relative 32-bit values.
const INDEX_ENCODINGS: [u8; 4] = [1, 0x1b, 0x03, 0x3b];

impl Rows {
    /// Copies the rows; `None` when the executable has none.
    pub(crate) fn load(image: &Image, layout: &Layout) -> io::Result<Option<Self>> {
        let Some(frames) = layout.eh_frame else { return Ok(None) };
        let copy = |section: Section| image.read(section.offset, section.size);
        let frame_bytes = copy(frames)?;
        let header_bytes = layout.eh_frame_hdr.map(copy).transpose()?;
        let bytes = RULES_BYTES + frame_bytes.len() + header_bytes.as_ref().map_or(0, |bytes| bytes.len());
        let aligned = aligned_frame::find(frames.address, &frame_bytes);
        let range = |section: Option<Section>| {
            section.map(|section| section.address..section.address.saturating_add(section.size))
        };
        let index = layout.eh_frame_hdr.zip(header_bytes.clone()).map(|(section, header)| Index {
            header: (section.address, header),
            frames: (frames.address, frame_bytes.clone()),
        });
        let sections = ExplicitModuleSectionInfo {
            base_svma: 0,
            text_svma: range(layout.text),
            got_svma: range(layout.got),
            eh_frame_svma: range(Some(frames)),
            eh_frame: Some(frame_bytes),
            eh_frame_hdr_svma: range(layout.eh_frame_hdr),
            eh_frame_hdr: header_bytes,
            ..ExplicitModuleSectionInfo::default()
        };
        let mut unwinder = UnwinderX86_64::new();
        unwinder.add_module(Module::new(String::new(), 0..u64::MAX, 0, sections));
        Ok(Some(Self { unwinder, rules: CacheX86_64::new(), index, aligned, bytes }))
    }

    /// Bytes of memory held.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// False when it is certain that no row speaks of this file address.
    pub(crate) fn covers(&self, file_address: u64) -> bool {
        self.index.as_ref().and_then(|index| index.covers(file_address)).unwrap_or(true)
    }

    /// One step towards the root: the caller's return address, or `None` at the root.
    pub(crate) fn step(
        &mut self,
        address: Address,
        bias: u64,
        registers: &mut Registers,
        stack: &StackCopy<'_>,
    ) -> Result<Option<Address>, Error> {
        let lookup = address.lookup().wrapping_sub(bias);
        if let Some(caller) = aligned_frame::caller(&self.aligned, lookup, *registers, stack) {
            *registers = caller;
            return Ok(Address::from_return(caller.ip));
        }
        let in_file = address.runtime().wrapping_sub(bias);
        let in_file = match address {
            Address::Instruction(_) => FrameAddress::from_instruction_pointer(in_file),
            Address::Return(_) => {
                FrameAddress::from_return_address(in_file).ok_or(Error::ReturnAddressIsNull)?
            }
        };
        let mut words = |address| stack.word(address).ok_or(());
        let mut state = UnwindRegsX86_64::new(registers.ip, registers.sp, registers.bp);
        let caller = self.unwinder.unwind_frame(in_file, &mut state, &mut self.rules, &mut words)?;
        *registers = Registers { ip: state.ip(), sp: state.sp(), bp: state.bp() };
        Ok(caller.and_then(Address::from_return))
    }
}

impl Index {
    /// `None` when the index is written in a way that is not understood.
    fn covers(&self, file_address: u64) -> Option<bool> {
        let (base, header) = (self.header.0, &*self.header.1);
        if header.get(..4)? != INDEX_ENCODINGS {
            return None;
        }
        let entries = word(header, 8)? as usize;
        let entry = |at: usize, field: usize| -> Option<u64> {
            let value = word(header, at.checked_mul(8)?.checked_add(12 + field * 4)?)?;
            Some(base.wrapping_add(value as i32 as u64))
        };
        let (mut low, mut high) = (0, entries);
        while low < high {
            let middle = low + (high - low) / 2;
            if entry(middle, 0)? <= file_address { low = middle + 1 } else { high = middle }
        }
        let Some(last) = low.checked_sub(1) else { return Some(false) };
        let start = entry(last, 0)?;
        let frame = usize::try_from(entry(last, 1)?.wrapping_sub(self.frames.0)).ok()?;
        let frames = &*self.frames.1;
        // A frame entry is its length, a pointer to its common part, then where its code begins and how long it is.
        let begin_at = frame.checked_add(8)?;
        let begin =
            self.frames.0.wrapping_add(begin_at as u64).wrapping_add(word(frames, begin_at)? as i32 as u64);
        let length = u64::from(word(frames, begin_at.checked_add(4)?)?);
        (begin == start).then(|| file_address - start < length)
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}
