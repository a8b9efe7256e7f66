//! What single flags have of the label sets that a block does not tell apart: see `plan::caps`.
//!
//! A marginal stands beside the rows that it was made of, under the labels that those have now, with one flag's variant
//! and the flag's name in a label of its own. It is no part of any total: who groups by that flag moves it from the
//! value `_other` to the variant.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use model::{
    LabelSet, ProfileType, RequestCounts, Window,
    keys::{ENDPOINT, FLAG_PREFIX, OTHER, SERVICE_NAME},
};

use crate::{
    head::{Interner, Part},
    plan::{
        caps::{Flags, Place},
        compaction::hour_of,
    },
};

/// The label that names the flag of a marginal. No other row has it.
pub(crate) const MARGINAL: &str = "fewer.marginal";

/// What one variant of one flag has in one window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MarginalRow {
    /// Number of the label set.
    pub(crate) label_set: u32,
    pub(crate) window: Window,
    /// What was sampled.
    pub(crate) kind: ProfileType,
    /// Sum of the samples.
    pub(crate) total: i64,
    /// Requests, with the samples of CPU; their own labels and window are empty.
    pub(crate) counts: RequestCounts,
}

/// Label sets that are not told apart any more, each with the label sets of its marginals, by hour and number.
#[derive(Debug, Default)]
pub(crate) struct Marginals(HashMap<(i64, u32), Vec<u32>>);

impl Marginals {
    /// Notes that a label set becomes `new` and has marginals of these flags.
    pub(crate) fn split(
        &mut self,
        old: (i64, u32),
        new: &LabelSet,
        flags: &Flags,
        label_sets: &mut Interner<LabelSet>,
    ) {
        let shared: Vec<(Arc<str>, Arc<str>)> = new
            .iter()
            .filter(|(key, _)| !key.starts_with(FLAG_PREFIX))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let label_set = |(key, variant): &(Arc<str>, Arc<str>)| {
            let own = [(key.clone(), variant.clone()), (MARGINAL.into(), key.clone())];
            label_sets.insert(&LabelSet::new(shared.iter().cloned().chain(own)))
        };
        if !flags.is_empty() {
            self.0.insert(old, flags.iter().map(label_set).collect());
        }
    }

    /// Adds the marginals of all rows that still have their old label sets.
    pub(crate) fn take_in(&self, part: &mut Part) {
        let mut sums: HashMap<(u32, Window, ProfileType), (i64, RequestCounts)> = HashMap::new();
        let sets =
            |label_set: u32, start_ns: i64| self.0.get(&(hour_of(start_ns), label_set)).into_iter().flatten();
        for profile in &part.profiles {
            let total = part.rows(profile).fold(0, |sum: i64, (_, value)| sum.saturating_add(value));
            for label_set in sets(profile.label_set, profile.start_ns) {
                let sum = &mut sums.entry((*label_set, profile.window(), profile.kind)).or_default().0;
                *sum = sum.saturating_add(total);
            }
        }
        for row in &part.requests {
            let window = row.counts.window;
            for label_set in sets(row.label_set, window.start_ns) {
                sums.entry((*label_set, window, ProfileType::Cpu)).or_default().1.add(&row.counts);
            }
        }
        part.marginals.extend(sums.into_iter().map(|((label_set, window, kind), (total, counts))| {
            MarginalRow { label_set, window, kind, total, counts }
        }));
    }
}

/// Marginals of endpoints that are not told apart any more go with them.
pub(crate) fn follow_endpoints(part: &mut Part) {
    let sets = part.label_sets.values();
    let place = |label_set: u32| -> Place {
        let value = |key: &str| -> Arc<str> {
            sets.get(label_set as usize).and_then(|set| set.get(key)).unwrap_or_default().into()
        };
        (value(SERVICE_NAME), value(ENDPOINT))
    };
    let profiles = part.profiles.iter().map(|profile| (profile.start_ns, profile.label_set));
    let requests = part.requests.iter().map(|row| (row.counts.window.start_ns, row.label_set));
    let rows = profiles.chain(requests).map(|(start_ns, label_set)| (hour_of(start_ns), label_set));
    let distinct: HashSet<(i64, u32)> = rows.collect();
    let places: HashSet<(i64, Place)> =
        distinct.into_iter().map(|(hour, label_set)| (hour, place(label_set))).collect();
    let lost: Vec<usize> = (0..part.marginals.len())
        .filter(|at| {
            let row = part.marginals.get(*at);
            row.is_some_and(|row| !places.contains(&(hour_of(row.window.start_ns), place(row.label_set))))
        })
        .collect();
    for at in lost {
        let Some(row) = part.marginals.get_mut(at) else { continue };
        let labels = part.label_sets.values().get(row.label_set as usize).cloned().unwrap_or_default();
        let renamed = labels.merged(&LabelSet::new([(ENDPOINT, OTHER)]));
        row.label_set = part.label_sets.insert(&renamed);
    }
}
