//! Tasks of a multi-threaded runtime that move between threads: at every poll the label is the task's own.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use fewer_sdk::{InRequest, Reason};
use support::{Labels, Process, endpoint, labels};

const TASKS: u64 = 64;
const POLLS: u64 = 200;

/// What a profiler would read from this thread now.
fn label_here() -> Option<Labels> {
    thread_local! {
        static PROCESS: Process = Process::open(std::process::id());
        static OFFSET: i64 = PROCESS.with(Process::thread_context_offset);
    }
    let pointer = PROCESS.with(|process| {
        let here = support::thread_pointer();
        process.word(here.checked_add_signed(OFFSET.with(|offset| *offset)).unwrap())
    });
    (pointer != 0).then(|| PROCESS.with(|process| process.record(pointer, &keys())))
}

fn keys() -> Vec<String> {
    let flag = "feature_flag.result.variant.side".to_owned();
    ["endpoint", "fewer.overflow", "fewer.caller"].map(str::to_owned).into_iter().chain([flag]).collect()
}

async fn task(number: u64, threads: Arc<std::sync::Mutex<HashSet<std::thread::ThreadId>>>) -> bool {
    let name = format!("task {number}");
    let mut moved = false;
    let first = std::thread::current().id();
    for poll in 0..POLLS {
        let side = (number + poll / 100).is_multiple_of(2);
        fewer_sdk::flag("side", side, Reason::Static);
        let expected = labels([
            ("endpoint", &name),
            ("feature_flag.result.variant.side", if side { "true" } else { "false" }),
        ]);
        assert_eq!(label_here(), Some(expected.clone()));
        if poll % 50 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        } else {
            tokio::task::yield_now().await;
        }
        assert_eq!(label_here(), Some(expected));
        let here = std::thread::current().id();
        threads.lock().unwrap().insert(here);
        moved |= here != first;
    }
    moved
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn labels_move_with_their_tasks() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let bare_polls = Arc::new(AtomicU64::new(0));
    // A task without a request shares the threads, and must never see a label of the others.
    let bare = runtime.spawn({
        let (stop, bare_polls) = (stop.clone(), bare_polls.clone());
        async move {
            while !stop.load(Relaxed) {
                assert_eq!(label_here(), None);
                bare_polls.fetch_add(1, Relaxed);
                tokio::task::yield_now().await;
            }
        }
    });
    let threads = Arc::new(std::sync::Mutex::new(HashSet::new()));
    let moved = runtime.block_on(async {
        let tasks: Vec<_> = (0..TASKS)
            .map(|number| tokio::spawn(task(number, threads.clone()).in_request(format!("task {number}"))))
            .collect();
        let mut moved = 0;
        for task in tasks {
            moved += u32::from(task.await.unwrap());
        }
        moved
    });
    stop.store(true, Relaxed);
    runtime.block_on(bare).unwrap();
    println!("{moved} of {TASKS} tasks moved, {} bare polls", bare_polls.load(Relaxed));
    assert!(moved > 0 && threads.lock().unwrap().len() > 1, "nothing moved, so nothing was shown");
    assert!(bare_polls.load(Relaxed) > 0);
    let counts = Process::open(std::process::id()).counters().unwrap();
    let requests: u64 = counts.values().map(|count| count.requests).sum();
    assert_eq!(requests, TASKS);
    assert!(!counts.contains_key(&endpoint("task 0")), "each has evaluated a flag");
}
