//! One interval, added up into rows.

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use calltree::Function;
use model::{Batch, LabelSet, RequestCounts, Window, keys};

use super::By;
use crate::sources::Sources;

/// What a table shows.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// How it was sampled.
    pub(crate) facts: Facts,
    /// What the rows stand for.
    pub(crate) by: By,
    /// The interval.
    pub(crate) window: Window,
    /// Everything sampled.
    pub(crate) cpu_ns: i64,
    /// The same as a number of samples.
    pub(crate) samples: u64,
    /// Everything sampled, by where its labels came from.
    pub(crate) sources: Sources,
    /// Every row, in the order to be shown.
    pub(crate) rows: Vec<Row>,
}

/// How an interval was sampled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// The host's name.
    pub(crate) host: String,
    /// How many CPUs it has.
    pub(crate) cpu_count: usize,
    /// The processes that are looked at; the whole host when empty.
    pub(crate) pids: Vec<u32>,
    /// Sampling events per second on each CPU.
    pub(crate) rate_hz: u32,
    /// Way of sampling.
    pub(crate) backend: String,
    /// Samples of this interval that the kernel had no room for.
    pub(crate) lost_samples: u64,
}

/// What comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// What was sampled most.
    Cpu,
    /// What costs most per request.
    PerRequest,
}

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// What it stands for.
    pub(crate) key: Key,
    /// Its sampled CPU; of a function its own.
    pub(crate) cpu_ns: i64,
    /// Of a function, its CPU with what it calls.
    pub(crate) total_ns: i64,
    /// `cpu_ns` as a number of samples.
    pub(crate) samples: u64,
    /// `cpu_ns` by where the labels came from; not known of a function.
    pub(crate) sources: Sources,
    /// What the programs counted.
    pub(crate) requests: RequestCounts,
}

/// What a row stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// A function.
    Function(Function),
    /// A variant of a feature flag.
    Flag {
        /// The flag's key.
        flag: Arc<str>,
        /// The variant.
        variant: Arc<str>,
    },
    /// A value of the label.
    Value(Arc<str>),
    /// What has no such label.
    Absent,
}

/// What is added up for a key.
#[derive(Default)]
struct Sum<'a> {
    cpu_ns: i64,
    samples: u64,
    sources: Vec<(&'a str, i64)>,
    requests: RequestCounts,
}

impl View {
    /// Adds up one interval.
    pub(crate) fn new(batch: &Batch, window: Window, facts: Facts, by: By, order: Order) -> Self {
        let mut rows = match &by {
            By::Function => functions(batch),
            by => groups(batch, by),
        };
        match order {
            Order::Cpu => rows.sort_by_key(|row| Reverse((row.cpu_ns, row.total_ns))),
            // What ended no request comes last.
            Order::PerRequest => rows.sort_by_key(|row| Reverse((row.per_request_ns(), row.cpu_ns))),
        }
        let samples = batch.profiles.iter().map(|profile| samples(profile.total(), profile.period)).sum();
        Self { facts, by, window, cpu_ns: batch.total(), samples, sources: Sources::of(batch), rows }
    }

    /// Length of the interval.
    pub(crate) fn seconds(&self) -> f64 {
        (self.window.end_ns - self.window.start_ns).max(1) as f64 / 1e9
    }

    /// CPU time as CPU-seconds per second.
    pub(crate) fn cores(&self, cpu_ns: i64) -> f64 {
        cpu_ns as f64 / 1e9 / self.seconds()
    }

    /// CPU time as a share of everything sampled, 0 to 1.
    pub(crate) fn share(&self, cpu_ns: i64) -> f64 {
        cpu_ns as f64 / (self.cpu_ns as f64).max(1.0)
    }
}

impl Row {
    /// CPU per request as programs measured it, in nanoseconds.
    pub(crate) fn counted_ns_per_request(&self) -> Option<f64> {
        let measured = Some(self.requests.measured).filter(|measured| *measured > 0)?;
        Some(self.requests.cpu_ns as f64 / measured as f64)
    }

    /// Sampled CPU per request, in nanoseconds.
    pub(crate) fn sampled_ns_per_request(&self) -> Option<f64> {
        let requests = Some(self.requests.requests).filter(|requests| *requests > 0)?;
        Some(self.cpu_ns as f64 / requests as f64)
    }

    /// What a request costs, by the best there is.
    fn per_request_ns(&self) -> Option<u64> {
        self.counted_ns_per_request().or_else(|| self.sampled_ns_per_request()).map(|cost_ns| cost_ns as u64)
    }
}

fn functions(batch: &Batch) -> Vec<Row> {
    let period = batch.profiles.first().map_or(0, |profile| profile.period);
    let row = |row: calltree::TopRow| Row {
        key: Key::Function(row.function),
        cpu_ns: row.self_value,
        total_ns: row.total,
        samples: samples(row.self_value, period),
        sources: Sources::default(),
        requests: RequestCounts::default(),
    };
    calltree::top(batch).into_iter().map(row).collect()
}

/// Rows in the order of their keys.
fn groups(batch: &Batch, by: &By) -> Vec<Row> {
    let mut sums: BTreeMap<Key, Sum<'_>> = BTreeMap::new();
    for profile in &batch.profiles {
        let cpu_ns = profile.total();
        for key in group_keys(&profile.labels, by) {
            let sum = sums.entry(key).or_default();
            sum.cpu_ns += cpu_ns;
            sum.samples += samples(cpu_ns, profile.period);
            sum.sources.extend(profile.labels.get(keys::LABEL_SOURCE).map(|source| (source, cpu_ns)));
        }
    }
    for counts in &batch.requests {
        for key in group_keys(&counts.labels, by) {
            sums.entry(key).or_default().requests.add(counts);
        }
    }
    let row = |(key, sum): (Key, Sum<'_>)| Row {
        key,
        cpu_ns: sum.cpu_ns,
        total_ns: sum.cpu_ns,
        samples: sum.samples,
        sources: sum.sources.into_iter().collect(),
        requests: sum.requests,
    };
    sums.into_iter().map(row).collect()
}

/// The rows that a label set counts in: several when several flags were evaluated.
fn group_keys(labels: &LabelSet, by: &By) -> Vec<Key> {
    let mut found = match by {
        By::Function => Vec::new(),
        By::Flag => labels.iter().filter_map(|(key, variant)| flag(key, variant)).collect(),
        By::Label(key) => labels.get(key).map(|value| Key::Value(value.into())).into_iter().collect(),
    };
    if found.is_empty() {
        found.push(Key::Absent);
    }
    found
}

fn flag(key: &str, variant: &Arc<str>) -> Option<Key> {
    let flag = key.strip_prefix(keys::FLAG_PREFIX)?.into();
    Some(Key::Flag { flag, variant: variant.clone() })
}

fn samples(value: i64, period: i64) -> u64 {
    value.checked_div(period).unwrap_or_default().max(0) as u64
}
