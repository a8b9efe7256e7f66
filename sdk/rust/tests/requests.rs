//! Requests in synchronous code: nesting, endings, names of any kind, and guards that are dropped in the wrong order.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::{sync::Mutex, time::Duration};

use fewer_sdk::{InRequest, Reason};
use support::{Counts, Labels, Process, endpoint, labels};

/// The page is the process's, so the tests here take turns where they look at totals.
static TURN: Mutex<()> = Mutex::new(());

fn counts(labels: &Labels) -> Counts {
    Process::open(std::process::id()).counters().unwrap().get(labels).copied().unwrap_or_default()
}

fn burn(duration: Duration) {
    let now = || rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let ns = |time: rustix::time::Timespec| time.tv_sec * 1_000_000_000 + time.tv_nsec;
    let begin = ns(now());
    while ns(now()) - begin < duration.as_nanos() as i64 {
        std::hint::black_box((0..100_u64).sum::<u64>());
    }
}

#[test]
fn a_nested_request_pays_for_itself() {
    {
        let _outer = fewer_sdk::request("outer");
        burn(Duration::from_millis(6));
        {
            let _inner = fewer_sdk::request("inner");
            burn(Duration::from_millis(20));
        }
    }
    let [outer, inner] = ["outer", "inner"].map(|name| counts(&endpoint(name)));
    assert_eq!((outer.requests, outer.measured, inner.requests, inner.measured), (1, 1, 1, 1));
    assert!((6_000_000..12_000_000).contains(&outer.cpu_ns), "{outer:?}");
    assert!((20_000_000..26_000_000).contains(&inner.cpu_ns), "{inner:?}");
}

#[test]
fn cheap_requests_are_measured_once_in_64_on_average() {
    for _ in 0..64_000 {
        let _request = fewer_sdk::request("cheap");
    }
    let cheap = counts(&endpoint("cheap"));
    assert_eq!(cheap.requests, 64_000);
    // Six standard deviations of a binomial with a mean of 1,000.
    assert!((800..1200).contains(&cheap.measured), "{cheap:?}");
}

#[test]
fn endings_are_counted_by_class() {
    for status in [200, 302, 404, 429, 500, 503, 600] {
        fewer_sdk::request("endings").set_status(status);
    }
    let panicked = std::panic::catch_unwind(|| {
        let _request = fewer_sdk::request("endings");
        std::panic::resume_unwind(Box::new("a handler's own mistake"));
    });
    assert!(panicked.is_err());
    let found = counts(&endpoint("endings"));
    assert_eq!((found.requests, found.client_errors, found.server_errors), (8, 2, 4));
}

#[test]
fn names_of_any_kind_are_bounded() {
    let _turn = TURN.lock();
    let check = |name: &str, expected: &str, cuts: u64| {
        let before = fewer_sdk::status().labels_cut;
        drop(fewer_sdk::request(name));
        assert_eq!(counts(&endpoint(expected)).requests, 1, "{expected:.20}");
        assert_eq!(fewer_sdk::status().labels_cut - before, cuts, "{expected:.20}");
    };
    check("", "(empty)", 0);
    check("\u{0}\u{202e}\u{1f980}", "\u{0}\u{202e}\u{1f980}", 0);
    check(&"x".repeat(10_000), &"x".repeat(255), 1);
    check(&"\u{1f980}".repeat(2_500), &"\u{1f980}".repeat(63), 1);
}

#[test]
fn a_request_may_learn_its_name_while_it_runs() {
    fewer_sdk::route("nobody asked");
    {
        let _request = fewer_sdk::request("GET (unrouted)");
        fewer_sdk::flag("late", "on", Reason::Split);
        fewer_sdk::route("GET /late/{id}");
    }
    let flag = "feature_flag.result.variant.late";
    assert_eq!(counts(&labels([("endpoint", "GET /late/{id}"), (flag, "on")])).requests, 1);
    assert_eq!(counts(&endpoint("nobody asked")).requests, 0);
}

#[test]
fn guards_dropped_out_of_order_leave_no_label_behind() {
    let _turn = TURN.lock();
    let before = fewer_sdk::status().faults;
    let first = fewer_sdk::request("first");
    let second = fewer_sdk::request("second");
    drop(first);
    drop(second);
    assert_eq!(fewer_sdk::status().faults - before, 2);
    // Nothing runs now, so a flag labels nothing and a name names nothing.
    fewer_sdk::flag("astray", "on", Reason::Split);
    fewer_sdk::route("astray");
    let all = Process::open(std::process::id()).counters().unwrap();
    assert_eq!((all[&endpoint("first")].requests, all[&endpoint("second")].requests), (1, 1));
    assert!(!all.keys().any(|labels| labels.keys().any(|key| key.ends_with("astray"))));
}

#[test]
fn a_future_that_is_dropped_is_counted_once() {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut future = Box::pin(std::future::pending::<()>().in_request("dropped"));
    assert!(future.as_mut().poll(&mut context).is_pending());
    assert_eq!(counts(&endpoint("dropped")).requests, 0);
    drop(future);
    drop(std::future::pending::<()>().in_request("never polled"));
    let found = counts(&endpoint("dropped"));
    assert_eq!((found.requests, found.client_errors, found.server_errors), (1, 0, 0));
    assert_eq!(counts(&endpoint("never polled")).requests, 0);
}

/// Another profiler's library uses the same variable: what it has put there comes back.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn a_foreign_pointer_is_restored() {
    use std::os::unix::fs::FileExt;

    let process = Process::open(std::process::id());
    let variable = support::thread_pointer().checked_add_signed(process.thread_context_offset()).unwrap();
    let foreign = [0_u8; 640].as_ptr() as u64;
    let memory = std::fs::OpenOptions::new().write(true).open("/proc/self/mem").unwrap();
    memory.write_all_at(&foreign.to_ne_bytes(), variable).unwrap();
    let request = fewer_sdk::request("ours");
    assert_ne!(process.word(variable), foreign);
    drop(request);
    assert_eq!(process.word(variable), foreign);
}
