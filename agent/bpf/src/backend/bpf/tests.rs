//! The program on this machine: its size, and that each record it writes can be read.

use std::path::Path;

use super::Bpf;
use crate::facts;
use crate::options::{SamplerOptions, Target};
use crate::record::{Mode, StackEnd, decode};
use crate::testing::{Worker, may_sample, repeat_until, save_recording};

fn start(options: &SamplerOptions) -> Bpf {
    Bpf::start(options, &facts::read(Path::new("/proc"), Path::new("/sys"))).unwrap()
}

#[test]
fn the_verifier_walks_few_instructions() {
    if !may_sample() {
        return;
    }
    for (target, stack_bytes) in [(Target::Host, 32 << 10), (Target::Processes(vec![1]), 64 << 10)] {
        let mut bpf = start(&SamplerOptions { target, stack_bytes, ..SamplerOptions::default() });
        let instructions = bpf.verified_instructions().unwrap();
        eprintln!("{instructions} instructions walked with a stack of {stack_bytes} bytes");
        // The kernel's limit is a million; room is left for the parts to come.
        assert!(instructions < 20_000, "{instructions}");
    }
}

/// Reads live records of our own threads. With `FEWER_RECORD` set it keeps one of each kind for `tests/decode.rs`.
#[test]
fn every_record_can_be_read() {
    if !may_sample() {
        return;
    }
    let (computing, calling) = (Worker::computing(), Worker::calling());
    let options = SamplerOptions { frequency_hz: 499, stack_bytes: 8 << 10, ..SamplerOptions::default() };
    let mut bpf = start(&options);
    let mut kinds: [Option<Vec<u8>>; 4] = [const { None }; 4];
    repeat_until(|| {
        while let Some(record) = bpf.ring.next() {
            let sample = decode(&record).unwrap();
            let end = sample.user.as_ref().map(|user| user.stack.end);
            let kind = match sample.mode {
                Mode::User if sample.tid == computing.tid && end == Some(StackEnd::Cap) => 0,
                Mode::User if sample.tid == calling.tid && end == Some(StackEnd::Top) => 1,
                Mode::Kernel if sample.tid == calling.tid && end == Some(StackEnd::Top) => 2,
                Mode::KernelThread => 3,
                _ => continue,
            };
            kinds[kind] = Some(record.to_vec());
        }
        kinds.iter().all(Option::is_some)
    });
    save_recording("bpf.bin", &kinds.into_iter().flatten().flatten().collect::<Vec<u8>>());
}
