//! Unwinding real programs: compiled here, stopped for a moment, unwound and compared to the chain they were in.

// The root lints speak of libraries; here a failed expectation is meant to end the run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

use std::{cell::Cell, fs::File, io, process::Command};

use agent_unwind::{ImageKey, Limits, Mapping, Outcome, ProcFiles, ProcessFiles, Unwinder};

mod target;
use target::{Target, capture, compile, image, names, wait_until_computing};

const STACK_BYTES: usize = 32 << 10;

fn proc_files() -> ProcFiles {
    ProcFiles::new("/proc")
}

/// Starts a program and compares: the functions must appear in this order, leaf first, the first of them at the leaf,
/// perhaps with functions of the C library in between.
fn check(program: &str, flags: &[&str], arguments: &[&str], outcome: Outcome, functions: &[&str]) {
    let path = compile(program, flags);
    let target = Target::start(Command::new(path).args(arguments));
    let mut unwinder = Unwinder::new(Limits::default());
    let (found, found_names) = unwind_at(&target, &mut unwinder, functions.first());
    let what = format!("{program} {flags:?} {arguments:?}: {found:?} {found_names:?}");
    assert_eq!(found, outcome, "{what}");
    let mut rest = found_names.iter();
    for function in functions {
        assert!(rest.any(|name| name == function), "{function} of {what}");
    }
    assert!(unwinder.counters().of(outcome) > 0);
}

/// Captures and unwinds, once the program is in the function that it computes in: it may still be on its way out of
/// the system call that said it was ready.
fn unwind_at(target: &Target, unwinder: &mut Unwinder, leaf: Option<&&str>) -> (Outcome, Vec<String>) {
    let mut addresses = Vec::new();
    for at in 0..1000 {
        let capture = capture(target.tid, STACK_BYTES);
        let sample = capture.sample(target.pid(), image(target.pid()), at);
        let outcome = unwinder.unwind(&sample, &proc_files(), &mut addresses);
        let names = names(&addresses);
        if leaf.is_none_or(|leaf| names.first().is_some_and(|name| name == leaf)) {
            return (outcome, names);
        }
    }
    panic!("never seen in {leaf:?}, but in {:?}", names(&addresses));
}

const CHAIN: &[&str] = &["leaf", "middle", "outer", "main"];

#[test]
fn code_with_rows_unwinds_with_and_without_frame_pointers() {
    check("chain", &["-O2", "-fomit-frame-pointer"], &[], Outcome::Complete, CHAIN);
    check("chain", &["-O2", "-fno-omit-frame-pointer"], &[], Outcome::Complete, CHAIN);
    check("chain", &["-O0"], &[], Outcome::Complete, CHAIN);
    check("chain", &["-O2", "-static", "-fomit-frame-pointer"], &[], Outcome::Complete, CHAIN);
    check("chain", &["-O2", "-no-pie"], &[], Outcome::Complete, CHAIN);
    check("chain", &["-O2", "-s"], &[], Outcome::Complete, &[]);
    // Functions that align their stack, as code with wide vectors does.
    check("chain", &["-O2", "-mincoming-stack-boundary=3"], &[], Outcome::Complete, CHAIN);
    check("aligned", &["-O2", "-fomit-frame-pointer"], &[], Outcome::Complete, CHAIN);
}

#[test]
fn code_without_rows_needs_frame_pointers() {
    const NO_ROWS: &str = "-fno-asynchronous-unwind-tables";
    check("chain", &["-O2", NO_ROWS, "-fno-omit-frame-pointer"], &[], Outcome::Complete, CHAIN);
    check("chain", &["-O2", NO_ROWS, "-fomit-frame-pointer"], &[], Outcome::NoRows, &["leaf"]);
}

#[test]
fn recursion_deeper_than_the_copy_keeps_its_leaf_part() {
    check("chain", &["-O2"], &["1000"], Outcome::BeyondCopy, &["leaf", "middle", "outer", "outer"]);
    check("chain", &["-O2"], &["100"], Outcome::Complete, CHAIN);
}

#[test]
fn signal_frames_lead_back_to_what_they_interrupted() {
    for flags in [&["-O2", "-fomit-frame-pointer"][..], &["-O2", "-static"], &["-O0"]] {
        check("signal", flags, &[], Outcome::Complete, &["in_handler", "handler", "work", "main"]);
    }
    check("signal", &["-O2"], &["own stack"], Outcome::StackSwitch, &["in_handler", "handler", "work"]);
}

#[test]
fn a_coroutine_begins_where_its_context_does() {
    check("coroutine", &["-O2"], &[], Outcome::Complete, &["leaf", "coroutine"]);
}

#[test]
fn a_thread_begins_in_the_c_library() {
    check("thread", &["-O2", "-pthread"], &[], Outcome::Complete, &["leaf", "second"]);
}

#[test]
fn code_written_at_run_time_needs_frame_pointers() {
    check("jit", &["-O2"], &[], Outcome::Complete, &["leaf", "[anonymous]", "main"]);
    check("jit", &["-O2"], &["bare"], Outcome::Jit, &["leaf", "[anonymous]"]);
}

#[test]
fn the_vdso_is_a_module_like_any_other() {
    let target = Target::start(&mut Command::new(compile("vdso", &["-O2"])));
    let mut unwinder = Unwinder::new(Limits::default());
    let mut addresses = Vec::new();
    let in_vdso = (0..200).any(|at| {
        let capture = capture(target.tid, STACK_BYTES);
        let sample = capture.sample(target.pid(), image(target.pid()), at);
        assert_eq!(unwinder.unwind(&sample, &proc_files(), &mut addresses), Outcome::Complete);
        let names = names(&addresses);
        assert!(names.iter().any(|name| name == "main"), "{names:?}");
        names[0].starts_with("[vdso]")
    });
    assert!(in_vdso, "never seen in the vdso");
}

/// Files of which no mappings can be read, as of a process that has ended.
struct Ended(ProcFiles, Cell<u32>);

impl ProcessFiles for Ended {
    fn maps(&self, _pid: u32, _limit: usize) -> io::Result<Vec<u8>> {
        self.1.set(self.1.get() + 1);
        Err(io::ErrorKind::NotFound.into())
    }

    fn start_stack(&self, pid: u32) -> io::Result<u64> {
        self.0.start_stack(pid)
    }

    fn open(&self, pid: u32, mapping: &Mapping) -> io::Result<File> {
        self.0.open(pid, mapping)
    }

    fn vdso(&self) -> io::Result<Vec<u8>> {
        self.0.vdso()
    }
}

#[test]
fn a_process_that_has_ended_is_known_by_its_image() {
    let target = Target::start(&mut Command::new(compile("chain", &["-O2"])));
    let capture = capture(target.tid, STACK_BYTES);
    let ended = Ended(proc_files(), Cell::new(0));
    let mut unwinder = Unwinder::new(Limits::default());
    let mut addresses = Vec::new();
    let sample = capture.sample(target.pid(), image(target.pid()), 0);
    for tries in 1..=2 {
        assert_eq!(unwinder.unwind(&sample, &ended, &mut addresses), Outcome::ProcessGone);
        assert_eq!((ended.1.get(), addresses.len()), (tries, 1), "a failure is not remembered");
    }
    assert_eq!(unwinder.unwind(&sample, &proc_files(), &mut addresses), Outcome::Complete);
    let forked = capture.sample(u32::MAX, image(target.pid()), 0);
    assert_eq!(unwinder.unwind(&forked, &ended, &mut addresses), Outcome::Complete);
    assert_eq!(unwinder.counters().maps_read, 1);
}

#[test]
fn mappings_of_another_program_are_not_taken_for_the_image() {
    let target = Target::start(&mut Command::new(compile("chain", &["-O2"])));
    let capture = capture(target.tid, STACK_BYTES);
    let before_exec = ImageKey { start_stack: 0x7fff_0000, ..ImageKey::default() };
    let mut unwinder = Unwinder::new(Limits::default());
    let sample = capture.sample(target.pid(), before_exec, 0);
    assert_eq!(unwinder.unwind(&sample, &proc_files(), &mut Vec::new()), Outcome::ProcessGone);
}

#[test]
fn code_loaded_after_a_fork_belongs_to_the_worker_alone() {
    let plugin = compile("plugin", &["-O2", "-shared", "-fPIC"]);
    let parent = Target::start(Command::new(compile("worker", &["-O2"])).arg(plugin));
    let (pid, worker) = (parent.pid(), parent.tid);
    assert_eq!(image(pid), image(worker));
    let mut unwinder = Unwinder::new(Limits::default());
    let mut addresses = Vec::new();
    let mut check = |pid: u32, at_ns: u64, rereads: u64, expected: &[&str]| {
        wait_until_computing(pid);
        let capture = capture(pid, STACK_BYTES);
        let sample = capture.sample(pid, image(pid), at_ns);
        assert_eq!(unwinder.unwind(&sample, &proc_files(), &mut addresses), Outcome::Complete);
        assert_eq!(names(&addresses)[..expected.len()], *expected);
        assert_eq!((unwinder.counters().maps_read, unwinder.counters().maps_reread), (1, rereads));
    };
    check(pid, 0, 0, &["parent_work", "main"]);
    check(worker, 1, 1, &["plugin_work", "worker_main", "main"]);
    check(worker, 2, 1, &["plugin_work", "worker_main", "main"]);
    check(pid, 3, 1, &["parent_work", "main"]);
}

#[test]
fn mappings_are_read_again_at_most_twice_a_second() {
    let target = Target::start(&mut Command::new(compile("chain", &["-O2"])));
    let mut capture = capture(target.tid, STACK_BYTES);
    capture.registers.ip = 8;
    let mut unwinder = Unwinder::new(Limits::default());
    let mut addresses = Vec::new();
    for at_ms in 0..1000 {
        let sample = capture.sample(target.pid(), image(target.pid()), at_ms * 1_000_000);
        assert_eq!(unwinder.unwind(&sample, &proc_files(), &mut addresses), Outcome::NoMapping);
        assert_eq!(names(&addresses), ["[unmapped]"]);
    }
    assert_eq!((unwinder.counters().maps_read, unwinder.counters().maps_reread), (1, 1));
}

#[test]
fn limits_hold() {
    let target = Target::start(Command::new(compile("chain", &["-O2"])).arg("100"));
    unwind_at(&target, &mut Unwinder::new(Limits::default()), Some(&"leaf"));
    let capture = capture(target.tid, STACK_BYTES);
    let sample = capture.sample(target.pid(), image(target.pid()), 0);
    let mut addresses = Vec::new();

    let mut unwinder = Unwinder::new(Limits { frames: 20, ..Limits::default() });
    assert_eq!(unwinder.unwind(&sample, &proc_files(), &mut addresses), Outcome::DepthLimit);
    assert_eq!(addresses.len(), 20);

    let mut unwinder = Unwinder::new(Limits { rows_bytes: 100, ..Limits::default() });
    assert_eq!(unwinder.unwind(&sample, &proc_files(), &mut addresses), Outcome::NoRows);
    assert_eq!((unwinder.counters().rows_too_big, unwinder.counters().rows_bytes), (1, 0));

    // Room for the program's rows or the C library's, not for both.
    let mut unwinder = Unwinder::new(Limits { rows_bytes: 220 << 10, ..Limits::default() });
    for _ in 0..3 {
        assert_eq!(unwinder.unwind(&sample, &proc_files(), &mut addresses), Outcome::Complete);
        assert!(unwinder.counters().rows_bytes <= 220 << 10);
    }
    assert!(unwinder.counters().rows_evicted > 0, "{:?}", unwinder.counters());

    let nothing = agent_unwind::StackCopy { bytes: &[], ..sample.stack };
    let sample = agent_unwind::Sample { stack: nothing, ..sample };
    let mut unwinder = Unwinder::new(Limits::default());
    assert_eq!(unwinder.unwind(&sample, &proc_files(), &mut addresses), Outcome::ReadFault);
    assert_eq!(names(&addresses), ["leaf"]);
}
