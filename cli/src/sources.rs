//! Where the context of samples came from: how much of the CPU time says what it was spent on.

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use model::{Batch, keys};
use serde_json::{Map, Value};

use crate::number::percent;

/// CPU time by where its labels came from, largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sources(Vec<(Arc<str>, i64)>);

/// The source that knows no more than the name of a thread.
const THREAD_NAME: &str = "comm";

impl Sources {
    /// Adds up a batch.
    pub(crate) fn of(batch: &Batch) -> Self {
        let sources = batch
            .profiles
            .iter()
            .filter_map(|profile| Some((profile.labels.get(keys::LABEL_SOURCE)?, profile.total())));
        sources.collect()
    }

    /// Names and CPU time, largest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().map(|(name, value_ns)| (name.as_ref(), *value_ns))
    }

    /// CPU time that has a context.
    pub(crate) fn known_ns(&self) -> i64 {
        self.contexts().map(|(_, value_ns)| value_ns).sum()
    }

    /// The names alone.
    pub(crate) fn names(&self) -> String {
        self.iter().map(|(name, _)| name).collect::<Vec<_>>().join("+")
    }

    /// CPU time by name.
    pub(crate) fn json(&self) -> Map<String, Value> {
        self.iter().map(|(name, value_ns)| (name.to_owned(), value_ns.into())).collect()
    }

    /// In words, of so much CPU time in all; nothing where no context was found.
    pub(crate) fn sentence(&self, cpu_ns: i64) -> Option<String> {
        let share = |value_ns: i64| percent(value_ns.max(0) as u64, cpu_ns.max(0) as u64);
        let known_ns = self.known_ns();
        let list: Vec<String> =
            self.contexts().map(|(name, value_ns)| format!("{name} {}", share(value_ns))).collect();
        (known_ns > 0).then(|| {
            format!(
                "context known for {} of CPU: {}; thread name only: {}",
                share(known_ns),
                list.join(", "),
                share(cpu_ns - known_ns)
            )
        })
    }

    fn contexts(&self) -> impl Iterator<Item = (&str, i64)> {
        self.iter().filter(|(name, _)| *name != THREAD_NAME)
    }
}

impl<'a> FromIterator<(&'a str, i64)> for Sources {
    fn from_iter<I: IntoIterator<Item = (&'a str, i64)>>(sources: I) -> Self {
        let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
        for (name, value_ns) in sources {
            *sums.entry(name).or_default() += value_ns;
        }
        let mut sums: Vec<(Arc<str>, i64)> =
            sums.into_iter().map(|(name, value_ns)| (name.into(), value_ns)).collect();
        sums.sort_by_key(|(_, value_ns)| Reverse(*value_ns));
        Self(sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_context_counts_as_known() {
        let sources: Sources = [("comm", 40), ("query", 9), ("sdk", 50), ("query", 1)].into_iter().collect();
        assert_eq!(sources.names(), "sdk+comm+query");
        insta::assert_snapshot!(
            sources.sentence(100).unwrap(),
            @"context known for 60.0 % of CPU: sdk 50.0 %, query 10.0 %; thread name only: 40.0 %"
        );
        assert_eq!(Sources::from_iter([("comm", 40)]).sentence(40), None);
        assert_eq!(Sources::default().sentence(0), None);
    }
}
