//! The units of evidence: hosts where there are two, else stretches of time of the one.

use model::{Batch, keys};
use wire::{api::Breakdown, file};

use super::said;
use crate::collector::{Collector, Question, narrowed};

/// Hosts whose profiles are read.
const HOSTS_MAX: usize = 20;

/// Stretches of time that stand in for hosts.
const STRETCHES: i64 = 8;

/// Hosts that are known by name.
const NAMES_MAX: &str = "10000";

/// A part of the fleet in a part of the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) selector: String,
    pub(crate) start_ns: i64,
    pub(crate) end_ns: i64,
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Units {
    pub(crate) noun: &'static str,
    pub(crate) units: Vec<Unit>,
    /// How many there are in all.
    pub(crate) units_total: u64,
    /// What the mean of one unit is multiplied by for the fleet.
    pub(crate) scale: f64,
}

/// The units of a selection. Of many hosts, as many as are read lie evenly among the names.
pub(crate) fn units(
    collector: &Collector,
    selector: &str,
    (start_ns, end_ns): (i64, i64),
) -> Result<Units, String> {
    let whole = Question { selector, start_ns, end_ns };
    let by = [("by", keys::HOST_NAME), ("limit", NAMES_MAX)];
    let hosts: Breakdown = collector.ask("breakdown", &whole, &by).map_err(said)?;
    if hosts.total.cpu_ns <= 0 {
        return Err(format!("nothing was sampled of `{selector}` in the time range"));
    }
    let mut names: Vec<&str> = hosts
        .rows
        .iter()
        .filter(|row| row.rest == 0 && row.cpu_ns > 0 && !row.value.is_empty())
        .map(|row| row.value.as_str())
        .collect();
    names.sort_unstable();
    if names.len() < 2 {
        let units = stretches(selector, (start_ns, end_ns), STRETCHES);
        return Ok(Units { noun: "stretch of time", units_total: units.len() as u64, units, scale: 1.0 });
    }
    let units = evenly(&names, HOSTS_MAX).into_iter().map(|name| Unit {
        selector: narrowed(selector, keys::HOST_NAME, name),
        start_ns,
        end_ns,
    });
    let units_total = hosts.values_total.max(names.len() as u64);
    Ok(Units { noun: "host", units: units.collect(), units_total, scale: units_total as f64 })
}

/// Parts of equal length.
pub(crate) fn stretches(selector: &str, (start_ns, end_ns): (i64, i64), count: i64) -> Vec<Unit> {
    let length_ns = (end_ns - start_ns) / count;
    let stretch = |at: i64| Unit {
        selector: selector.to_owned(),
        start_ns: start_ns + at * length_ns,
        end_ns: start_ns + (at + 1) * length_ns,
    };
    (0..count).map(stretch).filter(|unit| unit.end_ns > unit.start_ns).collect()
}

/// At most so many, at equal distances.
fn evenly<'a>(names: &[&'a str], count_max: usize) -> Vec<&'a str> {
    let count = names.len().min(count_max);
    (0..count).filter_map(|at| names.get(at * names.len() / count).copied()).collect()
}

impl Unit {
    /// Its stacks.
    pub(crate) fn profile(&self, collector: &Collector) -> Result<Batch, String> {
        let question = Question { selector: &self.selector, start_ns: self.start_ns, end_ns: self.end_ns };
        let bytes = collector.ask_bytes("export/pprof", &question, &[]).map_err(said)?;
        file::read_any("cpu.pb.gz", &bytes)
            .map_err(|error| format!("the collector's profile is not understood: {error}"))
    }

    pub(crate) fn seconds(&self) -> f64 {
        (self.end_ns - self.start_ns) as f64 / 1e9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_taken_evenly_and_stretches_do_not_overlap() {
        let names = ["a", "b", "c", "d", "e"];
        assert_eq!(evenly(&names, 2), ["a", "c"]);
        assert_eq!(evenly(&names, 9), names);
        let stretches = stretches("{}", (100, 181), 8);
        let edges: Vec<(i64, i64)> = stretches.iter().map(|unit| (unit.start_ns, unit.end_ns)).collect();
        assert_eq!((edges.len(), edges[0], edges[7]), (8, (100, 110), (170, 180)));
    }
}
