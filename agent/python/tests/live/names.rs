//! Naming frames: what the interpreter says of its own stack is what is read from outside.

use agent_python::{CodeObjects, InstructionForm, Interpreter, Source, Unnamed};
use serde_json::Value;
use testkit::with_each_interpreter;

use crate::{
    process::{Process, ProcessMemory, attach},
    walk::walk,
};

const BYTES_MAX: usize = 16 << 20;

fn source<'a>(process: &Process, memory: &'a ProcessMemory, interpreter: &'a Interpreter) -> Source<'a, u64> {
    Source { image: 1, pid: process.pid(), memory, interpreter }
}

fn cut(text: &Value, bytes_max: usize) -> String {
    let mut kept = String::new();
    for character in text.as_str().unwrap().chars() {
        if kept.len() + character.len_utf8() > bytes_max {
            break;
        }
        kept.push(character);
    }
    kept
}

/// The names and lines of a parked thread, as read from outside and as told by itself.
fn check_parked(command: &str) {
    with_each_interpreter(|_, python| {
        let mut process = Process::start(python, "parked.py");
        process.hear();
        process.tell(command);
        let told = process.hear();
        let (_, interpreter) = attach(process.pid()).unwrap();
        let memory = process.memory();
        let mut names = CodeObjects::new(BYTES_MAX);
        let mut found = Vec::new();
        let raw = settled(&memory, &interpreter, told["thread"].as_u64().unwrap());
        for frame in raw.iter().filter(|frame| !(frame.is_entry && interpreter.frames.entry_is_shim())) {
            let named =
                names.frame(&source(&process, &memory, &interpreter), frame.code, frame.instruction).unwrap();
            found.push((frame.code, named.function.to_string(), named.file.to_string(), named.line));
        }
        let expected: Vec<(u64, String, String, u32)> = told["frames"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| {
                let (code, line) = (row["code"].as_u64().unwrap(), row["line"].as_u64().unwrap() as u32);
                (code, cut(&row["function"], 1024), cut(&row["file"], 4096), line)
            })
            .collect();
        assert_eq!(found, expected);
        assert!(found.len() > 15, "{found:?}");
        assert_eq!((names.counters().without_line, names.counters().named), (0, found.len() as u64));
        process.tell("");
        process.end();
    });
}

/// Walks until the thread has left the function that told its stack and waits in the one that parks.
fn settled(memory: &ProcessMemory, interpreter: &Interpreter, thread: u64) -> Vec<crate::walk::RawFrame> {
    let mut before = Vec::new();
    loop {
        let now = walk(memory, interpreter, thread);
        let shape = |frames: &[crate::walk::RawFrame]| -> Vec<(u64, u64)> {
            frames.iter().map(|frame| (frame.code, frame.instruction)).collect()
        };
        if shape(&now) == before {
            return now;
        }
        before = shape(&now);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn a_parked_stack_is_named() {
    check_parked("park");
}

#[test]
fn a_parked_thread_is_named() {
    check_parked("thread");
}

#[test]
fn every_instruction_has_the_interpreters_line() {
    with_each_interpreter(|_, python| {
        let mut process = Process::start(python, "parked.py");
        process.hear();
        let (_, interpreter) = attach(process.pid()).unwrap();
        process.tell("lines");
        let mut rows = Vec::new();
        loop {
            let row = process.hear();
            if row["code"] == 0 {
                break;
            }
            rows.push(row);
        }
        let memory = process.memory();
        let mut names = CodeObjects::new(BYTES_MAX);
        let mut instructions = 0;
        for row in &rows {
            let code = row["code"].as_u64().unwrap();
            let mut line_at = |offset: i64| {
                let raw = raw_instruction(&interpreter, code, offset);
                names.frame(&source(&process, &memory, &interpreter), code, raw).unwrap().line
            };
            for (at, expected) in (0..).zip(row["lines"].as_array().unwrap()) {
                let expected = u32::try_from(expected.as_i64().unwrap()).unwrap_or(0);
                assert_eq!(line_at(2 * at), expected, "{} at {at}", row["function"]);
                instructions += 1;
            }
            assert_eq!(u64::from(line_at(-2)), row["first"].as_u64().unwrap());
        }
        assert!(instructions > 10_000, "{instructions}");
        process.end();
    });
}

/// An instruction as a frame of this version would state it.
fn raw_instruction(interpreter: &Interpreter, code: u64, offset: i64) -> u64 {
    match interpreter.code.instruction {
        InstructionForm::Bytes => offset as u64,
        InstructionForm::Units => (offset / 2) as u64,
        InstructionForm::Pointer => (code + u64::from(interpreter.code.code)).wrapping_add_signed(offset),
    }
}

#[test]
fn a_reused_address_is_noticed_in_the_next_window() {
    with_each_interpreter(|_, python| {
        let mut process = Process::start(python, "parked.py");
        process.hear();
        let (_, interpreter) = attach(process.pid()).unwrap();
        let memory = process.memory();
        process.tell("reuse");
        let code = process.hear()["code"].as_u64().unwrap();
        let mut names = CodeObjects::new(BYTES_MAX);
        let before = names.frame(&source(&process, &memory, &interpreter), code, 0).unwrap();
        assert_eq!(before.function.as_ref(), "before");
        process.tell("");
        let told = process.hear();
        assert_eq!(told["code"], code, "no function took the freed address");
        let memory = process.memory();
        let source = source(&process, &memory, &interpreter);
        assert_eq!(names.frame(&source, code, 0).unwrap().function.as_ref(), "before");
        names.begin_window();
        let after = names.frame(&source, code, 0).unwrap();
        assert_eq!(Some(after.function.as_ref()), told["function"].as_str());
        process.tell("");
        process.end();
    });
}

#[test]
fn children_of_one_image_keep_their_names_apart() {
    with_each_interpreter(|_, python| {
        let mut process = Process::start(python, "parked.py");
        process.hear();
        let (_, interpreter) = attach(process.pid()).unwrap();
        process.tell("fork");
        let children = [process.hear(), process.hear()];
        let address = |child: &Value| child["code"].as_u64().unwrap();
        assert_eq!(address(&children[0]), address(&children[1]), "the children's memory differs");
        let mut names = CodeObjects::new(BYTES_MAX);
        for _ in 0..2 {
            for child in &children {
                let pid = child["pid"].as_u64().unwrap() as u32;
                let memory = ProcessMemory::open(pid);
                let source = Source { image: 1, pid, memory: &memory, interpreter: &interpreter };
                let found = names.frame(&source, address(child), 0).unwrap();
                assert_eq!(Some(found.function.as_ref()), child["function"].as_str());
            }
        }
        process.tell("");
        process.end();
    });
}

#[test]
fn names_outlive_the_process_that_they_were_read_in() {
    with_each_interpreter(|_, python| {
        let mut process = Process::start(python, "parked.py");
        process.hear();
        let (_, interpreter) = attach(process.pid()).unwrap();
        process.tell("reuse");
        let code = process.hear()["code"].as_u64().unwrap();
        let memory = process.memory();
        let pid = process.pid();
        let mut names = CodeObjects::new(BYTES_MAX);
        names.frame(&source(&process, &memory, &interpreter), code, 0).unwrap();
        drop(process);
        names.begin_window();
        let dead = Source { image: 1_u64, pid: pid + 1, memory: &memory, interpreter: &interpreter };
        assert_eq!(names.frame(&dead, code, 0).unwrap().function.as_ref(), "before");
        assert_eq!(names.frame(&dead, code + 16, 0), Err(Unnamed::Unreadable));
        assert_eq!((names.counters().named_by_image, names.counters().unreadable), (1, 1));
        names.forget(1);
        assert_eq!(names.bytes(), 0);
        assert_eq!(names.frame(&dead, code, 0), Err(Unnamed::Unreadable));
    });
}

#[test]
fn what_is_no_code_object_is_not_named() {
    with_each_interpreter(|_, python| {
        let mut process = Process::start(python, "parked.py");
        process.hear();
        let (_, interpreter) = attach(process.pid()).unwrap();
        let memory = process.memory();
        let mut names = CodeObjects::new(BYTES_MAX);
        let source = source(&process, &memory, &interpreter);
        assert_eq!(names.frame(&source, interpreter.code_type, 0), Err(Unnamed::NotCode));
        assert_eq!(names.frame(&source, 8, 0), Err(Unnamed::Unreadable));
        process.end();
    });
}

#[test]
fn memory_for_names_is_bounded() {
    with_each_interpreter(|_, python| {
        let mut process = Process::start(python, "parked.py");
        process.hear();
        let (_, interpreter) = attach(process.pid()).unwrap();
        process.tell("lines");
        let memory = process.memory();
        let mut names = CodeObjects::new(50_000);
        let mut count = 0;
        loop {
            let row = process.hear();
            if row["code"] == 0 {
                break;
            }
            let code = row["code"].as_u64().unwrap();
            let named = names.frame(&source(&process, &memory, &interpreter), code, 0).unwrap();
            assert_eq!(named.function.as_ref(), cut(&row["function"], 1024));
            assert!(names.bytes() < 60_000, "{}", names.bytes());
            count += 1;
        }
        assert!(count > 200 && names.counters().evicted > 50, "{count} {:?}", names.counters());
        process.end();
    });
}
