//! What was written since the fork to pages that a process then shared with its parent, and what of them would be shared
//! still if the collector had left them alone.
//!
//! Each page that is private now is held against the parent's at the same address, word by word. The collector leaves
//! other links before the objects that it follows, or the same again, and nothing else. References that last, and all
//! that programs write, leave other words. Reading leaves nothing behind: its references go again. How much was read is
//! told by pages where nothing is collected, which only reading makes private: the nearest ones, as what was made at one
//! time is at one place, else those of the whole process. Only a sample of all pages is read.

use std::collections::{BTreeMap, HashMap};

use agent_python::Values;

use super::{MappingKind, Target, memory::PAGE_BYTES};

/// Pages that were there before the fork and are private since, by what was written to them, in all processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SinceFork {
    /// All of them.
    pub private_bytes: u64,
    /// The collector wrote to them, and nothing else that lasts: other links, or the same.
    pub collected_bytes: u64,
    /// Reference counts alone: others, or the same on pages without anything that is collected.
    pub read_bytes: u64,
    /// Something else was written.
    pub written_bytes: u64,
    /// What would be shared if nothing were collected: of `collected_bytes`, what was not read as well.
    pub kept_bytes: u64,
    /// Of `collected_bytes`, what no page nearby tells about.
    pub unexplained_bytes: u64,
}

/// What is known of the pages of one process.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pages: HashMap<u64, Kept>,
    sum: SinceFork,
}

/// How much of a private page would be shared if nothing were collected.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Kept {
    /// From none to all of it.
    pub(super) share: f64,
    /// How far off that may be for want of pages nearby.
    pub(super) unexplained: f64,
    /// True when something was written that lasts: it would be private anyway.
    pub(super) is_written: bool,
}

/// Pages of one process that are looked at.
const PAGES: u64 = 2048;
/// Of so many pages that are looked at, the reading of one tells about the others; and of so many what is likely.
const NEAR_PAGES: [u64; 2] = [32, 256];
/// With fewer pages that tell of reading, nothing is known of those nearby,
const NEAR_MIN: u64 = 4;
/// or of all.
const ALL_MIN: u64 = 16;

/// Looks at a process and its parent. None where there is no parent or nothing that tells of reading.
pub(super) fn look(target: &Target, values: &Values, is_over: &mut dyn FnMut() -> bool) -> Option<Looked> {
    let parent = target.parent.as_ref()?;
    let mappings = || {
        target.mappings.iter().filter(|mapping| {
            matches!(mapping.kind, MappingKind::Heap | MappingKind::Anonymous) && mapping.anonymous > 0
        })
    };
    let resident = mappings().map(|mapping| mapping.anonymous).sum::<u64>() / PAGE_BYTES;
    let one_in = resident.div_ceil(PAGES).max(1);
    let (mut now, mut before) = ([0; PAGE_BYTES as usize], [0; PAGE_BYTES as usize]);
    let mut seen = Seen { near_pages: NEAR_PAGES.map(|pages| pages * one_in), ..Seen::default() };
    for mapping in mappings() {
        let (first, end) = (mapping.start / PAGE_BYTES, mapping.end / PAGE_BYTES);
        for page in (first.div_ceil(one_in)..end.div_ceil(one_in)).map(|block| sampled(block, one_in)) {
            let address = page * PAGE_BYTES;
            let is_shared_once = page < end
                && target.process.memory.page(address).is_present()
                && parent.memory.page(address).is_present();
            if !is_shared_once || parent.memory.read_directly(address, &mut before).is_err() {
                continue;
            }
            let inhabited = Inhabited::of(&before, &values.types);
            if !target.process.memory.page(address).is_own() {
                seen.shared(page, inhabited);
            } else if target.process.memory.read_directly(address, &mut now).is_ok() {
                seen.private(page, inhabited, Written::of(&now, &before, &values.types));
            }
            if is_over() {
                return seen.finish(one_in * PAGE_BYTES);
            }
        }
    }
    seen.finish(one_in * PAGE_BYTES)
}

/// One page of each block, the same in every process.
fn sampled(block: u64, one_in: u64) -> u64 {
    block * one_in + (block.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % one_in
}

/// Which objects begin on a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Inhabited {
    /// Those whose references are counted: some live for ever.
    objects: u64,
    /// True when the collector has any of its links there.
    is_collected: bool,
}

/// What differs between two pages; the first that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Content,
    References,
    /// The collector's links, or nothing.
    Links,
}

/// Objects and links take two words: a count of references and a type, or the next and the last object.
type Pair = [u64; 2];
/// Objects with more references than this live for ever.
const REFERENCES_MAX: u64 = 1 << 30;

impl Inhabited {
    fn of(page: &[u8], types: &HashMap<u64, bool>) -> Self {
        let mut found = Self::default();
        let mut last = [0, 0];
        for pair in pairs(page) {
            if let Some(is_collected) = type_of(pair, types) {
                found.objects += u64::from((1..REFERENCES_MAX).contains(&pair[0]));
                // Without a next one it is not followed now.
                found.is_collected |= is_collected && last[0] != 0;
            }
            last = pair;
        }
        found
    }
}

impl Written {
    fn of(now: &[u8], before: &[u8], types: &HashMap<u64, bool>) -> Self {
        let mut found = Self::Links;
        let mut both = pairs(now).zip(pairs(before)).peekable();
        while let Some((now, before)) = both.next() {
            if now == before {
                continue;
            }
            let is_link = match both.peek() {
                Some((next, then)) => next[1] == then[1] && type_of(*next, types) == Some(true),
                // The object is on the next page.
                None => true,
            };
            if is_link {
                continue;
            }
            if now[1] != before[1] || type_of(now, types).is_none() {
                return Self::Content;
            }
            found = Self::References;
        }
        found
    }
}

fn pairs(page: &[u8]) -> impl Iterator<Item = Pair> {
    let word = |bytes: &[u8]| bytes.first_chunk().map_or(0, |word| u64::from_ne_bytes(*word));
    page.chunks_exact(16).map(move |pair| [word(pair), word(pair.get(8..).unwrap_or_default())])
}

/// Whether the collector follows the object that begins here; none where no object does.
fn type_of(pair: Pair, types: &HashMap<u64, bool>) -> Option<bool> {
    (pair[0] != 0 && pair[1].is_multiple_of(8)).then(|| types.get(&pair[1]).copied()).flatten()
}

/// Pages that were looked at.
#[derive(Debug, Default)]
struct Seen {
    private: Vec<(u64, Inhabited, Written)>,
    near_pages: [u64; 2],
    /// By place, the smaller and the larger ones, and of all.
    near: [HashMap<u64, Reading>; 2],
    all: Reading,
}

/// Pages that only reading makes private.
#[derive(Clone, Debug, Default)]
struct Reading {
    pages: u64,
    /// By how many objects are on a page, how many pages are shared and private.
    by_objects: BTreeMap<u64, [u64; 2]>,
}

impl Reading {
    fn add(&mut self, objects: u64, is_private: bool) {
        self.pages += 1;
        if let Some(count) = self.by_objects.entry(objects).or_default().get_mut(usize::from(is_private)) {
            *count += 1;
        }
    }

    /// How often objects are read, when each is as likely to be and a page is private once one of it was: the likeliest
    /// rate, at which none of `objects` is read with probability exp(-rate × objects).
    fn rate(&self) -> f64 {
        let sum = |part: &dyn Fn(f64, [f64; 2]) -> f64| -> f64 {
            self.by_objects
                .iter()
                .map(|(objects, counts)| part(*objects as f64, counts.map(|count| count as f64)))
                .sum()
        };
        let [shared, private] = [sum(&|_, [shared, _]| shared), sum(&|_, [_, private]| private)];
        if private == 0.0 {
            return 0.0;
        }
        if shared == 0.0 {
            return f64::INFINITY;
        }
        // The slope of the likelihood falls with the rate.
        let slope = |rate: f64| {
            sum(&|objects, [shared, private]| objects * (private / (rate * objects).exp_m1() - shared))
        };
        let (mut low, mut high) = RATES;
        for _ in 0..RATE_STEPS {
            let middle = (low * high).sqrt();
            if slope(middle) > 0.0 { low = middle } else { high = middle }
        }
        low
    }
}

/// How likely none of so many objects was read.
fn unread(rate: f64, objects: u64) -> f64 {
    (-rate * objects.max(1) as f64).exp()
}

/// Between these is the rate at which objects are read; and how often that is halved.
const RATES: (f64, f64) = (1e-9, 1e2);
const RATE_STEPS: usize = 50;

impl Seen {
    fn shared(&mut self, page: u64, inhabited: Inhabited) {
        if inhabited.objects > 0 && !inhabited.is_collected {
            self.tells(page, inhabited.objects, false);
        }
    }

    fn private(&mut self, page: u64, inhabited: Inhabited, written: Written) {
        if written == Written::Links && inhabited.objects > 0 && !inhabited.is_collected {
            self.tells(page, inhabited.objects, true);
        }
        self.private.push((page, inhabited, written));
    }

    fn tells(&mut self, page: u64, objects: u64, is_private: bool) {
        for (near, pages) in self.near.iter_mut().zip(self.near_pages) {
            near.entry(page / pages.max(1)).or_default().add(objects, is_private);
        }
        self.all.add(objects, is_private);
    }

    /// What is known now; each page stands for so many bytes.
    fn finish(self, bytes: u64) -> Option<Looked> {
        if self.all.pages < ALL_MIN {
            return None;
        }
        let mut looked = Looked::default();
        let of_all = self.all.rate();
        let rates = |near: &HashMap<u64, Reading>| -> HashMap<u64, f64> {
            let told = near.iter().filter(|(_, near)| near.pages >= NEAR_MIN);
            told.map(|(place, near)| (*place, near.rate())).collect()
        };
        let [near, far] = self.near.each_ref().map(rates);
        let [near_pages, far_pages] = self.near_pages.map(|pages| pages.max(1));
        for (page, inhabited, written) in self.private {
            let near = near.get(&(page / near_pages));
            let rate = near.or_else(|| far.get(&(page / far_pages))).unwrap_or(&of_all);
            let unread = unread(*rate, inhabited.objects);
            // Where some was read nearby, it is not known what is read together, and what of it is on one page.
            let unexplained =
                if near.is_some() { unread.min(1.0 - unread) } else { unread.max(1.0 - unread) };
            let sum = &mut looked.sum;
            sum.private_bytes += bytes;
            let kept = match written {
                Written::Links if inhabited.is_collected => {
                    sum.collected_bytes += bytes;
                    Kept { share: unread, unexplained, is_written: false }
                }
                Written::Content => {
                    sum.written_bytes += bytes;
                    Kept { is_written: true, ..Kept::default() }
                }
                Written::Links | Written::References => {
                    sum.read_bytes += bytes;
                    Kept::default()
                }
            };
            sum.kept_bytes += (kept.share * bytes as f64) as u64;
            sum.unexplained_bytes += (kept.unexplained * bytes as f64) as u64;
            looked.pages.insert(page, kept);
        }
        Some(looked)
    }
}

impl Looked {
    #[cfg(test)]
    pub(super) fn of(pages: impl Iterator<Item = (u64, Kept)>, sum: SinceFork) -> Self {
        Self { pages: pages.collect(), sum }
    }

    /// What is known of a private page, when it is one of those that were looked at.
    pub(super) fn page(&self, page: u64) -> Option<Kept> {
        self.pages.get(&page).copied()
    }

    /// All pages together.
    pub(super) fn sum(&self) -> SinceFork {
        self.sum
    }
}

impl SinceFork {
    pub(super) fn add(&mut self, other: Self) {
        self.private_bytes += other.private_bytes;
        self.collected_bytes += other.collected_bytes;
        self.read_bytes += other.read_bytes;
        self.written_bytes += other.written_bytes;
        self.kept_bytes += other.kept_bytes;
        self.unexplained_bytes += other.unexplained_bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLLECTED: u64 = 0x7000;
    const PLAIN: u64 = 0x8000;

    fn types() -> HashMap<u64, bool> {
        HashMap::from([(COLLECTED, true), (PLAIN, false)])
    }

    fn bytes(pairs: &[Pair]) -> Vec<u8> {
        let mut page = vec![0; PAGE_BYTES as usize];
        for (into, word) in page.chunks_exact_mut(8).zip(pairs.iter().flatten()) {
            into.copy_from_slice(&word.to_ne_bytes());
        }
        page
    }

    #[test]
    fn objects_and_links_are_recognised() {
        let cases: [(&[Pair], u64, bool); 5] = [
            (&[[0x10, 0x20], [1, COLLECTED], [0, 9]], 1, true),
            (&[[0, 0], [1, COLLECTED]], 1, false),
            (&[[3, PLAIN], [1, 99], [2, PLAIN]], 2, false),
            // It lives for ever.
            (&[[0xffff_ffff, PLAIN]], 0, false),
            (&[], 0, false),
        ];
        for (page, objects, is_collected) in cases {
            assert_eq!(
                Inhabited::of(&bytes(page), &types()),
                Inhabited { objects, is_collected },
                "{page:x?}"
            );
        }
    }

    #[test]
    fn what_differs_tells_who_wrote() {
        let before = [[0x10, 0x20], [1, COLLECTED], [5, 6], [2, PLAIN], [7, 8]];
        let with = |at: usize, pair: Pair| {
            let mut now = before;
            now[at] = pair;
            Written::of(&bytes(&now), &bytes(&before), &types())
        };
        let cases = [
            (0, [0x10, 0x20], Written::Links),
            (0, [0x30, 0x40], Written::Links),
            (0, [0, 0], Written::Links),
            (1, [2, COLLECTED], Written::References),
            (3, [9, PLAIN], Written::References),
            // Another object, and the content of one.
            (3, [2, COLLECTED], Written::Content),
            (2, [5, 7], Written::Content),
            (4, [0, 0], Written::Content),
        ];
        for (at, pair, expected) in cases {
            assert_eq!(with(at, pair), expected, "{at} {pair:x?}");
        }
    }

    /// A place, its private pages that tell of reading, and all of those.
    type Place = (u64, u64, u64);

    /// One hundred collected pages, beside pages that tell of reading: those that are private, of all.
    fn found(places: &[Place]) -> [u64; 3] {
        let mut seen = Seen { near_pages: [1000, 10_000], ..Seen::default() };
        for (place, private, all) in places {
            for page in 0..*all {
                let inhabited = Inhabited { objects: 4, is_collected: false };
                let page = place * 1000 + page;
                if page % 1000 < *private {
                    seen.private(page, inhabited, Written::Links);
                } else {
                    seen.shared(page, inhabited);
                }
            }
        }
        for page in 900..1000 {
            let inhabited = Inhabited { objects: 4, is_collected: true };
            seen.private(page, inhabited, Written::Links);
        }
        let sum = seen.finish(1000).map(|looked| looked.sum()).unwrap_or_default();
        [sum.collected_bytes, sum.kept_bytes, sum.unexplained_bytes].map(|bytes| (bytes + 500) / 1000)
    }

    #[test]
    fn pages_without_collected_objects_tell_what_was_read() {
        let cases: [(&[Place], [u64; 3]); 8] = [
            // Next to them nothing was read, half, and all.
            (&[(0, 0, 50)], [100, 100, 0]),
            (&[(0, 25, 50)], [100, 50, 50]),
            (&[(0, 50, 50)], [100, 0, 0]),
            // What is near counts, not what is far.
            (&[(0, 0, 50), (1, 50, 50)], [100, 100, 0]),
            // With nothing near it is what is far, but that may be wrong.
            (&[(1, 0, 50)], [100, 100, 100]),
            (&[(1, 0, 50), (11, 50, 50)], [100, 100, 100]),
            (&[(11, 50, 50)], [100, 0, 100]),
            // Nothing tells of reading.
            (&[(0, 0, 3)], [0, 0, 0]),
        ];
        for (places, expected) in cases {
            assert_eq!(found(places), expected, "{places:?}");
        }
    }

    #[test]
    fn pages_with_many_objects_are_sooner_read() {
        let reading = |by_objects: &[(u64, [u64; 2])]| Reading {
            pages: 1000,
            by_objects: by_objects.iter().copied().collect(),
        };
        let percent = |reading: Reading| {
            [4, 40, 400].map(|objects| (unread(reading.rate(), objects) * 100.0).round() as u64)
        };
        assert_eq!(percent(reading(&[(4, [900, 100])])), [90, 35, 0]);
        // Both sorts say the same.
        assert_eq!(percent(reading(&[(4, [900, 100]), (40, [349, 651])])), [90, 35, 0]);
        assert_eq!(percent(reading(&[(4, [1000, 0])])), [100, 100, 100]);
        assert_eq!(percent(reading(&[(4, [0, 1000])])), [0, 0, 0]);
    }
}
