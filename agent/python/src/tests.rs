//! Memory that makes no sense: whatever it says, every reader ends, and nothing is believed.

use std::io;

use testkit::Random;

use crate::{
    Binary, CodeObjects, CountersLocation, CountersReader, Discovery, Interpreter, Memory, Publisher, Record,
    Source, Version, binary::Symbols, layout,
};

/// Words that are a function of seed and address, most of them addresses of each other, so that lists have loops, and
/// objects of which many look right at first.
struct Nonsense {
    seed: u64,
    known: Vec<u64>,
}

const SPAN: u64 = 1 << 12;

impl Memory for Nonsense {
    fn read(&self, address: u64, into: &mut [u8]) -> io::Result<()> {
        for (offset, byte) in (0..).zip(into) {
            let at = address.wrapping_add(offset);
            let mut random = Random::new(self.seed ^ (at / 8).wrapping_mul(0x9e37_79b9));
            let word = match (at / 8 % 8, random.below(8)) {
                // Where objects have their count and type, and strings what kind they are of.
                (0, 0..6) => 1,
                (1, 0..6) => *random.pick(&self.known),
                (4, 0..4) => 0x64,
                (_, 0) => 0,
                (_, 1) => 1,
                (_, 2) => random.next_u64(),
                (_, 3) if random.chance(2) => return Err(io::ErrorKind::NotFound.into()),
                _ => random.below(SPAN) * 64,
            };
            *byte = word.to_ne_bytes()[(at % 8) as usize];
        }
        Ok(())
    }
}

const RUNTIME: u64 = 0x100;
const CODE_TYPE: u64 = 0x2000;
const TYPE_TYPE: u64 = 0x3000;
const UNICODE_TYPE: u64 = 0x4000;

#[test]
fn nothing_is_recognised_in_nonsense() {
    for seed in 0..3_000 {
        for minor in 8..=13 {
            let version = Version { minor, micro: None };
            let symbols = Symbols::at(RUNTIME, CODE_TYPE, TYPE_TYPE, UNICODE_TYPE);
            let binary = Binary { version, eval: Vec::new(), segments: Vec::new(), symbols };
            let memory = Nonsense { seed, known: vec![TYPE_TYPE, CODE_TYPE, 0x8000] };
            assert!(Interpreter::attach(&binary, 0, &memory).is_err());
        }
    }
}

#[test]
fn every_reader_ends_in_nonsense() {
    let mut named = 0;
    for seed in 0..6_000 {
        for minor in 8..=13 {
            let table = layout::of_minor(minor).unwrap();
            let memory = Nonsense { seed, known: vec![CODE_TYPE, UNICODE_TYPE, 100, 0x64] };
            let interpreter = Interpreter {
                version: Version { minor, micro: None },
                thread_key_address: 0,
                code_type: CODE_TYPE,
                unicode_type: UNICODE_TYPE,
                frames: table.frames,
                code: table.code,
            };
            let mut names = CodeObjects::new(10_000);
            let source = Source { image: (), pid: 1, memory: &memory, interpreter: &interpreter };
            for code in [0, 64, 4096, u64::MAX - 8] {
                if let Ok(frame) = names.frame(&source, code, code.wrapping_add(300)) {
                    assert!(frame.function.len() <= 1024 && frame.file.len() <= 4096);
                    named += 1;
                }
            }
        }
        let memory = Nonsense { seed, known: vec![u64::from_ne_bytes(*b"FEWERCNT"), 1] };
        let location =
            CountersLocation { address: seed * 8, slots: 4, evaluations_address: 0, evaluations: 4 };
        let _ = CountersReader::from_start().poll(&memory, &location, &[], None);
        let _ = Discovery { publisher: Publisher::Fewer, start: seed * 8 }.read(&memory);
        let _ = Record::read(&memory, seed * 8, &[]);
    }
    assert!(named > 0, "nonsense never looked like a code object: this tests too little");
}
