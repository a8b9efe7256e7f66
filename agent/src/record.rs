//! Recording: one stretch of sampling, of the host or of some processes, as one batch.

use std::{
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, JoinHandle},
    time::Duration,
};

use agent_bpf::{Sampler, Target};
use model::{Batch, BatchBuilder, Window};

use crate::{
    aggregate::{Closed, Limits},
    attribute::{PYTHON, PYTHON_MERGES, SAMPLES, UNWINDING},
    cost,
    doctor::backend_name,
    error::AgentError,
    host,
    options::Sampling,
    session::{Session, SessionOptions},
    symbolize::{Names, SYMBOLS},
    tally::Tally,
};

/// What to record.
#[derive(Clone, Debug)]
pub struct RecordOptions {
    /// How to sample.
    pub sampling: Sampling,
    /// What to sample.
    pub target: Target,
    /// A process that is left out, though not its descendants: the recorder itself.
    pub ignored_pid: Option<u32>,
}

/// A recording under way.
pub struct Recorder {
    session: Session,
    rate_hz: u32,
    start_ns: i64,
    start_monotonic_ns: u64,
    windows: SyncSender<Closed>,
    namer: JoinHandle<(BatchBuilder, Tally)>,
}

/// A finished recording.
#[derive(Clone, Debug)]
pub struct Recording {
    /// All samples, as profiles of one window.
    pub batch: Batch,
    /// How it went.
    pub summary: Summary,
}

/// How a recording went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Way of sampling.
    pub backend: String,
    /// Why it is not the best one.
    pub backend_reason: Option<String>,
    /// How long it took.
    pub duration_ns: u64,
    /// Sampling events per second on each CPU.
    pub rate_hz: u32,
    /// All samples.
    pub samples: u64,
    /// Samples with a user stack.
    pub user_samples: u64,
    /// Of these, how many were unwound to the root.
    pub unwound: u64,
    /// Why the others were not.
    pub cuts: Vec<(&'static str, u64)>,
    /// Samples of Python processes by how reading their Python frames ended.
    pub python: Vec<(&'static str, u64)>,
    /// The same samples by how putting Python and native frames together ended.
    pub python_merges: Vec<(&'static str, u64)>,
    /// Distinct addresses by how naming them ended.
    pub names: Vec<(&'static str, u64)>,
    /// Samples that the kernel had no room for.
    pub lost_samples: u64,
    /// Samples that are only counted, because the recording had no room for more stacks.
    pub beyond_limit: u64,
}

/// Windows are named as they end, while the sampled processes still live.
const WINDOW_NS: i64 = 2_000_000_000;
const QUEUED_WINDOWS: usize = 1024;

impl Recorder {
    /// Starts to sample.
    pub fn start(options: &RecordOptions) -> Result<Self, AgentError> {
        let start_ns = cost::wall_ns();
        let session = Session::start(SessionOptions {
            sampling: &options.sampling,
            target: options.target.clone(),
            host_name: host::read().name,
            ignored_pid: options.ignored_pid,
            window_ns: WINDOW_NS,
            limits: Limits::default(),
        })?;
        let (windows, queue) = sync_channel(QUEUED_WINDOWS);
        let namer = thread::Builder::new().name("fewer-symbols".into()).spawn(move || name_windows(&queue));
        let namer = namer.map_err(|source| AgentError::System { action: "start a thread", source })?;
        let rate_hz = options.sampling.rate_hz;
        Ok(Self { session, rate_hz, start_ns, start_monotonic_ns: cost::monotonic_ns(), windows, namer })
    }

    /// Takes in samples for about this long. Call it again and again.
    pub fn step(&mut self, timeout: Duration) -> Result<(), AgentError> {
        self.session.pump(timeout)?;
        if self.session.needs_window() {
            self.session.open_window(self.rate_hz)?;
        }
        if let Some(closed) = self.session.close_window() {
            self.send(closed)?;
        }
        Ok(())
    }

    /// How many samples there are so far.
    pub fn samples(&self) -> u64 {
        total(&self.session.tally(), SAMPLES)
    }

    /// Ends the recording.
    pub fn finish(self) -> Result<Recording, AgentError> {
        let duration_ns = cost::monotonic_ns().saturating_sub(self.start_monotonic_ns);
        let mut summary = Summary::new(self.session.sampler(), self.rate_hz);
        summary.duration_ns = duration_ns;
        let Self { session, windows, namer, start_ns, .. } = self;
        let (closed, mut tally) = session.finish()?;
        for window in closed {
            windows.send(window).map_err(|_| namer_failed())?;
        }
        drop(windows);
        let (batch, names) = namer.join().map_err(|_| namer_failed())?;
        tally.merge(&names);
        summary.count(&tally);
        let mut batch = batch.finish();
        let end_ns = start_ns.saturating_add_unsigned(duration_ns.max(1));
        for profile in &mut batch.profiles {
            profile.window = Window { start_ns, end_ns };
        }
        Ok(Recording { batch, summary })
    }

    fn send(&self, closed: Closed) -> Result<(), AgentError> {
        self.windows.send(closed).map_err(|_| namer_failed())
    }
}

impl Summary {
    /// Nothing is counted yet.
    pub(crate) fn new(sampler: &Sampler, rate_hz: u32) -> Self {
        Self {
            backend: backend_name(sampler.backend()).to_owned(),
            backend_reason: sampler.fallback_reason().map(ToString::to_string),
            rate_hz,
            ..Self::default()
        }
    }

    /// Takes in what was counted.
    pub(crate) fn count(&mut self, tally: &Tally) {
        self.samples = total(tally, SAMPLES);
        self.user_samples = total(tally, UNWINDING);
        self.unwound = tally.get(UNWINDING, agent_unwind::Outcome::Complete.name());
        self.cuts = tally.outcomes(UNWINDING);
        self.cuts.retain(|(outcome, _)| *outcome != agent_unwind::Outcome::Complete.name());
        self.python = tally.outcomes(PYTHON);
        self.python_merges = tally.outcomes(PYTHON_MERGES);
        self.count_names(tally);
        self.lost_samples = tally.get("sampler_losses_total", "samples");
        self.beyond_limit = total(tally, "aggregation_drops_total");
    }

    /// Takes in how naming went.
    pub(crate) fn count_names(&mut self, tally: &Tally) {
        self.names = tally.outcomes(SYMBOLS);
    }
}

fn total(tally: &Tally, metric: &str) -> u64 {
    tally.outcomes(metric).iter().map(|(_, count)| count).sum()
}

pub(crate) fn namer_failed() -> AgentError {
    let source = std::io::Error::other("the thread that names functions ended early");
    AgentError::System { action: "name functions", source }
}

/// Every window's events go to the same profiles; their window is set at the end, when it is known.
fn name_windows(queue: &Receiver<Closed>) -> (BatchBuilder, Tally) {
    let mut names = Names::new(symbols::Limits::generous());
    let mut batch = BatchBuilder::new();
    for closed in queue {
        names.add(&closed, Window::default(), &mut batch);
    }
    (batch, names.tally())
}
