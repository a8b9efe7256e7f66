//! One row for each owner and cause.

use std::collections::BTreeMap;

use super::{Cause, Copies, Evidence, Holding, Opportunity, advice};

/// The kind of the owner of all documentation strings.
const DOCSTRINGS: &str = "docstrings";
/// Heaps for threads that a process has with good reason.
const USUAL_ARENAS: u64 = 8;
/// What is loaded by each process counts when at least one part of so many is equal.
const EQUAL_PART_MIN: u64 = 4;

/// What rows are summed up from.
#[derive(Clone, Copy, Default)]
struct Sum {
    copies: Copies,
    collector_bytes: u64,
    unexplained_bytes: u64,
}

/// What the modules of interpreters hold.
pub(super) fn of_holdings(evidence: &Evidence, saved_bytes_min: u64) -> Vec<Opportunity> {
    let mut rows = Vec::new();
    for cause in [Cause::LoadedAfterFork, Cause::Dirtied] {
        let mut modules: BTreeMap<&str, Sum> = BTreeMap::new();
        for holding in &evidence.holdings {
            let sum = Sum::of(holding, cause);
            if holding.kind == DOCSTRINGS {
                continue;
            }
            if sum.copies.saved_bytes >= saved_bytes_min {
                rows.push(row(evidence, &owner(holding), &holding.kind, (cause, sum)));
            } else {
                modules.entry(&holding.module).or_default().add(sum);
            }
        }
        let mut rest = Sum::default();
        for (module, sum) in modules {
            if sum.copies.saved_bytes >= saved_bytes_min {
                rows.push(row(evidence, &format!("{module}.*"), "small values", (cause, sum)));
            } else {
                rest.add(sum);
            }
        }
        if rest.copies.saved_bytes >= saved_bytes_min {
            rows.push(row(evidence, "all other modules", "small values", (cause, rest)));
        }
    }
    rows.extend(docstrings(evidence, saved_bytes_min));
    rows
}

fn owner(holding: &Holding) -> String {
    match holding.attribute.as_str() {
        "" => holding.module.clone(),
        attribute => format!("{}.{attribute}", holding.module),
    }
}

fn row(evidence: &Evidence, owner: &str, kind: &str, (cause, sum): (Cause, Sum)) -> Opportunity {
    let Copies { processes, bytes, saved_bytes, flat_saved_bytes } = sum.copies;
    let (retained_bytes, retained_range) = match cause {
        Cause::Dirtied => sum.of_dirtied(),
        _ => {
            let flat = flat_saved_bytes.min(saved_bytes);
            // Where all read the rest, each has it again, and so has the parent, which did not have it before.
            let of_parent = (saved_bytes - flat).checked_div(processes.saturating_sub(1));
            let retained = flat.saturating_sub(of_parent.unwrap_or_default());
            (Some(retained), (retained, saved_bytes))
        }
    };
    Opportunity {
        owner: owner.to_owned(),
        kind: kind.to_owned(),
        cause,
        bytes_per_process: bytes.checked_div(processes).unwrap_or_default(),
        processes,
        saved_bytes: Some(saved_bytes),
        retained_bytes,
        retained_range,
        advice: match cause {
            Cause::Dirtied => advice::dirtied(evidence, retained_bytes),
            _ => advice::loaded(evidence, owner, flat_saved_bytes * 2 > saved_bytes),
        },
        change: advice::change(evidence.server, cause),
        risk: advice::risk(cause),
    }
}

/// Documentation can go altogether, also where it is not held twice.
fn docstrings(evidence: &Evidence, saved_bytes_min: u64) -> Option<Opportunity> {
    let holding = evidence.holdings.iter().find(|holding| holding.kind == DOCSTRINGS)?;
    let bytes = holding.loaded.bytes + holding.dirtied.bytes;
    let processes = holding.loaded.processes.max(holding.dirtied.processes);
    (bytes >= saved_bytes_min.max(1)).then(|| Opportunity {
        owner: "all modules".to_owned(),
        kind: DOCSTRINGS.to_owned(),
        cause: Cause::Docstrings,
        bytes_per_process: bytes.checked_div(processes).unwrap_or_default(),
        processes,
        saved_bytes: Some(bytes),
        retained_bytes: Some(bytes),
        retained_range: (bytes, bytes),
        advice: advice::DOCSTRINGS.to_owned(),
        change: Some(advice::OPTIMIZE.to_owned()),
        risk: advice::risk(Cause::Docstrings),
    })
}

/// Equal pages beyond what belongs to known owners, whose content says more than pages do.
pub(super) fn of_pages(evidence: &Evidence, saved_bytes_min: u64) -> Vec<Opportunity> {
    let mut accounted: u64 = evidence.holdings.iter().map(|holding| holding.own_bytes).sum();
    let mut rows = Vec::new();
    for pages in &evidence.pages {
        let zero = beyond(pages.zero, &mut 0);
        let broken = beyond(pages.broken, &mut accounted);
        let elsewhere = beyond(pages.elsewhere, &mut accounted);
        let sorts = [
            (Cause::ZeroPages, "zero pages", zero, Some(zero.saved_bytes), advice::ZERO_PAGES),
            (Cause::BrokenPages, "broken copy-on-write", broken, None, advice::broken_pages(evidence)),
            (Cause::EqualPages, "equal pages", elsewhere, None, advice::equal_pages(evidence)),
        ];
        for (cause, kind, copies, retained_bytes, advice) in sorts {
            if copies.saved_bytes >= saved_bytes_min.max(1) {
                rows.push(Opportunity {
                    owner: pages.mapping.clone(),
                    kind: kind.to_owned(),
                    cause,
                    bytes_per_process: copies.bytes.checked_div(copies.processes).unwrap_or_default(),
                    processes: copies.processes,
                    saved_bytes: Some(copies.saved_bytes),
                    retained_bytes,
                    retained_range: (retained_bytes.unwrap_or_default(), copies.saved_bytes),
                    advice: advice.to_owned(),
                    change: advice::change(evidence.server, cause),
                    risk: advice::risk(cause),
                });
            }
        }
    }
    rows
}

/// What is left of pages when so many bytes are accounted for elsewhere; takes what it used from those.
fn beyond(copies: Copies, accounted: &mut u64) -> Copies {
    let taken = copies.bytes.min(*accounted);
    *accounted -= taken;
    let bytes = copies.bytes - taken;
    let part = |amount: u64| {
        (u128::from(amount) * u128::from(bytes)).checked_div(copies.bytes.into()).unwrap_or_default() as u64
    };
    Copies {
        bytes,
        saved_bytes: part(copies.saved_bytes),
        flat_saved_bytes: part(copies.flat_saved_bytes),
        ..copies
    }
}

/// Many heaps for threads hold free memory apart; how much cannot be told from outside.
pub(super) fn of_arenas(evidence: &Evidence, saved_bytes_min: u64) -> Option<Opportunity> {
    let processes = evidence.processes.max(1);
    let is_many = evidence.arenas.count > USUAL_ARENAS * processes;
    (is_many && evidence.arenas.bytes >= saved_bytes_min).then(|| Opportunity {
        owner: "malloc".to_owned(),
        kind: "arenas".to_owned(),
        cause: Cause::Arenas,
        bytes_per_process: evidence.arenas.bytes / processes,
        processes: evidence.processes,
        saved_bytes: None,
        retained_bytes: None,
        retained_range: (0, evidence.arenas.bytes),
        advice: advice::ARENAS.to_owned(),
        change: Some(advice::ARENAS_MAX.to_owned()),
        risk: advice::risk(Cause::Arenas),
    })
}

impl Sum {
    fn of(holding: &Holding, cause: Cause) -> Self {
        match cause {
            Cause::Dirtied => Self {
                copies: holding.dirtied,
                collector_bytes: holding.collector_bytes,
                unexplained_bytes: holding.unexplained_bytes,
            },
            // Numbers and words that happen to be equal do not make different data worth preloading.
            _ if holding.loaded.bytes < holding.own_bytes / EQUAL_PART_MIN => Self::default(),
            // One alone is the parent, whose children have copies of what it had before the fork.
            _ if holding.loaded.processes < 2 => Self::default(),
            _ => Self { copies: holding.loaded, ..Self::default() },
        }
    }

    /// What the collector alone made private stays, and what neither it nor reading writes to: likely so much, at least
    /// and at most.
    fn of_dirtied(self) -> (Option<u64>, (u64, u64)) {
        let saved = self.copies.saved_bytes;
        let likely = (self.collector_bytes + self.copies.flat_saved_bytes).min(saved);
        let range =
            (likely.saturating_sub(self.unexplained_bytes), (likely + self.unexplained_bytes).min(saved));
        // Pages told nothing: between none and all of it.
        let is_unknown = self.collector_bytes == 0 && self.unexplained_bytes > 0;
        ((!is_unknown).then_some(likely), range)
    }

    fn add(&mut self, other: Self) {
        self.copies.processes = self.copies.processes.max(other.copies.processes);
        self.copies.bytes += other.copies.bytes;
        self.copies.saved_bytes += other.copies.saved_bytes;
        self.copies.flat_saved_bytes += other.copies.flat_saved_bytes;
        self.collector_bytes += other.collector_bytes;
        self.unexplained_bytes += other.unexplained_bytes;
    }
}
