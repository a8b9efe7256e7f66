//! An agent's report of a group of processes in the words of the detector.
//!
//! Of a large group a few processes are compared. What they hold alike the others hold too: bytes grow with the number
//! of processes, and what could go with the number of processes but one.

use analyzer_detect::sharing::{Arenas, Copies, Evidence, Holding, Pages, Server};
use wire::api::memory::{EqualMemory, MemoryGroup, OwnerMemory, PageMemory};

/// How many processes stand for how many.
#[derive(Clone, Copy)]
struct Scale {
    compared: u64,
    processes: u64,
}

/// What is known of a group.
pub fn evidence(group: &MemoryGroup) -> Evidence {
    let scale = Scale { compared: group.compared, processes: group.processes.max(group.compared) };
    Evidence {
        holdings: group.owners.iter().map(|owner| holding(owner, scale)).collect(),
        pages: group.pages.iter().map(|one| pages(one, scale)).collect(),
        arenas: Arenas { count: scale.all(group.arenas), bytes: scale.all(group.arena_bytes) },
        processes: scale.processes,
        own_bytes: group.total.own,
        is_forked: group.forked,
        server: Server::of_command(&group.program),
        python_minor: u8::try_from(group.python_minor).ok().filter(|minor| *minor > 0),
    }
}

fn holding(owner: &OwnerMemory, scale: Scale) -> Holding {
    Holding {
        module: owner.module.clone(),
        attribute: owner.attribute.clone(),
        kind: owner.kind.clone(),
        own_bytes: scale.all(owner.own),
        loaded: scale.but_one(owner.loaded),
        dirtied: scale.each(owner.dirtied),
        collector_bytes: scale.all(owner.collector),
        unexplained_bytes: scale.all(owner.unexplained),
    }
}

fn pages(pages: &PageMemory, scale: Scale) -> Pages {
    Pages {
        mapping: pages.kind.clone(),
        zero: scale.each(pages.zero),
        broken: scale.but_one(pages.broken),
        elsewhere: scale.but_one(pages.elsewhere),
    }
}

impl Scale {
    fn all(self, amount: u64) -> u64 {
        part(amount, self.processes, self.compared)
    }

    /// Content that can go from every process.
    fn each(self, equal: EqualMemory) -> Copies {
        Copies {
            processes: self.all(equal.processes),
            bytes: self.all(equal.bytes),
            saved_bytes: self.all(equal.saved),
            flat_saved_bytes: self.all(equal.flat_saved),
        }
    }

    /// Content of which one copy has to stay.
    fn but_one(self, equal: EqualMemory) -> Copies {
        let saved =
            |amount: u64| part(amount, self.processes.saturating_sub(1), self.compared.saturating_sub(1));
        Copies {
            saved_bytes: saved(equal.saved),
            flat_saved_bytes: saved(equal.flat_saved),
            ..self.each(equal)
        }
    }
}

/// Nothing where there is nothing to compare with.
fn part(amount: u64, numerator: u64, denominator: u64) -> u64 {
    let scaled = (u128::from(amount) * u128::from(numerator)).checked_div(denominator.into());
    scaled.and_then(|scaled| u64::try_from(scaled).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_processes_stand_for_all() {
        let loaded = EqualMemory { processes: 4, bytes: 400, saved: 300, flat_saved: 30 };
        let dirtied = EqualMemory { processes: 4, bytes: 80, saved: 80, flat_saved: 0 };
        let group = MemoryGroup {
            program: "python3 gunicorn app:wsgi".into(),
            processes: 16,
            compared: 4,
            python_minor: 11,
            owners: vec![OwnerMemory { loaded, dirtied, collector: 20, own: 500, ..OwnerMemory::default() }],
            ..MemoryGroup::default()
        };
        let found = evidence(&group);
        assert_eq!((found.processes, found.server, found.python_minor), (16, Server::Gunicorn, Some(11)));
        let holding = &found.holdings[0];
        assert_eq!(
            (holding.loaded.bytes, holding.loaded.saved_bytes, holding.loaded.flat_saved_bytes),
            (1600, 1500, 150)
        );
        assert_eq!(
            (holding.dirtied.saved_bytes, holding.collector_bytes, holding.own_bytes),
            (320, 80, 2000)
        );
        let alone = evidence(&MemoryGroup { processes: 1, compared: 1, ..group });
        assert_eq!(alone.holdings[0].loaded.saved_bytes, 0);
        assert_eq!(evidence(&MemoryGroup::default()), Evidence::default());
    }
}
