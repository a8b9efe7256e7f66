//! Every turn of the walk from a thread to its context variable, in structs made for it.

use std::process::Command;

use agent_bpf::{
    ContextOutcome, ContextVariable, PythonLayout, PythonMode, PythonOutcome, PythonTarget, RuntimeConfig,
};

use crate::process::{Program, compile_c, may_sample, sample_configured};

/// The thread state of the program holds a null frame and the context.
const LAYOUT: PythonLayout = PythonLayout {
    mode: PythonMode::Direct,
    tstate_frame: 0,
    cframe_current: 0,
    cframe_previous: 0,
    frame_code: 0,
    frame_previous: 8,
    frame_instruction: 56,
    frame_entry: 70,
    entry_is_owner: true,
};

fn config(program: &Program) -> RuntimeConfig {
    let python = PythonTarget {
        tss_key_address: program.address("key"),
        code_type: program.address("array"),
        layout: LAYOUT,
    };
    let context_variable = ContextVariable {
        address: program.address("variable"),
        hash32: 0x421,
        tstate_context: 8,
        context_vars: 24,
        hamt_root: 16,
        bytes_type: program.address("bytes"),
        bitmap_type: program.address("bitmap"),
        array_type: program.address("array"),
        bytes_data: 32,
        hamt_bitmap: 24,
        hamt_pairs: 32,
        hamt_children: 16,
    };
    RuntimeConfig {
        python: Some(python),
        context_variable: Some(context_variable),
        ..RuntimeConfig::default()
    }
}

#[test]
fn each_way_through_the_trie_ends_as_it_should() {
    let Some((_folder, path)) = may_sample().then(|| compile_c("trie")).flatten() else { return };
    let check = |how: &str, walk: PythonOutcome, expected: ContextOutcome| {
        let program = Program::start(Command::new(&path).arg(how));
        let mut seen = 0;
        sample_configured(&program, &config(&program), |sample| {
            let (stack, context) = (sample.python.as_ref().unwrap(), sample.context.unwrap());
            assert_eq!((stack.outcome, stack.frames.len()), (walk, 0), "{how}");
            assert_eq!(context.outcome, expected, "{how}");
            let found = expected == ContextOutcome::Found;
            let place = if found { (program.address("value") + 32, 28) } else { (0, 0) };
            assert_eq!((context.address, context.length), place, "{how}");
            seen += 1;
            seen >= 5
        });
    };
    for how in ["whole", "high-key"] {
        check(how, PythonOutcome::Complete, ContextOutcome::Found);
    }
    for how in ["other-key", "empty", "no-child", "not-colliding", "endless"] {
        check(how, PythonOutcome::Complete, ContextOutcome::Absent);
    }
    for how in ["wrong-type", "short", "long"] {
        check(how, PythonOutcome::Complete, ContextOutcome::WrongType);
    }
    check("unmapped", PythonOutcome::Complete, ContextOutcome::Fault);
    check("no-context", PythonOutcome::Complete, ContextOutcome::NoContext);
    for how in ["no-state", "no-key", "wrong-key"] {
        check(how, PythonOutcome::NoThreadState, ContextOutcome::NoContext);
    }
}
