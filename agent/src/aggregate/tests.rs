//! Windows over time, clocks that jump, and bounds.

use super::*;

const SECOND: i64 = 1_000_000_000;
const PERIOD: u64 = 10_000_000;

fn at(monotonic_s: f64, wall_s: f64) -> Now {
    Now { monotonic_ns: (monotonic_s * 1e9) as u64, wall_ns: (wall_s * 1e9) as i64 }
}

fn aggregator(now: Now, limits: Limits) -> Aggregator {
    Aggregator::new(10 * SECOND, limits, now, PERIOD)
}

fn labels(service: &str) -> Arc<LabelSet> {
    Arc::new(LabelSet::new([(keys::HOST_NAME, "h"), (keys::SERVICE_NAME, service)]))
}

fn stack(addresses: &[u64]) -> Vec<Location> {
    addresses.iter().map(|address| Location::Kernel { address: *address }).collect()
}

/// What the sampling loop does every time round.
fn advance(aggregator: &mut Aggregator, now: Now, period_ns: u64) -> Option<Closed> {
    if aggregator.needs_window(now.monotonic_ns) {
        aggregator.open_window(now, period_ns);
    }
    aggregator.close_window(now.monotonic_ns)
}

/// Start and end in seconds and the number of events.
fn summary(closed: &Closed) -> (f64, f64, u64) {
    let seconds = |at_ns: i64| at_ns as f64 / 1e9;
    (
        seconds(closed.window.start_ns),
        seconds(closed.window.end_ns),
        closed.counts.values().flat_map(|stacks| stacks.values()).sum(),
    )
}

/// Runs from monotonic second 100 with one event in the middle of each second; `wall` maps monotonic to wall
/// seconds.
fn windows(until_s: u32, wall: impl Fn(f64) -> f64) -> (Vec<(f64, f64, u64)>, Tally) {
    let clock = |second: f64| at(second, wall(second));
    let mut aggregator = aggregator(clock(100.0), Limits::default());
    let mut closed = Vec::new();
    for second in 100..until_s {
        aggregator.add((u64::from(second) * 10 + 5) * 100_000_000, labels("a"), stack(&[1]));
        closed.extend(advance(&mut aggregator, clock(f64::from(second) + 1.0), PERIOD));
    }
    let tally = aggregator.tally().clone();
    let rest = aggregator.finish(clock(f64::from(until_s)));
    (closed.iter().chain(&rest).map(summary).collect(), tally)
}

#[test]
fn windows_lie_on_multiples_of_ten_seconds() {
    let (windows, tally) = windows(125, |second| second + 1003.0);
    assert_eq!(windows, [(1103.0, 1110.0, 7), (1110.0, 1120.0, 10), (1120.0, 1128.0, 8)]);
    assert_eq!(tally, Tally::default());
}

#[test]
fn a_drifting_clock_leaves_no_gap() {
    let (windows, tally) = windows(130, |second| 1000.0 + (second - 100.0) * 1.01);
    assert_eq!(
        windows[..2].iter().map(|w| (w.0, w.1)).collect::<Vec<_>>(),
        [(1000.0, 1010.0), (1010.0, 1020.0)]
    );
    assert_eq!(windows.iter().map(|w| w.2).sum::<u64>(), 30);
    assert_eq!(tally, Tally::default());
}

#[test]
fn a_clock_set_back_or_forward_moves_the_next_window_and_is_counted() {
    let (back, tally) = windows(120, |second| if second < 105.0 { second + 900.0 } else { second + 400.0 });
    assert_eq!(back, [(1000.0, 1010.0, 10), (510.0, 520.0, 10)]);
    assert_eq!(tally.outcomes("clock_steps_total"), [("backward", 1)]);
    let (forward, tally) =
        windows(120, |second| if second < 105.0 { second + 900.0 } else { second + 4_000.5 });
    assert_eq!(forward, [(1000.0, 1010.0, 10), (4110.5, 4120.0, 10)]);
    assert_eq!(tally.outcomes("clock_steps_total"), [("forward", 1)]);
}

#[test]
fn late_events_still_reach_their_window() {
    let mut aggregator = aggregator(at(100.0, 1000.0), Limits::default());
    assert_eq!(advance(&mut aggregator, at(110.1, 1010.1), PERIOD), None);
    aggregator.add(109_900_000_000, labels("a"), stack(&[1]));
    aggregator.add(110_050_000_000, labels("a"), stack(&[1]));
    aggregator.add(1, labels("a"), stack(&[1]));
    let closed = advance(&mut aggregator, at(110.6, 1010.6), 5).unwrap();
    assert_eq!((summary(&closed), closed.period_ns), ((1000.0, 1010.0, 2), PERIOD));
    let rest = aggregator.finish(at(111.0, 1011.0));
    assert_eq!(rest.iter().map(summary).collect::<Vec<_>>(), [(1010.0, 1011.0, 1)]);
}

#[test]
fn equal_stacks_of_equal_labels_are_added_up() {
    let mut aggregator = aggregator(at(0.0, 0.0), Limits::default());
    for (service, addresses) in [("a", [1, 2]), ("a", [1, 2]), ("a", [2, 1]), ("b", [1, 2])] {
        aggregator.add(1, labels(service), stack(&addresses));
    }
    let closed = aggregator.finish(at(1.0, 1.0));
    let mut counts: Vec<u64> =
        closed[0].counts.values().flat_map(|stacks| stacks.values()).copied().collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 1, 2]);
}

#[test]
fn beyond_the_bounds_events_are_still_counted() {
    let mut aggregator = aggregator(at(0.0, 0.0), Limits { locations: 3, label_sets: 2 });
    for (service, addresses) in
        [("a", &[1, 2][..]), ("a", &[3, 4]), ("a", &[5, 6]), ("b", &[7]), ("c", &[1, 2]), ("a", &[1, 2])]
    {
        aggregator.add(1, labels(service), stack(addresses));
    }
    let dropped = aggregator.tally().outcomes("aggregation_drops_total");
    assert_eq!(dropped, [("stack", 3), ("label set", 1)]);
    let closed = aggregator.finish(at(1.0, 1.0));
    assert_eq!(summary(&closed[0]).2, 6);
    assert_eq!(closed[0].counts[&labels("a")][&Stack::from([BEYOND_LIMIT])], 2);
    let host_only = Arc::new(LabelSet::new([(keys::HOST_NAME, "h")]));
    assert_eq!(closed[0].counts[&host_only][&Stack::from([BEYOND_LIMIT])], 1);
}
