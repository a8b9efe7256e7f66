//! Samples this host for a while and prints what it saw and what that cost.
//!
//! `cargo run -p agent-bpf --example measure -- [SECONDS] [HZ] [bpf|perf-ring] [PID …]`. Needs root. The time inside
//! the BPF program is counted while `kernel.bpf_stats_enabled` is 1.
#![allow(clippy::print_stdout, reason = "this program's purpose is to print")]

use std::collections::BTreeMap;
use std::error::Error;
use std::time::{Duration, Instant};

use agent_bpf::{Backend, Event, LifeChange, Mode, Sampler, SamplerOptions, StackEnd, Target};
use rustix::time::{ClockId, clock_gettime};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |idx: usize, default: &str| arguments.get(idx).map_or(default.to_owned(), Clone::clone);
    let seconds: u64 = argument(0, "5").parse()?;
    let pids = arguments.iter().skip(3).map(|pid| pid.parse()).collect::<Result<Vec<u32>, _>>()?;
    let options = SamplerOptions {
        frequency_hz: argument(1, "99").parse()?,
        backend: if argument(2, "bpf") == "bpf" { Backend::Bpf } else { Backend::PerfRing },
        target: if pids.is_empty() { Target::Host } else { Target::Processes(pids) },
        ..SamplerOptions::default()
    };
    let before_start = Instant::now();
    let mut sampler = Sampler::start(&options)?;
    println!("start: {} ms", before_start.elapsed().as_millis());

    let (started, cpu_before_ns) = (Instant::now(), cpu_time_ns());
    let mut counts = BTreeMap::new();
    let mut stack_bytes = 0;
    while started.elapsed() < Duration::from_secs(seconds) {
        sampler.poll(Duration::from_millis(200))?;
        sampler.drain(usize::MAX, |event| {
            if let Event::Sample(sample) = &event {
                stack_bytes += sample.user.as_ref().map_or(0, |user| user.stack.bytes.len());
            }
            names(&event).into_iter().for_each(|name| *counts.entry(name).or_insert(0) += 1);
        });
    }
    let elapsed = started.elapsed();
    let cpu_ns = cpu_time_ns() - cpu_before_ns;
    for (name, count) in &counts {
        println!("{name}: {count}");
    }
    let samples = counts.get("samples").copied().unwrap_or(0).max(1);
    println!("stack bytes per sample: {}", stack_bytes / samples);
    println!("CPU of draining: {:.3} % of one CPU", cpu_ns as f64 / elapsed.as_nanos() as f64 * 100.0);
    println!("{:?}", sampler.losses());
    Ok(())
}

fn names(event: &Event<'_>) -> Vec<&'static str> {
    let sample = match event {
        Event::Life(life) => {
            return vec![match life.change {
                LifeChange::Fork { .. } => "life: fork",
                LifeChange::Exec { .. } => "life: exec",
                LifeChange::Map(_) => "life: map",
                LifeChange::Exit => "life: exit",
            }];
        }
        Event::Sample(sample) => sample,
    };
    let mode = match sample.mode {
        Mode::User => "mode: user",
        Mode::Kernel => "mode: kernel",
        Mode::KernelThread => "mode: kernel thread",
    };
    let end = sample.user.as_ref().map(|user| match user.stack.end {
        StackEnd::Top => "stack: to the top",
        StackEnd::Cap => "stack: cut at the cap",
        StackEnd::Fault => "stack: unreadable page",
    });
    ["samples", mode].into_iter().chain(end).collect()
}

fn cpu_time_ns() -> i64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}
