//! What each function cost in each run.

use std::{cmp::Ordering, collections::BTreeMap, path::Path};

use analyzer_detect::{
    functions::{FunctionChange, FunctionRuns, compared},
    stats::moments::mean,
};
use analyzer_report::check::FunctionRow;
use calltree::Function;
use model::{Batch, FrameId, FrameKind};

use crate::paths::without;

use super::changes::Changes;

/// Functions below this share of all samples of both sides are not compared: too few samples, too many tests.
const SHARE_MIN: f64 = 0.005;

/// Differences that are likely false among those reported.
const FALSE_SHARE: f64 = 0.05;

/// A function whose difference is less its own than this is dearer because of what it calls, and left out.
const OWN_PART_MIN: f64 = 0.2;

/// Distinct functions that are kept; beyond, new ones are not counted.
const FUNCTIONS_MAX: usize = 100_000;

/// Costs by function, for both sides.
#[derive(Debug, Default)]
pub(super) struct Table {
    functions: BTreeMap<Key, Costs>,
    /// Sampled CPU of all runs of both sides.
    total_ns: f64,
    /// The same of the candidate alone.
    candidate_ns: f64,
    /// Of the baseline, what has a file of the checkout in its stack.
    baseline_inside_ns: f64,
    samples: u64,
    rounds: usize,
}

/// What makes a function the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    name: String,
    /// The source, or the executable where that is not known; without the checkout's folder.
    place: String,
}

#[derive(Clone, Debug, Default)]
struct Costs {
    own: FunctionRuns,
    total: FunctionRuns,
    /// Files and lines at which it was seen in the candidate.
    seen: Vec<(String, u32)>,
}

impl Table {
    /// Adds one run of one side, 0 or 1.
    pub(super) fn add(&mut self, batch: &Batch, (side, round): (usize, usize), folder: &Path) {
        let total = batch.total() as f64;
        self.total_ns += total;
        self.rounds = self.rounds.max(round + 1);
        self.samples += samples(batch);
        for row in calltree::top(batch).iter().filter(|row| row.function.kind != FrameKind::Marker) {
            let Some(costs) = self.costs(key(&row.function, folder)) else { continue };
            for (runs, value) in [(&mut costs.own, row.self_value), (&mut costs.total, row.total)] {
                let runs = if side == 0 { &mut runs.baseline } else { &mut runs.candidate };
                runs.resize(round + 1, 0.0);
                runs.last_mut().into_iter().for_each(|last| *last += value as f64);
            }
        }
        if side == 0 {
            self.baseline_inside_ns += inside(batch, folder);
        }
        if side == 1 {
            self.candidate_ns += total;
            for frame in batch.frames.iter().filter(|frame| !frame.file.is_empty()) {
                let Some(costs) = self.costs(key(&Function::new(frame), folder)) else { continue };
                let seen = (without(folder, &frame.file), frame.line);
                if !costs.seen.contains(&seen) {
                    costs.seen.push(seen);
                }
            }
        }
    }

    /// Of the baseline's CPU per run, what has no function of the checkout in its stack: a runtime's start, and the first
    /// moments of a process, whose functions are not named yet.
    pub(super) fn outside_ns(&self, baseline_ns: &[f64]) -> f64 {
        (mean(baseline_ns) - self.baseline_inside_ns / (self.rounds as f64).max(1.0)).max(0.0)
    }

    /// How many samples there were.
    pub(super) fn samples(&self) -> u64 {
        self.samples
    }

    /// Functions that differ beyond chance by themselves or by the change: changed ones first, then the largest rise.
    pub(super) fn rows(&self, changes: &Changes) -> Vec<FunctionRow> {
        let rounds = self.rounds as f64;
        let is_large =
            |costs: &Costs| (sum(&costs.total.baseline) + sum(&costs.total.candidate)) / self.total_ns;
        let large = self.functions.iter().filter(|(_, costs)| is_large(costs) >= SHARE_MIN);
        let padded = large.map(|(key, costs)| (key, costs.padded(self.rounds)));
        // The diff names some functions before anything is measured: they are a family of tests of their own, and do
        // not pay for all others.
        let (named, others): (Vec<_>, Vec<_>) =
            padded.partition(|(key, costs)| changed(key, costs, changes).is_some());
        let relevant_ns = SHARE_MIN * self.total_ns / (2.0 * rounds.max(1.0));
        let mut rows: Vec<FunctionRow> = [named, others]
            .iter()
            .flat_map(|family| family.iter().zip(compared_totals(family)))
            .filter_map(|((key, costs), change)| Some(row(key, costs, change?, changes)))
            .filter(|row| row.adjusted_p_value <= FALSE_SHARE)
            .filter(|row| (row.candidate_ns - row.baseline_ns).abs() >= relevant_ns)
            .filter(|row| row.changed_line > 0 || has_own_part(row))
            .collect();
        let rise = |row: &FunctionRow| row.candidate_ns - row.baseline_ns;
        rows.sort_by(|left, right| {
            let changed = (right.changed_line > 0).cmp(&(left.changed_line > 0));
            changed.then(rise(right).partial_cmp(&rise(left)).unwrap_or(Ordering::Equal))
        });
        rows
    }

    /// The share of the candidate's samples that have each changed function in their stack.
    pub(super) fn shares(&self, changes: &Changes) -> Vec<Option<f64>> {
        let mut shares = vec![None; changes.functions.len()];
        for (key, costs) in &self.functions {
            let share = sum(&costs.total.candidate) / self.candidate_ns.max(1.0);
            let at = changed(key, costs, changes);
            if let Some(known) = at.and_then(|at| shares.get_mut(at)).filter(|_| share > 0.0) {
                *known = Some(known.map_or(share, |known: f64| known.max(share)));
            }
        }
        shares
    }

    fn costs(&mut self, key: Key) -> Option<&mut Costs> {
        if self.functions.len() >= FUNCTIONS_MAX && !self.functions.contains_key(&key) {
            return None;
        }
        Some(self.functions.entry(key).or_default())
    }
}

impl Costs {
    /// With zeros for the runs in which it was not seen.
    fn padded(&self, rounds: usize) -> Self {
        let mut padded = self.clone();
        for runs in [&mut padded.own, &mut padded.total] {
            runs.baseline.resize(rounds, 0.0);
            runs.candidate.resize(rounds, 0.0);
        }
        padded
    }
}

fn compared_totals(family: &[(&Key, Costs)]) -> Vec<Option<FunctionChange>> {
    let totals: Vec<FunctionRuns> = family.iter().map(|(_, costs)| costs.total.clone()).collect();
    compared(&totals)
}

fn row(key: &Key, costs: &Costs, change: FunctionChange, changes: &Changes) -> FunctionRow {
    let changed = changed(key, costs, changes).and_then(|at| changes.functions.get(at));
    let seen = costs.seen.first();
    let file = changed.map(|one| one.file.as_str());
    let file = file.or_else(|| seen.and_then(|(file, _)| changes.paths.find(file, Some(Path::new("")))));
    FunctionRow {
        function: key.name.clone(),
        file: file.unwrap_or(&key.place).to_owned(),
        line: changed.map_or(0, |one| one.code.first_line),
        changed_line: changed.map_or(0, |one| one.changed_line),
        baseline_ns: mean(&costs.total.baseline),
        candidate_ns: mean(&costs.total.candidate),
        interval_ns: change.difference.interval(0.95),
        self_difference_ns: mean(&costs.own.candidate) - mean(&costs.own.baseline),
        adjusted_p_value: change.adjusted_p_value,
        owners: file.map(|file| changes.owners.of(file).to_vec()).unwrap_or_default(),
    }
}

/// The changed function that this one is.
fn changed(key: &Key, costs: &Costs, changes: &Changes) -> Option<usize> {
    let mut places = costs.seen.iter();
    places.find_map(|(file, line)| {
        let file = changes.paths.find(file, Some(Path::new("")))?;
        changes.function_at(file, *line, &key.name)
    })
}

fn has_own_part(row: &FunctionRow) -> bool {
    let difference = row.candidate_ns - row.baseline_ns;
    row.self_difference_ns / difference >= OWN_PART_MIN
}

fn key(function: &Function, folder: &Path) -> Key {
    let place = if function.file.is_empty() { &function.executable } else { &function.file };
    Key { name: function.name.to_string(), place: without(folder, place) }
}

fn inside(batch: &Batch, folder: &Path) -> f64 {
    let is_inside: Vec<bool> =
        batch.frames.iter().map(|frame| Path::new(frame.file.as_ref()).starts_with(folder)).collect();
    let has_inside = |stack: &[FrameId]| {
        stack.iter().any(|frame| is_inside.get(frame.0 as usize).copied().unwrap_or_default())
    };
    let samples = batch.profiles.iter().flat_map(|profile| &profile.samples);
    samples.filter(|sample| has_inside(batch.stack(sample.stack))).map(|sample| sample.value as f64).sum()
}

/// Values are periods; each sample stands for one of them.
fn samples(batch: &Batch) -> u64 {
    let counts = batch.profiles.iter().map(|profile| profile.total() / profile.period.max(1));
    counts.map(|count| count.unsigned_abs()).sum()
}

fn sum(values: &[f64]) -> f64 {
    values.iter().sum()
}

#[cfg(test)]
mod tests {
    use testkit::batch_from_folded;

    use super::super::changes::ChangedFunction;
    use super::*;
    use crate::{functions::CodeFunction, paths::Paths};

    /// Ten rounds in which `work` costs 100 against 130 of 200, with a little noise.
    fn table() -> Table {
        let mut table = Table::default();
        for round in 0..10 {
            for (side, folder, work) in [(0, "/t/base", 100), (1, "/t/head", 130)] {
                let wobble = (round * 7 + side * 3) % 5;
                let text = format!(
                    "# period=1 service.name=x\n\
                     main ({folder}/app.py:9);work ({folder}/app.py:3) {}\n\
                     main ({folder}/app.py:9);other ({folder}/app.py:6) {}\n",
                    work + wobble,
                    100 - wobble
                );
                table.add(&batch_from_folded(&text), (side, round), Path::new(folder));
            }
        }
        table
    }

    #[test]
    fn the_function_that_rose_is_named_and_its_caller_is_not() {
        let code = CodeFunction { name: "work".into(), first_line: 2, last_line: 4 };
        let changes = Changes {
            functions: vec![ChangedFunction { file: "app.py".into(), code, changed_line: 3 }],
            paths: Paths::new(["app.py".to_owned()]),
            ..Changes::default()
        };
        let table = table();
        let rows = table.rows(&changes);
        assert_eq!(rows.len(), 1, "{rows:?}");
        let row = &rows[0];
        assert_eq!((row.function.as_str(), row.file.as_str(), row.changed_line), ("work", "app.py", 3));
        assert!((row.candidate_ns - row.baseline_ns - 30.0).abs() < 1.0, "{row:?}");
        let share = table.shares(&changes)[0].unwrap();
        assert!((share - 132.0 / 230.0).abs() < 0.01, "{share}");
        assert_eq!(table.samples(), 4_300);
        // 200 of each run are in the checkout.
        assert_eq!(table.outside_ns(&[250.0; 10]), 50.0);
        assert_eq!(table.outside_ns(&[150.0; 10]), 0.0);
    }
}
