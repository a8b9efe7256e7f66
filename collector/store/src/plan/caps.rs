//! How many endpoints and sets of flags a block tells apart.
//!
//! Which flags a request has evaluated multiplies with each flag, and an endpoint made of raw paths has no end. So of one
//! hour a service keeps its biggest endpoints and an endpoint its biggest sets of flags; the others become `_other`:
//! an endpoint by that name, or one set in which every flag of the sets that it stands for has that variant. What is
//! counted under the others stays counted, so totals are those of the whole (invariant I13). Samples and requests are
//! renamed alike, so CPU per request of what is kept stays what it was.
//!
//! What a single flag costs survives that: of each set that is not told apart any more the variant of each flag is kept by
//! itself, a *marginal*, for the biggest variants of each flag.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use model::{
    LabelSet,
    keys::{ENDPOINT, FLAG_PREFIX, OTHER, SERVICE_NAME},
};

/// Endpoints that are told apart of one service in one hour.
const ENDPOINTS_MAX: usize = 1000;
/// Sets of flags that are told apart of one endpoint of one service in one hour.
const FLAG_SETS_MAX: usize = 64;
/// Flags that the set of the others has, at most.
const OTHER_FLAGS_MAX: usize = 200;
/// Variants of one flag of one endpoint that have marginals.
const VARIANTS_MAX: usize = 20;

/// What is counted under one label set: what has most CPU, then most requests, is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Weight {
    pub(crate) cpu_ns: i64,
    pub(crate) requests: u64,
}

/// New label sets for those that are not told apart any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Caps {
    /// For each label set given what it becomes, if it does not stay.
    pub(crate) renamed: Vec<Option<LabelSet>>,
    /// For each label set given the flags that it has marginals of, with its variants; the empty one is the flag's absence.
    pub(crate) marginals: Vec<Flags>,
    pub(crate) endpoints_folded: u64,
    pub(crate) flag_sets_kept: u64,
    pub(crate) flag_sets_folded: u64,
    /// Variants without marginals, because their flag has too many.
    pub(crate) variants_folded: u64,
    /// CPU under renamed label sets.
    pub(crate) folded_cpu_ns: u64,
}

/// A flag's label and a variant.
pub(crate) type Variant = (Arc<str>, Arc<str>);
/// Flags and their variants, of one label set.
pub(crate) type Flags = Vec<Variant>;
/// Service and endpoint.
pub(crate) type Place = (Arc<str>, Arc<str>);

/// Decides for the label sets of one hour. What was renamed before is not counted again.
pub(crate) fn plan(sets: &[(LabelSet, Weight)]) -> Caps {
    let none = vec![Flags::new(); sets.len()];
    let mut caps = Caps { renamed: vec![None; sets.len()], marginals: none, ..Caps::default() };
    let endpoints_kept = kept_endpoints(sets, &mut caps);
    let place = |labels: &LabelSet| -> Place {
        let (service, endpoint) = place(labels);
        if endpoints_kept.contains(&(service.clone(), endpoint.clone())) {
            (service, endpoint)
        } else {
            (service, OTHER.into())
        }
    };
    let mut by_place: HashMap<Place, HashMap<Flags, Weight>> = HashMap::new();
    for (labels, weight) in sets {
        let flags = flags(labels);
        if !flags.is_empty() {
            let sum = by_place.entry(place(labels)).or_default().entry(flags).or_default();
            *sum = sum.and(*weight);
        }
    }
    let flags_kept: HashMap<Place, FlagSets> =
        by_place.into_iter().map(|(place, sets)| (place, FlagSets::new(sets, &mut caps))).collect();
    let new = caps.renamed.iter_mut().zip(&mut caps.marginals);
    for ((labels, weight), (renamed, marginals)) in sets.iter().zip(new) {
        let place = place(labels);
        let endpoint = labels.get(ENDPOINT).is_some().then(|| (ENDPOINT.into(), place.1.clone()));
        let flags = flags(labels);
        let flags = match flags_kept.get(&place) {
            Some(sets) if !flags.is_empty() && !sets.kept.contains(&flags) => {
                *marginals = sets.marginals(&flags);
                sets.other.clone()
            }
            _ => flags,
        };
        let others = labels.iter().filter(|(key, _)| !key.starts_with(FLAG_PREFIX));
        let others = others.map(|(key, value)| (key.clone(), value.clone()));
        let new = LabelSet::new(others.chain(endpoint).chain(flags));
        if new != *labels {
            *renamed = Some(new);
            caps.folded_cpu_ns = caps.folded_cpu_ns.saturating_add(weight.cpu_ns.unsigned_abs());
        }
    }
    caps
}

impl Weight {
    /// Both together.
    pub(crate) fn and(self, other: Weight) -> Weight {
        Weight {
            cpu_ns: self.cpu_ns.saturating_add(other.cpu_ns),
            requests: self.requests.saturating_add(other.requests),
        }
    }
}

/// The sets of flags of one place that stay, and what all others become.
struct FlagSets {
    kept: HashSet<Flags>,
    other: Flags,
    /// Flags and variants of the others that have marginals.
    variants: HashSet<Variant>,
}

impl FlagSets {
    fn new(sets: HashMap<Flags, Weight>, caps: &mut Caps) -> Self {
        let (folded_before, sets): (HashMap<Flags, Weight>, HashMap<Flags, Weight>) =
            sets.into_iter().partition(|(flags, _)| flags.iter().all(|(_, variant)| **variant == *OTHER));
        let (kept, folded) = biggest(sets.clone().into_iter().collect(), FLAG_SETS_MAX);
        caps.flag_sets_kept += kept.len() as u64;
        caps.flag_sets_folded += folded.len() as u64;
        let kept: HashSet<Flags> = kept.into_iter().collect();
        let folded = folded_before.keys().chain(&folded).flatten();
        let keys: BTreeSet<Arc<str>> = folded.map(|(key, _)| key.clone()).collect();
        let other = keys.into_iter().take(OTHER_FLAGS_MAX).map(|key| (key, OTHER.into())).collect();
        let variants = variants(sets.into_iter().filter(|(flags, _)| !kept.contains(flags)), caps);
        Self { kept, other, variants }
    }

    /// The marginals of a set that does not stay. One that was folded before has those of its flags already.
    fn marginals(&self, flags: &Flags) -> Flags {
        let variant = |key: &Arc<str>| flags.iter().find(|(own, _)| own == key).map(|(_, variant)| variant);
        let keys = self.other.iter().map(|(key, _)| key);
        let one = |key: &Arc<str>| match variant(key) {
            None => Some((key.clone(), "".into())),
            Some(variant) => {
                let marginal = (key.clone(), variant.clone());
                self.variants.contains(&marginal).then_some(marginal)
            }
        };
        keys.filter_map(one).collect()
    }
}

/// The biggest variants of each flag.
fn variants(sets: impl Iterator<Item = (Flags, Weight)>, caps: &mut Caps) -> HashSet<Variant> {
    let mut by_flag: HashMap<Arc<str>, HashMap<Arc<str>, Weight>> = HashMap::new();
    for (flags, weight) in sets {
        for (key, variant) in flags {
            let sum = by_flag.entry(key).or_default().entry(variant).or_default();
            *sum = sum.and(weight);
        }
    }
    let mut told = HashSet::new();
    for (key, variants) in by_flag {
        let (kept, folded) = biggest(variants.into_iter().collect(), VARIANTS_MAX);
        caps.variants_folded += folded.len() as u64;
        told.extend(kept.into_iter().map(|variant| (key.clone(), variant)));
    }
    told
}

/// Services with those of their endpoints that keep their name.
fn kept_endpoints(sets: &[(LabelSet, Weight)], caps: &mut Caps) -> HashSet<Place> {
    let mut by_service: HashMap<Arc<str>, HashMap<Arc<str>, Weight>> = HashMap::new();
    for (labels, weight) in sets {
        let (service, endpoint) = place(labels);
        let sum = by_service.entry(service).or_default().entry(endpoint).or_default();
        *sum = sum.and(*weight);
    }
    let mut places = HashSet::new();
    for (service, endpoints) in by_service {
        let (always, endpoints): (Vec<_>, Vec<_>) =
            endpoints.into_iter().partition(|(endpoint, _)| endpoint.is_empty() || **endpoint == *OTHER);
        let (kept, folded) = biggest(endpoints, ENDPOINTS_MAX);
        caps.endpoints_folded += folded.len() as u64;
        let kept = kept.into_iter().chain(always.into_iter().map(|(endpoint, _)| endpoint));
        places.extend(kept.map(|endpoint| (service.clone(), endpoint)));
    }
    places
}

/// The biggest, at most so many, and the others. Equal ones are in the order of their names.
fn biggest<T: Ord>(mut weighed: Vec<(T, Weight)>, most: usize) -> (Vec<T>, Vec<T>) {
    weighed.sort_unstable_by(|left, right| (Reverse(left.1), &left.0).cmp(&(Reverse(right.1), &right.0)));
    let mut kept: Vec<T> = weighed.into_iter().map(|(value, _)| value).collect();
    let others = kept.split_off(kept.len().min(most));
    (kept, others)
}

fn place(labels: &LabelSet) -> Place {
    let value = |key: &str| labels.get(key).unwrap_or_default().into();
    (value(SERVICE_NAME), value(ENDPOINT))
}

fn flags(labels: &LabelSet) -> Flags {
    let flags = labels.iter().filter(|(key, _)| key.starts_with(FLAG_PREFIX));
    flags.map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(endpoint: &str, flags: &[(&str, &str)]) -> LabelSet {
        let flags = flags.iter().map(|(key, variant)| (format!("{FLAG_PREFIX}{key}"), (*variant).to_owned()));
        let fixed = [(SERVICE_NAME.to_owned(), "s".to_owned()), (ENDPOINT.to_owned(), endpoint.to_owned())];
        LabelSet::new(fixed.into_iter().chain(flags).chain([("host.name".to_owned(), "h".to_owned())]))
    }

    fn weigh(cpu_ns: i64, requests: u64) -> Weight {
        Weight { cpu_ns, requests }
    }

    /// More sets than are told apart: the variant of `a` counts up, weights go down.
    fn many(count: usize) -> Vec<(LabelSet, Weight)> {
        let one = |at: usize| set("/feed", &[("a", &format!("v{at:04}")), ("b", "on")]);
        (0..count).map(|at| (one(at), weigh((count - at) as i64, 1))).collect()
    }

    #[test]
    fn few_label_sets_stay_as_they_are() {
        let sets = many(FLAG_SETS_MAX);
        let caps = plan(&sets);
        assert!(caps.renamed.iter().all(Option::is_none));
        assert_eq!((caps.flag_sets_kept, caps.flag_sets_folded), (FLAG_SETS_MAX as u64, 0));
        assert_eq!(plan(&[]), Caps::default());
    }

    #[test]
    fn the_smallest_sets_of_flags_become_one() {
        let mut sets = many(FLAG_SETS_MAX + 2);
        sets.push((set("/feed", &[("c", "on")]), weigh(0, 9)));
        sets.push((set("/feed", &[]), weigh(0, 0)));
        sets.push((set("/other", &[("a", "v9999")]), weigh(0, 0)));
        let caps = plan(&sets);
        let other = set("/feed", &[("a", OTHER), ("b", OTHER), ("c", OTHER)]);
        let (kept, rest) = caps.renamed.split_at(FLAG_SETS_MAX);
        assert!(kept.iter().all(Option::is_none));
        assert_eq!(rest, [Some(other.clone()), Some(other.clone()), Some(other), None, None]);
        let marginals = |at: usize| -> Vec<(&str, &str)> {
            caps.marginals[at].iter().map(|(key, variant)| (&key[FLAG_PREFIX.len()..], &**variant)).collect()
        };
        assert!(caps.marginals[..FLAG_SETS_MAX].iter().all(Vec::is_empty));
        assert_eq!(marginals(FLAG_SETS_MAX), [("a", "v0064"), ("b", "on"), ("c", "")]);
        assert_eq!(marginals(FLAG_SETS_MAX + 2), [("a", ""), ("b", ""), ("c", "on")]);
        assert_eq!(marginals(FLAG_SETS_MAX + 3), []);
        assert_eq!(
            (caps.flag_sets_kept, caps.flag_sets_folded, caps.folded_cpu_ns),
            (FLAG_SETS_MAX as u64 + 1, 3, 3)
        );
    }

    #[test]
    fn what_was_folded_before_stays_folded() {
        let apply = |sets: &[(LabelSet, Weight)]| -> Vec<(LabelSet, Weight)> {
            let renamed = plan(sets).renamed;
            sets.iter()
                .zip(renamed)
                .map(|((old, weight), new)| (new.unwrap_or(old.clone()), *weight))
                .collect()
        };
        let once = apply(&many(FLAG_SETS_MAX + 9));
        assert_eq!(apply(&once), once);
        // A later set of another flag: it joins the others, who then have its flag too.
        let mut later = once;
        later.push((set("/feed", &[("z", "on")]), weigh(0, 0)));
        let caps = plan(&later);
        let other = set("/feed", &[("a", OTHER), ("b", OTHER), ("z", OTHER)]);
        assert_eq!(caps.flag_sets_folded, 1);
        assert_eq!(caps.renamed.last(), Some(&Some(other.clone())));
        assert_eq!(caps.renamed[FLAG_SETS_MAX], Some(other));
    }

    #[test]
    fn the_smallest_endpoints_become_one() {
        let mut sets: Vec<(LabelSet, Weight)> = (0..ENDPOINTS_MAX + 3)
            .map(|at| (set(&format!("GET /{at}"), &[("a", "on")]), weigh(10_000 - at as i64, 0)))
            .collect();
        sets.push((set("", &[]), weigh(0, 0)));
        let caps = plan(&sets);
        let renamed: Vec<usize> = (0..sets.len()).filter(|at| caps.renamed[*at].is_some()).collect();
        assert_eq!(renamed, [ENDPOINTS_MAX, ENDPOINTS_MAX + 1, ENDPOINTS_MAX + 2]);
        assert_eq!(caps.renamed[ENDPOINTS_MAX], Some(set(OTHER, &[("a", "on")])));
        assert_eq!(caps.endpoints_folded, 3);
    }
}
