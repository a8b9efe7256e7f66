//! Helpers of this crate's tests: threads of our own to record, and the recordings.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Where `FEWER_RECORD` (any value) makes the recording tests write what they saw.
pub(crate) fn save_recording(name: &str, bytes: &[u8]) {
    if std::env::var_os("FEWER_RECORD").is_some() {
        fs::write(recording_path(name), bytes).unwrap();
    }
}

pub(crate) fn recording(name: &str) -> Vec<u8> {
    fs::read(recording_path(name)).unwrap()
}

fn recording_path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// Repeats until `done` or the deadline, which fails the test.
pub(crate) fn repeat_until(mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(20), "what the test waits for did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether sampling is permitted; says so where it is not.
pub(crate) fn may_sample() -> bool {
    let permitted = crate::probe().backend == Some(crate::Backend::Bpf);
    if !permitted {
        eprintln!("SKIPPED, not permitted here: needs root and a build with clang");
    }
    permitted
}

/// A thread that computes with about 12 KiB of stack in use, or makes system calls, until dropped.
pub(crate) struct Worker {
    pub(crate) tid: u32,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub(crate) fn computing() -> Self {
        Self::start("computing", |stop| {
            descend(12, &mut || std::hint::black_box(stop).load(Ordering::Relaxed));
        })
    }

    pub(crate) fn calling() -> Self {
        Self::start("calling", |stop| {
            while !stop.load(Ordering::Relaxed) {
                rustix::param::page_size();
                std::hint::black_box(fs::metadata("/proc/self/stat").is_ok());
            }
        })
    }

    fn start(name: &str, work: fn(&AtomicBool)) -> Self {
        let (stop, tid) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let (its_stop, its_tid) = (Arc::clone(&stop), Arc::clone(&tid));
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            its_tid.store(rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs(), Ordering::Relaxed);
            work(&its_stop);
        });
        repeat_until(|| tid.load(Ordering::Relaxed) != 0);
        Self { tid: tid.load(Ordering::Relaxed), stop, thread: Some(thread.unwrap()) }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().map(JoinHandle::join);
    }
}

/// Uses a kibibyte of stack per level and spins at the bottom.
#[inline(never)]
fn descend(levels: u32, is_done: &mut dyn FnMut() -> bool) {
    let room = std::hint::black_box([0_u8; 1024]);
    if levels > 0 {
        descend(levels - 1, is_done);
    } else {
        while !is_done() {}
    }
    std::hint::black_box(room);
}
