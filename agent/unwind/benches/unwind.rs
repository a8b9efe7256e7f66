//! What unwinding costs: microseconds per sample warm and cold, and the memory that big executables take.
//!
//! Run with the ids of processes to sample; without any it samples whatever runs on this host. Needs the right to stop
//! them for a moment.

// The root lints speak of libraries; here a failed expectation is meant to end the run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use agent_unwind::{
    ImageKey, Limits, ProcFiles, ProcessFiles, Registers, Sample, StackCopy, StackEnd, Unwinder,
};

const STACK_BYTES: usize = 32 << 10;
const WARM_ROUNDS: u32 = 200;

struct Capture {
    pid: u32,
    image: ImageKey,
    registers: Registers,
    stack: Vec<u8>,
}

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let tool = compile(directory.path());
    let asked: Vec<u32> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let pids = if asked.is_empty() { running() } else { asked };
    let captures: Vec<Capture> = pids.into_iter().filter_map(|pid| capture(&tool, pid)).collect();
    println!(
        "{:>8} {:>7} {:>9} {:>9} {:>9} {:>9}  outcome",
        "pid", "frames", "cold us", "warm us", "rows kB", "rss kB"
    );
    let files = ProcFiles::new("/proc");
    let mut unwinder = Unwinder::new(Limits::default());
    let mut addresses = Vec::new();
    let before_kb = rss_kb();
    for capture in &captures {
        let sample = capture.sample();
        let start = Instant::now();
        let outcome = unwinder.unwind(&sample, &files, &mut addresses);
        let cold = start.elapsed();
        let start = Instant::now();
        for _ in 0..WARM_ROUNDS {
            unwinder.unwind(&sample, &files, &mut addresses);
        }
        let warm = start.elapsed() / WARM_ROUNDS;
        println!(
            "{:>8} {:>7} {:>9.1} {:>9.2} {:>9} {:>9}  {}",
            capture.pid,
            addresses.len(),
            cold.as_nanos() as f64 / 1e3,
            warm.as_nanos() as f64 / 1e3,
            unwinder.counters().rows_bytes >> 10,
            rss_kb().saturating_sub(before_kb),
            outcome.name(),
        );
    }
    println!("{:?}", unwinder.counters());
}

impl Capture {
    fn sample(&self) -> Sample<'_> {
        let end = if self.stack.len() == STACK_BYTES { StackEnd::Limit } else { StackEnd::Top };
        Sample {
            pid: self.pid,
            image: self.image,
            at_ns: 0,
            registers: self.registers,
            stack: StackCopy { start: self.registers.sp, bytes: &self.stack, end },
        }
    }
}

fn compile(directory: &Path) -> PathBuf {
    let tool = directory.join("capture");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/capture.c");
    assert!(Command::new("cc").args(["-w", "-o"]).arg(&tool).arg(source).status().unwrap().success());
    tool
}

fn running() -> Vec<u32> {
    let names =
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| name.parse().ok()).filter(|pid| *pid != std::process::id()).collect()
}

fn capture(tool: &Path, pid: u32) -> Option<Capture> {
    let output = Command::new(tool).args([pid.to_string(), STACK_BYTES.to_string()]).output().ok()?;
    let line = output.stdout.iter().position(|byte| *byte == b'\n')?;
    let text = std::str::from_utf8(&output.stdout[..line]).ok()?;
    let mut words = text.split(' ').filter_map(|word| u64::from_str_radix(word, 16).ok());
    let registers = Registers { ip: words.next()?, sp: words.next()?, bp: words.next()? };
    let start_stack = ProcFiles::new("/proc").start_stack(pid).ok()?;
    let image = ImageKey { start_stack, ..ImageKey::default() };
    Some(Capture { pid, image, registers, stack: output.stdout[line + 1..].to_vec() })
}

fn rss_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
