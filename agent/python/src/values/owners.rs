//! What is counted, by the attribute that holds it.

use std::collections::HashMap;

use super::{ValueLimits, fingerprint::Fingerprint, object::POOLED_BYTES_MAX};

/// Memory, and how much of it no other process has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// All of it.
    pub bytes: u64,
    /// Of it, what is on pages that only this process has.
    pub own_bytes: u64,
}

impl Share {
    /// Adds another.
    pub fn add(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.own_bytes += other.own_bytes;
    }
}

/// Content that was kept to be looked for in other processes. Small objects are sampled by their fingerprint, so every
/// process samples the same ones, and the kept ones stand for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The content.
    pub fingerprint: u128,
    /// The memory that this sample stands for.
    pub share: Share,
    /// Of that own memory, what no reference count or collector lives on: the inside of large blocks, and blocks without
    /// an object in them that have pages of their own.
    pub flat_own_bytes: u64,
    /// The page, by its number, where the object begins.
    pub page: u64,
}

/// An attribute of a module and everything that it alone, or it first, holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The module's name.
    pub module: String,
    /// The attribute; empty for the functions, classes and small values of the module.
    pub attribute: String,
    /// The type of its value, or `code`.
    pub kind: String,
    /// Objects that it holds.
    pub objects: u64,
    /// Their memory.
    pub share: Share,
    /// Content, sampled.
    pub samples: Vec<Sample>,
}

impl Owner {
    /// The kind of the owner of all documentation strings of functions and modules.
    pub const DOCUMENTATION: &'static str = "docstrings";
    /// The kind of the owner of a module's functions, classes and small values.
    pub const CODE: &'static str = "code";
}

/// How many objects one object stands for, itself included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Weight {
    /// How many others of its container were passed over for it. Equal content has equal numbers in all processes.
    pub(super) one_in: u64,
    /// The same by how likely it was to be reached: what many containers hold is reached through one of them.
    pub(super) by_chance: f64,
}

/// One object that was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub(super) fingerprint: Fingerprint,
    pub(super) share: Share,
    pub(super) flat_own_bytes: u64,
    /// A small block beside it without an object: its size, and how much of it is own memory.
    pub(super) table: (u64, u64),
    /// The size of its own block.
    pub(super) head_bytes: u64,
    pub(super) address: u64,
    pub(super) weight: Weight,
}

/// An owner during the walk.
#[derive(Debug, Default)]
struct Growing {
    owner: Owner,
    /// The small block beside each sample, which is weighed at the end.
    tables: Vec<(u64, u64)>,
    /// By size, how many small blocks have an object in them, and how many have none.
    blocks: Vec<[f64; 2]>,
}

/// Objects of at least so many bytes are all kept.
const ALWAYS_KEPT_BYTES: u64 = 4096;
/// Owners of fewer objects have no pages of their own that would matter.
const FEW_OBJECTS: u64 = 64;
/// The allocator serves blocks of one size from the same pages.
const SIZE_STEP: u64 = 16;
const PAGE_BYTES: u64 = 4096;

/// All owners of one process.
#[derive(Debug, Default)]
pub(super) struct Owners {
    owners: Vec<Growing>,
    by_module: HashMap<String, usize>,
    samples: usize,
    pub(super) is_cut: bool,
}

impl Owners {
    /// The owner of a module's code and of what has no room of its own.
    pub(super) fn module(&mut self, module: &str) -> usize {
        if let Some(at) = self.by_module.get(module) {
            return *at;
        }
        let at = self.owners.len();
        self.by_module.insert(module.to_owned(), at);
        self.push(Owner { module: module.to_owned(), kind: Owner::CODE.to_owned(), ..Owner::default() });
        at
    }

    /// The owner of one attribute's value.
    pub(super) fn attribute(
        &mut self,
        limits: &ValueLimits,
        module: &str,
        attribute: &str,
        kind: &str,
    ) -> usize {
        if self.owners.len() >= limits.owners {
            return self.module(module);
        }
        self.push(Owner {
            module: module.to_owned(),
            attribute: attribute.to_owned(),
            kind: kind.to_owned(),
            ..Owner::default()
        });
        self.owners.len() - 1
    }

    fn push(&mut self, owner: Owner) {
        self.owners.push(Growing { owner, ..Growing::default() });
    }

    pub(super) fn count(&mut self, limits: &ValueLimits, owner: usize, counted: Counted) {
        let Some(growing) = self.owners.get_mut(owner) else { return };
        growing.count_blocks(&counted);
        let Growing { owner, tables, .. } = growing;
        let Counted { fingerprint, weight, .. } = counted;
        let times = |bytes: u64| (bytes as f64 * weight.by_chance) as u64;
        let share = Share { bytes: times(counted.share.bytes), own_bytes: times(counted.share.own_bytes) };
        let table = (counted.table.0, times(counted.table.1));
        owner.objects += 1;
        owner.share.add(share);
        let is_large = counted.share.bytes >= ALWAYS_KEPT_BYTES;
        let one_in = if is_large { 1 } else { (limits.sampled_one_in / weight.one_in.max(1)).max(1) };
        // The upper half decides, so that what is kept says nothing about the rest of the fingerprint.
        if !((fingerprint >> 64) as u64).is_multiple_of(one_in) || share.bytes == 0 {
            return;
        }
        if self.samples >= limits.samples {
            self.is_cut = true;
            return;
        }
        self.samples += 1;
        owner.samples.push(Sample {
            fingerprint,
            share: Share { bytes: share.bytes * one_in, own_bytes: share.own_bytes * one_in },
            flat_own_bytes: times(counted.flat_own_bytes) * one_in,
            page: counted.address / PAGE_BYTES,
        });
        tables.push((table.0, table.1 * one_in));
    }

    /// Those that hold anything.
    pub(super) fn finish(self) -> Vec<Owner> {
        let finish = |mut growing: Growing| {
            let samples = std::mem::take(&mut growing.owner.samples);
            let with_table = |(mut sample, table): (Sample, (u64, u64))| {
                sample.flat_own_bytes += (table.1 as f64 * growing.plain_share(table.0)) as u64;
                sample
            };
            let samples = samples.into_iter().zip(growing.tables.iter().copied()).map(with_table).collect();
            Owner { samples, ..growing.owner }
        };
        self.owners.into_iter().filter(|growing| growing.owner.objects > 0).map(finish).collect()
    }
}

impl Growing {
    fn count_blocks(&mut self, counted: &Counted) {
        if self.owner.objects < FEW_OBJECTS {
            return;
        }
        self.blocks.resize((POOLED_BYTES_MAX / SIZE_STEP) as usize + 1, [0.0; 2]);
        for (bytes, at) in [(counted.head_bytes, 0), (counted.table.0, 1)] {
            let sort =
                self.blocks.get_mut((bytes / SIZE_STEP) as usize).and_then(|counts| counts.get_mut(at));
            if let Some(count) = sort.filter(|_| bytes > 0) {
                *count += counted.weight.by_chance;
            }
        }
    }

    /// How much of blocks of this size, without an object in them, is on pages that have no objects either.
    fn plain_share(&self, bytes: u64) -> f64 {
        let Some([objects, tables]) = self.blocks.get((bytes / SIZE_STEP) as usize) else { return 0.0 };
        if bytes == 0 || objects + tables <= 0.0 {
            return 0.0;
        }
        (tables / (objects + tables)).powi((PAGE_BYTES / bytes) as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ValueLimits = ValueLimits { objects: 1 << 20, owners: 3, samples: 400, sampled_one_in: 16 };

    fn counted(fingerprint: u128, bytes: u64) -> Counted {
        let share = Share { bytes, own_bytes: bytes };
        Counted {
            fingerprint,
            share,
            flat_own_bytes: 0,
            table: (0, 0),
            head_bytes: bytes,
            address: 16 * fingerprint as u64,
            weight: Weight { one_in: 1, by_chance: 1.0 },
        }
    }

    #[test]
    fn blocks_without_objects_are_plain_where_their_size_has_pages_of_its_own() {
        let plain = |others: u128| {
            let mut owners = Owners::default();
            let at = owners.attribute(&LIMITS, "conf", "TABLE", "dict");
            for number in 0..6400_u128 {
                let table = Counted { table: (128, 128), ..counted(number << 64, 64) };
                owners.count(&LIMITS, at, table);
            }
            for number in 0..others {
                owners.count(&LIMITS, at, counted(number << 64 | 1, 128));
            }
            let samples = &owners.finish()[0].samples;
            samples.iter().map(|sample| sample.flat_own_bytes).sum::<u64>()
        };
        assert_eq!(plain(0), 6400 * 128);
        let some = plain(64);
        assert!(some < 6400 * 100 && some > 6400 * 80, "{some}");
        assert!(plain(3200) < 1000);
    }

    #[test]
    fn an_object_stands_for_those_that_were_passed_over() {
        let mut owners = Owners::default();
        let at = owners.attribute(&LIMITS, "conf", "TABLE", "dict");
        for number in 0..1600_u128 {
            let weight = Weight { one_in: 4, by_chance: 4.0 };
            owners.count(&LIMITS, at, Counted { weight, ..counted(number << 64, 100) });
        }
        let found = owners.finish();
        assert_eq!(found[0].share.bytes, 1600 * 4 * 100);
        // One in sixteen of all is kept, as when nothing is passed over.
        assert_eq!(found[0].samples.iter().map(|sample| sample.share.bytes).sum::<u64>(), 1600 * 4 * 100);
        assert_eq!(found[0].samples.len(), 400);
    }

    #[test]
    fn samples_stand_for_all_and_are_bounded() {
        let mut owners = Owners::default();
        let at = owners.attribute(&LIMITS, "conf", "TABLE", "dict");
        for number in 0..3200_u128 {
            owners.count(&LIMITS, at, counted(number << 64, 100));
        }
        owners.count(&LIMITS, at, Counted { address: 0x5010, ..counted(1 << 64, 5000) });
        assert!(!owners.is_cut);
        let small =
            owners.owners[at].owner.samples.iter().filter(|sample| sample.share.bytes == 1600).count();
        assert_eq!((small, owners.owners[at].owner.samples.len()), (200, 201));
        for number in 0..300_u128 {
            owners.count(&LIMITS, at, counted(number, 4096));
        }
        assert!(owners.is_cut);
        let found = owners.finish();
        assert!(found[0].samples.iter().any(|sample| sample.page == 5));
        assert_eq!((found[0].objects, found[0].samples.len()), (3501, 400));
        assert_eq!(found[0].share.bytes, 3200 * 100 + 5000 + 300 * 4096);
    }

    #[test]
    fn attributes_beyond_the_limit_count_for_their_module() {
        let mut owners = Owners::default();
        let places: Vec<usize> =
            ["A", "B", "C", "D", "E"].map(|name| owners.attribute(&LIMITS, "conf", name, "dict")).into();
        assert_eq!(places, [0, 1, 2, 3, 3]);
        owners.count(&LIMITS, 3, counted(0, 8));
        let found = owners.finish();
        assert_eq!((found.len(), found[0].attribute.as_str(), found[0].kind.as_str()), (1, "", "code"));
    }
}
