//! Intervals as they are shown.

use model::{Batch, LabelSet, RequestCounts, Window};
use testkit::batch_from_folded;

use super::{
    By, json,
    text::{Layout, table},
    view::{Facts, Order, View},
};

const LAYOUT: Layout = Layout { rows: 20, is_per_request: false, has_colour: false };
const WINDOW: Window = Window { start_ns: 1_769_846_400_000_000_000, end_ns: 1_769_846_402_000_000_000 };

/// Two seconds in which a request of `/feed` cost 15 ms with the new flag and 10 ms without.
fn batch() -> Batch {
    let mut batch = batch_from_folded(
        "# period=10000000 fewer.label_source=sdk endpoint=/feed feature_flag.result.variant.new=on
         main@/bin/python;feed (app/views.py:7);render (app/views.py:12) 1500000000
         # period=10000000 fewer.label_source=sdk endpoint=/feed feature_flag.result.variant.old=off
         main@/bin/python;feed (app/views.py:7) 400000000
         # period=10000000 fewer.label_source=stack endpoint=/feed
         main@/bin/python;feed (app/views.py:9) 100000000
         # period=10000000 fewer.label_source=query endpoint=sql:SELECT
         main@/bin/postgres 300000000
         # period=10000000 fewer.label_source=comm
         swapper@[kernel]_[k] 700000000",
    );
    let requests = |labels: &[(&str, &str)], requests, measured, cpu_ns| RequestCounts {
        window: WINDOW,
        labels: LabelSet::new(labels.iter().copied()),
        requests,
        measured,
        cpu_ns,
        client_errors: 1,
        ..RequestCounts::default()
    };
    batch.requests = vec![
        requests(&[("endpoint", "/feed"), ("feature_flag.result.variant.new", "on")], 100, 50, 750_000_000),
        requests(&[("endpoint", "/feed")], 40, 40, 400_000_000),
        requests(&[("endpoint", "/health")], 2400, 0, 0),
    ];
    batch
}

fn facts() -> Facts {
    Facts { host: "web-1".into(), cpu_count: 4, rate_hz: 100, backend: "bpf".into(), ..Facts::default() }
}

fn view(by: &str, order: Order) -> View {
    View::new(&batch(), WINDOW, facts(), by.parse().unwrap(), order)
}

#[test]
fn endpoints() {
    insta::assert_snapshot!(table(&view("endpoint", Order::Cpu), &LAYOUT));
}

#[test]
fn flags() {
    insta::assert_snapshot!(table(&view("flag", Order::Cpu), &LAYOUT));
}

#[test]
fn the_most_costly_request_first() {
    let layout = Layout { is_per_request: true, ..LAYOUT };
    insta::assert_snapshot!(table(&view("flag", Order::PerRequest), &layout));
}

#[test]
fn functions_of_one_process() {
    let mut view = view("function", Order::Cpu);
    view.facts = Facts { pids: vec![1234], lost_samples: 1200, ..view.facts };
    insta::assert_snapshot!(table(&view, &Layout { rows: 3, ..LAYOUT }));
}

#[test]
fn colour_marks_the_heading_and_what_has_no_label() {
    let text = table(&view("endpoint", Order::Cpu), &Layout { has_colour: true, ..LAYOUT });
    insta::assert_snapshot!(text.replace('\x1b', "^["));
}

#[test]
fn an_idle_host() {
    let view = View::new(&Batch::default(), WINDOW, facts(), By::endpoint(), Order::Cpu);
    insta::assert_snapshot!(table(&view, &LAYOUT));
}

#[test]
fn what_programs_write_does_not_reach_the_terminal_as_it_is() {
    let mut batch = batch_from_folded("# period=10 fewer.label_source=sdk\n main 20");
    let hostile = "GET /\x1b[2J\n\u{202e}x";
    batch.profiles[0].labels = batch.profiles[0].labels.merged(&LabelSet::new([("endpoint", hostile)]));
    let view = View::new(&batch, WINDOW, facts(), By::endpoint(), Order::Cpu);
    let text = table(&view, &LAYOUT);
    let row = text.lines().last().unwrap();
    assert!(row.ends_with("GET /\u{fffd}[2J\u{fffd}\u{fffd}x"), "{row}");
}

#[test]
fn json_is_one_line_each() {
    for by in ["endpoint", "flag", "function"] {
        let line = json::line(&view(by, Order::Cpu), 3);
        assert_eq!(line.lines().count(), 1);
        let document: serde_json::Value = serde_json::from_str(&line).unwrap();
        insta::assert_snapshot!(format!("json_{by}"), format!("{document:#}"));
    }
}

#[test]
fn labels_add_up_to_everything_and_functions_to_their_own_time() {
    for by in ["endpoint", "thread", "source", "function"] {
        let view = view(by, Order::Cpu);
        let sum: i64 = view.rows.iter().map(|row| row.cpu_ns).sum();
        let samples: u64 = view.rows.iter().map(|row| row.samples).sum();
        assert_eq!((sum, samples), (view.cpu_ns, view.samples), "{by}");
    }
}
