//! A real collector for commands to ask.

use std::{sync::Arc, thread::JoinHandle};

use collector::{Collector, Options, listen};
use model::Batch;
use tokio::sync::oneshot;

/// 2026-01-31T12:00:00Z.
pub(crate) const NOW_NS: i64 = 1_769_860_800_000_000_000;

/// A collector that runs until it is dropped.
pub(crate) struct Served {
    pub(crate) url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _folder: tempfile::TempDir,
}

impl Served {
    pub(crate) fn new(batch: &Batch) -> Self {
        Self::with_clock(batch, Arc::new(|| NOW_NS))
    }

    pub(crate) fn with_clock(batch: &Batch, clock: Arc<dyn Fn() -> i64 + Send + Sync>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::new(folder.path());
        options.clock = clock;
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let collector = Collector::start(options).unwrap();
        collector.import(batch).unwrap();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(collector.serve(listener, async { stopped.await.unwrap_or_default() })).unwrap();
        });
        Self { url, stop: Some(stop), thread: Some(thread), _folder: folder }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().map(JoinHandle::join);
    }
}
