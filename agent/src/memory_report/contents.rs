//! What pages contain, as hashes: of all pages, or of an even sample of them.

use foldhash::{HashMap, HashMapExt};
use twox_hash::XxHash3_128;

use super::memory::PAGE_BYTES;

/// Pages that are read at once, and sampled together.
pub(super) const RUN_PAGES: u64 = 64;
const ZEROS: [u8; PAGE_BYTES as usize] = [0; PAGE_BYTES as usize];

/// What a page contains; none for nothing but zeros.
pub(super) type Content = Option<u128>;

/// What is known of the pages of one process.
#[derive(Debug, Default)]
pub(super) struct Contents {
    one_in: u64,
    known: HashMap<u64, Content>,
}

impl Contents {
    /// Of a sample of one page in so many.
    pub(super) fn of_sample(one_in: u64) -> Self {
        Self { one_in, known: HashMap::new() }
    }

    /// True for a page of the sample whose content is not known yet.
    pub(super) fn wants(&self, page: u64) -> bool {
        is_sampled(page, self.one_in) && !self.known.contains_key(&page)
    }

    pub(super) fn add(&mut self, page: u64, bytes: &[u8]) {
        self.known.insert(page, content(bytes));
    }

    pub(super) fn get(&self, page: u64) -> Option<Content> {
        self.known.get(&page).copied()
    }
}

/// The hash is wide: equal hashes are taken for equal pages.
pub(super) fn content(bytes: &[u8]) -> Content {
    (bytes != ZEROS.as_slice()).then(|| XxHash3_128::oneshot(bytes))
}

/// Runs of pages are sampled, so that few large reads do; the same addresses in every process.
pub(super) fn is_sampled(page: u64, one_in: u64) -> bool {
    one_in <= 1
        || (page / RUN_PAGES).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32).is_multiple_of(one_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_the_sample_are_wanted_once() {
        let mut contents = Contents::of_sample(4);
        let sampled: Vec<u64> = (0..1000 * RUN_PAGES).filter(|page| contents.wants(*page)).collect();
        let runs = sampled.len() as u64 / RUN_PAGES;
        assert!((200..300).contains(&runs) && sampled.len() as u64 == runs * RUN_PAGES, "{runs}");
        let mut page = [0; PAGE_BYTES as usize];
        contents.add(sampled[0], &page);
        page[9] = 1;
        contents.add(sampled[1], &page);
        assert_eq!((contents.get(sampled[0]), contents.wants(sampled[0])), (Some(None), false));
        assert!(contents.get(sampled[1]).flatten().is_some() && contents.get(sampled[2]).is_none());
    }
}
