//! What several interpreters hold alike, by owner.

use std::rc::Rc;

use agent_python::{Owner, Sample, Values};
use foldhash::{HashMap, HashMapExt};

/// One process's values, and those of the process it was forked from.
pub(super) struct Inhabitant {
    pub(super) values: Option<Rc<Values>>,
    pub(super) parent: Option<Rc<Values>>,
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
    /// Of `dirtied`, what the collector alone made private: more than reading did to pages where nothing is collected.
    pub collector_bytes: u64,
    /// Of `dirtied`, what is on pages that both write to, where too few others tell which of them did.
    pub unexplained_bytes: u64,
}

/// An owner in a process, and in the one that it was forked from.
type Held<'a> = (&'a Owner, Option<&'a Owner>);

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
            list.push((owner, of_parent.get(&name).copied()));
        }
    }
    order.into_iter().filter_map(|name| holders.get(&name)).map(|held| compare_one(held)).collect()
}

fn name(owner: &Owner) -> (&str, &str) {
    (&owner.module, &owner.attribute)
}

fn compare_one(held: &[Held<'_>]) -> SharedOwner {
    let mut shared = SharedOwner { processes: held.len() as u64, ..SharedOwner::default() };
    // In how many processes content is, of those where it is not shared with anyone.
    let mut holders: HashMap<u128, u64> = HashMap::new();
    for (owner, _) in held {
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
    for (owner, parent) in held {
        let before: HashMap<u128, ()> =
            parent.iter().flat_map(|parent| &parent.samples).map(|sample| (sample.fingerprint, ())).collect();
        let mut preloaded = Preloaded::default();
        let (loaded_before, dirtied_before) = (shared.loaded.bytes, shared.dirtied.bytes);
        for sample in &owner.samples {
            if before.contains_key(&sample.fingerprint) {
                preloaded.add(sample);
                shared.dirtied.add(sample, 1, 1);
            } else if let Some(count) = holders.get(&sample.fingerprint).filter(|count| **count > 1) {
                shared.loaded.add(sample, count - 1, *count);
            }
        }
        shared.loaded.processes += u64::from(shared.loaded.bytes > loaded_before);
        shared.dirtied.processes += u64::from(shared.dirtied.bytes > dirtied_before);
        let (collector_bytes, unexplained_bytes) = preloaded.explain();
        shared.collector_bytes += collector_bytes;
        shared.unexplained_bytes += unexplained_bytes;
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

/// Content from before the fork, by what can have made it private.
#[derive(Default)]
struct Preloaded {
    /// On pages where nothing but reference counts is ever written.
    plain: agent_python::Share,
    /// How many samples that rests on.
    plain_samples: u64,
    /// On pages where the collector writes too.
    mixed: agent_python::Share,
}

/// With fewer samples of plain pages, how much was read is known to no better than an eighth.
const PLAIN_SAMPLES_MIN: u64 = 16;

impl Preloaded {
    fn add(&mut self, sample: &Sample) {
        self.plain_samples += u64::from(sample.is_plain);
        if sample.is_plain { self.plain.add(sample.share) } else { self.mixed.add(sample.share) }
    }

    /// What the collector did, and what either did. Reading made so much of the plain pages private, and did the same
    /// to the others; what it does not explain the collector did. Nothing can be said without plain pages.
    fn explain(&self) -> (u64, u64) {
        if self.plain_samples < PLAIN_SAMPLES_MIN || self.plain.bytes == 0 {
            return (0, self.mixed.own_bytes);
        }
        let read = self.plain.own_bytes as f64 / self.plain.bytes as f64;
        let by_collector = self.mixed.own_bytes as f64 - read * self.mixed.bytes as f64;
        (by_collector.max(0.0) as u64, 0)
    }
}

#[cfg(test)]
mod tests {
    use agent_python::Share;

    use super::*;

    /// Content by number: negative is shared with another process, on a plain page unless a multiple of ten.
    fn values(contents: &[i32]) -> Option<Rc<Values>> {
        let samples: Vec<Sample> = contents
            .iter()
            .map(|content| Sample {
                fingerprint: content.unsigned_abs().into(),
                share: Share { bytes: 100, own_bytes: if *content > 0 { 100 } else { 0 } },
                flat_own_bytes: 0,
                is_plain: content % 10 != 0,
            })
            .collect();
        let owner = Owner { module: "conf".into(), attribute: "TABLE".into(), samples, ..Owner::default() };
        Some(Rc::new(Values { owners: vec![owner], ..Values::default() }))
    }

    fn compared(parent: &[i32], processes: &[&[i32]]) -> SharedOwner {
        let parent = if parent.is_empty() { None } else { values(parent) };
        let inhabitants: Vec<Inhabitant> = processes
            .iter()
            .map(|contents| Inhabitant { values: values(contents), parent: parent.clone() })
            .collect();
        compare(&inhabitants).remove(0)
    }

    fn check(parent: &[i32], processes: &[&[i32]], loaded: [u64; 3], dirtied: [u64; 3]) {
        let found = compared(parent, processes);
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
    fn what_made_it_private_is_told_by_plain_pages() {
        let plain: Vec<i32> = (1..=19).filter(|content| content % 10 != 0).collect();
        let case = |read: usize, expected: (u64, u64)| {
            let parent: Vec<i32> = plain.iter().copied().chain([10, 20]).collect();
            let sign = |(at, content): (usize, &i32)| if at < read { *content } else { -content };
            let worker: Vec<i32> = plain.iter().enumerate().map(sign).chain([10, 20]).collect();
            let found = compared(&parent, &[&worker]);
            assert_eq!((found.collector_bytes, found.unexplained_bytes), expected, "{read}");
        };
        // Nothing of the plain pages was read, half, and all.
        case(0, (200, 0));
        case(9, (100, 0));
        case(18, (0, 0));
        // Too few of them.
        let found = compared(&[1, 2, 10, 20], &[&[-1, -2, 10, 20]]);
        assert_eq!((found.collector_bytes, found.unexplained_bytes), (0, 200));
    }
}
