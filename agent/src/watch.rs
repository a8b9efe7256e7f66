//! Watching: sampling that hands out one named window after the other, for as long as somebody looks.

use std::{
    sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel},
    thread,
    time::Duration,
};

use model::{Batch, BatchBuilder, Window};

use crate::{
    aggregate::{Closed, Limits},
    cost,
    error::AgentError,
    host,
    record::{RecordOptions, Summary, namer_failed},
    session::{Session, SessionOptions},
    symbolize::Names,
};

/// Sampling under way.
pub struct Watch {
    session: Session,
    rate_hz: u32,
    start_monotonic_ns: u64,
    windows: SyncSender<(Closed, Summary)>,
    named: Receiver<Interval>,
}

/// A window that is over.
#[derive(Clone, Debug)]
pub struct Interval {
    /// When it was.
    pub window: Window,
    /// Everything sampled and counted in it.
    pub batch: Batch,
    /// How sampling went from its start until the end of this window.
    pub summary: Summary,
}

/// Windows that may wait for their names, and named ones that may wait for the caller.
const QUEUED_WINDOWS: usize = 4;

impl Watch {
    /// Starts to sample. Windows end at multiples of the interval on the wall clock; the first one is shorter.
    pub fn start(options: &RecordOptions, interval: Duration) -> Result<Self, AgentError> {
        let session = Session::start(SessionOptions {
            sampling: &options.sampling,
            target: options.target.clone(),
            host_name: host::read().name,
            ignored_pid: options.ignored_pid,
            window_ns: i64::try_from(interval.as_nanos()).unwrap_or(i64::MAX),
            limits: Limits::default(),
        })?;
        let (windows, queue) = sync_channel(QUEUED_WINDOWS);
        let (results, named) = sync_channel(QUEUED_WINDOWS);
        let namer = thread::Builder::new().name("fewer-symbols".into());
        namer
            .spawn(move || name_windows(&queue, &results))
            .map_err(|source| AgentError::System { action: "start a thread", source })?;
        let rate_hz = options.sampling.rate_hz;
        Ok(Self { session, rate_hz, start_monotonic_ns: cost::monotonic_ns(), windows, named })
    }

    /// Takes in samples for about this long. Hands out a window when one is over and named.
    pub fn step(&mut self, timeout: Duration) -> Result<Option<Interval>, AgentError> {
        self.session.pump(timeout)?;
        if self.session.needs_window() {
            self.session.open_window(self.rate_hz)?;
        }
        if let Some(closed) = self.session.close_window() {
            self.windows.send((closed, self.summary())).map_err(|_| namer_failed())?;
        }
        match self.named.try_recv() {
            Ok(interval) => Ok(Some(interval)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(namer_failed()),
        }
    }

    /// Ends sampling and hands out what is left, the last window as short as it is.
    pub fn finish(self) -> Result<Vec<Interval>, AgentError> {
        let summary = self.summary();
        let Self { session, windows, named, .. } = self;
        let (closed, _) = session.finish()?;
        for window in closed {
            windows.send((window, summary.clone())).map_err(|_| namer_failed())?;
        }
        drop(windows);
        Ok(named.iter().collect())
    }

    fn summary(&self) -> Summary {
        let mut summary = Summary::new(self.session.sampler(), self.rate_hz);
        summary.duration_ns = cost::monotonic_ns().saturating_sub(self.start_monotonic_ns);
        summary.count(&self.session.tally());
        summary
    }
}

/// Ends when nobody waits for windows any more.
fn name_windows(queue: &Receiver<(Closed, Summary)>, results: &SyncSender<Interval>) {
    let mut names = Names::new(symbols::Limits::default());
    for (closed, mut summary) in queue {
        let mut batch = BatchBuilder::new();
        names.add(&closed, closed.window, &mut batch);
        summary.count_names(&names.tally());
        let interval = Interval { window: closed.window, batch: batch.finish(), summary };
        if results.send(interval).is_err() {
            return;
        }
    }
}
