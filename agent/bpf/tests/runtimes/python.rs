//! Python frames and the request of every CPython here.

use std::collections::BTreeSet;

use agent_bpf::{
    ContextOutcome, ContextSource, PYTHON_FRAMES_MAX, PythonOutcome, PythonTarget, RawSample, RuntimeConfig,
};

use crate::interpreter::{Interpreter, context_variable, interpreters};
use crate::process::{Program, may_sample, sample_configured};

const SAMPLES: usize = 60;

fn frames_of(target: PythonTarget) -> RuntimeConfig {
    RuntimeConfig { python: Some(target), ..RuntimeConfig::default() }
}

/// Samples a program once it is past its start-up: from the first stack that `is_expected` on, all must be.
fn check_stacks(
    interpreter: &Interpreter,
    how: &str,
    outcome: PythonOutcome,
    is_expected: impl Fn(&str) -> bool,
) {
    let program = interpreter.run("stacks.py", &[how]);
    let mut seen = 0;
    sample_configured(&program, &frames_of(interpreter.target(&program)), |sample| {
        let stack = sample.python.as_ref().unwrap();
        let text = interpreter.describe(&program, stack.frames.iter());
        let fits = is_expected(&text) && stack.outcome == outcome;
        assert!(fits || seen == 0, "{:?} {how}: {:?} {text}", interpreter.path, stack.outcome);
        seen += usize::from(fits);
        seen >= SAMPLES
    });
}

/// The stack with entries marked as this version does. `<` stands where C entered the function before it.
fn marked(interpreter: &Interpreter, text: &str) -> String {
    match interpreter.minor() {
        ..=10 => text.replace('<', ""),
        11 => text.replace('<', "*"),
        _ => text.replace('<', " |"),
    }
}

#[test]
fn the_walked_frames_are_those_that_run() {
    if !may_sample() {
        return;
    }
    for interpreter in interpreters() {
        let cases = [("calls", "middle< outer (module)<"), ("compress", "compress (module)<")];
        for (how, callers) in cases {
            // The module's name has the character that marks entries here.
            let callers = marked(&interpreter, callers).replace("(module)", "<module>");
            let calling = format!("leaf {callers}");
            check_stacks(&interpreter, how, PythonOutcome::Complete, |text| {
                text == callers || text == calling
            });
        }
    }
}

/// In these, whether C stands between two functions depends on the version and on how warm a loop is.
#[test]
fn generators_and_threads_are_walked_too() {
    if !may_sample() {
        return;
    }
    for interpreter in interpreters() {
        let cases = [
            ("generator", ["generator <module>", "steps generator <module>"]),
            (
                "thread",
                ["outer run _bootstrap_inner _bootstrap", "middle outer run _bootstrap_inner _bootstrap"],
            ),
        ];
        for (how, callers) in cases {
            check_stacks(&interpreter, how, PythonOutcome::Complete, |text| {
                let names = text.replace(" |", "").replace('*', "");
                callers.contains(&names.trim_start_matches("leaf "))
            });
        }
    }
}

#[test]
fn forked_children_are_configured_with_their_parent() {
    if !may_sample() {
        return;
    }
    for interpreter in interpreters() {
        let program = interpreter.run("stacks.py", &["fork"]);
        let mut children = BTreeSet::new();
        sample_configured(&program, &frames_of(interpreter.target(&program)), |sample| {
            let stack = sample.python.as_ref().unwrap();
            // The parent has the same code at the same addresses.
            let text = interpreter.describe(&program, stack.frames.iter());
            if sample.pid != program.pid() && text.starts_with("leaf") {
                assert_eq!(text, marked(&interpreter, "leaf (module)<").replace("(module)", "<module>"));
                children.insert(sample.pid);
            }
            children.len() >= 5
        });
    }
}

#[test]
fn entries_from_c_are_walked_whole() {
    if !may_sample() {
        return;
    }
    for interpreter in interpreters() {
        let callers = marked(&interpreter, "entries (module)<").replace("(module)", "<module>");
        let calling = format!("{} {callers}", marked(&interpreter, "tiny<"));
        // In the middle of an entry or a return the shim may stand without the function.
        let entering = format!("| {callers}");
        check_stacks(&interpreter, "entries", PythonOutcome::Complete, |text| {
            text == callers || text == calling || text == entering
        });
    }
}

#[test]
fn deeper_stacks_are_cut_and_say_so() {
    if !may_sample() {
        return;
    }
    for interpreter in interpreters() {
        check_stacks(&interpreter, "deep", PythonOutcome::Truncated, |text| {
            let names: Vec<&str> =
                text.trim_start_matches("leaf ").trim_start_matches("middle ").split(' ').collect();
            text.split(' ').count() == PYTHON_FRAMES_MAX && names.iter().all(|name| *name == "deep")
        });
    }
}

#[test]
fn another_code_type_is_refused() {
    if !may_sample() {
        return;
    }
    for interpreter in interpreters() {
        let program = interpreter.run("stacks.py", &["calls"]);
        let target = interpreter.target(&program);
        let config = frames_of(PythonTarget { code_type: target.code_type + 8, ..target });
        let mut seen = 0;
        sample_configured(&program, &config, |sample| {
            let stack = sample.python.as_ref().unwrap();
            assert_eq!((stack.outcome, stack.frames.len()), (PythonOutcome::WrongType, 0));
            seen += 1;
            seen >= 10
        });
    }
}

/// The endpoint that the sample's context names.
fn endpoint(program: &Program, sample: &RawSample<'_>) -> Option<String> {
    let context = sample.context.as_ref().unwrap();
    assert_eq!(context.source, ContextSource::ContextVariable);
    assert!(context.bytes.is_empty());
    if context.outcome != ContextOutcome::Found {
        let is_absent = matches!(context.outcome, ContextOutcome::NoContext | ContextOutcome::Absent);
        assert!(is_absent && context.address == 0, "{context:?}");
        return None;
    }
    let record = program.read(context.address, context.length as usize);
    // The endpoint is the first attribute, behind 28 bytes, its key and its length.
    let length = usize::from(record[29]);
    Some(String::from_utf8(record[30..30 + length].to_vec()).unwrap())
}

#[test]
fn the_request_is_that_of_the_running_function() {
    if !may_sample() {
        return;
    }
    for interpreter in interpreters() {
        for other_variables in ["0", "200"] {
            let program = interpreter.run("requests.py", &[other_variables]);
            let config = RuntimeConfig {
                context_variable: Some(context_variable(&program)),
                ..frames_of(interpreter.target(&program))
            };
            let mut seen = [0; 3];
            sample_configured(&program, &config, |sample| {
                let frames = sample.python.as_ref().unwrap().frames.iter();
                let stack = interpreter.describe(&program, frames);
                let runs = |name: &str| stack.split(' ').any(|word| word == name);
                let cases =
                    [("feed", Some("GET /feed")), ("profile", Some("GET /profile/{id}")), ("idle", None)];
                for (count, (function, expected)) in seen.iter_mut().zip(cases) {
                    if runs(function) {
                        assert_eq!(endpoint(&program, sample).as_deref(), expected, "{stack}");
                        *count += 1;
                    }
                }
                seen.iter().all(|count| *count >= SAMPLES / 3)
            });
        }
    }
}
