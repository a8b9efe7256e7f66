//! Frame pointers: the way through code without unwind rows.

use crate::{Registers, StackCopy};

/// One step towards the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The caller's registers.
    Caller(Registers),
    /// The chain ends as chains end at a thread's root.
    Root,
    /// The chain leads to bytes that were not copied.
    Unread(u64),
    /// There is no chain here.
    Lost,
}

/// Where in its function the code is, and how it was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// The CPU is here: the function may not have pushed its frame yet.
    Leaf,
    /// A call returns here; the frame pointer came from the rows of the code called.
    Called,
    /// A call returns here, and the chain of frame pointers led to it.
    OnChain,
}

/// Follows the chain, if it leads to code. A frame pointer of zero ends a chain only for code that was on it;
/// elsewhere it is a register that holds a zero.
pub(crate) fn step(
    registers: Registers,
    position: Position,
    stack: &StackCopy<'_>,
    is_code: impl Fn(u64) -> bool,
) -> Step {
    let Registers { sp, bp, .. } = registers;
    if bp == 0 && position == Position::OnChain {
        return Step::Root;
    }
    let mut unread = None;
    if bp >= sp && bp % 8 == 0 {
        match (stack.word(bp), stack.word(bp.wrapping_add(8))) {
            (Some(_), Some(0)) if position == Position::OnChain => return Step::Root,
            (Some(caller_bp), Some(ip)) if is_code(ip) => {
                return Step::Caller(Registers { ip, sp: bp.wrapping_add(16), bp: caller_bp });
            }
            (Some(_), Some(_)) => {}
            _ => unread = Some(bp),
        }
    }
    match stack.word(sp) {
        Some(ip) if position == Position::Leaf && is_code(ip) => {
            Step::Caller(Registers { ip, sp: sp.wrapping_add(8), bp })
        }
        _ => unread.map_or(Step::Lost, Step::Unread),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StackEnd;

    const STACK: u64 = 0x1000;

    fn check(words: &[u64], sp: u64, bp: u64, position: Position, expected: Step) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let stack = StackCopy { start: STACK, bytes: &bytes, end: StackEnd::Limit };
        let is_code = |ip| (0xc0de_0000..0xc0df_0000).contains(&ip);
        assert_eq!(step(Registers { ip: 0, sp, bp }, position, &stack, is_code), expected);
    }

    #[test]
    fn follows_frames_that_lead_to_code() {
        use Position::{Called, Leaf, OnChain};
        let caller = |ip, sp, bp| Step::Caller(Registers { ip, sp, bp });
        check(&[0, 0x2000, 0xc0de_0001], STACK, STACK + 8, Called, caller(0xc0de_0001, STACK + 24, 0x2000));
        check(&[0xc0de_0002, 7, 7], STACK, STACK + 8, Leaf, caller(0xc0de_0002, STACK + 8, STACK + 8));
        check(&[0xc0de_0002, 7, 7], STACK, STACK + 8, Called, Step::Lost);
        check(&[0, 0, 0], STACK, STACK + 8, OnChain, Step::Root);
        check(&[0, 0, 0], STACK, STACK + 8, Called, Step::Lost);
        check(&[7], STACK, 0, OnChain, Step::Root);
        check(&[7], STACK, 0, Leaf, Step::Lost);
        check(&[7], STACK, STACK + 64, OnChain, Step::Unread(STACK + 64));
        check(&[7], STACK, u64::MAX - 7, OnChain, Step::Unread(u64::MAX - 7));
        check(&[7], STACK, STACK - 8, OnChain, Step::Lost);
    }
}
