//! What is counted, by the attribute that holds it.

use std::collections::HashMap;

use super::{ValueLimits, fingerprint::Fingerprint};

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
    /// Of that own memory, what no reference count or collector lives on: the inside of large blocks.
    pub flat_own_bytes: u64,
    /// True for an object on a page without any that the collector follows: such a page becomes private by reference
    /// counts alone.
    pub is_plain: bool,
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

/// One object that was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub(super) fingerprint: Fingerprint,
    pub(super) share: Share,
    pub(super) flat_own_bytes: u64,
    pub(super) address: u64,
}

/// An owner during the walk, with the addresses of its samples.
#[derive(Debug)]
struct Growing {
    owner: Owner,
    addresses: Vec<u64>,
}

/// Objects of at least so many bytes are all kept.
const ALWAYS_KEPT_BYTES: u64 = 4096;
/// Of smaller ones, one in so many.
const SAMPLED_ONE_IN: u64 = 16;

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
        self.owners.push(Growing { owner, addresses: Vec::new() });
    }

    pub(super) fn count(&mut self, limits: &ValueLimits, owner: usize, counted: Counted) {
        let Some(Growing { owner, addresses }) = self.owners.get_mut(owner) else { return };
        let Counted { fingerprint, share, flat_own_bytes, address } = counted;
        owner.objects += 1;
        owner.share.add(share);
        let one_in = if share.bytes >= ALWAYS_KEPT_BYTES { 1 } else { SAMPLED_ONE_IN };
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
            flat_own_bytes: flat_own_bytes * one_in,
            is_plain: false,
        });
        addresses.push(address);
    }

    /// Those that hold anything. `is_plain` tells pages without collected objects, which is known at the end only.
    pub(super) fn finish(self, is_plain: impl Fn(u64) -> bool) -> Vec<Owner> {
        let finish = |Growing { mut owner, addresses }: Growing| {
            for (sample, address) in owner.samples.iter_mut().zip(addresses) {
                sample.is_plain = is_plain(address);
            }
            owner
        };
        self.owners.into_iter().filter(|growing| growing.owner.objects > 0).map(finish).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ValueLimits = ValueLimits { objects: 1 << 20, owners: 3, samples: 400 };

    fn counted(fingerprint: u128, bytes: u64) -> Counted {
        let share = Share { bytes, own_bytes: bytes };
        Counted { fingerprint, share, flat_own_bytes: 0, address: 16 * fingerprint as u64 }
    }

    #[test]
    fn samples_stand_for_all_and_are_bounded() {
        let mut owners = Owners::default();
        let at = owners.attribute(&LIMITS, "conf", "TABLE", "dict");
        for number in 0..3200_u128 {
            owners.count(&LIMITS, at, counted(number << 64, 100));
        }
        owners.count(&LIMITS, at, counted(1 << 64, 5000));
        assert!(!owners.is_cut);
        let small =
            owners.owners[at].owner.samples.iter().filter(|sample| sample.share.bytes == 1600).count();
        assert_eq!((small, owners.owners[at].owner.samples.len()), (200, 201));
        for number in 0..300_u128 {
            owners.count(&LIMITS, at, counted(number, 4096));
        }
        assert!(owners.is_cut);
        let found = owners.finish(|address| address < 1024);
        assert_eq!(found[0].samples.iter().filter(|sample| sample.is_plain).count(), 200 + 64 + 1);
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
        let found = owners.finish(|_| true);
        assert_eq!((found.len(), found[0].attribute.as_str(), found[0].kind.as_str()), (1, "", "code"));
    }
}
