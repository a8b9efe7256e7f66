//! Which objects were counted: one bit for every 16 bytes of the pages that hold any, as objects are aligned.

use foldhash::HashMap;

#[derive(Debug, Default)]
pub(super) struct Visited {
    pages: HashMap<u64, [u64; 4]>,
}

impl Visited {
    /// Marks an address; false when it was marked before.
    pub(super) fn insert(&mut self, address: u64) -> bool {
        let marked = self.pages.entry(address >> 12).or_default();
        let at = (address >> 4) & 0xff;
        let Some(word) = marked.get_mut((at >> 6) as usize) else { return false };
        let bit = 1 << (at & 63);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
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
}
