//! Which objects were counted: one bit for every 16 bytes of the pages that hold any, as objects are aligned; and which
//! pages the collector writes to.

use foldhash::HashMap;

#[derive(Debug, Default)]
pub(super) struct Visited {
    pages: HashMap<u64, Page>,
}

#[derive(Debug, Default)]
struct Page {
    marked: [u64; 4],
    is_collected: bool,
}

impl Visited {
    /// Marks an address; false when it was marked before.
    pub(super) fn insert(&mut self, address: u64) -> bool {
        let page = self.pages.entry(address >> 12).or_default();
        let at = (address >> 4) & 0xff;
        let Some(word) = page.marked.get_mut((at >> 6) as usize) else { return false };
        let bit = 1 << (at & 63);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Notes that the collector has its links at an address.
    pub(super) fn collect(&mut self, address: u64) {
        self.pages.entry(address >> 12).or_default().is_collected = true;
    }

    /// True when nothing that the collector links was found on the page of an address.
    pub(super) fn is_plain(&self, address: u64) -> bool {
        self.pages.get(&(address >> 12)).is_none_or(|page| !page.is_collected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_is_new_once() {
        let mut visited = Visited::default();
        for address in [0, 16, 4080, 4096, 0x7fff_ffff_fff0, 1024] {
            assert!(visited.insert(address), "{address:#x}");
            assert!(!visited.insert(address), "{address:#x}");
        }
    }

    #[test]
    fn pages_with_collected_objects_are_known() {
        let mut visited = Visited::default();
        visited.insert(0x5010);
        visited.collect(0x6010);
        assert_eq!([0x5020, 0x6ff0, 0x7000].map(|address| visited.is_plain(address)), [true, false, true]);
    }
}
