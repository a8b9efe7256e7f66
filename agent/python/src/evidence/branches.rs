//! What the conditions of a function were: 3.13 keeps the last 16 outcomes of each conditional jump beside its instruction,
//! the newest in the lowest bit, 1 where it jumped.
//!
//! Nothing says how many outcomes there were, but what stood there before the first is known ([`STARTS`]). 16 zeros are 16
//! outcomes. 16 ones may be 15: the lowest bit of what stood before them is one, too. What could be one start and equal
//! outcomes behind it tells no more than the last of them.

use model::{BRANCHES_MAX, CodeBranch, Outcomes};

use super::{
    CODE_UNITS_MAX, MarkPlace, identify,
    instructions::{self, Instructions},
    places::places,
    poll::is_called,
    sign, text_of,
};
use crate::{
    Interpreter, Memory,
    code::NAME_BYTES_MAX,
    layout::{BYTES_DATA, OBJECT_SIZE},
    memory::{read_array, read_bytes, u64_at},
};

/// The conditions of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Branches {
    /// Those that were asked, in order of line and column.
    pub asked: Vec<CodeBranch>,
    /// Those that were not looked at: they stand behind the first [`BRANCHES_MAX`], or have no place in the source.
    pub left_out: u32,
}

/// Why conditions cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// This version keeps no outcomes.
    NotKept,
    /// The function is not there any more, or not to be read.
    Gone,
    /// A tool has changed its instructions.
    Rewritten,
    /// Some of it was compiled to machine code, which keeps no outcomes, for whatever it calls either: of this process
    /// nothing is known.
    Compiled,
}

/// The version that keeps them.
const MINOR: u8 = 13;
/// Conditional jumps, and what the condition was where they jumped; the last two ask whether something is `None`.
const JUMPS: [(u8, bool); 4] = [(97, false), (100, true), (98, true), (99, false)];
/// What stands in place of outcomes when code is made, and after a tool listened to it.
const STARTS: [u16; 2] = [0x5555, 0x0011];
/// Longer line tables are none.
const LINE_TABLE_BYTES_MAX: u64 = 256 << 10;

/// A conditional jump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Jump {
    /// The code unit of its instruction.
    at: usize,
    outcomes: Outcomes,
}

/// Reads the conditions of a function, by its name and the place of its mark. They are this function's or none.
pub fn branches(
    memory: &dyn Memory,
    interpreter: &Interpreter,
    place: &MarkPlace,
    name: &str,
) -> Result<Branches, Hidden> {
    let instructions =
        instructions::of_minor(interpreter.version.minor).filter(|_| interpreter.version.minor == MINOR);
    let instructions = instructions.ok_or(Hidden::NotKept)?;
    let identity = place.identity;
    let head_bytes = sign::head_bytes(interpreter);
    let bytes = head_bytes + 2 * identity.size.min(CODE_UNITS_MAX) as usize;
    let code = read_bytes(memory, place.address, bytes).map_err(|_| Hidden::Gone)?;
    let is_same = |head: &[u8]| identify(interpreter, head) == Some(identity);
    let (head, code) = code.split_at_checked(head_bytes).ok_or(Hidden::Gone)?;
    if !is_same(head) {
        return Err(Hidden::Gone);
    }
    let (jumps, mut left_out) = jumps(instructions, code)?;
    if jumps.iter().all(|jump| jump.outcomes == Outcomes::default()) {
        return Ok(Branches { asked: Vec::new(), left_out });
    }
    let table = line_table(memory, identity.line_table).ok_or(Hidden::Gone)?;
    // What an object has that is the same before and after is its own in between.
    let name_now = text_of(memory, interpreter, identity.name, NAME_BYTES_MAX);
    let head = read_bytes(memory, place.address, head_bytes).map_err(|_| Hidden::Gone)?;
    if !is_same(&head) || !name_now.is_some_and(|now| is_called(name, &now)) {
        return Err(Hidden::Gone);
    }
    let units: Vec<usize> = jumps.iter().map(|jump| jump.at).collect();
    let mut asked = Vec::new();
    for (jump, place) in jumps.iter().zip(places(&table, &units)) {
        match place {
            Some(_) if jump.outcomes == Outcomes::default() => {}
            Some((line, column)) => {
                // A condition may have been compiled more than once, for each way to it.
                CodeBranch::merge(&mut asked, &[CodeBranch { line, column, outcomes: jump.outcomes }]);
            }
            None => left_out += 1,
        }
    }
    Ok(Branches { asked, left_out })
}

/// The first conditional jumps, and how many there are behind them.
fn jumps(instructions: &Instructions, code: &[u8]) -> Result<(Vec<Jump>, u32), Hidden> {
    let (units, _) = code.as_chunks::<2>();
    let (mut found, mut left_out) = (Vec::new(), 0);
    let mut at = 0;
    while let Some([opcode, _]) = units.get(at) {
        if instructions.is_executor(*opcode) {
            return Err(Hidden::Compiled);
        }
        if instructions.is_elsewhere(*opcode) {
            return Err(Hidden::Rewritten);
        }
        let jump = JUMPS.iter().find(|(jump, _)| jump == opcode);
        if let (Some((_, when_taken)), Some(history)) = (jump, units.get(at + 1)) {
            let outcomes = outcomes(u16::from_le_bytes(*history), *when_taken);
            match found.len() < BRANCHES_MAX {
                true => found.push(Jump { at, outcomes }),
                false => left_out += 1,
            }
        }
        at += 1 + instructions.caches(instructions.original(*opcode));
    }
    Ok((found, left_out))
}

/// What a history tells of a condition that is `when_taken` where it jumps.
fn outcomes(history: u16, when_taken: bool) -> Outcomes {
    let of = |is_taken: bool| if is_taken == when_taken { Outcomes::TRUE } else { Outcomes::FALSE };
    let last = of(history & 1 == 1);
    let is_start = |behind: u32| {
        let taken = (1_u16 << behind) - 1;
        STARTS.iter().any(|start| history == start << behind || history == start << behind | taken)
    };
    match history {
        0 | u16::MAX => last.and(Outcomes::IN_A_ROW),
        _ if STARTS.contains(&history) => Outcomes::default(),
        _ if (1..u16::BITS).any(is_start) => last,
        _ => Outcomes::TRUE.and(Outcomes::FALSE),
    }
}

fn line_table(memory: &dyn Memory, address: u64) -> Option<Vec<u8>> {
    let head: [u8; BYTES_DATA as usize] = read_array(memory, address).ok()?;
    let length = u64_at(&head, OBJECT_SIZE as usize);
    (length <= LINE_TABLE_BYTES_MAX).then_some(())?;
    read_bytes(memory, address.wrapping_add(BYTES_DATA.into()), length as usize).ok()
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, io};

    use super::*;
    use crate::{
        Version,
        evidence::{Identity, poll::MarkPlace},
        layout,
    };

    const CODE: u64 = 0x1_0000;
    const TABLE: u64 = 0x2_0000;
    const NAMES: [u64; 2] = [0x3_0000, 0x4_0000];
    const CODE_TYPE: u64 = 0x1000;
    const UNICODE_TYPE: u64 = 0x2000;
    const CODE_OFFSET: usize = 200;
    /// RESUME_CHECK, LOAD_FAST, POP_JUMP_IF_FALSE that always jumped, RETURN_VALUE.
    const UNITS: [u8; 10] = [207, 0, 85, 0, 97, 1, 0xff, 0xff, 36, 0];

    /// A code object of 3.13, whose place another takes after so many reads: one of another name, or with this text at the
    /// name's address.
    struct Process {
        moved_after: Cell<u32>,
        name: &'static str,
        next_name: u64,
    }

    impl Process {
        fn object(&self, head: &[(usize, u64)], data: (usize, &[u8])) -> Vec<u8> {
            let (offset, data) = data;
            let mut bytes = vec![0; offset.max(176)];
            for (at, word) in head {
                bytes[*at..at + 8].copy_from_slice(&word.to_le_bytes());
            }
            bytes.truncate(offset.max(176));
            bytes.resize(bytes.len().max(offset + data.len()), 0);
            bytes[offset..offset + data.len()].copy_from_slice(data);
            bytes
        }
    }

    impl Memory for Process {
        fn read(&self, address: u64, into: &mut [u8]) -> io::Result<()> {
            let left = self.moved_after.get();
            self.moved_after.set(left.saturating_sub(1));
            let text = |name: &str| {
                let head = [(0, 1), (8, UNICODE_TYPE), (16, name.len() as u64), (32, 0x64)];
                self.object(&head, (40, name.as_bytes()))
            };
            let name_at = if left == 0 { self.next_name } else { NAMES[0] };
            let (start, bytes) = match address {
                NAMES_FIRST.. if address >= NAMES[1] => (NAMES[1], text("other")),
                NAMES_FIRST.. => (NAMES[0], text(if left == 0 { self.name } else { "feed" })),
                TABLE.. => {
                    // RESUME on the function's line, then three units one line on, from column 7; then two on the next.
                    let lines = [0x80 | 10 << 3, 0, 0, 0x80 | 11 << 3 | 2, 7, 9, 0x80 | 11 << 3, 7, 9];
                    (TABLE, self.object(&[(0, 1), (16, lines.len() as u64)], (32, &lines)))
                }
                _ => {
                    let units = UNITS.len() as u64 / 2;
                    let head = [
                        (0, 1),
                        (8, CODE_TYPE),
                        (16, units),
                        (68, 4),
                        (112, 9),
                        (128, name_at),
                        (136, TABLE),
                    ];
                    (CODE, self.object(&head, (CODE_OFFSET, &UNITS)))
                }
            };
            let from = (address - start) as usize;
            let found = bytes.get(from..from + into.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            into.copy_from_slice(found);
            Ok(())
        }
    }

    const NAMES_FIRST: u64 = NAMES[0];

    fn read(process: &Process) -> Result<Branches, Hidden> {
        let table = layout::of_minor(MINOR).unwrap();
        let interpreter = Interpreter {
            version: Version { minor: MINOR, micro: None },
            thread_key_address: 0,
            code_type: CODE_TYPE,
            unicode_type: UNICODE_TYPE,
            frames: table.frames,
            code: table.code,
        };
        let identity = Identity { name: NAMES[0], file: 9, line_table: TABLE, line: 4, size: 5 };
        branches(process, &interpreter, &MarkPlace::at(CODE, identity), "feed")
    }

    #[test]
    fn conditions_are_of_this_function_or_of_none() {
        let known = CodeBranch { line: 1, column: 7, outcomes: Outcomes::FALSE.and(Outcomes::IN_A_ROW) };
        let stays = Process { moved_after: Cell::new(u32::MAX), name: "feed", next_name: NAMES[0] };
        assert_eq!(read(&stays), Ok(Branches { asked: vec![known], left_out: 0 }));
        let reads = u32::MAX - stays.moved_after.get();
        assert!(reads >= 4);
        for moved_after in 0..reads {
            // Another function has its place, or another's name has the place of its name.
            for (name, next_name) in [("feed", NAMES[1]), ("rank", NAMES[1])] {
                let process = Process { moved_after: Cell::new(moved_after), name, next_name };
                assert_eq!(read(&process), Err(Hidden::Gone), "{moved_after} {name}");
            }
        }
        let renamed = Process { moved_after: Cell::new(0), name: "rank", next_name: NAMES[0] };
        assert_eq!(read(&renamed), Err(Hidden::Gone));
    }

    /// What CPython 3.13.0 leaves behind after so many equal outcomes, or after some in this order.
    #[test]
    fn histories_say_no_more_than_they_show() {
        let (none, no, yes) = (Outcomes::default(), Outcomes::FALSE, Outcomes::TRUE);
        let (often, both) = (Outcomes::IN_A_ROW, no.and(yes));
        let cases = [
            (0x5555, none),
            (0xaaaa, no),
            (0xaaab, yes),
            (0x4000, no),
            (0x7fff, yes),
            (0x8000, no),
            (0x0000, no.and(often)),
            (0xffff, yes.and(often)),
            (0x0007, both),
            (0xfff8, both),
            (0x1234, both),
            // After a tool listened.
            (0x0011, none),
            (0x0044, no),
            (0x0047, yes),
            (0x0045, both),
        ];
        for (history, expected) in cases {
            assert_eq!(outcomes(history, true), expected, "{history:04x}");
        }
        assert_eq!((outcomes(0, false), outcomes(0xffff, false)), (yes.and(often), no.and(often)));
    }

    #[test]
    fn whatever_happened_is_told_as_it_was() {
        for start in STARTS {
            for happened in 0..1_u32 << 12 {
                for count in 0..=12_u32 {
                    let ones = happened & ((1 << count) - 1);
                    let history = start << count | ones as u16;
                    let told = outcomes(history, true);
                    let was_true = told.and(Outcomes::TRUE) == told;
                    let was_false = told.and(Outcomes::FALSE) == told;
                    // Some outcomes look like one start after another; none of this is invented.
                    assert!(!was_true || ones != 0, "{start:x} {happened:b} {count}");
                    assert!(!was_false || ones.count_ones() < count, "{start:x} {happened:b} {count}");
                    assert_eq!(told.always(), None);
                }
            }
        }
    }

    #[test]
    fn instructions_are_gone_through_with_their_notes() {
        let instructions = instructions::of_minor(13).unwrap();
        // RESUME_CHECK, LOAD_FAST, COMPARE_OP_FLOAT with a note that looks like a jump, EXTENDED_ARG, POP_JUMP_IF_FALSE with
        // its history, RETURN_VALUE.
        let code = [[207, 0], [85, 0], [182, 0], [97, 0], [71, 2], [97, 8], [0xff, 0xff], [36, 0]];
        let mut code = code.concat();
        let (found, left_out) = jumps(instructions, &code).unwrap();
        assert_eq!((found.len(), left_out), (1, 0));
        assert_eq!((found[0].at, found[0].outcomes.always()), (5, Some(false)));
        let many: Vec<u8> = [97, 0, 0, 0].repeat(BRANCHES_MAX + 3);
        let (found, left_out) = jumps(instructions, &many).unwrap();
        assert_eq!((found.len(), left_out), (BRANCHES_MAX, 3));
        code[0] = 254;
        assert_eq!(jumps(instructions, &code), Err(Hidden::Rewritten));
        code[0] = 70;
        assert_eq!(jumps(instructions, &code), Err(Hidden::Compiled));
        assert_eq!(jumps(instructions, &[97]), Ok((vec![], 0)));
        assert_eq!(jumps(instructions, &[97, 0]), Ok((vec![], 0)));
    }
}
