//! Functions that align their stack and keep the address of their caller's frame in memory.
//!
//! A compiler writes them for wide vectors beside variable-size data. Their rows say "the caller's frame is what the
//! word at `%rbp` plus an offset points to", an expression that reads memory, which framehop does not evaluate. The
//! prologue pushes a second copy of the return address just above the saved frame pointer, which proves the rule.

use crate::{Registers, StackCopy};

/// One such function, in file addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AlignedFrame {
    start: u64,
    end: u64,
    /// From the frame pointer to the word that points to the caller's frame.
    offset: i64,
}

/// Row instruction and expression: define the frame's address by three bytes, of which the first is "`%rbp` plus".
const FRAME_AT_BP: &[u8] = b"\x0f\x03\x76";

/// The last byte of the expression: read memory.
const READ: u8 = 0x06;

/// Most functions kept of one executable; most have none.
const FUNCTIONS_MAX: usize = 1 << 14;

/// Finds them in a copy of `.eh_frame` that is loaded at `base`, in order of address.
pub(crate) fn find(base: u64, frames: &[u8]) -> Vec<AlignedFrame> {
    let mut hits = memchr::memmem::find_iter(frames, FRAME_AT_BP).peekable();
    let mut found = Vec::new();
    let mut at = 0_usize;
    while let (Some(hit), Some(length)) = (hits.peek().copied(), word(frames, at)) {
        let end = at.saturating_add(4).saturating_add(length as usize);
        if length == 0 || length == u32::MAX || found.len() >= FUNCTIONS_MAX {
            break;
        }
        if hit < end {
            hits.next();
            found.extend(parse(base, frames, at, hit));
        } else {
            at = end;
        }
    }
    found.sort_unstable_by_key(|function: &AlignedFrame| function.start);
    found
}

/// The caller's registers, if the code at a file address is in such a function and the stack proves it.
pub(crate) fn caller(
    functions: &[AlignedFrame],
    address: u64,
    registers: Registers,
    stack: &StackCopy<'_>,
) -> Option<Registers> {
    let at = functions.partition_point(|function| function.start <= address).checked_sub(1)?;
    let function = functions.get(at).filter(|function| address < function.end)?;
    let bp = registers.bp;
    let frame = stack.word(bp.checked_add_signed(function.offset)?)?;
    let ip = stack.word(frame.checked_sub(8)?)?;
    let is_proven = frame > bp && ip != 0 && stack.word(bp.checked_add(8)?)? == ip;
    is_proven.then_some(Registers { ip, sp: frame, bp: stack.word(bp)? })
}

/// The function of the entry at `at`, whose rows have the expression at `hit`.
fn parse(base: u64, frames: &[u8], at: usize, hit: usize) -> Option<AlignedFrame> {
    let begin_at = at.checked_add(8)?;
    let is_common_part = word(frames, at.checked_add(4)?)? == 0;
    let offset = frames.get(hit.checked_add(FRAME_AT_BP.len())?)?;
    if is_common_part || frames.get(hit + FRAME_AT_BP.len() + 1) != Some(&READ) {
        return None;
    }
    let relative = word(frames, begin_at)? as i32;
    let start = base.wrapping_add(begin_at as u64).wrapping_add_signed(i64::from(relative));
    let end = start.checked_add(u64::from(word(frames, begin_at.checked_add(4)?)?))?;
    // The offset has seven bits, the highest of which is its sign.
    Some(AlignedFrame { start, end, offset: i64::from(((offset << 1) as i8) >> 1) })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StackEnd;

    const FUNCTION: AlignedFrame = AlignedFrame { start: 0x900, end: 0x940, offset: -8 };

    #[test]
    fn functions_are_found_by_their_rows() {
        // The common part, a function without the expression, and one with it: each a length, an id, where its code
        // begins, how long that is, and eight bytes of rows.
        let mut frames = Vec::new();
        let entries: [(u32, i32, &[u8; 8]); 3] =
            [(0, 0, &[1; 8]), (28, 0x100, &[2; 8]), (52, -0x738, b"\x41\x0f\x03\x76\x78\x06\x00\x00")];
        for (id, begin, rows) in entries {
            frames.extend(20_u32.to_le_bytes());
            frames.extend(id.to_le_bytes());
            frames.extend(begin.to_le_bytes());
            frames.extend(0x40_u32.to_le_bytes());
            frames.extend(rows);
        }
        // The third begins 56 bytes in.
        assert_eq!(find(0x1000, &frames), [FUNCTION]);
        assert_eq!(find(0, FRAME_AT_BP), []);
    }

    #[test]
    fn the_second_copy_of_the_return_address_proves_the_rule() {
        let mut words = [0_u64; 16];
        // At 0x1000: the pointer, the saved frame pointer, the copy; at 0x1040 the return address itself.
        (words[0], words[1], words[2], words[8]) = (0x1048, 0x77, 0xc0de, 0xc0de);
        let caller = |words: &[u64], address| {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let stack = StackCopy { start: 0x1000, bytes: &bytes, end: StackEnd::Limit };
            super::caller(&[FUNCTION], address, Registers { ip: 0, sp: 0x1000, bp: 0x1008 }, &stack)
        };
        assert_eq!(caller(&words, 0x910), Some(Registers { ip: 0xc0de, sp: 0x1048, bp: 0x77 }));
        assert_eq!(caller(&words, 0x940), None);
        words[2] = 1;
        assert_eq!(caller(&words, 0x910), None);
    }
}
