//! CPython 3.12 has no mark of its own, but instructions with an inline cache count down before they specialise. A
//! function none of whose counters has moved did not run, if it cannot run without passing one of them.

use super::instructions::VERSION_12;

/// What the counters of a function say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counters {
    /// One has counted, or its instruction has specialised.
    Moved,
    /// Every way from the entry comes to one that has not.
    AtStart,
    /// There is a way without one, or through something that may fail, wait or is not known.
    Undecided,
}

/// Instructions that neither fail nor wait, in order: they move values that are there.
const QUIET: [u8; 28] = [
    1,   // POP_TOP
    2,   // PUSH_NULL
    9,   // NOP
    74,  // LOAD_ASSERTION_ERROR
    75,  // RETURN_GENERATOR
    84,  // LOAD_CONST__LOAD_FAST
    86,  // LOAD_FAST__LOAD_CONST
    88,  // LOAD_FAST__LOAD_FAST
    99,  // SWAP
    100, // LOAD_CONST
    102, // BUILD_TUPLE
    103, // BUILD_LIST
    117, // IS_OP
    120, // COPY
    124, // LOAD_FAST
    125, // STORE_FAST
    132, // MAKE_FUNCTION
    135, // MAKE_CELL
    136, // LOAD_CLOSURE
    137, // LOAD_DEREF: of a variable that the function around has set
    138, // STORE_DEREF
    143, // LOAD_FAST_AND_CLEAR
    144, // EXTENDED_ARG
    149, // COPY_FREE_VARS
    151, // RESUME
    154, // STORE_FAST__LOAD_FAST
    158, // STORE_FAST__STORE_FAST
    172, // KW_NAMES
];

const JUMP_FORWARD: u8 = 110;
const BUILD_MAP: u8 = 105;
const EXTENDED_ARGUMENT: u8 = 144;
/// Branches, in order: on false, on true, on a value, on none. Their test may run code of the value's class; when that
/// fails before anything else was done, the function counts as not run.
const BRANCHES: [u8; 4] = [114, 115, 128, 129];

/// How a counter is compiled: it waits for one execution, then doubles.
const COUNTER_AT_START: u16 = 0x0011;

#[derive(Clone, Copy, Debug)]
struct Instruction {
    opcode: u8,
    argument: usize,
    /// Where the next one is, in code units.
    next: usize,
}

/// Reads the counters of a function's code.
pub(super) fn read(code: &[u8]) -> Counters {
    let units = code.len() / 2;
    let mut at = 0;
    while at < units {
        let opcode = opcode(code, at);
        if VERSION_12.is_specialised(opcode) {
            return Counters::Moved;
        }
        let caches = VERSION_12.caches(opcode);
        if caches > 0 && counter(code, at).is_some_and(|counter| counter != COUNTER_AT_START) {
            return Counters::Moved;
        }
        at += 1 + caches;
    }
    if every_way_counts(code, units) { Counters::AtStart } else { Counters::Undecided }
}

/// Follows all ways from the entry up to the first instruction that counts.
fn every_way_counts(code: &[u8], units: usize) -> bool {
    let mut seen = vec![false; units];
    let mut ways = vec![0];
    while let Some(mut at) = ways.pop() {
        loop {
            match seen.get_mut(at) {
                Some(seen) if !*seen => *seen = true,
                // Another way was here before.
                Some(_) => break,
                None => return false,
            }
            let Instruction { opcode, argument, next } = instruction(code, at);
            at = match opcode {
                _ if VERSION_12.caches(opcode) > 0 => break,
                JUMP_FORWARD => next + argument,
                BUILD_MAP if argument == 0 => next,
                _ if BRANCHES.binary_search(&opcode).is_ok() => {
                    ways.push(next + argument);
                    next
                }
                _ if QUIET.binary_search(&opcode).is_ok() => next,
                _ => return false,
            };
        }
    }
    true
}

/// The instruction at a code unit, together with what extends its argument.
fn instruction(code: &[u8], at: usize) -> Instruction {
    let (mut at, mut argument) = (at, 0_usize);
    loop {
        let opcode = opcode(code, at);
        argument = argument << 8 | usize::from(code.get(2 * at + 1).copied().unwrap_or_default());
        at += 1;
        if opcode != EXTENDED_ARGUMENT || argument > code.len() {
            return Instruction { opcode, argument, next: at };
        }
    }
}

fn opcode(code: &[u8], at: usize) -> u8 {
    code.get(2 * at).copied().unwrap_or_default()
}

fn counter(code: &[u8], at: usize) -> Option<u16> {
    code.get(2 * at + 2..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESUME: [u8; 2] = [151, 0];
    const LOAD_FAST: [u8; 2] = [124, 0];
    const RETURN: [u8; 2] = [83, 0];
    const ADD: [u8; 4] = [122, 0, 0x11, 0];
    const IMPORT: [u8; 2] = [108, 0];

    fn check(parts: &[&[u8]], expected: Counters) {
        assert_eq!(read(&parts.concat()), expected, "{parts:?}");
    }

    #[test]
    fn ways_without_a_counter_decide_nothing() {
        use Counters::{AtStart, Moved, Undecided};
        check(&[&RESUME, &LOAD_FAST, &ADD, &RETURN], AtStart);
        check(&[&RESUME, &LOAD_FAST, &[122, 0, 0x01, 0], &RETURN], Moved);
        check(&[&RESUME, &LOAD_FAST, &[8, 0, 0x40, 3], &RETURN], Moved);
        check(&[&RESUME, &LOAD_FAST, &RETURN], Undecided);
        check(&[&RESUME, &IMPORT, &ADD, &RETURN], Undecided);
        // A branch around the only counter, and one to a counter on either side.
        check(&[&RESUME, &LOAD_FAST, &[114, 3], &ADD, &RETURN, &RETURN], Undecided);
        check(&[&RESUME, &LOAD_FAST, &[114, 3], &ADD, &RETURN, &ADD, &RETURN], AtStart);
        // Jumps out of the code, loops and half an instruction.
        check(&[&RESUME, &[110, 200], &ADD], Undecided);
        check(&[&RESUME, &[140, 2]], Undecided);
        check(&[&RESUME, &[144, 255], &[144, 255], &[144, 255]], Undecided);
        check(&[&RESUME, &LOAD_FAST, &[122]], Undecided);
        check(&[], Undecided);
    }

    #[test]
    fn tables_are_in_order() {
        assert!(QUIET.is_sorted() && BRANCHES.is_sorted());
    }
}
