//! Naming: every distinct location of a window is looked up once, then its stacks are put together.

use std::{collections::BTreeSet, io, sync::Arc};

use agent_unwind::{Executable, ProcFiles, ProcessFiles};
use foldhash::{HashMap, HashMapExt};
use model::{BatchBuilder, Frame, FrameId, Profile, ProfileType, Sample, Window};
use symbols::{Image, Limits, Sources, Symbol, Symbolizer};

use crate::{aggregate::Closed, location::Location, tally::Tally};

/// Names locations, and remembers names.
pub(crate) struct Names {
    symbolizer: Symbolizer,
    files: ProcFiles,
}

/// The frames of each distinct location, innermost first.
type Named = HashMap<Location, Vec<FrameId>>;

/// The distinct locations of a window, by what they are looked up in.
#[derive(Default)]
struct Wanted {
    kernel: BTreeSet<u64>,
    files: HashMap<Arc<Executable>, BTreeSet<u64>>,
    jit: HashMap<u32, BTreeSet<u64>>,
    python: BTreeSet<Arc<Frame>>,
    markers: BTreeSet<&'static str>,
}

/// Counts addresses by how naming them ended.
pub(crate) const SYMBOLS: &str = "symbol_outcome_total";

impl Names {
    /// Knows no name yet.
    pub(crate) fn new(limits: Limits) -> Self {
        Self { symbolizer: Symbolizer::new(Sources::default(), limits), files: ProcFiles::new("/proc") }
    }

    /// Adds a window's events to a batch, as CPU time in profiles of the window given.
    pub(crate) fn add(&mut self, closed: &Closed, window: Window, batch: &mut BatchBuilder) {
        let named = self.names(Wanted::of(closed), batch);
        let period = i64::try_from(closed.period_ns).unwrap_or(i64::MAX);
        let mut profile = Profile { kind: ProfileType::Cpu, window, period, ..Profile::default() };
        for (labels, stacks) in &closed.counts {
            profile.labels.clone_from(labels);
            for (locations, count) in stacks {
                let frames = locations.iter().filter_map(|location| named.get(location)).flatten().copied();
                let stack = batch.stack(frames.collect());
                let value = i64::try_from(*count).unwrap_or(i64::MAX).saturating_mul(period);
                batch.add(&profile, Sample { stack, value });
            }
        }
        let (requests, evaluations) = closed.requests.of(window);
        requests.iter().for_each(|counts| batch.add_requests(counts));
        evaluations.iter().for_each(|evaluations| batch.add_evaluations(evaluations));
    }

    /// Gives back memory: files are read again when something new is met in them.
    pub(crate) fn trim(&mut self) {
        self.symbolizer.trim();
    }

    /// Everything counted so far.
    pub(crate) fn tally(&self) -> Tally {
        let counters = self.symbolizer.counters();
        let mut tally = Tally::default();
        for (outcome, count) in counters.outcomes() {
            tally.add(SYMBOLS, outcome.name(), count);
        }
        tally.add("symbol_lookups_total", "remembered", counters.cache_hits);
        tally.add("symbol_lookups_total", "looked up", counters.cache_misses);
        tally.add("symbol_files_total", "read", counters.files_read);
        tally.add("symbol_files_total", "debug information too big", counters.debug_info_too_big);
        tally.add("symbol_drops_total", "", counters.entries_dropped);
        tally
    }

    fn names(&mut self, wanted: Wanted, batch: &mut BatchBuilder) -> Named {
        let mut named = Named::new();
        let kernel: Vec<u64> = wanted.kernel.into_iter().collect();
        if !kernel.is_empty() {
            let symbols = self.symbolizer.kernel(&kernel);
            add(&mut named, batch, &kernel, symbols, |address| Location::Kernel { address });
        }
        for (executable, addresses) in wanted.files {
            let addresses: Vec<u64> = addresses.into_iter().collect();
            let key =
                symbols::Executable { path: executable.path.clone(), build_id: executable.build_id.clone() };
            let symbols = self.symbolizer.executable(&key, || open(&self.files, &executable), &addresses);
            add(&mut named, batch, &addresses, symbols, |address| Location::File {
                executable: executable.clone(),
                address,
            });
        }
        for (pid, addresses) in wanted.jit {
            let addresses: Vec<u64> = addresses.into_iter().collect();
            let symbols = self.symbolizer.jit(pid, &addresses);
            add(&mut named, batch, &addresses, symbols, |address| Location::Jit { pid, address });
        }
        for frame in wanted.python {
            let id = batch.frame(Frame::clone(&frame));
            named.insert(Location::Python(frame), vec![id]);
        }
        for marker in wanted.markers {
            named.insert(Location::Marker(marker), vec![batch.frame(Frame::marker(marker))]);
        }
        named
    }
}

impl Wanted {
    fn of(closed: &Closed) -> Self {
        let mut wanted = Self::default();
        for location in closed.counts.values().flat_map(|stacks| stacks.keys()).flat_map(|stack| stack.iter())
        {
            match location {
                Location::Kernel { address } => {
                    wanted.kernel.insert(*address);
                }
                Location::File { executable, address } => {
                    wanted.files.entry(executable.clone()).or_default().insert(*address);
                }
                Location::Jit { pid, address } => {
                    wanted.jit.entry(*pid).or_default().insert(*address);
                }
                Location::Python(frame) => {
                    wanted.python.insert(frame.clone());
                }
                Location::Marker(marker) => {
                    wanted.markers.insert(marker);
                }
            }
        }
        wanted
    }
}

fn add(
    named: &mut Named,
    batch: &mut BatchBuilder,
    addresses: &[u64],
    symbols: Vec<Symbol>,
    location: impl Fn(u64) -> Location,
) {
    for (address, symbol) in addresses.iter().zip(symbols) {
        let frames = symbol.frames.iter().map(|frame| batch.frame(frame.clone())).collect();
        named.insert(location(*address), frames);
    }
}

fn open(files: &ProcFiles, executable: &Executable) -> io::Result<Image> {
    if executable.path.as_ref() == Executable::VDSO {
        return files.vdso().map(Image::Memory);
    }
    files.open_executable(executable, executable.mapped_at.pid).map(Image::File)
}

#[cfg(test)]
mod tests {
    use agent_unwind::{ExecutableId, FileIdentity, MappedAt};
    use model::{Batch, LabelSet};

    use super::*;
    use crate::{
        aggregate::{Counts, Stack},
        location::{TRUNCATED, UNKNOWN},
        runtimes::Requests,
    };

    fn batch(stacks: &[(&[Location], u64)]) -> Batch {
        let labels = Arc::new(LabelSet::new([("service.name", "a")]));
        let counts: Counts = Counts::from_iter([(
            labels,
            stacks.iter().map(|(stack, count)| (Arc::from(*stack), *count)).collect(),
        )]);
        let window = Window { start_ns: 1, end_ns: 2 };
        let mut builder = BatchBuilder::new();
        Names::new(Limits::default()).add(
            &Closed { window, period_ns: 10, counts, requests: Requests::default() },
            window,
            &mut builder,
        );
        builder.finish()
    }

    /// Stacks as text with their values, sorted.
    fn text(batch: &Batch) -> Vec<String> {
        let profile = &batch.profiles[0];
        let line = |sample: &Sample| {
            let names =
                batch.stack(sample.stack).iter().map(|frame| batch.frame(*frame).display_name().to_string());
            format!("{} {}", names.collect::<Vec<_>>().join(";"), sample.value)
        };
        let mut lines: Vec<String> = profile.samples.iter().map(line).collect();
        lines.sort();
        lines
    }

    #[test]
    fn values_are_counts_times_the_period_and_nothing_is_dropped() {
        let gone = Arc::new(Executable {
            id: ExecutableId(1),
            path: "/nonexistent/program".into(),
            build_id: "".into(),
            identity: FileIdentity::default(),
            mapped_at: MappedAt::default(),
        });
        let leaf = Location::File { executable: gone.clone(), address: 0x10 };
        let caller = Location::File { executable: gone, address: 0x20 };
        let batch = batch(&[(&[leaf.clone(), caller, TRUNCATED], 3), (&[leaf], 1), (&[UNKNOWN], 2)]);
        assert_eq!(batch.check(), Ok(()));
        assert_eq!(
            text(&batch),
            ["[unknown] 20", "program+0x10 10", "program+0x10;program+0x20;[truncated] 30"]
        );
        assert_eq!(batch.total(), 60);
    }

    #[test]
    fn trimming_keeps_what_was_counted() {
        let mut names = Names::new(Limits::default());
        let stack: Stack = Arc::from([UNKNOWN, Location::Jit { pid: 0, address: 1 }]);
        let counts = Counts::from_iter([(Arc::new(LabelSet::default()), HashMap::from_iter([(stack, 1)]))]);
        let closed =
            Closed { window: Window::default(), period_ns: 1, counts, requests: Requests::default() };
        names.add(&closed, closed.window, &mut BatchBuilder::new());
        names.trim();
        names.add(&closed, closed.window, &mut BatchBuilder::new());
        assert_eq!(names.tally().outcomes(SYMBOLS), [("no perf map", 2)]);
    }
}
