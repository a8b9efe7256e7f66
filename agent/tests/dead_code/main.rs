//! Execution marks of real interpreters: every CPython 3.8 to 3.13 that is found.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

mod bodies;
mod conditions;
mod program;
mod reports;

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use agent::dead_code::{self, DeadCodeError, ExecutionState, Extent, Function, Process};

use ExecutionState::{Executed, Unexecuted, Unknown};
use program::Program;
use testkit::with_each_interpreter;

fn scan(pid: u32) -> Result<Process, DeadCodeError> {
    dead_code::scan(Path::new("/proc"), pid, Extent::Bodies, &mut |done, total| assert!(done <= total))
}

fn in_file<'a>(process: &'a Process, end: &str) -> Vec<&'a Function> {
    process.functions.iter().filter(|function| function.file.ends_with(end)).collect()
}

fn last_name(function: &Function) -> &str {
    function.function.rsplit('.').next().unwrap()
}

/// What a name of `functions.py` promises.
fn promised(function: &Function, minor: u8) -> Option<ExecutionState> {
    let name = last_name(function);
    // In 3.12 nothing is left of running these, or of one way through them.
    if minor == 12 && ["never_empty", "ran_empty", "ran_with_early_return"].contains(&name) {
        return Some(Unknown);
    }
    match name {
        name if name.starts_with("ran") => Some(Executed),
        name if name.starts_with("never") || name.starts_with("made") => Some(Unexecuted),
        "say" | "run" | "waits" | "consume" | "listen" | "Shape" => Some(Executed),
        _ => None,
    }
}

#[test]
fn a_single_execution_is_seen_and_none_is_invented() {
    with_each_interpreter(|minor, python| {
        let mut program = Program::start(python, "functions.py");
        program.hear();
        let process = program.scan();
        let functions = in_file(&process, "tests/dead_code/functions.py");
        let mut checked = 0;
        for function in &functions {
            if let Some(expected) = promised(function, minor) {
                assert_eq!(function.state, expected, "{function:?}");
                checked += 1;
            }
        }
        assert_eq!(checked, 33);
        for name in ["Shape.ran", "Shape.never_property", "Shape.never_static_method", "ran_once"] {
            assert!(functions.iter().any(|function| &*function.function == name), "{name}");
        }
        for name in ["ran_inner", "never_inner"] {
            let name = format!("ran_outer.<locals>.{name}");
            assert!(functions.iter().any(|function| *function.function == name), "{name}");
        }
        let evidence = |name: &str| {
            functions.iter().find(|function| last_name(function) == name).unwrap().evidence.as_str()
        };
        let (once, often, never) = match minor {
            8..=10 => ("entered once", "entered at least 1024 times", "call count is 0"),
            11 => (
                "entered, resumed or looped once",
                "entered, resumed or looped at least 8 times",
                "warm-up counter is at its start",
            ),
            12 => (
                "instructions counted or specialised",
                "instructions counted or specialised",
                "instruction counters are at their start",
            ),
            _ => (
                "first instruction specialised",
                "first instruction specialised",
                "first instruction is as compiled",
            ),
        };
        assert_eq!(evidence("ran_often"), often);
        assert_eq!([evidence("ran_and_raised"), evidence("never")], [once, never]);
        assert_eq!(evidence("made_generator"), format!("{never}; may have been made, not begun"));
        let lines = |line| functions.iter().find(|function| function.line == line).unwrap().state;
        assert_eq!(
            [lines(line_of("ran_lambda =")), lines(line_of("never_lambda ="))],
            [Executed, Unexecuted]
        );
        let made = in_file(&process, "<string>");
        let state = |name| made.iter().find(|function| &*function.function == name).unwrap().state;
        assert_eq!([state("ran_text"), state("never_text")], [Executed, Unexecuted]);
        assert_eq!(process.counters.scan.changed + process.counters.scan.beyond_limit, 0);
    });
}

fn line_of(start: &str) -> u32 {
    let program = include_str!("functions.py");
    program.lines().position(|line| line.starts_with(start)).unwrap() as u32 + 1
}

/// By number: what `many.py` ran in itself, and what only its child ran.
fn states(process: &Process) -> BTreeMap<usize, ExecutionState> {
    let numbered = in_file(process, "/srv/many.py")
        .into_iter()
        .filter_map(|function| Some((last_name(function).strip_prefix('f')?.parse().ok()?, function.state)));
    let mut states = BTreeMap::new();
    for (number, state) in numbered {
        assert_eq!(states.insert(number, state), None, "{number} was found twice");
    }
    states
}

#[test]
fn of_four_thousand_functions_none_is_mistaken() {
    with_each_interpreter(|minor, python| {
        let mut program = Program::start(python, "many.py");
        let child = program.hear()["pid"].as_u64().unwrap() as u32;
        let (parent, child) = (program.scan(), scan(child).unwrap());
        let expected = |ran: &[usize]| -> BTreeMap<usize, ExecutionState> {
            let state = |number: usize| match number {
                _ if ran.contains(&(number % 8)) => Executed,
                // One way through these has nothing that 3.12 counts.
                _ if minor == 12 && number % 5 == 2 => Unknown,
                _ => Unexecuted,
            };
            (0..4000).map(|number| (number, state(number))).collect()
        };
        let differing = |process: &Process, ran: &[usize]| -> Vec<(usize, ExecutionState)> {
            let (found, expected) = (states(process), expected(ran));
            assert_eq!(found.len(), expected.len());
            found.into_iter().filter(|(number, state)| expected[number] != *state).collect()
        };
        assert_eq!(differing(&parent, &[0, 2]), []);
        assert_eq!(differing(&child, &[0, 2, 4, 6]), []);
        assert_eq!((parent.ancestor, child.ancestor), (None, Some(parent.pid)));
        for function in in_file(&child, "/srv/many.py") {
            let Some(number) = last_name(function).strip_prefix('f') else { continue };
            let expected = match number.parse::<usize>().unwrap() % 8 {
                0 | 2 => "; inherited or here: parent",
                4 | 6 => "; ran here since the fork (parent",
                _ => "",
            };
            assert!(function.evidence.contains(expected), "{function:?}");
            assert_eq!(expected.is_empty(), !function.evidence.contains("parent"), "{function:?}");
        }
        let rows = dead_code::rows(&[parent, child]);
        let row = |name: &str| rows.iter().find(|row| &*row.function == name).unwrap();
        assert_eq!([row("f4").state, row("f5").state], [Executed, Unexecuted]);
    });
}

/// Memory that a process has for itself. Pages of files are left out: they become its own whenever another process
/// that has them mapped ends.
fn private_kb(pid: u32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = rollup.lines().find(|line| line.starts_with("Private_Dirty:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_forked_process_keeps_what_it_shares() {
    with_each_interpreter(|_, python| {
        let mut program = Program::start(python, "many.py");
        let child = program.hear()["pid"].as_u64().unwrap() as u32;
        let pids = [program.pid(), child];
        let before = pids.map(private_kb);
        let scanned = pids.map(|pid| scan(pid).unwrap().counters.scan.bytes >> 10);
        let after = pids.map(private_kb);
        assert!(scanned.iter().all(|kb| *kb > 2_000), "{scanned:?}");
        for (before, after) in before.iter().zip(after) {
            assert!(after <= before + 64, "{before} kB became {after} kB");
        }
    });
}

#[test]
fn functions_that_come_and_go_keep_their_own_names() {
    with_each_interpreter(|_, python| {
        // What lives for less than a scan takes is dropped.
        let mut program = Program::start_with(python, "churn.py", "3000", &[]);
        program.hear();
        let mut found = 0;
        for _ in 0..3 {
            for function in program.scan().functions {
                let Some(rest) = function.function.strip_prefix("churn") else { continue };
                if let Some((file, number)) = rest.split_once('_') {
                    assert_eq!(&*function.file, format!("/srv/churn{file}.py"), "{function:?}");
                    let runs = number.parse::<u64>().unwrap() % 2 == 1;
                    assert!(function.line == 1 && (runs || function.state != Executed), "{function:?}");
                    found += 1;
                }
            }
        }
        assert!(found > 30, "only {found} functions of those that come and go were seen");
    });
}

#[test]
fn tools_that_watch_a_program_mislead_nobody() {
    with_each_interpreter(|_, python| {
        let modes =
            ["profile", "profile on", "trace", "trace on", "events", "events on", "local", "local on"];
        for mode in modes {
            let mut program = Program::start_with(python, "monitored.py", mode, &[]);
            program.hear();
            let process = program.scan();
            let functions = in_file(&process, "monitored.py");
            let misleading = |function: &&&Function| {
                let name = last_name(function);
                (name.starts_with("ran") && function.state == Unexecuted)
                    || (name.starts_with("never") && function.state == Executed)
            };
            assert_eq!(functions.iter().find(misleading), None, "{mode}");
            assert!(functions.len() > 12, "{functions:?}");
        }
    });
}

#[test]
fn a_process_that_ends_is_said_to() {
    with_each_interpreter(|_, python| {
        let mut program = Program::start(python, "functions.py");
        program.hear();
        let pid = program.pid();
        let mut program = Some(program);
        let result =
            dead_code::scan(Path::new("/proc"), pid, Extent::Marks, &mut |_, _| drop(program.take()));
        assert!(matches!(result, Err(DeadCodeError::Ended { pid: found }) if found == pid), "{result:?}");
    });
}

#[test]
fn what_is_no_interpreter_is_refused() {
    let mut other = Command::new("sleep").arg("60").spawn().unwrap();
    let refused = scan(other.id());
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(matches!(refused, Err(DeadCodeError::NoInterpreter { .. })), "{refused:?}");
    let gone = scan(other.id());
    assert!(matches!(gone, Err(DeadCodeError::Unreadable { .. })), "{gone:?}");
}

#[test]
fn a_flag_that_never_varied_is_told_from_one_that_did() {
    with_each_interpreter(|_, python| {
        let mut program = Program::start(python, "flags.py");
        program.hear();
        let flags = dead_code::flags(Path::new("/proc"), program.pid()).unwrap();
        let told: Vec<(&str, u64, Option<&str>)> = flags
            .iter()
            .map(|flag| (&*flag.flag, flag.evaluations(), flag.only_variant().map(AsRef::as_ref)))
            .collect();
        assert_eq!(told, [("constant", 300, Some("off")), ("varying", 300, None)]);
    });
}
