//! Private pages by their content.

use std::{collections::BTreeMap, ops::Range};

use super::{
    MappingKind, Target,
    contents::{Content, Contents, RUN_PAGES, content, is_sampled},
    memory::PAGE_BYTES,
};

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
    pages: Vec<PrivatePage>,
    /// Which processes are forks of one another: the first of them.
    families: Vec<usize>,
    one_in: u64,
}

#[derive(Clone, Copy)]
struct PrivatePage {
    /// A hash; 0 for nothing but zeros.
    content: u128,
    address: u64,
    process: u32,
    kind: MappingKind,
    was_before_fork: bool,
}

impl Compared {
    /// Nothing read yet. Of processes with more private pages than this, an even sample by address will be.
    pub(super) fn new(targets: &[Target], pages_max: u64) -> Self {
        let most = targets.iter().map(own_pages).max().unwrap_or_default();
        let one_in = most.div_ceil(pages_max.max(1)).max(1);
        let family =
            |target: &Target| targets.iter().position(|other| target.process.is_fork_of(&other.process));
        let families = targets.iter().enumerate().map(|(at, target)| family(target).unwrap_or(at)).collect();
        Self { pages: Vec::new(), families, one_in }
    }

    /// One of so many pages is read.
    pub(super) fn one_in(&self) -> u64 {
        self.one_in
    }

    /// Reads the private pages of a process: those whose content is not known by now.
    pub(super) fn read(
        &mut self,
        process: u32,
        (target, known): (&Target, &Contents),
        is_over: &mut dyn FnMut() -> bool,
    ) {
        let mut buffer = Vec::new();
        for mapping in target.mappings.iter().filter(|mapping| mapping.anonymous > 0) {
            let (mut page, end) = (mapping.start / PAGE_BYTES, mapping.end / PAGE_BYTES);
            while page < end && !is_over() {
                let run_end = (page / RUN_PAGES + 1).saturating_mul(RUN_PAGES).min(end);
                if is_sampled(page, self.one_in) {
                    for (page, content) in read_run(target, known, page..run_end, &mut buffer) {
                        self.add(process, (target, mapping.kind), page, content);
                    }
                }
                page = run_end;
            }
        }
    }

    fn add(&mut self, process: u32, (target, kind): (&Target, MappingKind), page: u64, content: Content) {
        let address = page * PAGE_BYTES;
        let parent = target.parent.as_ref();
        let was_before_fork = parent.is_none_or(|parent| parent.memory.page(address).is_present());
        let content = content.unwrap_or_default();
        self.pages.push(PrivatePage { content, address, process, kind, was_before_fork });
    }

    /// Sorts the pages of the processes that lasted.
    pub(super) fn finish(mut self, lasted: &[bool]) -> Vec<SharedPages> {
        let of = |page: &PrivatePage| page.process as usize;
        let families = std::mem::take(&mut self.families);
        let place = |page: &PrivatePage| (families.get(of(page)).copied(), page.address);
        self.pages.retain(|page| lasted.get(of(page)).copied().unwrap_or_default());
        self.pages.sort_unstable_by_key(|page| (page.content, place(page)));
        let mut sums: Vec<BTreeMap<MappingKind, SharedPages>> = vec![BTreeMap::new(); families.len()];
        for equal in self.pages.chunk_by(|left, right| left.content == right.content) {
            for in_place in equal.chunk_by(|left, right| place(left) == place(right)) {
                let (copies, all) = (in_place.len() as u64, equal.len() as u64);
                for page in in_place {
                    let Some(sum) = sums.get_mut(of(page)) else { continue };
                    let sum = sum.entry(page.kind).or_default();
                    match (page.content, copies, all) {
                        (0, ..) => sum.zero.add(self.one_in, 1, 1),
                        (_, 2.., _) if page.was_before_fork => {
                            sum.broken.add(self.one_in, copies - 1, copies)
                        }
                        (_, _, 2..) => sum.elsewhere.add(self.one_in, all - 1, all),
                        _ => sum.unique.add(self.one_in, 0, 1),
                    }
                }
            }
        }
        in_all(sums)
    }
}

fn own_pages(target: &Target) -> u64 {
    target.mappings.iter().map(|mapping| mapping.own / PAGE_BYTES).sum()
}

/// The content of the own pages of a run: what is known of them, and for the others what is read, as many next to each
/// other as there are.
fn read_run(
    target: &Target,
    known: &Contents,
    pages: Range<u64>,
    buffer: &mut Vec<u8>,
) -> Vec<(u64, Content)> {
    let memory = &target.process.memory;
    let mut found = Vec::with_capacity(RUN_PAGES as usize);
    let is_own = |page: u64| memory.page(page * PAGE_BYTES).is_own();
    let mut page = pages.start;
    while page < pages.end {
        let first = page;
        while page < pages.end && known.get(page).is_none() && is_own(page) {
            page += 1;
        }
        if page > first {
            buffer.resize(((page - first) * PAGE_BYTES) as usize, 0);
            if memory.read_directly(first * PAGE_BYTES, buffer).is_ok() {
                let read = buffer.chunks_exact(PAGE_BYTES as usize).map(content);
                found.extend((first..page).zip(read));
            }
            continue;
        }
        // It was there a moment ago; it may be shared by now.
        if let Some(content) = known.get(page).filter(|_| is_own(page)) {
            found.push((page, content));
        }
        page += 1;
    }
    found
}

/// What all processes have together.
fn in_all(sums: Vec<BTreeMap<MappingKind, SharedPages>>) -> Vec<SharedPages> {
    let mut kinds: BTreeMap<MappingKind, SharedPages> = BTreeMap::new();
    for (kind, sum) in sums.into_iter().flatten() {
        let total = kinds.entry(kind).or_insert(SharedPages { kind, ..SharedPages::default() });
        total.zero.add_process(sum.zero);
        total.broken.add_process(sum.broken);
        total.elsewhere.add_process(sum.elsewhere);
        total.unique.add_process(sum.unique);
    }
    kinds.into_values().collect()
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
        PrivatePage { content, address, process: 0, kind: MappingKind::Heap, was_before_fork }
    }

    fn check(families: &[usize], processes: &[&[PrivatePage]], lasted: &[bool], expected: [u64; 8]) {
        let of_process = |(process, pages): (u32, &&[PrivatePage])| {
            pages.iter().map(|page| PrivatePage { process, ..*page }).collect::<Vec<_>>()
        };
        let pages = (0..).zip(processes).flat_map(of_process).collect();
        let compared = Compared { pages, families: families.to_vec(), one_in: 1 };
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
