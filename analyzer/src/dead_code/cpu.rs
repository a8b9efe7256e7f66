//! What regions of code cost: stacks that run through their lines, in the profiles of hosts.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use analyzer_detect::stats::{Estimate, servers::Sizing};
use model::{Batch, FrameId, FrameKind};
use wire::api::findings::Range;

use super::{
    native::Sampled,
    wasted::{Region, Wasted},
};
use crate::{collector::Collector, production::units};

const CONFIDENCE: f64 = 0.95;

/// The name of a module's body.
pub(crate) const MODULE: &str = "<module>";

/// The function of the import system that runs it.
const IMPORTING: &str = "_call_with_frames_removed";

/// Gives the path by which regions name the file of a frame.
type PathOf<'a> = &'a dyn Fn(&str) -> String;

/// What one thing costs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cost {
    /// Busy cores.
    pub(crate) cores: Range,
    /// What they are worth in servers.
    pub(crate) servers: Range,
}

/// Cores by thing and unit of evidence.
#[derive(Clone, Debug, Default)]
pub(crate) struct Costs {
    units: Vec<Vec<f64>>,
    scale: f64,
    /// Cores of imports by file, of all units together.
    imports: BTreeMap<Arc<str>, f64>,
    /// What samples saw of native programs.
    pub(crate) sampled: Sampled,
}

/// Asks for the profiles of a selection, and adds up what each thing costs.
pub(crate) fn costs(
    collector: &Collector,
    (selector, start_ns, end_ns): (&str, i64, i64),
    things: &[Wasted],
    path_of: PathOf,
) -> Result<Costs, String> {
    let found = units::units(collector, selector, (start_ns, end_ns))?;
    let sampled = Sampled::new((end_ns - start_ns) as f64 / 1e9, found.scale);
    let mut costs = Costs { scale: found.scale, sampled, ..Costs::default() };
    for unit in &found.units {
        costs.add(&unit.profile(collector)?, unit.seconds(), (things, path_of));
    }
    Ok(costs)
}

impl Costs {
    /// What one thing costs. Where it may be needed once, the least is nothing.
    pub(crate) fn of(&self, thing: usize, is_guess: bool, sizing: &Sizing) -> Cost {
        let values: Vec<f64> =
            self.units.iter().map(|unit| unit.get(thing).copied().unwrap_or_default()).collect();
        let estimate = Estimate::of_mean(&values);
        let (value, (low, high)) = match estimate {
            Some(estimate) => (estimate.value, estimate.interval(CONFIDENCE)),
            // One unit says nothing of how much it may be elsewhere.
            None => values.first().map_or((0.0, (0.0, 0.0)), |value| (*value, (0.0, *value))),
        };
        let low = if is_guess { 0.0 } else { low.max(0.0) };
        let scaled = |by: f64| Range { value: value * by, low: low * by, high: high * by };
        Cost { cores: scaled(self.scale), servers: scaled(self.scale * sizing.servers_for_cores(1.0)) }
    }

    /// The cores of the whole fleet that importing takes, by file.
    pub(crate) fn imports(&self) -> BTreeMap<Arc<str>, f64> {
        let units = self.units.len().max(1) as f64;
        self.imports.iter().map(|(file, cores)| (file.clone(), cores / units * self.scale)).collect()
    }

    fn add(&mut self, profile: &Batch, seconds: f64, (things, path_of): (&[Wasted], PathOf)) {
        self.sampled.add(profile, seconds);
        let frames = Frames::new(profile, things, path_of);
        let mut cores = vec![0.0; things.len()];
        let cores_of = |value: i64| value as f64 / 1e9 / seconds.max(f64::MIN_POSITIVE);
        for sample in profile.profiles.iter().flat_map(|one| &one.samples) {
            let mut seen: Vec<usize> = Vec::new();
            let stack = profile.stack(sample.stack);
            if let Some(file) = imported(profile, stack) {
                *self.imports.entry(file.clone()).or_default() += cores_of(sample.value);
            }
            for (at, frame) in stack.iter().enumerate() {
                // The leaf comes first: what a frame calls stands before it.
                let called = at.checked_sub(1).and_then(|at| stack.get(at)).map(|frame| frame.0 as usize);
                for (thing, region) in frames.regions.get(frame.0 as usize).into_iter().flatten() {
                    if !seen.contains(thing) && frames.has_called(region, called) {
                        seen.push(*thing);
                    }
                }
            }
            for thing in seen {
                if let Some(cores) = cores.get_mut(thing) {
                    *cores += cores_of(sample.value);
                }
            }
        }
        self.units.push(cores);
    }
}

/// The file that a stack imports: that of the innermost body of a module that the import system runs. A program's own
/// body is run by nobody, and what it does is its work.
fn imported<'a>(profile: &'a Batch, stack: &[FrameId]) -> Option<&'a Arc<str>> {
    let frames = stack.iter().filter_map(|frame| profile.frames.get(frame.0 as usize));
    let mut body = None;
    for frame in frames.filter(|frame| frame.kind == FrameKind::Python) {
        if body.is_some() && *frame.function == *IMPORTING {
            return body;
        }
        body = (*frame.function == *MODULE).then_some(&frame.file);
    }
    None
}

/// The frames of a profile, with the regions that they are in.
struct Frames<'a> {
    /// For each frame the things and regions whose lines it is in.
    regions: Vec<Vec<(usize, &'a Region)>>,
    /// For each frame its function's name without what encloses it.
    names: Vec<&'a str>,
}

impl<'a> Frames<'a> {
    fn new(profile: &'a Batch, things: &'a [Wasted], path_of: PathOf) -> Self {
        let mut by_path: HashMap<&str, Vec<(usize, &Region)>> = HashMap::new();
        for (at, thing) in things.iter().enumerate() {
            for region in &thing.regions {
                by_path.entry(&region.path).or_default().push((at, region));
            }
        }
        let mut paths: HashMap<&str, String> = HashMap::new();
        let regions = profile.frames.iter().map(|frame| {
            let path = paths.entry(&frame.file).or_insert_with(|| path_of(&frame.file));
            let here = by_path.get(path.as_str()).into_iter().flatten();
            let here = here.filter(|(_, region)| {
                let (first, last) = region.lines;
                if region.is_import {
                    *frame.function == *MODULE
                } else {
                    (first..=last).contains(&frame.line)
                }
            });
            here.copied().collect()
        });
        Self {
            regions: regions.collect(),
            names: profile.frames.iter().map(|one| own_name(&one.function)).collect(),
        }
    }

    fn has_called(&self, region: &Region, called: Option<usize>) -> bool {
        region.callee.is_empty()
            || called.and_then(|called| self.names.get(called)).is_some_and(|name| *name == region.callee)
    }
}

/// `Feed.rank` and `photos.feed.Feed.rank` are `rank`.
fn own_name(function: &str) -> &str {
    function.rsplit(['.', ':']).next().unwrap_or(function)
}

#[cfg(test)]
mod tests {
    use model::{BatchBuilder, Frame, Profile, Sample};

    use super::*;
    use crate::dead_code::wasted::Why;

    fn frame(function: &str, line: u32) -> Frame {
        Frame {
            kind: FrameKind::Python,
            function: function.into(),
            file: "/srv/a.py".into(),
            line,
            ..Frame::default()
        }
    }

    fn thing(lines: (u32, u32), callee: &str, is_import: bool) -> Wasted {
        let region = Region { path: "a.py".into(), lines, callee: callee.into(), is_import };
        Wasted {
            why: Why::Unused,
            name: String::new(),
            path: String::new(),
            line: 0,
            regions: vec![region.clone(), region],
            evidence: String::new(),
            is_guess: false,
            flag: String::new(),
            bytes: 0,
            functions: 0,
        }
    }

    #[test]
    fn a_region_has_what_runs_through_its_lines() {
        let mut builder = BatchBuilder::default();
        let stacks: [(&[Frame], i64); 4] = [
            (&[frame("g", 90), frame("f", 5), frame("<module>", 1)], 4),
            (&[frame("h", 95), frame("f", 5), frame("<module>", 1)], 2),
            (&[frame("f", 6)], 8),
            (&[frame("g", 90), frame("f", 5), frame("f", 5)], 16),
        ];
        for (stack, seconds) in stacks {
            let frames = stack.iter().map(|frame| builder.frame(frame.clone())).collect();
            let sample = Sample { stack: builder.stack(frames), value: seconds * 1_000_000_000 };
            builder.add(&Profile::default(), sample);
        }
        let profile = builder.finish();
        let things = [thing((5, 5), "", false), thing((5, 5), "g", false), thing((0, 0), "", true)];
        let mut costs = Costs { scale: 10.0, ..Costs::default() };
        for seconds in [1.0, 2.0] {
            costs.add(&profile, seconds, (&things, &|path| path.trim_start_matches("/srv/").to_owned()));
        }
        let sizing = Sizing { cores: 10.0, target_utilisation: 0.5, growth: 0.0, regions: 1, reserve: 0 };
        let found = [0, 1, 2].map(|at| costs.of(at, false, &sizing));
        assert_eq!(found.map(|cost| cost.cores.value), [165.0, 150.0, 45.0]);
        assert_eq!(found[0].servers.value, 33.0);
        assert!(found[0].cores.low < 165.0 && found[0].cores.high > 165.0);
        assert_eq!(costs.of(0, true, &sizing).cores.low, 0.0);
        assert_eq!(costs.of(9, false, &sizing).cores, Range::default());
    }

    #[test]
    fn imports_cost_what_their_own_bodies_run() {
        let of = |file: &str, function: &str| Frame { file: file.into(), ..frame(function, 1) };
        let native = Frame { kind: FrameKind::Native, ..frame("builtin_exec", 0) };
        let [a, b, main] = ["a.py", "b.py", "main.py"].map(|file| of(file, MODULE));
        let import = of("<frozen importlib._bootstrap>", IMPORTING);
        let load = of("<frozen importlib._bootstrap>", "_find_and_load");
        let mut builder = BatchBuilder::default();
        let stacks: [(&[&Frame], i64); 6] = [
            (&[&of("a.py", "make"), &a, &native, &import, &load, &main], 1),
            // What b imports is not b, and finding a file is not the file.
            (&[&a, &native, &import, &load, &b, &import, &load, &main], 2),
            (&[&load, &b, &import, &load, &main], 4),
            (&[&of("a.py", "work"), &main], 8),
            (&[&a, &of("run.py", "run_path"), &main], 16),
            (&[&main], 32),
        ];
        for (stack, seconds) in stacks {
            let frames = stack.iter().map(|frame| builder.frame((*frame).clone())).collect();
            let sample = Sample { stack: builder.stack(frames), value: seconds * 1_000_000_000 };
            builder.add(&Profile::default(), sample);
        }
        let profile = builder.finish();
        let mut costs = Costs { scale: 10.0, ..Costs::default() };
        for seconds in [1.0, 2.0] {
            costs.add(&profile, seconds, (&[], &str::to_owned));
        }
        let found: Vec<(String, f64)> =
            costs.imports().into_iter().map(|(file, cores)| (file.to_string(), cores)).collect();
        assert_eq!(found, [("a.py".to_owned(), 22.5), ("b.py".to_owned(), 30.0)]);
    }
}
