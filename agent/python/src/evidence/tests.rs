//! The scan over memory made by hand, and over memory that makes no sense.

use std::{cell::Cell, io};

use testkit::Random;

use super::*;
use crate::{Version, code::NAME_BYTES_MAX, layout};

const CODE_TYPE: u64 = 0x1000;
const UNICODE_TYPE: u64 = 0x2000;
const TEXT: u64 = 0x3000;
const BYTES: u64 = 0x4000;
const OBJECTS: u64 = 0x10_0000;
const OBJECT_BYTES: u64 = 256;

fn interpreter(minor: u8) -> Interpreter {
    let table = layout::of_minor(minor).unwrap();
    Interpreter {
        version: Version { minor, micro: None },
        thread_key_address: 0,
        code_type: CODE_TYPE,
        unicode_type: UNICODE_TYPE,
        frames: table.frames,
        code: table.code,
    }
}

/// Code objects of 3.8 side by side, all with one name.
#[derive(Default)]
struct Objects {
    count: u64,
    /// The call count of all.
    entries: u64,
    /// From so many reads on, all begin on another line.
    moved_after: Option<u32>,
    /// From here on nothing can be read.
    end: Option<u64>,
    references: Option<u64>,
    reads: Cell<u32>,
}

impl Objects {
    fn word(&self, address: u64) -> u64 {
        match (address, address.wrapping_sub(OBJECTS)) {
            (TEXT..BYTES, _) => match address - TEXT {
                0 => 1,
                8 => UNICODE_TYPE,
                16 => 4,
                32 => 0x64,
                48 => u64::from_le_bytes(*b"name\0\0\0\0"),
                _ => 0,
            },
            (BYTES.., offset) if offset >= self.count * OBJECT_BYTES => 20,
            (_, offset) => match offset % OBJECT_BYTES {
                0 => self.references.unwrap_or(1),
                8 => CODE_TYPE,
                40 => 7 + u64::from(self.moved_after.is_some_and(|after| self.reads.get() > after)),
                48 => BYTES,
                104 | 112 => TEXT,
                120 => BYTES,
                168 => self.entries,
                _ => 0,
            },
        }
    }
}

impl Memory for Objects {
    fn read(&self, address: u64, into: &mut [u8]) -> io::Result<()> {
        self.reads.set(self.reads.get() + 1);
        if self.end.is_some_and(|end| address + into.len() as u64 > end) {
            return Err(io::ErrorKind::NotFound.into());
        }
        for (at, bytes) in (address..).step_by(8).zip(into.chunks_mut(8)) {
            let word = self.word(at).to_le_bytes();
            bytes.copy_from_slice(&word[..bytes.len()]);
        }
        Ok(())
    }
}

fn scan(objects: &Objects) -> Result<Evidence, Refusal> {
    let interpreter = interpreter(8);
    let mut scan = Scan::new(objects, &interpreter);
    scan.look(OBJECTS..OBJECTS + objects.count.max(1) * OBJECT_BYTES);
    scan.finish()
}

#[test]
fn what_is_found_has_its_name_and_mark() {
    let evidence = scan(&Objects { count: 3, entries: 5, ..Objects::default() }).unwrap();
    assert_eq!(evidence.units.len(), 3);
    for (unit, at) in evidence.units.iter().zip(0..) {
        assert_eq!(
            (unit.address, &*unit.function, &*unit.file),
            (OBJECTS + at * OBJECT_BYTES, "name", "name")
        );
        assert_eq!((unit.line, unit.mark.sign), (7, Sign::Entries(5)));
    }
}

#[test]
fn code_objects_are_bounded() {
    let count = UNITS_MAX as u64 + 7;
    let evidence = scan(&Objects { count, entries: 1, ..Objects::default() }).unwrap();
    assert_eq!((evidence.units.len(), evidence.counters.beyond_limit), (UNITS_MAX, 7));
}

#[test]
fn what_changes_or_is_freed_is_dropped_and_counted() {
    let moved = Objects { count: 1, entries: 1, moved_after: Some(3), ..Objects::default() };
    let interpreter = interpreter(8);
    let mut changed = Scan::new(&moved, &interpreter);
    changed.look(OBJECTS..OBJECTS + OBJECT_BYTES);
    let changed = changed.finish_part();
    assert_eq!((changed.units.len(), changed.counters.changed), (0, 1));
    // A freed object begins with the address of the next one, or with none.
    for references in [0, 0x7f00_0000_1000] {
        let freed = Objects { count: 1, references: Some(references), ..Objects::default() };
        let mut scan = Scan::new(&freed, &interpreter);
        scan.look(OBJECTS..OBJECTS + OBJECT_BYTES);
        assert_eq!(scan.finish_part().units.len(), 0);
    }
}

#[test]
fn pages_that_are_gone_are_counted() {
    let end = Some(OBJECTS + 3 * 4096);
    let evidence = scan(&Objects { count: 64, entries: 1, end, ..Objects::default() }).unwrap();
    assert_eq!((evidence.units.len(), evidence.counters.unreadable_bytes), (48, 4096));
}

#[test]
fn marks_that_no_interpreter_writes_refuse_the_build() {
    let cases = [
        (Objects { count: 3, entries: 5000, ..Objects::default() }, Refusal::Inconsistent),
        (Objects { count: 3, entries: 0, ..Objects::default() }, Refusal::Inconsistent),
        (Objects { count: 0, ..Objects::default() }, Refusal::Inconsistent),
        (Objects { count: 3, end: Some(0), ..Objects::default() }, Refusal::Unreadable),
    ];
    for (objects, expected) in cases {
        assert_eq!(scan(&objects), Err(expected));
    }
}

/// Words that are a function of seed and address, many of them the addresses that a code object has in it.
struct Nonsense(u64);

impl Memory for Nonsense {
    fn read(&self, address: u64, into: &mut [u8]) -> io::Result<()> {
        for (at, bytes) in (address..).step_by(8).zip(into.chunks_mut(8)) {
            let mut random = Random::new(self.0 ^ (at / 8).wrapping_mul(0x9e37_79b9));
            let word = match random.below(10) {
                0 => random.next_u64(),
                1 => return Err(io::ErrorKind::NotFound.into()),
                2..5 => random.below(256),
                _ => *random.pick(&[CODE_TYPE, UNICODE_TYPE, 1, 2, 0x64]),
            };
            bytes.copy_from_slice(&word.to_le_bytes()[..bytes.len()]);
        }
        Ok(())
    }
}

#[test]
fn every_scan_of_nonsense_ends() {
    for seed in 0..50 {
        for minor in 8..=13 {
            let (memory, interpreter) = (Nonsense(seed), interpreter(minor));
            let mut scan = Scan::new(&memory, &interpreter);
            scan.look(seed * 8..seed * 8 + 65_536);
            if let Ok(evidence) = scan.finish() {
                assert!(evidence.units.iter().all(|unit| unit.function.len() <= NAME_BYTES_MAX));
            }
        }
    }
}
