//! Reports merged, summed, bounded and dropped.

use model::{CodeBranch, CodeFunction, CodeReport, ExecutionState, LabelSet, Outcomes, Window, keys};

use super::{super::Catalog, retention::Bounds, *};
use crate::stats::Counters;

use ExecutionState::{Executed, Unexecuted, Unknown};

/// Some day that tests begin on.
const TODAY: i64 = 20_000;
const EVER: Window = Window { start_ns: i64::MIN, end_ns: i64::MAX };

struct TestCatalog {
    catalog: Catalog,
    counters: Counters,
    _dir: tempfile::TempDir,
}

impl TestCatalog {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&dir.path().join("catalog.sqlite")).unwrap();
        Self { catalog, counters: Counters::default(), _dir: dir }
    }

    fn put(&self, report: &CodeReport) -> CodeKept {
        let now_ns = TODAY * DAY_NS + DAY_NS / 2;
        self.catalog.put_code(&self.counters, report, (now_ns, now_ns + DAY_NS / 4)).unwrap()
    }

    fn sums(&self, window: Window) -> CodeSums {
        self.catalog.code(&CodeFilter { service: "feed", window }).unwrap().unwrap()
    }

    /// One line for each function of all that is kept.
    fn shown(&self) -> String {
        shown(&self.sums(EVER))
    }

    fn retain(&self, today: i64, bounds: Bounds) -> u64 {
        self.catalog.change(|transaction| retention::retain(transaction, today, bounds)).unwrap()
    }
}

/// Name, line, body, blocks in which it did not run, may have run, ran; days from the first test day on.
fn shown(sums: &CodeSums) -> String {
    let days =
        |days: &std::ops::RangeInclusive<i64>| format!("{}..{}", days.start() - TODAY, days.end() - TODAY);
    sums.functions.iter().fold(String::new(), |text, one| {
        let CodeFunction { function, line, body, is_import_only, .. } = &one.function;
        let executed = one.executed.as_ref().map_or("never".to_owned(), days);
        let [silent, unknown, ran] = [one.unexecuted_blocks, one.unknown_blocks, one.executed_blocks];
        let import = if *is_import_only { " import only" } else { "" };
        let roles = one.roles.join("+");
        text + &format!(
            "{function}:{line}#{body} -{silent} ?{unknown} +{ran} seen {} ran {executed} {roles}{import}\n",
            days(&one.seen)
        )
    })
}

fn function(name: &str, line: u32, body: u128, state: ExecutionState) -> CodeFunction {
    CodeFunction {
        function: name.into(),
        file: "feed.py".into(),
        line,
        body,
        bytes: 100 + line,
        state,
        is_import_only: false,
        branches: Vec::new(),
    }
}

fn report(host: &str, day: i64, functions: &[CodeFunction]) -> CodeReport {
    CodeReport {
        at_ns: day * DAY_NS + DAY_NS / 3,
        labels: LabelSet::new([
            (keys::SERVICE_NAME, "feed"),
            (keys::SERVICE_VERSION, "r1"),
            (keys::HOST_NAME, host),
            (keys::ROLE, "web"),
        ]),
        functions: functions.to_vec(),
        ..CodeReport::default()
    }
}

fn with(mut report: CodeReport, key: &str, value: &str) -> CodeReport {
    let kept = report.labels.iter().map(|(key, value)| (key.to_string(), value.to_string()));
    report.labels = LabelSet::new(kept.chain([(key.to_owned(), value.to_owned())]).collect::<Vec<_>>());
    report
}

const MERGED: CodeKept = CodeKept::Merged { fallen: 0 };

#[test]
fn functions_count_once_in_each_block_and_what_ran_wins() {
    let catalog = TestCatalog::new();
    let all = [
        function("<module>", 1, 9, Executed),
        function("rank", 5, 1, Unexecuted),
        function("render", 9, 2, Unexecuted),
        function("native", 0, 0, Unknown),
    ];
    let all = all.map(|one| CodeFunction { is_import_only: &*one.function == "<module>", ..one });
    assert_eq!(catalog.put(&report("a", TODAY, &all)), MERGED);
    assert_eq!(catalog.put(&report("b", TODAY, &all)), MERGED);
    // What changed since, twice; and what an earlier report said, after it.
    for _ in 0..2 {
        catalog.put(&report("a", TODAY, &[function("rank", 5, 1, Executed)]));
    }
    catalog.put(&report("a", TODAY, &all));
    catalog.put(&with(report("a", TODAY - 1, &all[1..2]), keys::ROLE, "worker"));
    insta::assert_snapshot!(catalog.shown(), @"
    native:0#0 -0 ?2 +0 seen 0..0 ran never web
    <module>:1#9 -0 ?0 +2 seen 0..0 ran 0..0 web import only
    rank:5#1 -2 ?0 +1 seen -1..0 ran 0..0 web+worker
    render:9#2 -2 ?0 +0 seen 0..0 ran never web
    ");
    let sums = catalog.sums(EVER);
    assert_eq!((sums.blocks, sums.hosts, sums.days), (3, 2, Some(TODAY - 1..=TODAY)));
    assert_eq!((sums.roles, sums.releases), (vec!["web".to_owned(), "worker".into()], vec!["r1".to_owned()]));
}

#[test]
fn a_function_is_the_same_wherever_it_stands_and_another_when_it_does_something_else() {
    let catalog = TestCatalog::new();
    let release = |name, day, functions: &[CodeFunction]| {
        catalog.put(&with(report("a", day, functions), keys::SERVICE_VERSION, name));
    };
    release("r1", TODAY - 2, &[function("rank", 5, 1, Executed), function("gone", 7, 3, Unexecuted)]);
    release("r2", TODAY, &[function("rank", 8, 1, Unexecuted)]);
    // A host that sends late does not move it back.
    release("r1", TODAY - 1, &[function("rank", 5, 1, Unexecuted)]);
    release("r3", TODAY, &[function("rank", 8, 2, Unexecuted)]);
    // Not knowing what it does, the name in the file is all there is.
    release("r3", TODAY, &[function("rank", 20, 0, Unknown), function("rank", 30, 0, Unexecuted)]);
    insta::assert_snapshot!(catalog.shown(), @"
    gone:7#3 -1 ?0 +0 seen -2..-2 ran never web
    rank:8#1 -2 ?0 +1 seen -2..0 ran -2..-2 web
    rank:8#2 -1 ?0 +0 seen 0..0 ran never web
    rank:30#0 -0 ?1 +0 seen 0..0 ran never web
    ");
    assert_eq!(catalog.sums(EVER).releases, ["r3", "r2", "r1"]);
    let since = Window { start_ns: (TODAY - 1) * DAY_NS + 5, end_ns: TODAY * DAY_NS };
    insta::assert_snapshot!(shown(&catalog.sums(since)), @"rank:8#1 -1 ?0 +0 seen -1..-1 ran never web");
}

#[test]
fn what_ran_beyond_an_import_long_ago_is_told_from_what_does_now() {
    let catalog = TestCatalog::new();
    let imported = CodeFunction { is_import_only: true, ..function("setup", 1, 1, Executed) };
    catalog.put(&report("a", TODAY - 10, &[function("setup", 1, 1, Executed)]));
    catalog.put(&report("a", TODAY, &[imported]));
    let is_import_only = |days_ago: i64| {
        let window = Window { start_ns: (TODAY - days_ago) * DAY_NS, end_ns: i64::MAX };
        catalog.sums(window).functions[0].function.is_import_only
    };
    assert_eq!([is_import_only(10), is_import_only(9)], [false, true]);
}

#[test]
fn reports_in_any_order_and_number_say_the_same() {
    let states = [Unexecuted, Unknown, Executed];
    let reports: Vec<CodeReport> = (0..36)
        .map(|at: usize| {
            let functions: Vec<CodeFunction> = (0..7)
                .map(|n| {
                    function(&format!("f{n}"), n, 1, states[(at * 5 + at / 7 + n as usize * at / 3) % 3])
                })
                .collect();
            report(["a", "b"][at % 2], TODAY - (at as i64 % 3), &functions[at % 4..])
        })
        .collect();
    let (forward, backward) = (TestCatalog::new(), TestCatalog::new());
    reports.iter().for_each(|report| assert_eq!(forward.put(report), MERGED));
    for report in reports.iter().rev().chain(&reports) {
        assert_eq!(backward.put(report), MERGED);
    }
    assert_eq!(forward.sums(EVER), backward.sums(EVER));
    assert_eq!(forward.catalog.code_services().unwrap(), backward.catalog.code_services().unwrap());
}

#[test]
fn what_belongs_nowhere_is_dropped_and_counted() {
    let catalog = TestCatalog::new();
    let one = [function("rank", 5, 1, Executed)];
    let cases = [
        with(report("a", TODAY, &one), keys::SERVICE_NAME, ""),
        report("a", TODAY - DAYS_KEPT - 1, &one),
        report("a", TODAY + 1, &one),
    ];
    for case in &cases {
        assert_eq!(catalog.put(case), CodeKept::Dropped);
    }
    assert_eq!(catalog.put(&report("a", TODAY, &[])), MERGED);
    assert_eq!(catalog.counters.read().code_reports_dropped, 3);
    assert_eq!(catalog.catalog.code(&CodeFilter { service: "feed", window: EVER }).unwrap(), None);
    assert_eq!(catalog.put(&report("a", TODAY - DAYS_KEPT, &one)), MERGED);
}

#[test]
fn a_full_service_takes_no_more_functions_and_says_how_many_fell() {
    let catalog = TestCatalog::new();
    catalog.put(&report("a", TODAY, &[function("first", 1, 1, Executed)]));
    let fill = "with recursive number (n) as (select 1 union all select n + 1 from number where n < ?1)
        insert into code_functions select 1, n, cast('other' || n as blob), '', '', zeroblob(16), 0, 0, 0, 0, null
        from number";
    catalog.catalog.change(|transaction| transaction.execute(fill, [FUNCTIONS_MAX - 2])).unwrap();
    let more = [
        function("last", 1, 1, Executed),
        function("over", 1, 1, Executed),
        function("first", 1, 1, Executed),
    ];
    let told = CodeReport { left_out: 4, ..report("a", TODAY, &more) };
    assert_eq!(catalog.put(&told), CodeKept::Merged { fallen: 1 });
    let sums = catalog.sums(EVER);
    assert_eq!((sums.functions.len(), sums.left_out), (2, 5));
    assert_eq!(catalog.counters.read().code_functions_dropped, 1);
}

#[test]
fn too_many_services_or_blocks_of_a_day_are_dropped() {
    let catalog = TestCatalog::new();
    let one = [function("rank", 5, 1, Executed)];
    catalog.put(&report("a", TODAY, &one));
    let number = "with recursive number (n) as (select 2 union all select n + 1 from number where n < ?1)";
    let blocks = format!(
        "{number} insert into code_blocks select n, 1, {TODAY}, 'web', '', 'r1', 'h' || n, 0, x'' from number"
    );
    let services = format!("{number} insert into code_services select n, 's' || n, 0, 0, 0 from number");
    catalog
        .catalog
        .change(|transaction| {
            transaction.execute(&blocks, [BLOCKS_PER_DAY_MAX])?;
            transaction.execute(&services, [SERVICES_MAX])
        })
        .unwrap();
    assert_eq!(catalog.put(&report("a", TODAY, &one)), MERGED);
    assert_eq!(catalog.put(&report("new host", TODAY, &one)), CodeKept::Dropped);
    assert_eq!(catalog.put(&report("new host", TODAY - 1, &one)), MERGED);
    assert_eq!(catalog.put(&with(report("a", TODAY, &one), keys::SERVICE_NAME, "new")), CodeKept::Dropped);
    assert_eq!(catalog.counters.read().code_reports_dropped, 2);
}

fn branch(line: u32, outcomes: Outcomes) -> CodeBranch {
    CodeBranch { line, column: 300, outcomes }
}

#[test]
fn conditions_are_what_any_block_found_them_to_be() {
    let (never, always) = (Outcomes::FALSE.and(Outcomes::IN_A_ROW), Outcomes::TRUE.and(Outcomes::IN_A_ROW));
    let asked = |body, branches: &[CodeBranch]| CodeFunction {
        branches: branches.to_vec(),
        ..function("rank", 5, body, Executed)
    };
    let found = [
        ("a", TODAY - 1, asked(1, &[branch(2, never), branch(70_000, always)])),
        ("b", TODAY, asked(1, &[branch(2, never), branch(4, Outcomes::TRUE)])),
        ("b", TODAY, asked(2, &[branch(2, always)])),
        ("a", TODAY, asked(1, &[branch(70_000, Outcomes::FALSE)])),
        // Whose conditions these are is not known.
        ("a", TODAY, asked(0, &[branch(9, always)])),
        ("a", TODAY, function("rank", 5, 1, Executed)),
    ];
    let told = |found: &[(&str, i64, CodeFunction)]| {
        let catalog = TestCatalog::new();
        for (host, day, function) in found {
            assert_eq!(catalog.put(&report(host, *day, std::slice::from_ref(function))), MERGED);
        }
        let sums = catalog.sums(EVER);
        let told = sums.functions.into_iter().map(|one| (one.function.body, one.function.branches));
        told.collect::<Vec<_>>()
    };
    let both = always.and(Outcomes::FALSE);
    let expected = [
        (0, vec![]),
        (1, vec![branch(2, never), branch(4, Outcomes::TRUE), branch(70_000, both)]),
        (2, vec![branch(2, always)]),
    ];
    assert_eq!(told(&found), expected);
    let reversed: Vec<_> = found.iter().rev().cloned().collect();
    assert_eq!(told(&reversed), expected);

    let catalog = TestCatalog::new();
    for first in [0, 20] {
        let many: Vec<CodeBranch> = (first..first + 20).map(|line| branch(line, always)).collect();
        catalog.put(&report("a", TODAY, &[asked(1, &many)]));
    }
    assert_eq!(catalog.sums(EVER).functions[0].function.branches.len(), model::BRANCHES_MAX);
    assert_eq!(catalog.counters.code_branches_dropped.into_inner(), 8);
}

#[test]
fn old_days_go_with_the_functions_that_only_they_had() {
    let catalog = TestCatalog::new();
    let (old, lasting) = (function("old", 1, 1, Executed), function("lasting", 2, 1, Unexecuted));
    let old = CodeFunction { branches: vec![branch(1, Outcomes::TRUE)], ..old };
    catalog.put(&report("a", TODAY - DAYS_KEPT, &[old, lasting.clone()]));
    catalog.put(&report("a", TODAY - 1, std::slice::from_ref(&lasting)));
    catalog.put(&report("a", TODAY, &[lasting]));
    let none = Bounds::default();
    assert_eq!(catalog.retain(TODAY, none), 0);
    assert_eq!(catalog.retain(TODAY + 1, none), 1);
    // The number that came free is given away again, and brings nothing of the one before along.
    catalog.put(&report("a", TODAY, &[function("new", 3, 1, Unexecuted)]));
    assert_eq!(catalog.sums(EVER).functions[1].function.branches, []);
    insta::assert_snapshot!(catalog.shown(), @"
    lasting:2#1 -2 ?0 +0 seen -1..0 ran never web
    new:3#1 -1 ?0 +0 seen 0..0 ran never web
    ");
    let size = CodeServiceSize { service: "feed".into(), functions: 2, blocks: 2, bytes: 2 };
    assert_eq!(catalog.catalog.code_services().unwrap(), [size]);
    // Over the bounds, the oldest day goes.
    assert_eq!(catalog.retain(TODAY, Bounds { blocks: 1, ..none }), 1);
    assert_eq!(catalog.sums(EVER).days, Some(TODAY..=TODAY));
    assert_eq!(catalog.retain(TODAY, Bounds { bytes: 0, ..none }), 1);
    assert_eq!(catalog.catalog.code_services().unwrap(), []);
    assert_eq!(catalog.catalog.code(&CodeFilter { service: "feed", window: EVER }).unwrap(), None);
}
