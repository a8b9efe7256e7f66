//! Everything learned once: endpoints, label sets, flags, and which label set follows which.
//!
//! Records live as long as the process (see `record`), so every table has a cap. What falls at one gets a record that says
//! so: the endpoint's own with `fewer.overflow=1`, for which room is kept, or `_other` when there are too many endpoints.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use crate::{
    flag::Reason,
    page::{EVALUATIONS, SLOTS},
    record::{
        FIXED_KEYS, FLAG_PREFIX, Labels, MAX_FLAG_KEY_BYTES, MAX_LABEL_BYTES, MAX_VARIANT_BYTES, Record,
        bounded, encode,
    },
};

const MAX_FLAG_KEYS: usize = 200;
const MAX_VARIANTS: usize = 20;
const MAX_STEPS: usize = 32_768;
const OTHER: &str = "_other";

/// Requests of one endpoint whose stretches cost this much are all measured: two clock readings are a percent of it.
const ALWAYS_MEASURED_NS: u64 = 40_000;
const NOT_KNOWN: u64 = u64::MAX;

/// One endpoint, and what its requests cost.
pub(crate) struct Route {
    pub(crate) record: &'static Record,
    mean_stretch_ns: AtomicU64,
}

impl Route {
    /// Whether this stands for all endpoints that there was no room for.
    pub(crate) fn is_fallback(&self) -> bool {
        self.record.labels.overflow
    }

    /// Whether the next request is to be measured: dear ones always, cheap ones once in 64.
    pub(crate) fn is_due(&self, random: u64) -> bool {
        self.mean_stretch_ns.load(Relaxed) >= ALWAYS_MEASURED_NS || random.is_multiple_of(64)
    }

    /// Learns from a measured request. Two threads may overwrite each other: it is a mean of many either way.
    pub(crate) fn learn(&self, stretch_ns: u64) {
        let mean = self.mean_stretch_ns.load(Relaxed);
        let next = if mean == NOT_KNOWN { stretch_ns } else { mean - mean / 8 + stretch_ns / 8 };
        self.mean_stretch_ns.store(next, Relaxed);
    }
}

/// One variant of a flag.
#[derive(Clone, Copy)]
pub(crate) struct Variant {
    text: &'static str,
    /// A record of this flag alone, for the table of evaluations.
    pub(crate) record: &'static [u8],
    rows: [Option<u16>; Reason::COUNT],
}

impl Variant {
    /// Its row in the table of evaluations, if that was not full.
    pub(crate) fn row(&self, reason: Reason) -> Option<u16> {
        self.rows.get(reason as usize).copied().flatten()
    }
}

/// What an evaluation leads to.
pub(crate) struct Evaluated {
    /// The record that follows the one before; none without a request.
    pub(crate) record: Option<&'static Record>,
    /// None when there are too many flags.
    pub(crate) variant: Option<Variant>,
    /// Whether something fell at a cap.
    pub(crate) overflowed: bool,
}

struct Flag {
    key: u8,
    variants: Vec<Variant>,
}

/// A record and the flag (its key, and the place of its variant) that is evaluated under it.
type Step = (usize, u8, usize);

/// A step taken by a flag that has no key any more.
const NO_KEY: (u8, usize) = (u8::MAX, usize::MAX);

/// The tables; the SDK holds a lock around them.
pub(crate) struct Tables {
    keys: Vec<String>,
    records: HashMap<Labels, &'static Record>,
    routes: HashMap<Box<str>, &'static Route>,
    flags: HashMap<Box<str>, Flag>,
    steps: HashMap<Step, &'static Record>,
    fallback: &'static Route,
    /// Records that must still be possible: the overflow record of every endpoint.
    reserved: usize,
    evaluations: usize,
}

impl Tables {
    pub(crate) fn new() -> Self {
        let labels = Labels::plain(OTHER).overflowed();
        let record = leaked_record(0, labels.clone());
        Self {
            keys: FIXED_KEYS.map(str::to_owned).to_vec(),
            records: HashMap::from([(labels, record)]),
            routes: HashMap::new(),
            flags: HashMap::new(),
            steps: HashMap::new(),
            fallback: leaked_route(record),
            reserved: 0,
            evaluations: 0,
        }
    }

    /// Names of the key indexes.
    pub(crate) fn keys(&self) -> &[String] {
        &self.keys
    }

    pub(crate) fn records(&self) -> usize {
        self.records.len()
    }

    /// The route of an endpoint that is known, or the fallback when no more can be.
    pub(crate) fn known_route(&self, endpoint: &str) -> Option<&'static Route> {
        let known = self.routes.get(bounded(endpoint, MAX_LABEL_BYTES).0);
        known.copied().or_else(|| self.is_full_of_endpoints().then_some(self.fallback))
    }

    /// The route of an endpoint, new or not.
    pub(crate) fn route(&mut self, endpoint: &str) -> &'static Route {
        if let Some(known) = self.known_route(endpoint) {
            return known;
        }
        let endpoint = bounded(endpoint, MAX_LABEL_BYTES).0;
        self.reserved += 1;
        let route = leaked_route(self.store(Labels::plain(endpoint)));
        self.routes.insert(endpoint.into(), route);
        route
    }

    /// The same context under another endpoint: its route became known while the request ran.
    pub(crate) fn renamed(&mut self, record: &'static Record, endpoint: &str) -> &'static Record {
        let route = self.route(endpoint);
        if route.is_fallback() {
            return route.record;
        }
        self.intern(Labels { endpoint: route.record.labels.endpoint.clone(), ..record.labels.clone() })
    }

    /// An evaluation whose every part is known.
    pub(crate) fn known_evaluation(
        &self,
        record: Option<&'static Record>,
        (key, variant, reason): (&str, &str, Reason),
    ) -> Option<Evaluated> {
        let step = |key, place| match record {
            Some(record) if !record.labels.overflow => {
                self.steps.get(&(record.index, key, place)).copied().map(Some)
            }
            same => Some(same),
        };
        let Some(flag) = self.flags.get(bounded(key, MAX_FLAG_KEY_BYTES).0) else {
            let record = if self.flags.len() < MAX_FLAG_KEYS { None } else { step(NO_KEY.0, NO_KEY.1) }?;
            return Some(Evaluated { record, variant: None, overflowed: true });
        };
        let text = bounded(variant, MAX_VARIANT_BYTES).0;
        let known = flag.variants.iter().position(|variant| variant.text == text);
        let place = known.or_else(|| (flag.variants.len() > MAX_VARIANTS).then_some(MAX_VARIANTS))?;
        let variant = *flag.variants.get(place)?;
        let row_is_known = variant.row(reason).is_some() || self.evaluations >= EVALUATIONS;
        let record = row_is_known.then(|| step(flag.key, place))??;
        let overflowed = known.is_none() || variant.row(reason).is_none();
        Some(Evaluated { record, variant: Some(variant), overflowed })
    }

    /// Learns what `known_evaluation` did not know.
    pub(crate) fn learn_evaluation(
        &mut self,
        record: Option<&'static Record>,
        evaluation: (&str, &str, Reason),
    ) -> Option<Evaluated> {
        let (key, text, reason) = evaluation;
        let learned = self.learn_variant(key, text, reason);
        if let Some(record) = record.filter(|record| !record.labels.overflow) {
            let (key, place) = learned.map_or(NO_KEY, |(key, place, _)| (key, place));
            let next = match learned {
                Some((key, _, text)) => self.intern(record.labels.with_flag(key, text)),
                None => self.intern(record.labels.overflowed()),
            };
            if self.steps.len() >= MAX_STEPS {
                self.steps.clear();
            }
            self.steps.insert((record.index, key, place), next);
            let fell = next.labels.overflow;
            let known = self.known_evaluation(Some(record), evaluation)?;
            return Some(Evaluated { overflowed: known.overflowed || fell, ..known });
        }
        self.known_evaluation(record, evaluation)
    }

    /// Key, place and text of a variant after making sure of its row; none when there are too many flags.
    fn learn_variant(&mut self, key: &str, text: &str, reason: Reason) -> Option<(u8, usize, &'static str)> {
        let key = bounded(key, MAX_FLAG_KEY_BYTES).0;
        if !self.flags.contains_key(key) {
            if self.flags.len() >= MAX_FLAG_KEYS {
                return None;
            }
            let index = u8::try_from(self.keys.len()).ok()?;
            self.keys.push(format!("{FLAG_PREFIX}{key}"));
            self.flags.insert(key.into(), Flag { key: index, variants: Vec::new() });
        }
        let flag = self.flags.get_mut(key)?;
        let text = bounded(text, MAX_VARIANT_BYTES).0;
        let known = flag.variants.iter().position(|variant| variant.text == text);
        let place = known.unwrap_or(flag.variants.len().min(MAX_VARIANTS));
        if place == flag.variants.len() {
            let text: &'static str = if place == MAX_VARIANTS { OTHER } else { Box::leak(Box::from(text)) };
            let record = Box::leak(encode(std::iter::once((flag.key, text))));
            flag.variants.push(Variant { text, record, rows: [None; Reason::COUNT] });
        }
        let variant = flag.variants.get_mut(place)?;
        let row = variant.rows.get_mut(reason as usize)?;
        if row.is_none() && self.evaluations < EVALUATIONS {
            *row = u16::try_from(self.evaluations).ok();
            self.evaluations += 1;
        }
        Some((flag.key, place, variant.text))
    }

    fn is_full_of_endpoints(&self) -> bool {
        self.records.len() + self.reserved + 2 > SLOTS
    }

    fn intern(&mut self, labels: Labels) -> &'static Record {
        if let Some(known) = self.records.get(&labels) {
            return known;
        }
        if labels.overflow {
            self.reserved = self.reserved.saturating_sub(1);
            return self.store(labels);
        }
        if !labels.fits() || self.records.len() + self.reserved + 1 > SLOTS {
            return self.intern(labels.overflowed());
        }
        self.store(labels)
    }

    fn store(&mut self, labels: Labels) -> &'static Record {
        let record = leaked_record(self.records.len(), labels.clone());
        self.records.insert(labels, record);
        record
    }
}

fn leaked_record(index: usize, labels: Labels) -> &'static Record {
    let bytes = labels.encode();
    Box::leak(Box::new(Record { index, labels, bytes }))
}

fn leaked_route(record: &'static Record) -> &'static Route {
    Box::leak(Box::new(Route { record, mean_stretch_ns: AtomicU64::new(NOT_KNOWN) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learn(tables: &mut Tables, record: &'static Record, key: &str, variant: &str) -> Evaluated {
        let evaluation = (key, variant, Reason::Split);
        let known = tables.known_evaluation(Some(record), evaluation);
        known.or_else(|| tables.learn_evaluation(Some(record), evaluation)).unwrap()
    }

    #[test]
    fn ten_thousand_endpoints_leave_room_for_overflow_records() {
        let mut tables = Tables::new();
        let routes: Vec<_> = (0..10_000).map(|number| tables.route(&format!("GET /{number}"))).collect();
        assert_eq!(routes.iter().filter(|route| !route.is_fallback()).count(), 2047);
        assert_eq!(&*routes[9_999].record.labels.endpoint, OTHER);
        let mut overflowed = 0;
        for route in routes.iter().take(2047) {
            let record = learn(&mut tables, route.record, "flag", "on").record.unwrap();
            assert_eq!(record.labels.endpoint, route.record.labels.endpoint);
            overflowed += usize::from(record.labels.overflow);
        }
        // One place was left beside the fallback and two for each endpoint; the first flag has it.
        assert_eq!((overflowed, tables.records() + tables.reserved), (2046, SLOTS));
    }

    #[test]
    fn ten_thousand_flags_become_two_hundred() {
        let mut tables = Tables::new();
        let plain = tables.route("GET /").record;
        for number in 0..10_000 {
            let evaluated = learn(&mut tables, plain, &format!("flag-{number}"), "on");
            assert_eq!(evaluated.overflowed, number >= MAX_FLAG_KEYS, "{number}");
            assert_eq!(evaluated.variant.is_none(), number >= MAX_FLAG_KEYS, "{number}");
            assert_eq!(evaluated.record.unwrap().labels.overflow, number >= MAX_FLAG_KEYS, "{number}");
        }
        assert_eq!(tables.keys().len(), FIXED_KEYS.len() + MAX_FLAG_KEYS);
    }

    #[test]
    fn the_twenty_first_variant_is_another() {
        let mut tables = Tables::new();
        let plain = tables.route("GET /").record;
        for number in 0..100 {
            let record = learn(&mut tables, plain, "flag", &format!("v{number}")).record.unwrap();
            let expected = if number < MAX_VARIANTS { format!("v{number}") } else { OTHER.to_owned() };
            assert_eq!(*record.labels.flags[0].1, *expected, "{number}");
        }
    }

    #[test]
    fn a_record_holds_thirty_two_flags_and_612_bytes() {
        let check = |endpoint: &str, variant: &str, expected_flags: usize| {
            let mut tables = Tables::new();
            let mut record = tables.route(endpoint).record;
            let mut flags = 0;
            while !record.labels.overflow {
                flags = record.labels.flags.len();
                record = learn(&mut tables, record, &format!("flag-{flags}"), variant).record.unwrap();
            }
            assert_eq!((flags, &*record.labels.endpoint), (expected_flags, endpoint));
        };
        check("GET /", "on", 32);
        // 612 bytes: 102 for the endpoint, 34 for each flag, so fifteen fit exactly.
        check(&"e".repeat(100), &"v".repeat(32), 15);
        check(&"e".repeat(101), &"v".repeat(32), 14);
    }

    #[test]
    fn a_request_may_learn_its_name_late() {
        let mut tables = Tables::new();
        let plain = tables.route("GET (unrouted)").record;
        let flagged = learn(&mut tables, plain, "flag", "on").record.unwrap();
        let named = tables.renamed(flagged, "GET /items/{id}");
        assert_eq!(&*named.labels.endpoint, "GET /items/{id}");
        assert_eq!(named.labels.flags, flagged.labels.flags);
    }
}
