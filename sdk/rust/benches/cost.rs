//! What the SDK costs: nanoseconds per poll (attach and detach), per request, per flag. `cargo bench -p fewer-sdk`.
//!
//! Batches of 1,000 operations; the median batch, less what the same batch costs without the SDK.
#![allow(
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark prints, and fails by panicking"
)]

use std::{
    hint::black_box,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Instant,
};

use fewer_sdk::{InRequest, Reason};

const OPERATIONS: u32 = 1_000;
const BATCHES: usize = 2_001;
const LABELS: [&str; 3] = ["first", "second", "third"];

/// Answers after a number of polls.
struct After(u32);

impl Future for After {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        self.0 = black_box(self.0 - 1);
        if self.0 == 0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

fn drive(future: impl Future<Output = ()>) {
    let mut context = Context::from_waker(Waker::noop());
    let mut future = pin!(future);
    while future.as_mut().poll(&mut context).is_pending() {}
}

/// Nanoseconds per operation: the tenth of batches that was fastest ends here, half of them, and their mean.
fn measure(mut batch: impl FnMut()) -> [f64; 3] {
    let mut costs: Vec<f64> = (0..BATCHES)
        .map(|_| {
            let begin = Instant::now();
            batch();
            begin.elapsed().as_nanos() as f64 / f64::from(OPERATIONS)
        })
        .collect();
    summary(&mut costs)
}

/// The same for requests that are measured: a dear one before each teaches the SDK to.
fn measure_dear() -> [f64; 3] {
    let mut costs: Vec<f64> = (0..BATCHES / 10)
        .map(|_| {
            let dear = async { (0..400).for_each(|_| drop(black_box(vec![1_u8; 100_000]))) };
            drive(dear.in_request("bench:dear"));
            let begin = Instant::now();
            drive(After(OPERATIONS).in_request("bench:dear"));
            begin.elapsed().as_nanos() as f64 / f64::from(OPERATIONS)
        })
        .collect();
    summary(&mut costs)
}

fn summary(costs: &mut [f64]) -> [f64; 3] {
    costs.sort_by(f64::total_cmp);
    [costs[costs.len() / 10], costs[costs.len() / 2], costs.iter().sum::<f64>() / costs.len() as f64]
}

fn report(what: &str, [tenth, median, mean]: [f64; 3], base: f64) {
    println!(
        "{what:<44} {:>8.1} ns   (a tenth below {:.1}, mean {:.1})",
        median - base,
        tenth - base,
        mean - base
    );
}

fn requests(request: impl Fn()) -> impl FnMut() {
    move || (0..OPERATIONS).for_each(|_| request())
}

fn flags(evaluated: usize) {
    for key in &LABELS[..evaluated] {
        fewer_sdk::flag(black_box(key), "on", Reason::Split);
    }
}

fn main() {
    println!("{:?}", fewer_sdk::status());
    let bare = measure(|| drive(After(OPERATIONS)))[1];
    report("poll without the SDK", [bare; 3], 0.0);
    report("poll: attach and detach", measure(|| drive(After(OPERATIONS).in_request("bench:poll"))), bare);
    report("poll, while the request is measured", measure_dear(), bare);
    report("request: guard", measure(requests(|| drop(fewer_sdk::request(black_box("bench:guard"))))), 0.0);
    report(
        "request: future of one poll",
        measure(requests(|| drive(async {}.in_request(black_box("bench:future"))))),
        0.0,
    );
    for evaluated in [1, 3] {
        report(
            &format!("request: guard, {evaluated} flags"),
            measure(requests(|| {
                let _request = fewer_sdk::request(black_box("bench:flags"));
                flags(evaluated);
            })),
            0.0,
        );
    }
}
