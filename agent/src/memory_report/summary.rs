//! A group's report in the words that leave the host: sums, counts and names.

use std::{collections::BTreeMap, sync::Arc};

use model::{EqualMemory, LabelSet, MappingMemory, MemoryGroup, MemorySize, OwnerMemory, PageMemory};

use super::{
    Copies, MappingKind, MemoryReport, Outcome, PageCopies, ProcessReport, Resident, SharedOwner,
    SharedPages, ValuesOutcome, groups::program,
};

/// Owners that are told; of the rest, how many there are.
const OWNERS_MAX: usize = 64;
/// Owners that hold less in all processes together decide nothing.
const OWNER_BYTES_MIN: u64 = 64 << 10;
/// Names are cut there.
const NAME_BYTES_MAX: usize = 256;

/// What a group is, beside what was found in it.
pub(super) struct About {
    pub(super) at_ns: i64,
    pub(super) labels: LabelSet,
    pub(super) processes: u64,
    pub(super) unread: u64,
    /// Memory of the processes that were not compared.
    pub(super) others: Vec<BTreeMap<MappingKind, Resident>>,
}

/// Puts together what is sent.
pub(super) fn of(report: &MemoryReport, about: About) -> MemoryGroup {
    let read: Vec<&ProcessReport> =
        report.processes.iter().filter(|process| process.outcome == Outcome::Read).collect();
    let first = read.first();
    let mut mappings: BTreeMap<MappingKind, MemorySize> = BTreeMap::new();
    for by_kind in read.iter().map(|process| &process.mappings).chain(&about.others) {
        for (kind, resident) in by_kind {
            let sum = mappings.entry(*kind).or_default();
            *sum = sum.plus(size(resident));
        }
    }
    let mut owners: Vec<&SharedOwner> =
        report.owners.iter().filter(|owner| owner.own_bytes >= OWNER_BYTES_MIN).collect();
    owners.sort_by_key(|owner| std::cmp::Reverse(owner.loaded.saved_bytes + owner.dirtied.saved_bytes));
    let command = first.map(|process| process.parent_command.as_deref().unwrap_or(&process.command));
    MemoryGroup {
        at_ns: about.at_ns,
        labels: about.labels,
        program: program(command.unwrap_or_default()).into(),
        processes: about.processes,
        compared: read.len() as u64,
        unread: about.unread + (report.processes.len() - read.len()) as u64,
        is_forked: read.iter().any(|process| process.parent_command.is_some()),
        python_minor: first.and_then(|process| process.python).map_or(0, |version| version.minor.into()),
        values: values(&read),
        mappings: mappings
            .into_iter()
            .map(|(kind, size)| MappingMemory { kind: kind.name().into(), size })
            .collect(),
        pages: report.pages.iter().map(pages).collect(),
        pages_read_one_in: report.pages_read_one_in,
        owners: owners.iter().take(OWNERS_MAX).map(|owner| self::owner(owner)).collect(),
        owners_left_out: report.owners.len().saturating_sub(owners.len().min(OWNERS_MAX)) as u64,
        arenas: read.iter().map(|process| process.arenas).sum(),
        arena_bytes: read.iter().map(|process| process.arena_bytes).sum(),
    }
}

/// The worst of what became of their values.
fn values(read: &[&ProcessReport]) -> Arc<str> {
    let refused = read.iter().find_map(|process| match &process.values {
        ValuesOutcome::Refused(why) => Some(why.as_str()),
        _ => None,
    });
    let has = |outcome: &ValuesOutcome| read.iter().any(|process| process.values == *outcome);
    match refused {
        Some(why) => cut(why).into(),
        None if has(&ValuesOutcome::Cut) => "cut".into(),
        None if has(&ValuesOutcome::Walked) => "walked".into(),
        None => "none".into(),
    }
}

fn size(resident: &Resident) -> MemorySize {
    let Resident { resident_bytes, proportional_bytes, own_bytes, huge_bytes, swapped_bytes, merged_bytes } =
        *resident;
    MemorySize { resident_bytes, proportional_bytes, own_bytes, huge_bytes, swapped_bytes, merged_bytes }
}

fn pages(pages: &SharedPages) -> PageMemory {
    let equal = |copies: PageCopies| EqualMemory {
        processes: copies.processes,
        bytes: copies.bytes,
        saved_bytes: copies.saved_bytes,
        flat_saved_bytes: 0,
    };
    PageMemory {
        kind: pages.kind.name().into(),
        zero: equal(pages.zero),
        broken: equal(pages.broken),
        elsewhere: equal(pages.elsewhere),
        unique_bytes: pages.unique.bytes,
    }
}

fn owner(owner: &SharedOwner) -> OwnerMemory {
    let equal = |copies: Copies| EqualMemory {
        processes: copies.processes,
        bytes: copies.bytes,
        saved_bytes: copies.saved_bytes,
        flat_saved_bytes: copies.flat_saved_bytes,
    };
    OwnerMemory {
        module: cut(&owner.module).into(),
        attribute: cut(&owner.attribute).into(),
        kind: cut(&owner.kind).into(),
        own_bytes: owner.own_bytes,
        loaded: equal(owner.loaded),
        dirtied: equal(owner.dirtied),
        collector_bytes: owner.collector_bytes,
        unexplained_bytes: owner.unexplained_bytes,
    }
}

/// At most so many bytes, at a character's end.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(NAME_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory_report::SinceFork;

    #[test]
    fn a_report_is_summed_up_with_bounds() {
        let owner = |number: u64| SharedOwner {
            module: "m".repeat(300),
            attribute: format!("A{number}"),
            own_bytes: 1 << 20,
            loaded: Copies { saved_bytes: number, ..Copies::default() },
            ..SharedOwner::default()
        };
        let by_kind = BTreeMap::from([(MappingKind::Heap, Resident { own_bytes: 5, ..Resident::default() })]);
        let process = ProcessReport {
            command: "python3 worker.py".into(),
            outcome: Outcome::Read,
            values: ValuesOutcome::Cut,
            mappings: by_kind.clone(),
            ..ProcessReport::unread(7, Outcome::Gone)
        };
        let report = MemoryReport {
            processes: vec![process, ProcessReport::unread(8, Outcome::Gone)],
            owners: (0..100).map(owner).chain([SharedOwner::default()]).collect(),
            pages: Vec::new(),
            pages_read_one_in: 3,
            since_fork: SinceFork::default(),
        };
        let labels = LabelSet::new([("service.name", "feed")]);
        let about = About { at_ns: 9, labels, processes: 6, unread: 1, others: vec![by_kind] };
        let group = of(&report, about);
        assert_eq!((group.processes, group.compared, group.unread), (6, 1, 2));
        assert_eq!(
            (group.total().own_bytes, group.values.as_ref(), group.program.as_ref()),
            (10, "cut", "python3 worker.py")
        );
        assert_eq!((group.owners.len(), group.owners_left_out), (OWNERS_MAX, 37));
        assert_eq!(
            (group.owners[0].attribute.as_ref(), group.owners[0].module.len()),
            ("A99", NAME_BYTES_MAX)
        );
    }
}
