//! What several interpreters hold alike, by owner.

use std::rc::Rc;

use agent_python::{Owner, Sample, Values};
use foldhash::{HashMap, HashMapExt};

use super::since_fork::{Kept, Looked, SinceFork};

/// One process's values, and those of the process it was forked from.
pub(super) struct Inhabitant {
    pub(super) values: Option<Rc<Values>>,
    pub(super) parent: Option<Rc<Values>>,
    /// What was written to its pages since it was forked.
    pub(super) looked: Option<Looked>,
}

/// Memory that several processes have of their own, with equal content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copies {
    /// How many processes.
    pub processes: u64,
    /// In all of them together.
    pub bytes: u64,
    /// What would be left over if each content were there once.
    pub saved_bytes: u64,
    /// Of that, what stays shared however much the objects are used: the inside of large blocks of plain data.
    pub flat_saved_bytes: u64,
}

/// One attribute that several processes hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SharedOwner {
    /// The module.
    pub module: String,
    /// Its attribute; empty for the module's code.
    pub attribute: String,
    /// The type of the value; see [`agent_python::Owner`].
    pub kind: String,
    /// Processes that have the attribute.
    pub processes: u64,
    /// What they hold by it that no other process has, equal or not.
    pub own_bytes: u64,
    /// Equal content that each made for itself.
    pub loaded: Copies,
    /// Equal content that the parent had made before the fork and that is not shared any more.
    pub dirtied: Copies,
    /// Of `dirtied`, what the collector alone made private, and would be shared without it.
    pub collector_bytes: u64,
    /// How far off that may be, as no page nearby tells how much was read.
    pub unexplained_bytes: u64,
}

impl SharedOwner {
    /// The module of memory from before the fork that nothing in modules reaches: free blocks next to objects, and what
    /// only running code or libraries hold.
    pub const REST: &'static str = "memory that no module reaches";
}

/// An owner in a process, the same in the one that it was forked from, and what became of the process's pages.
type Held<'a> = (&'a Owner, Option<&'a Owner>, Option<&'a Looked>);

/// Compares the owners of the same name in all processes.
pub(super) fn compare(inhabitants: &[Inhabitant]) -> Vec<SharedOwner> {
    let mut order: Vec<(&str, &str)> = Vec::new();
    let mut holders: HashMap<(&str, &str), Vec<Held<'_>>> = HashMap::new();
    for inhabitant in inhabitants {
        let Some(values) = &inhabitant.values else { continue };
        let of_parent: HashMap<(&str, &str), &Owner> = inhabitant
            .parent
            .iter()
            .flat_map(|parent| &parent.owners)
            .map(|owner| (name(owner), owner))
            .collect();
        for owner in &values.owners {
            let name = name(owner);
            let list = holders.entry(name).or_default();
            if list.is_empty() {
                order.push(name);
            }
            list.push((owner, of_parent.get(&name).copied(), inhabitant.looked.as_ref()));
        }
    }
    let mut shared: Vec<SharedOwner> =
        order.into_iter().filter_map(|name| holders.get(&name)).map(|held| compare_one(held)).collect();
    let rest = rest(inhabitants, &shared);
    shared.extend(rest);
    shared
}

/// What pages have beyond what owners account for.
fn rest(inhabitants: &[Inhabitant], shared: &[SharedOwner]) -> Option<SharedOwner> {
    let mut all = SinceFork::default();
    let looked = || inhabitants.iter().filter_map(|inhabitant| inhabitant.looked.as_ref());
    looked().for_each(|looked| all.add(looked.sum()));
    let of_owners = |part: fn(&SharedOwner) -> u64| shared.iter().map(part).sum::<u64>();
    let unwritten = all.private_bytes - all.written_bytes;
    let bytes = unwritten.saturating_sub(of_owners(|owner| owner.dirtied.saved_bytes));
    let left = |all: u64, part: fn(&SharedOwner) -> u64| all.saturating_sub(of_owners(part)).min(bytes);
    let processes = looked().count() as u64;
    (bytes > 0).then(|| SharedOwner {
        module: SharedOwner::REST.to_owned(),
        kind: "pages".to_owned(),
        processes,
        own_bytes: bytes,
        dirtied: Copies { processes, bytes, saved_bytes: bytes, flat_saved_bytes: 0 },
        collector_bytes: left(all.kept_bytes, |owner| owner.collector_bytes),
        unexplained_bytes: left(all.unexplained_bytes, |owner| owner.unexplained_bytes),
        ..SharedOwner::default()
    })
}

fn name(owner: &Owner) -> (&str, &str) {
    (&owner.module, &owner.attribute)
}

fn compare_one(held: &[Held<'_>]) -> SharedOwner {
    let mut shared = SharedOwner { processes: held.len() as u64, ..SharedOwner::default() };
    // In how many processes content is, of those where it is not shared with anyone.
    let mut holders: HashMap<u128, u64> = HashMap::new();
    for (owner, ..) in held {
        shared.module.clone_from(&owner.module);
        shared.attribute.clone_from(&owner.attribute);
        shared.kind.clone_from(&owner.kind);
        shared.own_bytes += owner.share.own_bytes;
        let mut own: Vec<u128> =
            owner.samples.iter().filter(|sample| is_own(sample)).map(|s| s.fingerprint).collect();
        own.sort_unstable();
        own.dedup();
        own.into_iter().for_each(|fingerprint| *holders.entry(fingerprint).or_default() += 1);
    }
    for (owner, parent, looked) in held {
        let before: HashMap<u128, ()> =
            parent.iter().flat_map(|parent| &parent.samples).map(|sample| (sample.fingerprint, ())).collect();
        let mut preloaded = Preloaded::default();
        let (loaded_before, dirtied_before) = (shared.loaded.bytes, shared.dirtied.bytes);
        for sample in &owner.samples {
            if before.contains_key(&sample.fingerprint) {
                preloaded.add(sample, *looked);
                shared.dirtied.add(sample, 1, 1);
            } else if let Some(count) = holders.get(&sample.fingerprint).filter(|count| **count > 1) {
                shared.loaded.add(sample, count - 1, *count);
            }
        }
        shared.loaded.processes += u64::from(shared.loaded.bytes > loaded_before);
        shared.dirtied.processes += u64::from(shared.dirtied.bytes > dirtied_before);
        let since_fork = preloaded.since_fork(*looked);
        shared.dirtied.saved_bytes -= since_fork.written_bytes.min(shared.dirtied.saved_bytes);
        shared.collector_bytes += since_fork.kept_bytes;
        shared.unexplained_bytes += since_fork.unexplained_bytes;
    }
    shared
}

fn is_own(sample: &Sample) -> bool {
    sample.share.own_bytes > 0
}

impl Copies {
    /// Adds content of which the given fraction could go.
    fn add(&mut self, sample: &Sample, numerator: u64, denominator: u64) {
        self.bytes += sample.share.own_bytes;
        self.saved_bytes += sample.share.own_bytes * numerator / denominator;
        self.flat_saved_bytes += sample.flat_own_bytes * numerator / denominator;
    }
}

/// Private content from before the fork, on pages that were looked at.
#[derive(Default)]
struct Preloaded {
    own_bytes: u64,
    seen_bytes: u64,
    samples: u64,
    kept_bytes: f64,
    unexplained_bytes: f64,
    written_bytes: u64,
}

/// With fewer samples an owner is taken to be like all memory of its process.
const SAMPLES_MIN: u64 = 8;

impl Preloaded {
    fn add(&mut self, sample: &Sample, looked: Option<&Looked>) {
        let bytes = sample.share.own_bytes;
        self.own_bytes += bytes;
        let Some(Kept { share, unexplained, is_written }) =
            looked.and_then(|looked| looked.page(sample.page))
        else {
            return;
        };
        self.samples += 1;
        self.seen_bytes += bytes;
        self.kept_bytes += share * bytes as f64;
        self.unexplained_bytes += unexplained * bytes as f64;
        self.written_bytes += if is_written { bytes } else { 0 };
    }

    /// What became of all of it.
    fn since_fork(&self, looked: Option<&Looked>) -> SinceFork {
        let Some(looked) = looked else {
            return SinceFork { unexplained_bytes: self.own_bytes, ..SinceFork::default() };
        };
        let all = looked.sum();
        let seen = if self.samples < SAMPLES_MIN {
            let [private, kept, unexplained, written] =
                [all.private_bytes, all.kept_bytes, all.unexplained_bytes, all.written_bytes]
                    .map(|bytes| bytes as f64);
            (private, [kept, unexplained, written])
        } else {
            let written = self.written_bytes as f64;
            (self.seen_bytes as f64, [self.kept_bytes, self.unexplained_bytes, written])
        };
        let of_all = |part: f64| (part / seen.0.max(1.0) * self.own_bytes as f64) as u64;
        let [kept_bytes, unexplained_bytes, written_bytes] = seen.1.map(of_all);
        SinceFork {
            private_bytes: self.own_bytes,
            kept_bytes,
            unexplained_bytes,
            written_bytes,
            ..SinceFork::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use agent_python::Share;

    use super::*;

    /// Content by number, each on a page of that number: negative is shared with another process.
    fn values(contents: &[i32]) -> Option<Rc<Values>> {
        let samples: Vec<Sample> = contents
            .iter()
            .map(|content| Sample {
                fingerprint: content.unsigned_abs().into(),
                share: Share { bytes: 100, own_bytes: if *content > 0 { 100 } else { 0 } },
                flat_own_bytes: 0,
                page: content.unsigned_abs().into(),
            })
            .collect();
        let owner = Owner { module: "conf".into(), attribute: "TABLE".into(), samples, ..Owner::default() };
        Some(Rc::new(Values { owners: vec![owner], ..Values::default() }))
    }

    fn compared(parent: &[i32], processes: &[&[i32]], looked: fn() -> Option<Looked>) -> Vec<SharedOwner> {
        let parent = if parent.is_empty() { None } else { values(parent) };
        let inhabitants: Vec<Inhabitant> = processes
            .iter()
            .map(|contents| Inhabitant { values: values(contents), parent: parent.clone(), looked: looked() })
            .collect();
        compare(&inhabitants)
    }

    fn check(parent: &[i32], processes: &[&[i32]], loaded: [u64; 3], dirtied: [u64; 3]) {
        let found = compared(parent, processes, || None).remove(0);
        let numbers = |copies: &Copies| [copies.processes, copies.bytes, copies.saved_bytes];
        assert_eq!((numbers(&found.loaded), numbers(&found.dirtied)), (loaded, dirtied));
    }

    #[test]
    fn equal_content_is_found_and_its_origin_told() {
        // Loaded in each, and different in each.
        check(&[], &[&[1, 2], &[1, 2], &[1, 2], &[1, 2]], [4, 800, 600], [0; 3]);
        check(&[], &[&[1, 2], &[3, 4]], [0; 3], [0; 3]);
        check(&[], &[&[1, 2], &[1, 3], &[4]], [2, 200, 100], [0; 3]);
        // Still shared, and private since the fork.
        check(&[1, 2], &[&[-1, -2], &[-1, -2]], [0; 3], [0; 3]);
        check(&[1, 10], &[&[1, 10], &[1, 10]], [0; 3], [2, 400, 400]);
        // The parent has some of it.
        check(&[1], &[&[1, 2], &[1, 2]], [2, 200, 100], [2, 200, 200]);
    }

    #[test]
    fn what_pages_tell_counts_for_what_is_on_them() {
        let all: Vec<i32> = (1..=40).collect();
        // Of the first twenty pages one half is kept and one is written to; of the others nothing is known.
        let looked = || {
            let kept = |page: u64| match page {
                1..=10 => Kept { share: 1.0, unexplained: 0.5, is_written: false },
                11..=15 => Kept { is_written: true, ..Kept::default() },
                _ => Kept::default(),
            };
            let sum = SinceFork {
                private_bytes: 10_000,
                written_bytes: 3_000,
                kept_bytes: 5_000,
                unexplained_bytes: 2_500,
                ..SinceFork::default()
            };
            Some(Looked::of((1..=20).map(|page| (page, kept(page))), sum))
        };
        let found = compared(&all, &[&all], looked);
        let numbers = |owner: &SharedOwner| {
            [owner.dirtied.bytes, owner.dirtied.saved_bytes, owner.collector_bytes, owner.unexplained_bytes]
        };
        assert_eq!(numbers(&found[0]), [4000, 3000, 2000, 1000]);
        // The pages have more than owners do.
        assert_eq!(
            (found[1].module.as_str(), numbers(&found[1])),
            (SharedOwner::REST, [4000, 4000, 3000, 1500])
        );
        // A small owner is taken to be like all of them.
        assert_eq!(numbers(&compared(&[30], &[&[30]], looked)[0]), [100, 70, 50, 25]);
        // Nobody looked.
        assert_eq!(numbers(&compared(&all, &[&all], || None)[0]), [4000, 4000, 0, 4000]);
    }
}
