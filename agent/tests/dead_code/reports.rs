//! Reports of groups of processes as the agent makes them: real masters and workers, looked at again and again.

use std::{collections::BTreeMap, path::Path};

use agent::code_report::CodeReporter;
use model::{CodeReport, ExecutionState, LabelSet, keys};
use testkit::with_each_interpreter;

use crate::{
    private_kb,
    program::{Program, newest},
};
use ExecutionState::{Executed, Unexecuted, Unknown};

const DAY_NS: i64 = 86_400_000_000_000;

/// A reporter, and the processes that it looks at.
struct Watch {
    reporter: CodeReporter,
    pids: Vec<u32>,
}

impl Watch {
    fn new(pids: Vec<u32>) -> Self {
        let labels = LabelSet::new([(keys::SERVICE_NAME, "shop")]);
        Self { reporter: CodeReporter::new(Path::new("/proc"), "host", labels), pids }
    }

    fn look(&mut self, at_ns: i64) -> Vec<CodeReport> {
        self.reporter.look(&self.pids, at_ns, &mut || false);
        self.reporter.tell(at_ns)
    }

    /// The functions of files below `/srv/shop` that one report tells of; none when there is nothing to tell.
    fn told(&mut self, at_ns: i64) -> (BTreeMap<String, (ExecutionState, bool)>, bool) {
        let reports = self.look(at_ns);
        assert!(reports.len() < 2, "{reports:?}");
        let Some(report) = reports.into_iter().next() else { return (BTreeMap::new(), false) };
        let shop = report.functions.iter().filter(|function| function.file.starts_with("/srv/shop/"));
        let row = |function: &model::CodeFunction| {
            assert!(function.body != 0 && function.bytes > 0 && function.line > 0, "{function:?}");
            (function.function.to_string(), (function.state, function.is_import_only))
        };
        (shop.map(row).collect(), report.is_complete)
    }

    fn count(&self, outcome: &'static str) -> u64 {
        self.reporter.tally().get("code_processes_total", outcome)
    }
}

fn start(python: &Path) -> (Program, Watch) {
    let mut program = Program::start(python, "forks.py");
    let workers = program.hear();
    let workers = workers["workers"].as_array().unwrap().iter().map(|pid| pid.as_u64().unwrap() as u32);
    let pids = [program.pid()].into_iter().chain(workers).collect();
    (program, Watch::new(pids))
}

fn row(name: &str, state: ExecutionState, is_import_only: bool) -> (String, (ExecutionState, bool)) {
    (name.to_owned(), (state, is_import_only))
}

#[test]
fn what_ran_before_the_fork_is_told_from_what_workers_ran() {
    with_each_interpreter(|minor, python| {
        let (mut program, mut watch) = start(python);
        let reports = watch.look(DAY_NS);
        let [report] = reports.as_slice() else { panic!("{reports:?}") };
        assert_eq!((report.processes, report.read, report.refused, report.left_out), (3, 3, 0, 0));
        assert_eq!(&*report.runtime, format!("cpython 3.{minor}"));
        assert_eq!(report.labels.get(keys::SERVICE_NAME), Some("shop"));
        assert_eq!(report.labels.get(keys::PROCESS_PID), None);
        let is_library = |file: &str| file.contains("/lib/python3") && !file.contains("-packages/");
        assert!(!report.functions.iter().any(|function| is_library(&function.file)));

        let (told, is_complete) = Watch::new(watch.pids.clone()).told(DAY_NS);
        // Only counts say that it ran once more.
        let can_count = minor <= 11;
        let mut expected = BTreeMap::from([
            row("Cart.never", Unexecuted, false),
            row("Cart.ran_in_worker", Executed, false),
            row("never", Unexecuted, false),
            row("ran_before_and_after", Executed, !can_count),
            row("ran_before_fork", Executed, true),
            row("ran_in_worker", Executed, false),
            row("ran_on_demand", Unexecuted, false),
        ]);
        let empty = if minor == 12 { Unknown } else { Unexecuted };
        expected.extend([row("never_empty", empty, false), row("ran_empty", empty, false)]);
        assert_eq!((told, is_complete), (expected, true));

        // From here on, only what changes is told.
        assert_eq!(watch.told(DAY_NS + 1), (BTreeMap::new(), false));
        program.ask("ran_on_demand");
        let expected = BTreeMap::from([row("ran_on_demand", Executed, false)]);
        assert_eq!(watch.told(DAY_NS + 2), (expected, false));
        program.ask("ran_before_fork");
        let expected = can_count.then(|| row("ran_before_fork", Executed, false)).into_iter().collect();
        assert_eq!(watch.told(DAY_NS + 3), (expected, false));
        program.ask("lazy");
        let expected =
            BTreeMap::from([row("ran_lazy", Executed, false), row("never_lazy", Unexecuted, false)]);
        assert_eq!(watch.told(DAY_NS + 4), (expected, false));

        // The next day all is told again, by those that are left.
        program.ask("end");
        let reports = watch.look(2 * DAY_NS);
        let [report] = reports.as_slice() else { panic!("{reports:?}") };
        assert_eq!((report.processes, report.is_complete), (2, true));
        let state =
            |name| report.functions.iter().find(|function| &*function.function == name).unwrap().state;
        assert_eq!(
            [state("ran_on_demand"), state("ran_lazy"), state("never")],
            [Executed, Executed, Unexecuted]
        );
    });
}

#[test]
fn reading_marks_again_leaves_shared_pages_shared() {
    with_each_interpreter(|_, python| {
        let (mut program, mut watch) = start(python);
        // Only who is at rest keeps what it has.
        program.ask("ran_on_demand");
        let kb = |watch: &Watch| watch.pids.iter().map(|pid| private_kb(*pid)).collect::<Vec<_>>();
        let before = kb(&watch);
        for at_ns in 0..3 {
            watch.look(at_ns);
        }
        for (before, after) in before.iter().zip(kb(&watch)) {
            assert!(after <= before + 64, "{before} kB became {after} kB");
        }
        let read = watch.reporter.tally().get("code_marks_total", "read");
        assert!(read > 50, "only {read} marks were read again");
    });
}

#[test]
fn epochs_say_what_ran_on_a_day() {
    with_each_interpreter(|minor, python| {
        let (mut program, mut watch) = start(python);
        let has_epochs = program.ask("epoch")["done"] == true;
        assert_eq!(has_epochs, minor >= 12);
        program.ask("ran_empty");
        // The others know of no epoch, so that 3.12 cannot say it of them.
        watch.pids = vec![watch.pids[1]];
        let (first, _) = watch.told(DAY_NS);
        let empty = if minor == 12 { Unknown } else { Unexecuted };
        assert_eq!([first["ran_empty"].0, first["never_empty"].0], [Executed, empty]);
        program.ask("epoch");
        assert_eq!(watch.told(DAY_NS + 1).0, BTreeMap::new());
        let (second, is_complete) = watch.told(2 * DAY_NS);
        // What has a mark of its own keeps it for life; 3.12 has none here, and so says what ran on this day.
        let ran = if minor == 12 { Unexecuted } else { Executed };
        assert_eq!([second["ran_empty"].0, second["never_empty"].0], [ran, Unexecuted]);
        program.ask("ran_empty");
        let expected = (minor == 12).then(|| row("ran_empty", Executed, false)).into_iter().collect();
        assert_eq!((watch.told(2 * DAY_NS + 1), is_complete), ((expected, false), true));
    });
}

#[test]
fn processes_that_end_are_no_longer_counted() {
    let (program, mut watch) = start(&newest());
    let mut program = Some(program);
    // They end at the first question in the middle of the look.
    let pids = watch.pids.clone();
    watch.reporter.look(&pids, DAY_NS, &mut || {
        drop(program.take());
        false
    });
    assert_eq!(watch.count("read"), 0);
    assert!(watch.count("ended") + watch.count("not readable") > 0);
    assert_eq!(watch.look(DAY_NS + 1), []);
    // What is no interpreter, and what is not there, is left alone.
    let mut sleep = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let mut other = Watch::new(vec![sleep.id(), 0x7fff_fff0]);
    let found = (other.look(DAY_NS), other.look(2 * DAY_NS));
    sleep.kill().unwrap();
    sleep.wait().unwrap();
    assert_eq!((found, other.count("refused")), ((vec![], vec![]), 0));
}

#[test]
fn a_look_that_is_out_of_time_says_so() {
    let (_program, mut watch) = start(&newest());
    let pids = watch.pids.clone();
    watch.reporter.look(&pids, DAY_NS, &mut || true);
    assert_eq!((watch.reporter.tell(DAY_NS), watch.count("left out")), (vec![], 3));
    let mut questions = 0;
    watch.reporter.look(&pids, DAY_NS, &mut || {
        questions += 1;
        questions > 4
    });
    assert!(watch.count("out of time") > 0);
    assert!(watch.told(DAY_NS).1);
}

#[test]
fn functions_that_come_and_go_lend_no_mark() {
    with_each_interpreter(|_, python| {
        let mut program = Program::start_with(python, "churn.py", "3000", &[]);
        program.hear();
        let mut watch = Watch::new(vec![program.pid()]);
        let mut seen = 0;
        for at_ns in 0..5 {
            for function in watch.look(at_ns).into_iter().flat_map(|report| report.functions) {
                let Some(rest) = function.function.strip_prefix("churn") else { continue };
                let Some((file, number)) = rest.split_once('_') else { continue };
                assert_eq!(&*function.file, format!("/srv/churn{file}.py"));
                let runs = number.parse::<u64>().unwrap() % 2 == 1;
                assert!(runs || function.state != Executed, "{function:?}");
                seen += 1;
            }
        }
        assert!(seen > 100, "only {seen} functions of those that come and go were seen");
    });
}

#[test]
fn a_hundred_thousand_code_objects_are_bounded() {
    let mut program = Program::start_with(&newest(), "many.py", "100000", &[]);
    let child = program.hear()["pid"].as_u64().unwrap() as u32;
    let process = program.scan();
    let of_file = process.functions.iter().filter(|function| &*function.file == "/srv/many.py");
    assert_eq!(of_file.count(), 100_000);
    assert_eq!((process.counters.scan.changed, process.counters.scan.beyond_limit), (0, 0));
    let mut watch = Watch::new(vec![program.pid(), child]);
    let reports = watch.look(DAY_NS);
    assert_eq!((reports.len(), reports[0].functions.len()), (1, 80_000));
    assert!(reports[0].left_out >= 20_000, "{}", reports[0].left_out);
}
