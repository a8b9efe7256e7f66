//! Reading much of a process's memory: in pieces that are kept, from pages that are present, and knowing which pages
//! the process shares.
//!
//! Only `/proc/PID/mem` is used (I10). Pages that are swapped out stay so: reading would bring them back.

use std::{
    cell::{Cell, RefCell},
    fs::File,
    io,
    os::unix::fs::FileExt,
};

use agent_python::{Memory, PageMemory};

use super::contents::Contents;

pub(super) const PAGE_BYTES: u64 = 4096;

/// What the kernel says of one page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Page(u64);

impl Page {
    pub(super) fn is_present(self) -> bool {
        self.0 & 1 << 63 != 0
    }

    pub(super) fn is_swapped(self) -> bool {
        self.0 & 1 << 62 != 0
    }

    /// True for a page of the process's own: mapped by no other process, and no file's.
    pub(super) fn is_own(self) -> bool {
        self.is_present() && self.0 & 1 << 56 != 0 && self.0 & 1 << 61 == 0
    }
}

/// One process's memory, with the pieces read last.
#[derive(Debug)]
pub(crate) struct CachedMemory {
    memory: File,
    pagemap: File,
    sets: RefCell<Vec<Vec<Piece>>>,
    pages: RefCell<Vec<Option<Pages>>>,
    /// The page that was asked for last, by its number: objects next to each other are asked for one after the other.
    last_page: Cell<(u64, Page)>,
    /// What pages contain that passed by, where that is wanted.
    contents: RefCell<Option<Contents>>,
}

#[derive(Debug)]
struct Piece {
    number: u64,
    bytes: Box<[u8]>,
    /// A bit for each page that was read.
    present: u16,
}

#[derive(Debug)]
struct Pages {
    number: u64,
    entries: Box<[u64]>,
}

/// 16 pages: one bit each in a half word.
const PIECE_BYTES: u64 = 16 * PAGE_BYTES;
/// Pieces kept: 8 MB, in sets of so many, of which the one that was read longest ago makes room. A walk follows a few
/// places at a time, which must not drive each other out.
const SETS: u64 = 32;
const SET_PIECES: usize = 4;
/// Pages described at once.
const BLOCK_PAGES: u64 = 512;
/// Blocks kept: 1 GB of addresses.
const BLOCKS: u64 = 512;
/// Most pages of one object that are looked at; 16 GB.
const OBJECT_PAGES_MAX: u64 = 1 << 22;
/// Addresses that programs have end here.
const ADDRESS_MAX: u64 = 1 << 47;

impl CachedMemory {
    pub(super) fn new(memory: File, pagemap: File) -> Self {
        let sets = RefCell::new((0..SETS).map(|_| Vec::new()).collect());
        let pages = RefCell::new((0..BLOCKS).map(|_| None).collect());
        let last_page = Cell::new((u64::MAX, Page::default()));
        Self { memory, pagemap, sets, pages, last_page, contents: RefCell::default() }
    }

    /// The page at an address.
    pub(super) fn page(&self, address: u64) -> Page {
        let number = address / PAGE_BYTES;
        let (last, page) = self.last_page.get();
        if last == number {
            return page;
        }
        let page = self.look_up(number);
        self.last_page.set((number, page));
        page
    }

    fn look_up(&self, page: u64) -> Page {
        let (number, at) = (page / BLOCK_PAGES, page % BLOCK_PAGES);
        let mut blocks = self.pages.borrow_mut();
        let Some(slot) = blocks.get_mut((number % BLOCKS) as usize) else { return Page::default() };
        if slot.as_ref().is_none_or(|block| block.number != number) {
            *slot = Some(Pages { number, entries: self.entries(number * BLOCK_PAGES, BLOCK_PAGES) });
        }
        slot.as_ref().and_then(|block| block.entries.get(at as usize)).copied().map_or(Page::default(), Page)
    }

    /// Reads memory that is not kept.
    pub(super) fn read_directly(&self, address: u64, into: &mut [u8]) -> io::Result<()> {
        self.memory.read_exact_at(into, address)
    }

    /// From now on keeps what own pages contain as they are read, so that they need not be read again for that.
    pub(super) fn keep_contents(&self, contents: Contents) {
        *self.contents.borrow_mut() = Some(contents);
    }

    /// What was kept, once.
    pub(super) fn take_contents(&self) -> Contents {
        self.contents.borrow_mut().take().unwrap_or_default()
    }

    /// Forgets everything that was kept of memory.
    pub(super) fn forget(&self) {
        self.last_page.set((u64::MAX, Page::default()));
        self.sets.borrow_mut().iter_mut().for_each(|set| *set = Vec::new());
        self.pages.borrow_mut().iter_mut().for_each(|block| *block = None);
    }

    fn entries(&self, first: u64, count: u64) -> Box<[u64]> {
        let mut bytes = vec![0; count as usize * 8];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.pagemap.read_at(rest, first * 8 + filled as u64) {
                Ok(0) | Err(_) => break,
                Ok(more) => filled += more,
            }
        }
        let words = bytes.chunks_exact(8).filter_map(|word| word.first_chunk());
        words.map(|word| u64::from_ne_bytes(*word)).collect()
    }

    /// Reads the present pages of a piece, each run of them at once, into the room of one that was read before.
    fn piece(&self, number: u64, room: Option<Piece>) -> Piece {
        let bytes = room.map_or_else(|| vec![0; PIECE_BYTES as usize].into_boxed_slice(), |room| room.bytes);
        let mut piece = Piece { number, bytes, present: 0 };
        let start = number * PIECE_BYTES;
        let pages = PIECE_BYTES / PAGE_BYTES;
        let is_present = |page: u64| page < pages && self.page(start + page * PAGE_BYTES).is_present();
        let mut page = 0;
        while page < pages {
            let first = page;
            while is_present(page) {
                page += 1;
            }
            let run = (first * PAGE_BYTES) as usize..(page * PAGE_BYTES) as usize;
            if let Some(into) = piece.bytes.get_mut(run).filter(|into| !into.is_empty())
                && self.memory.read_exact_at(into, start + first * PAGE_BYTES).is_ok()
            {
                self.keep(start / PAGE_BYTES + first, into);
                piece.present |= (first..page).fold(0, |bits, page| bits | 1 << page);
            }
            page += 1;
        }
        piece
    }

    /// Keeps what pages contain that were just read.
    fn keep(&self, first: u64, bytes: &[u8]) {
        let mut contents = self.contents.borrow_mut();
        let Some(contents) = contents.as_mut() else { return };
        for (page, bytes) in (first..).zip(bytes.chunks_exact(PAGE_BYTES as usize)) {
            if contents.wants(page) && self.page(page * PAGE_BYTES).is_own() {
                contents.add(page, bytes);
            }
        }
    }

    /// Fills `into` from within one piece.
    fn read_within(&self, address: u64, into: &mut [u8]) -> io::Result<()> {
        let (number, at) = (address / PIECE_BYTES, address % PIECE_BYTES);
        let mut sets = self.sets.borrow_mut();
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let set = sets.get_mut((number % SETS) as usize).ok_or_else(missing)?;
        match set.iter().position(|piece| piece.number == number) {
            Some(0) => {}
            Some(at) => set.swap(0, at),
            None => {
                let room = if set.len() < SET_PIECES { None } else { set.pop() };
                set.insert(0, self.piece(number, room));
            }
        }
        let piece = set.first().ok_or_else(missing)?;
        let last = at + into.len().max(1) as u64 - 1;
        let (first, last) = ((at / PAGE_BYTES) as u32, (last / PAGE_BYTES) as u32);
        let wanted = (2_u32 << last) - (1 << first);
        let is_read = u32::from(piece.present) & wanted == wanted;
        if !is_read {
            // A file's page that this process has not touched, mostly. What is swapped out is left there.
            if self.page(address).is_swapped() || self.page(address + into.len() as u64).is_swapped() {
                return Err(missing());
            }
            return self.memory.read_exact_at(into, address);
        }
        let from = piece.bytes.get(at as usize..at as usize + into.len()).ok_or_else(missing)?;
        into.copy_from_slice(from);
        Ok(())
    }
}

impl Memory for CachedMemory {
    fn read(&self, address: u64, into: &mut [u8]) -> io::Result<()> {
        if address >= ADDRESS_MAX || into.len() as u64 > ADDRESS_MAX - address {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let (mut address, mut rest) = (address, into);
        while !rest.is_empty() {
            let room = (PIECE_BYTES - address % PIECE_BYTES) as usize;
            let (now, later) = rest.split_at_mut(room.min(rest.len()));
            self.read_within(address, now)?;
            address += now.len() as u64;
            rest = later;
        }
        Ok(())
    }
}

impl PageMemory for CachedMemory {
    fn own_bytes(&self, address: u64, length: u64) -> u64 {
        let Some(end) = address.checked_add(length).filter(|end| *end <= ADDRESS_MAX) else { return 0 };
        let first = address / PAGE_BYTES;
        let last = end.div_ceil(PAGE_BYTES).min(first + OBJECT_PAGES_MAX);
        let own = (first..last).filter(|page| self.page(page * PAGE_BYTES).is_own());
        own.map(|page| end.min((page + 1) * PAGE_BYTES) - address.max(page * PAGE_BYTES)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_memory_is_read_and_known() {
        let open = |name: &str| File::open(format!("/proc/self/{name}")).unwrap();
        let memory = CachedMemory::new(open("mem"), open("pagemap"));
        let kept: Vec<u8> = (0..300_000_u32).map(|number| number as u8).collect();
        let address = kept.as_ptr().addr() as u64;
        let mut read = vec![0; kept.len()];
        memory.read(address, &mut read).unwrap();
        assert_eq!(read, kept);
        assert_eq!(memory.own_bytes(address, 300_000), 300_000);
        assert_eq!(memory.own_bytes(address, 0), 0);
        assert!(memory.read(8, &mut [0; 8]).is_err());
        assert!(memory.read(u64::MAX - 3, &mut [0; 8]).is_err());
        assert_eq!(memory.own_bytes(u64::MAX - 3, 8), 0);
    }
}
