//! Recognising interpreters: version, addresses, layout.

use std::fs::File;

use agent_python::{Binary, Interpreter, Refusal};

use testkit::{installed, with_each_interpreter};

use crate::process::{Process, attach, find};

#[test]
fn interpreters_are_recognised() {
    with_each_interpreter(|_, python| {
        let mut process = Process::start(python, "parked.py");
        let told = process.hear();
        let (binary, found) = attach(process.pid()).unwrap();
        let number = |at: usize| told["version"][at].as_u64().unwrap() as u8;
        assert_eq!(found.version.minor, number(1));
        assert_eq!(found.version.micro, (number(1) >= 11).then(|| number(2)));
        assert_eq!(found.code_type, told["code_type"].as_u64().unwrap());
        assert_eq!(found.unicode_type, told["unicode_type"].as_u64().unwrap());
        let code: u64 = binary.eval.iter().map(|range| range.end - range.start).sum();
        assert!(code > 20_000, "{:?}", binary.eval);
        assert!(binary.is_eval(binary.eval[0].start) && !binary.is_eval(binary.eval[0].end + (1 << 30)));
        process.end();
    });
}

#[test]
fn a_busy_interpreter_is_recognised() {
    with_each_interpreter(|_, python| {
        let mut process = Process::start(python, "busy.py");
        process.hear();
        let (binary, bias) = find(process.pid()).unwrap();
        let memory = process.memory();
        let expected = Interpreter::attach(&binary, bias, &memory).unwrap();
        for _ in 0..500 {
            assert_eq!(Interpreter::attach(&binary, bias, &memory), Ok(expected));
        }
        process.end();
    });
}

#[test]
fn a_layout_that_memory_contradicts_is_refused() {
    with_each_interpreter(|_, python| {
        let mut process = Process::start(python, "parked.py");
        process.hear();
        let (binary, bias) = find(process.pid()).unwrap();
        for minor in (8..=13).filter(|minor| *minor != binary.version.minor) {
            let mut other = binary.clone();
            other.version.minor = minor;
            // 3.9 and 3.10 differ only in how instructions are counted, which no word of memory tells.
            let is_alike = matches!((minor, binary.version.minor), (9, 10) | (10, 9));
            let refusal = Interpreter::attach(&other, bias, &process.memory()).err();
            assert_eq!(refusal.is_none(), is_alike, "3.{minor} for {}: {refusal:?}", binary.version);
        }
        process.end();
    });
}

#[test]
fn older_interpreters_are_refused() {
    for minor in 0..8 {
        for python in installed(minor) {
            println!("with {}", python.display());
            // Before 3.7 there was no runtime struct, and nothing here that could be taken for one.
            let expected = if minor < 7 { None } else { Some(Refusal::Version) };
            let folder = python.ancestors().nth(2).unwrap();
            let library = folder.join(format!("lib/libpython3.{minor}m.so.1.0"));
            let file = File::open(library).or_else(|_| File::open(&python)).unwrap();
            assert_eq!(Binary::inspect(file).err(), expected);
        }
    }
}

#[test]
fn a_stripped_optimised_interpreter_keeps_all_parts_of_its_loop() {
    let Ok(file) = File::open("/usr/bin/python3") else {
        println!("no system interpreter here: not tested with it");
        return;
    };
    let Ok(Some(binary)) = Binary::inspect(file) else {
        println!("the system's interpreter is not a static one of 3.8 to 3.13: not tested with it");
        return;
    };
    // What the distributions ship is optimised by profile, which always moves rare paths away.
    assert!(binary.eval.len() >= 2, "{:?}", binary.eval);
}
