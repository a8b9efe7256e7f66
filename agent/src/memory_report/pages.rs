//! Private pages by their content.

use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt};
use twox_hash::XxHash3_128;

use super::{MappingKind, Target, memory::PAGE_BYTES, smaps::Mapping};

/// Pages of one sort, in all processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageCopies {
    /// Processes that have such pages.
    pub processes: u64,
    /// Their memory in all of them together.
    pub bytes: u64,
    /// What would be left over if each content were there once; for zeros, not at all.
    pub saved_bytes: u64,
}

/// Private pages of one kind of mapping. Each page is of one sort, the first that fits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SharedPages {
    /// The kind of mapping.
    pub kind: MappingKind,
    /// Nothing but zeros.
    pub zero: PageCopies,
    /// Equal at the same address in a process forked from the same parent, and there before the fork: copy-on-write
    /// was broken.
    pub broken: PageCopies,
    /// Equal anywhere else.
    pub elsewhere: PageCopies,
    /// Like no other.
    pub unique: PageCopies,
}

/// The pages of all processes, before it is known which processes lasted.
pub(super) struct Compared {
    processes: Vec<Vec<PrivatePage>>,
    /// Which processes are forks of one another: the first of them.
    families: Vec<usize>,
    one_in: u64,
}

#[derive(Clone, Copy)]
struct PrivatePage {
    address: u64,
    /// Content; `None` for zeros.
    content: Option<u128>,
    kind: MappingKind,
    was_before_fork: bool,
}

/// Pages read at once.
const RUN_PAGES: u64 = 64;
const ZEROS: [u8; PAGE_BYTES as usize] = [0; PAGE_BYTES as usize];

/// Reads the private pages of all processes, an even sample by address where there are many.
pub(super) fn compare(
    targets: &[Target],
    pages_max: u64,
    is_over: &mut dyn FnMut() -> bool,
) -> (Compared, u64) {
    let most = targets.iter().map(own_pages).max().unwrap_or_default();
    let one_in = most.div_ceil(pages_max.max(1)).max(1);
    let processes = targets.iter().map(|target| read(target, one_in, is_over)).collect();
    let family = |target: &Target| targets.iter().position(|other| target.process.is_fork_of(&other.process));
    let families = targets.iter().enumerate().map(|(at, target)| family(target).unwrap_or(at)).collect();
    (Compared { processes, families, one_in }, one_in)
}

fn own_pages(target: &Target) -> u64 {
    target.mappings.iter().map(|mapping| mapping.own / PAGE_BYTES).sum()
}

/// Runs of pages are sampled, so that few large reads do; the same addresses in every process.
fn is_sampled(page: u64, one_in: u64) -> bool {
    (page / RUN_PAGES).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32).is_multiple_of(one_in)
}

fn read(target: &Target, one_in: u64, is_over: &mut dyn FnMut() -> bool) -> Vec<PrivatePage> {
    target.process.memory.forget();
    let mut found = Vec::new();
    let mut buffer = Vec::new();
    for mapping in target.mappings.iter().filter(|mapping| mapping.anonymous > 0) {
        let (mut page, end) = (mapping.start / PAGE_BYTES, mapping.end / PAGE_BYTES);
        while page < end && !is_over() {
            let run_end = (page / RUN_PAGES + 1).saturating_mul(RUN_PAGES).min(end);
            if is_sampled(page, one_in) {
                read_run(target, mapping, page..run_end, (&mut buffer, &mut found));
            }
            page = run_end;
        }
    }
    found
}

fn read_run(
    target: &Target,
    mapping: &Mapping,
    pages: std::ops::Range<u64>,
    (buffer, found): (&mut Vec<u8>, &mut Vec<PrivatePage>),
) {
    let memory = &target.process.memory;
    let mut page = pages.start;
    while page < pages.end {
        let first = page;
        while page < pages.end && memory.page(page * PAGE_BYTES).is_own() {
            page += 1;
        }
        buffer.resize(((page - first) * PAGE_BYTES) as usize, 0);
        if page > first && memory.read_directly(first * PAGE_BYTES, buffer).is_ok() {
            for (at, bytes) in (first..page).zip(buffer.chunks_exact(PAGE_BYTES as usize)) {
                let address = at * PAGE_BYTES;
                let parent = target.parent.as_ref();
                found.push(PrivatePage {
                    address,
                    content: (bytes != ZEROS.as_slice()).then(|| XxHash3_128::oneshot(bytes)),
                    kind: mapping.kind,
                    was_before_fork: parent.is_none_or(|parent| parent.memory.page(address).is_present()),
                });
            }
        }
        page = page.max(first + 1);
    }
}

impl Compared {
    /// Sorts the pages of the processes that lasted.
    pub(super) fn finish(&self, lasted: &[bool]) -> Vec<SharedPages> {
        let processes: Vec<(usize, &Vec<PrivatePage>)> = self
            .families
            .iter()
            .copied()
            .zip(&self.processes)
            .zip(lasted)
            .filter(|(_, lasted)| **lasted)
            .map(|(process, _)| process)
            .collect();
        let mut in_place: HashMap<(usize, u64, u128), u64> = HashMap::new();
        let mut anywhere: HashMap<u128, u64> = HashMap::new();
        for (family, pages) in &processes {
            for page in *pages {
                if let Some(content) = page.content {
                    *in_place.entry((*family, page.address, content)).or_default() += 1;
                    *anywhere.entry(content).or_default() += 1;
                }
            }
        }
        let mut kinds: BTreeMap<MappingKind, SharedPages> = BTreeMap::new();
        for (family, pages) in processes {
            let mut in_process: BTreeMap<MappingKind, SharedPages> = BTreeMap::new();
            for page in pages {
                let sum = in_process.entry(page.kind).or_default();
                let Some(content) = page.content else {
                    sum.zero.add(self.one_in, 1, 1);
                    continue;
                };
                let copies = in_place.get(&(family, page.address, content)).copied().unwrap_or_default();
                let all = anywhere.get(&content).copied().unwrap_or_default();
                match (copies, all) {
                    (2.., _) if page.was_before_fork => sum.broken.add(self.one_in, copies - 1, copies),
                    (_, 2..) => sum.elsewhere.add(self.one_in, all - 1, all),
                    _ => sum.unique.add(self.one_in, 0, 1),
                }
            }
            for (kind, sum) in in_process {
                let total = kinds.entry(kind).or_insert(SharedPages { kind, ..SharedPages::default() });
                total.zero.add_process(sum.zero);
                total.broken.add_process(sum.broken);
                total.elsewhere.add_process(sum.elsewhere);
                total.unique.add_process(sum.unique);
            }
        }
        kinds.into_values().collect()
    }
}

impl PageCopies {
    fn add(&mut self, one_in: u64, numerator: u64, denominator: u64) {
        let bytes = PAGE_BYTES * one_in;
        self.bytes += bytes;
        self.saved_bytes += bytes * numerator / denominator;
    }

    fn add_process(&mut self, other: Self) {
        self.processes += u64::from(other.bytes > 0);
        self.bytes += other.bytes;
        self.saved_bytes += other.saved_bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(address: u64, content: u128, was_before_fork: bool) -> PrivatePage {
        let content = (content > 0).then_some(content);
        PrivatePage { address, content, kind: MappingKind::Heap, was_before_fork }
    }

    fn check(families: &[usize], processes: &[&[PrivatePage]], lasted: &[bool], expected: [u64; 8]) {
        let processes = processes.iter().map(|pages| pages.to_vec()).collect();
        let compared = Compared { processes, families: families.to_vec(), one_in: 1 };
        let found = compared.finish(lasted).pop().unwrap();
        let numbers: Vec<u64> = [found.zero, found.broken, found.elsewhere, found.unique]
            .iter()
            .flat_map(|copies| [copies.bytes / PAGE_BYTES, copies.saved_bytes / (PAGE_BYTES / 2)])
            .collect();
        assert_eq!(numbers, expected);
    }

    #[test]
    fn each_page_is_of_one_sort() {
        let one = [page(1, 7, true), page(2, 0, true), page(3, 9, true), page(4, 8, false)];
        let other = [page(1, 7, true), page(2, 0, true), page(3, 10, true), page(4, 8, false)];
        check(&[0, 0], &[&one, &other], &[true, true], [2, 4, 2, 2, 2, 2, 2, 0]);
        // Not of one parent: the same address says nothing.
        check(&[0, 1], &[&one, &other], &[true, true], [2, 4, 0, 0, 4, 4, 2, 0]);
        // What is gone is compared with nothing.
        check(&[0, 0], &[&one, &other], &[true, false], [1, 2, 0, 0, 0, 0, 3, 0]);
    }
}
