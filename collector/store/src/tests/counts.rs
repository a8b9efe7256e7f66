//! Requests and evaluations, over head, segments and blocks alike.

use super::{queries::everywhere, *};

fn requests(requests: u64, measured: u64, cpu_ns: u64, errors: [u64; 2]) -> RequestCounts {
    let [client_errors, server_errors] = errors;
    RequestCounts { requests, measured, cpu_ns, client_errors, server_errors, ..RequestCounts::default() }
}

#[test]
fn requests_are_summed_by_label() {
    everywhere(|store| {
        let by = |conditions: &[(&str, MatchOp, &str)]| {
            requests_by(store, keys::SERVICE_NAME, &selector(conditions), EVERYTHING)
        };
        // Rows of 5, 7 and 11 are of s0, 13 of s1, 17 of s2.
        let s0 = requests(5 + 4, 2 + 1, 7 * 2 + 11, [2 + 1 + 2, 3]);
        let s1 = requests(6, 3, 13 * 3, [1, 1]);
        let s2 = requests(3, 2, 17 * 2, [2, 1]);
        let all = [("s0".to_owned(), s0), ("s1".to_owned(), s1), ("s2".to_owned(), s2)];
        assert_eq!(by(&[]), all.clone().into());
        assert_eq!(by(&[(keys::ENDPOINT, MatchOp::Equal, "")]), [all[1].clone()].into());
        assert_eq!(by(&[("unknown", MatchOp::Equal, "x")]), BTreeMap::new());
        assert_eq!(by(&[("unknown", MatchOp::Equal, "")]).len(), 3);
    });
}

#[test]
fn requests_are_cut_into_steps() {
    everywhere(|store| {
        let window = Window { start_ns: START_NS, end_ns: START_NS + 3 * 60 * SECOND_NS };
        let ask = |by: Option<&str>, values: Option<&[&str]>| -> Vec<(Option<String>, Vec<u64>)> {
            let values = values.map(|values| values.iter().map(|value| (*value).into()).collect());
            let shape = RequestShape { step_ns: 60 * SECOND_NS, by: by.map(Into::into), values };
            let answer = store.requests(&selector(&[]), window, &shape).unwrap().value;
            let counts = |steps: Vec<RequestCounts>| steps.iter().map(|step| step.requests).collect();
            answer
                .into_iter()
                .map(|one| (one.value.map(|value| value.to_string()), counts(one.steps)))
                .collect()
        };
        assert_eq!(ask(None, None), [(Some(String::new()), vec![5, 4, 9])]);
        let apart = ask(Some(keys::SERVICE_NAME), Some(&["s1", "s0"]));
        assert_eq!(
            apart,
            [(Some("s0".into()), vec![5, 4, 0]), (Some("s1".into()), vec![0, 0, 6]), (None, vec![0, 0, 3])]
        );
    });
}

#[test]
fn all_values_take_a_single_step() {
    let dir = temporary_dir();
    let store = Store::open(options(dir.path(), &TestClock::new())).unwrap();
    let window = Window { start_ns: 0, end_ns: 100 };
    let shape = RequestShape { step_ns: 10, by: Some("a".into()), values: None };
    let error = store.requests(&selector(&[]), window, &shape).unwrap_err().to_string();
    assert_eq!(
        error,
        "number of steps for all values at once is 10, the limit is 1; name the values, or ask for a single step"
    );
}

#[test]
fn evaluations_are_summed_by_what_they_came_to() {
    everywhere(|store| {
        let ask = |conditions: &[(&str, MatchOp, &str)]| -> Vec<(String, String, u64)> {
            let answer = store.evaluations(&selector(conditions), EVERYTHING).unwrap();
            assert_eq!(answer.unreadable, []);
            let shown = |one: FlagEvaluations| (one.flag.to_string(), one.variant.to_string(), one.count);
            answer.value.into_iter().map(shown).collect()
        };
        let f = |flag: &str, count| (flag.to_owned(), "off".to_owned(), count);
        assert_eq!(ask(&[]), [f("f1", 29), f("f3", 17), f("f2", 7)]);
        assert_eq!(ask(&[(keys::SERVICE_NAME, MatchOp::Equal, "s0")]), [f("f1", 16), f("f2", 7)]);
    });
}

/// A program may count requests of which no sample fell: nothing of it is lost on the way into a block.
#[test]
fn counts_without_samples_are_kept() {
    let dir = temporary_dir();
    let clock = TestClock::new();
    let store = Store::open(options(dir.path(), &clock)).unwrap();
    let row = Row { start_ns: START_NS, service: 1, endpoint: 1, function: 1, value: 8 };
    let mut builder = BatchBuilder::new();
    builder.add_requests(&row.requests());
    builder.add_evaluations(&row.evaluations());
    store.append(Vec::new(), key(1, 1), builder.finish()).unwrap();
    let check = || {
        let expected =
            RequestCounts { window: Window::default(), labels: LabelSet::default(), ..row.requests() };
        let found = requests_by(&store, keys::ENDPOINT, &selector(&[]), EVERYTHING);
        assert_eq!(found, [("GET /1".to_owned(), expected)].into());
        assert_eq!(store.evaluations(&selector(&[]), EVERYTHING).unwrap().value[0].count, 8);
        assert_eq!(sums(&store, &selector(&[]), EVERYTHING), BTreeMap::new());
        assert_eq!(store.bounds(), Some(row.window()));
    };
    check();
    store.flush().unwrap();
    check();
    clock.advance(2 * HOUR_NS);
    store.maintain().unwrap();
    assert_eq!(store.stats().blocks, 1);
    check();
}

/// Blocks tell apart only so many sets of flags; no total changes by that (invariant I13), and neither does what a
/// single flag costs.
#[test]
fn too_many_sets_of_flags_become_one_in_blocks() {
    const SETS: i64 = 100;
    let dir = temporary_dir();
    let clock = TestClock::new();
    let store = Store::open(options(dir.path(), &clock)).unwrap();
    let flags = ["ranker", "half", "third"].map(|flag| format!("{}{flag}", keys::FLAG_PREFIX));
    let [ranker, half, third] = &flags;
    let push = |at: i64, seconds: i64| {
        let row = Row {
            start_ns: START_NS + seconds * SECOND_NS,
            service: 1,
            endpoint: 1,
            function: 1,
            value: 1 + at,
        };
        let mut batch = batch(&[row]);
        let variants = [format!("v{at}"), (at % 2).to_string(), (at % 3).to_string()];
        // One in five does not evaluate the third flag.
        let own = flags.iter().zip(variants).take(if at % 5 == 0 { 2 } else { 3 });
        let labels = row.labels().merged(&LabelSet::new(own.map(|(key, value)| (key.clone(), value))));
        batch.profiles[0].labels = labels.clone();
        batch.requests[0].labels = labels;
        // The log is not read back here.
        store.append(Vec::new(), key(1, (1000 * seconds + at) as u64 + 1), batch).unwrap();
    };
    (0..SETS).for_each(|at| push(at, 0));
    let totals = || {
        let cpu_ns: i64 = sums(&store, &selector(&[]), EVERYTHING).values().sum();
        let mut counted = RequestCounts::default();
        let by_variant = requests_by(&store, ranker, &selector(&[]), EVERYTHING);
        by_variant.values().for_each(|counts| counted.add(counts));
        (cpu_ns, counted)
    };
    let values =
        |flag: &str| store.label_values(flag, &selector(&[]), EVERYTHING, ProfileType::Cpu).unwrap().value;
    let costs = |flag: &str| (values(flag), requests_by(&store, flag, &selector(&[]), EVERYTHING));
    let (before, by_half, by_third) = (totals(), costs(half), costs(third));
    store.flush().unwrap();
    assert_eq!((values(ranker).len(), totals()), (SETS as usize, before.clone()));
    clock.advance(2 * HOUR_NS);
    store.maintain().unwrap();
    assert_eq!(totals(), before);
    assert_eq!((costs(half), costs(third)), (by_half, by_third));
    // The 64 biggest are kept; of the others, from 1 to 36, the 20 biggest variants have marginals.
    assert_eq!(values(ranker).len(), 64 + 20 + 1);
    assert_eq!(values(ranker)[0], (keys::OTHER.into(), (1..=16).sum()));
    let requests = requests_by(&store, ranker, &selector(&[]), EVERYTHING);
    assert_eq!(requests[keys::OTHER].requests, (1..=16).map(|value| value % 7).sum::<u64>());
    assert_eq!(requests["v99"].requests, 100 % 7);
    let stats = store.stats();
    assert_eq!((stats.flag_sets_kept, stats.flag_sets_folded, stats.folded_cpu_ns), (64, 36, (1..=36).sum()));
    assert_eq!(stats.flag_variants_folded, 16);
    // Other conditions hold for marginals too; with one on a flag, the others stay the others.
    let host = selector(&[("unknown", MatchOp::Equal, "x")]);
    assert_eq!(requests_by(&store, half, &host, EVERYTHING), BTreeMap::new());
    let of_others = selector(&[(third.as_str(), MatchOp::Equal, keys::OTHER)]);
    assert_eq!(
        requests_by(&store, half, &of_others, EVERYTHING).into_keys().collect::<Vec<_>>(),
        [keys::OTHER]
    );

    // What comes late into the same hour is merged with the block.
    (0..SETS).for_each(|at| push(at, 60));
    let (by_half, by_third) = (costs(half), costs(third));
    store.flush().unwrap();
    clock.advance(2 * HOUR_NS);
    store.maintain().unwrap();
    assert_eq!(store.stats().blocks, 1);
    assert_eq!((costs(half), costs(third)), (by_half, by_third));
}

#[test]
fn the_generation_goes_up_when_answers_may_change() {
    let dir = temporary_dir();
    let store = Store::open(options(dir.path(), &TestClock::new())).unwrap();
    let row = Row { start_ns: START_NS, service: 1, endpoint: 1, function: 1, value: 1 };
    let before = store.generation();
    append(&store, key(1, 1), &[row]).unwrap();
    let pushed = store.generation();
    append(&store, key(1, 1), &[row]).unwrap();
    assert!(before < pushed);
    assert_eq!(store.generation(), pushed, "a resend changes nothing");
    store.import(&batch(&[row])).unwrap();
    assert!(pushed < store.generation());
}
