//! The memory that code objects can be in: private, writable, and there. Reading a page that is not there would make
//! the process larger, or bring it back from swap.

use std::{
    cell::Cell,
    fs::File,
    io::{self, BufRead, BufReader},
    ops::Range,
    os::unix::fs::FileExt,
    path::Path,
};

use agent_python::Memory;

use super::DeadCodeError;

/// Memory to look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Present {
    /// In order of address.
    pub(crate) ranges: Vec<Range<u64>>,
    /// Memory that would have to be looked at and is not.
    pub(crate) skipped_bytes: u64,
}

/// Memory of which only pages are read that are there.
pub(crate) struct PresentMemory {
    memory: File,
    page_map: File,
    /// Found to be there as a whole, to be read in pieces.
    expected: Cell<(u64, u64)>,
}

const MAPPINGS_MAX: usize = 1 << 16;
/// Address space whose pages are asked for; the rest counts as skipped.
const SPACE_BYTES_MAX: u64 = 256 << 30;
const ENTRY_BYTES: u64 = 8;
const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
/// Entries asked for at a time, and most pages of one read.
const ENTRIES: u64 = 1 << 14;
/// Entries asked for at a time for one read: it is of few pages.
const WORDS: u64 = 64;
/// What is found to be there at once; by the end of reading more it may be gone.
const EXPECTED_BYTES_MAX: u64 = 8 << 20;

/// Finds the memory of a process.
pub(crate) fn find(proc_root: &Path, pid: u32) -> Result<Present, DeadCodeError> {
    let unreadable = |what| move |source| DeadCodeError::Unreadable { pid, what, source };
    let open = |what| File::open(proc_root.join(format!("{pid}/{what}"))).map_err(unreadable(what));
    let page_map = open("pagemap")?;
    let mut found = Present::default();
    let mut asked_bytes = 0;
    for line in BufReader::new(open("maps")?).split(b'\n').take(MAPPINGS_MAX) {
        let line = line.map_err(unreadable("maps"))?;
        let Some(range) = writable(&String::from_utf8_lossy(&line)) else { continue };
        let bytes = range.end - range.start;
        asked_bytes += bytes;
        if asked_bytes > SPACE_BYTES_MAX {
            found.skipped_bytes += bytes;
            continue;
        }
        found.add_present(&range, &page_map).map_err(unreadable("pagemap"))?;
    }
    Ok(found)
}

/// The range of a line of `/proc/PID/maps`, if objects can be there.
fn writable(line: &str) -> Option<Range<u64>> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let is_private = fields.next()?.starts_with("rw") && line.split_ascii_whitespace().nth(1)?.ends_with('p');
    let range = u64::from_str_radix(start, 16).ok()?..u64::from_str_radix(end, 16).ok()?;
    (is_private && !range.is_empty()).then_some(range)
}

impl Present {
    fn add_present(&mut self, range: &Range<u64>, page_map: &File) -> io::Result<()> {
        let page_bytes = rustix::param::page_size() as u64;
        let step = ENTRIES * page_bytes;
        let mut entries = vec![0; (ENTRIES * ENTRY_BYTES) as usize];
        for start in (range.start..range.end).step_by(step as usize) {
            let pages = (range.end.min(start.saturating_add(step)) - start) / page_bytes;
            let Some(entries) = entries.get_mut(..(pages * ENTRY_BYTES) as usize) else { continue };
            // A mapping can be gone since; what is in its place now is not asked for.
            let read = page_map.read_at(entries, start / page_bytes * ENTRY_BYTES)?;
            let words = entries.get(..read).unwrap_or_default().chunks_exact(ENTRY_BYTES as usize);
            for (entry, page) in words.zip((start..).step_by(page_bytes as usize)) {
                let entry = entry.first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes));
                self.add_page(entry, page..page + page_bytes);
            }
        }
        Ok(())
    }

    fn add_page(&mut self, entry: u64, page: Range<u64>) {
        if entry & PRESENT == 0 {
            let is_swapped = entry & SWAPPED != 0;
            self.skipped_bytes += if is_swapped { page.end - page.start } else { 0 };
            return;
        }
        match self.ranges.last_mut() {
            Some(last) if last.end == page.start => last.end = page.end,
            _ => self.ranges.push(page),
        }
    }
}

impl PresentMemory {
    /// Opens a process's memory.
    pub(crate) fn open(proc_root: &Path, pid: u32) -> io::Result<Self> {
        let open = |what| File::open(proc_root.join(format!("{pid}/{what}")));
        Ok(Self { memory: open("mem")?, page_map: open("pagemap")?, expected: Cell::default() })
    }

    fn is_present(&self, address: u64, bytes: u64) -> io::Result<bool> {
        let page_bytes = rustix::param::page_size() as u64;
        let first = address / page_bytes;
        let pages = address.saturating_add(bytes).div_ceil(page_bytes).saturating_sub(first).min(ENTRIES);
        let mut entries = [0; (WORDS * ENTRY_BYTES) as usize];
        for start in (first..first + pages).step_by(WORDS as usize) {
            let count = (first + pages - start).min(WORDS) * ENTRY_BYTES;
            let Some(entries) = entries.get_mut(..count as usize) else { return Ok(false) };
            self.page_map.read_exact_at(entries, start.saturating_mul(ENTRY_BYTES))?;
            let (words, _) = entries.as_chunks();
            if words.iter().any(|word| u64::from_ne_bytes(*word) & PRESENT == 0) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Memory for PresentMemory {
    fn read(&self, address: u64, into: &mut [u8]) -> io::Result<()> {
        let (start, end) = self.expected.get();
        let is_expected = address >= start && address.saturating_add(into.len() as u64) <= end;
        if !is_expected && !self.is_present(address, into.len() as u64)? {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.memory.read_exact_at(into, address)
    }

    fn expect(&self, range: Range<u64>) {
        let bytes = range.end.saturating_sub(range.start);
        let is_there = bytes <= EXPECTED_BYTES_MAX && self.is_present(range.start, bytes).unwrap_or_default();
        self.expected.set(if is_there { (range.start, range.end) } else { (0, 0) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_in_private_writable_memory() {
        let cases = [
            ("55d0-55e0 rw-p 00000000 00:00 0    [heap]", Some(0x55d0..0x55e0)),
            ("7f00-7f10 rw-p 0008d000 fe:00 99   /usr/lib/libpython3.11.so.1.0", Some(0x7f00..0x7f10)),
            ("7f00-7f10 r--p 0008d000 fe:00 99   /usr/lib/libpython3.11.so.1.0", None),
            ("7f00-7f10 rw-s 00000000 00:01 5    /dev/shm/x", None),
            ("7f10-7f00 rw-p 00000000 00:00 0", None),
            ("nonsense", None),
            ("", None),
        ];
        for (line, expected) in cases {
            assert_eq!(writable(line), expected, "{line}");
        }
    }

    #[test]
    fn pages_that_are_there_become_ranges() {
        let mut found = Present::default();
        for (page, entry) in (0..).step_by(4096).zip([PRESENT, PRESENT, 0, SWAPPED, PRESENT]) {
            found.add_page(entry, page..page + 4096);
        }
        assert_eq!(found, Present { ranges: vec![0..8192, 16_384..20_480], skipped_bytes: 4096 });
    }

    #[test]
    fn only_what_is_there_is_read() {
        let memory = PresentMemory::open(Path::new("/proc"), std::process::id()).unwrap();
        let there = [7_u8; 10_000];
        let mut read = [0; 10_000];
        memory.read(there.as_ptr().addr() as u64, &mut read).unwrap();
        assert_eq!(read, there);
        assert!(memory.read(8, &mut [0]).is_err());
        assert!(memory.read(u64::MAX, &mut [0]).is_err());
        // What is expected is believed to be there, and only that.
        let start = there.as_ptr().addr() as u64;
        memory.expect(start..start + 10_000);
        memory.read(start + 5, &mut read[..100]).unwrap();
        assert!(memory.read(8, &mut [0]).is_err());
        memory.expect(0..4096);
        assert!(memory.read(8, &mut [0]).is_err());
    }
}
