//! Replays a recorded capture: no privilege, no compiler and no process needed. What was recorded is a program of our
//! own without a C library, with an empty environment (I14); `tests/programs/alone.c` is its source.

// The root lints speak of libraries; here a failed expectation is meant to end the run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use agent_unwind::{CodeAddress, ImageKey, Limits, Mapping, Outcome, ProcessFiles, Unwinder};

mod target;
use target::{Capture, parse};

/// The files of one recorded process.
struct Recorded(PathBuf);

impl ProcessFiles for Recorded {
    fn maps(&self, _pid: u32, _limit: usize) -> io::Result<Vec<u8>> {
        std::fs::read(self.0.join("maps"))
    }

    fn start_stack(&self, _pid: u32) -> io::Result<u64> {
        Ok(0)
    }

    fn open(&self, _pid: u32, _mapping: &Mapping) -> io::Result<File> {
        File::open(self.0.join("program"))
    }

    fn vdso(&self) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

#[test]
fn a_signal_in_a_program_without_a_c_library() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/alone");
    let (registers, stack) = parse(&std::fs::read(directory.join("stack")).unwrap());
    let capture = Capture { registers, stack, end: agent_unwind::StackEnd::Top };
    let mut unwinder = Unwinder::new(Limits::default());
    let mut addresses = Vec::new();
    let sample = capture.sample(1, ImageKey::default(), 0);
    let outcome = unwinder.unwind(&sample, &Recorded(directory.clone()), &mut addresses);
    assert_eq!(outcome, Outcome::Complete);
    assert_eq!(unwinder.counters().signal_frames, 1);

    let symbols = target::functions(directory.join("program").to_str().unwrap());
    let names: Vec<&str> = addresses
        .iter()
        .map(|address| {
            let CodeAddress::File { executable, address } = address else { panic!("{address:?}") };
            assert_eq!(executable.path.as_ref(), "/fixture/alone");
            assert_eq!(executable.build_id.len(), 40);
            // The trampoline's symbol says no size, and a return address leads to just before it.
            let at_or_before = symbols.range(..=address).next_back();
            at_or_before.filter(|(_, (end, _))| address < end).map_or("restore", |(_, (_, name))| name)
        })
        .collect();
    assert_eq!(names, ["in_handler", "handler", "restore", "middle", "outer", "begin", "_start"]);
}
