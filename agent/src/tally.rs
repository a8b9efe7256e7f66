//! Counters by name: every outcome, drop and loss of the agent ends up here (invariants I5 and I6).

use std::{collections::BTreeMap, sync::Arc};

use model::Measure;

/// Counters that only go up, each with a metric's name and, where one metric counts several outcomes, the
/// outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<(&'static str, &'static str), u64>);

impl Tally {
    /// Adds to a counter.
    pub fn add(&mut self, metric: &'static str, outcome: &'static str, count: u64) {
        if count > 0 {
            *self.0.entry((metric, outcome)).or_insert(0) += count;
        }
    }

    /// Sets a counter whose total somebody else keeps.
    pub fn set(&mut self, metric: &'static str, outcome: &'static str, total: u64) {
        self.0.insert((metric, outcome), total);
    }

    /// The value of a counter, 0 when nothing was counted.
    pub fn get(&self, metric: &'static str, outcome: &'static str) -> u64 {
        self.0.get(&(metric, outcome)).copied().unwrap_or(0)
    }

    /// The outcomes of one metric with their counts, largest first.
    pub fn outcomes(&self, metric: &str) -> Vec<(&'static str, u64)> {
        let matching = self.0.iter().filter(|((name, _), count)| *name == metric && **count > 0);
        let mut outcomes: Vec<(&'static str, u64)> =
            matching.map(|((_, outcome), count)| (*outcome, *count)).collect();
        outcomes.sort_by_key(|(outcome, count)| (std::cmp::Reverse(*count), *outcome));
        outcomes
    }

    /// Adds every counter of another tally.
    pub fn merge(&mut self, other: &Tally) {
        for ((metric, outcome), count) in &other.0 {
            self.add(metric, outcome, *count);
        }
    }

    /// As measures of an agent report: `metric{outcome="…"}`.
    pub fn measures(&self) -> impl Iterator<Item = (Arc<str>, Measure)> {
        self.0.iter().map(|((metric, outcome), count)| {
            let name = if outcome.is_empty() {
                (*metric).to_owned()
            } else {
                format!("{metric}{{outcome=\"{outcome}\"}}")
            };
            (name.into(), Measure::Counter(*count))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_come_largest_first_and_become_measures() {
        let mut tally = Tally::default();
        tally.add("cuts_total", "few", 1);
        tally.add("cuts_total", "many", 2);
        tally.add("cuts_total", "none", 0);
        tally.set("windows_total", "", 7);
        let mut both = Tally::default();
        both.merge(&tally);
        both.merge(&tally);
        assert_eq!(both.outcomes("cuts_total"), [("many", 4), ("few", 2)]);
        let measures: Vec<(Arc<str>, Measure)> = tally.measures().collect();
        assert_eq!(measures[0], ("cuts_total{outcome=\"few\"}".into(), Measure::Counter(1)));
        assert_eq!(measures[2], ("windows_total".into(), Measure::Counter(7)));
    }
}
