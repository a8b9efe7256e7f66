//! The shapes of queries, over head, segments and blocks alike.

use super::*;
use crate::TimelineShape;

fn rows() -> Vec<Row> {
    let row = |minute: i64, service, endpoint, function, value| Row {
        start_ns: START_NS + minute * 60 * SECOND_NS,
        service,
        endpoint,
        function,
        value,
    };
    vec![
        row(0, 0, 1, 1, 5),
        row(1, 0, 1, 2, 7),
        row(1, 0, 2, 1, 11),
        row(2, 1, 0, 1, 13),
        row(2, 2, 3, 3, 17),
    ]
}

/// Asks the same of a store whose data is in the head, in a segment, in a block, and a little in each.
pub(super) fn everywhere(ask: impl Fn(&Store)) {
    for place in 0..4 {
        let dir = temporary_dir();
        let clock = TestClock::new();
        clock.advance(600 * SECOND_NS);
        let store = Store::open(options(dir.path(), &clock)).unwrap();
        for (at, row) in rows().into_iter().enumerate() {
            append(&store, key(1, at as u64 + 1), &[row]).unwrap();
            match (place, at) {
                (1 | 2, 4) | (3, 1 | 3) => store.flush().unwrap(),
                _ => {}
            }
            if place == 2 && at == 4 || place == 3 && at == 1 {
                clock.advance(2 * HOUR_NS);
                store.maintain().unwrap();
            }
        }
        let stats = store.stats();
        // Of each row there are a sample, requests and evaluations.
        let expected = [(15, 0, 0), (0, 1, 0), (0, 0, 1), (3, 1, 1)][place];
        assert_eq!((stats.head_rows, stats.segments, stats.blocks), expected);
        ask(&store);
    }
}

fn map(pairs: &[(&str, i64)]) -> BTreeMap<String, i64> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

#[test]
fn stacks_are_summed_over_what_is_selected() {
    everywhere(|store| {
        let check =
            |conditions: &[(&str, MatchOp, &str)], from_min: i64, to_min: i64, expected: &[(&str, i64)]| {
                let at = |minute: i64| START_NS + minute * 60 * SECOND_NS;
                let window = Window { start_ns: at(from_min), end_ns: at(to_min) };
                assert_eq!(sums(store, &selector(conditions), window), map(expected), "{conditions:?}");
            };
        use MatchOp::{Equal, NotEqual, NotRegex, Regex};
        check(&[], 0, 10, &[("f1", 29), ("f2", 7), ("f3", 17)]);
        check(&[], 1, 2, &[("f1", 11), ("f2", 7)]);
        check(&[], 3, 10, &[]);
        check(&[(keys::SERVICE_NAME, Equal, "s0")], 0, 10, &[("f1", 16), ("f2", 7)]);
        check(&[(keys::ENDPOINT, Equal, "")], 0, 10, &[("f1", 13)]);
        check(&[(keys::ENDPOINT, NotEqual, "GET /1")], 0, 10, &[("f1", 24), ("f3", 17)]);
        check(&[(keys::ENDPOINT, Regex, "GET /[12]")], 0, 10, &[("f1", 16), ("f2", 7)]);
        check(&[(keys::ENDPOINT, NotRegex, "GET .*")], 0, 10, &[("f1", 13)]);
        check(&[("unknown", Equal, "")], 0, 1, &[("f1", 5)]);
        check(&[("unknown", Equal, "x")], 0, 10, &[]);
    });
}

#[test]
fn the_profile_says_period_and_window() {
    everywhere(|store| {
        let window = Window { start_ns: START_NS, end_ns: START_NS + HOUR_NS };
        let answer = store.stacks(&selector(&[]), window, ProfileType::Cpu).unwrap();
        assert_eq!((answer.value.profiles[0].window, answer.value.profiles[0].period), (window, 10));
        let last_ns = START_NS + 120 * SECOND_NS;
        assert_eq!(store.bounds(), Some(Window { start_ns: START_NS, end_ns: last_ns + 10 * SECOND_NS }));
    });
}

#[test]
fn labels_are_listed_with_their_totals() {
    everywhere(|store| {
        let names: Vec<_> = store.label_names(&selector(&[]), EVERYTHING).unwrap().value;
        assert_eq!(names, [keys::ENDPOINT.into(), keys::SERVICE_NAME.into()]);
        let of_s1 = selector(&[(keys::SERVICE_NAME, MatchOp::Equal, "s1")]);
        let names: Vec<_> = store.label_names(&of_s1, EVERYTHING).unwrap().value;
        assert_eq!(names, [keys::SERVICE_NAME.into()]);
        let values = |name: &str, conditions: &[(&str, MatchOp, &str)]| -> Vec<(String, i64)> {
            let answer =
                store.label_values(name, &selector(conditions), EVERYTHING, ProfileType::Cpu).unwrap();
            answer.value.into_iter().map(|(value, total)| (value.to_string(), total)).collect()
        };
        let pairs = |expected: &[(&str, i64)]| -> Vec<(String, i64)> {
            expected.iter().map(|(value, total)| ((*value).to_owned(), *total)).collect()
        };
        assert_eq!(values(keys::SERVICE_NAME, &[]), pairs(&[("s0", 23), ("s2", 17), ("s1", 13)]));
        assert_eq!(
            values(keys::ENDPOINT, &[]),
            pairs(&[("GET /3", 17), ("", 13), ("GET /1", 12), ("GET /2", 11)])
        );
        assert_eq!(values(keys::ENDPOINT, &[(keys::SERVICE_NAME, MatchOp::Equal, "s1")]), pairs(&[("", 13)]));
        assert_eq!(values("unknown", &[]), pairs(&[("", 53)]));
    });
}

#[test]
fn timelines_keep_the_biggest_groups_apart() {
    everywhere(|store| {
        let window = Window { start_ns: START_NS, end_ns: START_NS + 3 * 60 * SECOND_NS };
        let ask = |by: Option<&str>, groups_limit| {
            let shape = TimelineShape { step_ns: 60 * SECOND_NS, by: by.map(Into::into), groups_limit };
            store.timeline(&selector(&[]), window, ProfileType::Cpu, &shape).unwrap().value
        };
        let plain = ask(None, 1);
        assert_eq!(plain.series.len(), 1);
        assert_eq!(plain.series[0].values, [5, 18, 30]);
        assert_eq!(plain.rest, None);

        let by_service = ask(Some(keys::SERVICE_NAME), 2);
        let found: Vec<_> = by_service
            .series
            .iter()
            .map(|series| (series.labels.get(keys::SERVICE_NAME).unwrap(), series.values.as_slice()))
            .collect();
        assert_eq!(found, [("s0", [5, 18, 0].as_slice()), ("s2", [0, 0, 17].as_slice())]);
        let rest = by_service.rest.unwrap();
        assert_eq!((rest.groups, rest.series.values), (1, vec![0, 0, 13]));
    });
}

#[test]
fn a_timeline_has_limits() {
    let dir = temporary_dir();
    let store = Store::open(options(dir.path(), &TestClock::new())).unwrap();
    let window = Window { start_ns: 0, end_ns: HOUR_NS };
    let shape = TimelineShape { step_ns: 1, by: None, groups_limit: 1 };
    let error = store.timeline(&selector(&[]), window, ProfileType::Cpu, &shape).unwrap_err();
    assert!(
        error.to_string().starts_with("number of steps is 3600000000000, the limit is 20000; ask for"),
        "{error}"
    );
}

#[test]
fn many_label_keys_are_all_found_again() {
    let dir = temporary_dir();
    let clock = TestClock::new();
    let store = Store::open(options(dir.path(), &clock)).unwrap();
    let mut builder = BatchBuilder::new();
    let frame = builder.frame(Frame { function: "f".into(), ..Frame::default() });
    let main = builder.frame(Frame { function: "main".into(), ..Frame::default() });
    let stack = builder.stack(vec![frame, main]);
    for at in 0..100 {
        let labels = LabelSet::new([(format!("flag.{at:03}"), "on\"\\,".to_owned())]);
        let window = Window { start_ns: START_NS, end_ns: START_NS + 1 };
        builder.add(&Profile { labels, window, ..Profile::default() }, Sample { stack, value: 1 });
    }
    store.import(&builder.finish()).unwrap();
    assert_eq!(store.stats().labels_without_column, 100 - crate::block::labels::COLUMNS_MAX as u64);
    assert_eq!(store.label_names(&selector(&[]), EVERYTHING).unwrap().value.len(), 100);
    for at in [0, 63, 64, 99] {
        let name = format!("flag.{at:03}");
        let one = selector(&[(&name, MatchOp::Equal, "on\"\\,")]);
        assert_eq!(sums(&store, &one, EVERYTHING), map(&[("f", 1)]));
        let others = selector(&[(&name, MatchOp::Equal, "")]);
        assert_eq!(sums(&store, &others, EVERYTHING), map(&[("f", 99)]));
        assert_eq!(store.label_names(&one, EVERYTHING).unwrap().value, [name.as_str().into()]);
        let values = store.label_values(&name, &selector(&[]), EVERYTHING, ProfileType::Cpu).unwrap().value;
        assert_eq!(values, [("".into(), 99), ("on\"\\,".into(), 1)]);
    }
}
