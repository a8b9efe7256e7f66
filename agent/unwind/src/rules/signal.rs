//! Signal frames: from the handler's return address to the interrupted code.
//!
//! The kernel calls a handler so that it returns into a trampoline, `mov $15,%rax; syscall`, with the interrupted
//! registers in a `ucontext` just above. The trampoline's rows describe them with expressions that read memory,
//! which framehop does not evaluate, so they are read here.

use crate::{Registers, StackCopy};

/// The trampoline's code.
pub(crate) const TRAMPOLINE: &[u8] = b"\x48\xc7\xc0\x0f\x00\x00\x00\x0f\x05";

/// Offsets in the `ucontext` that the stack pointer points to when the handler returns.
const BP_OFFSET: u64 = 40 + 10 * 8;
const SP_OFFSET: u64 = 40 + 15 * 8;
const IP_OFFSET: u64 = 40 + 16 * 8;

/// The registers that the signal interrupted, or the address that could not be read.
pub(crate) fn interrupted(sp: u64, stack: &StackCopy<'_>) -> Result<Registers, u64> {
    let word = |offset: u64| {
        let address = sp.wrapping_add(offset);
        stack.word(address).ok_or(address)
    };
    Ok(Registers { ip: word(IP_OFFSET)?, sp: word(SP_OFFSET)?, bp: word(BP_OFFSET)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StackEnd;

    #[test]
    fn reads_the_saved_registers() {
        let bytes: Vec<u8> = (0u64..32).flat_map(u64::to_le_bytes).collect();
        let stack = StackCopy { start: 0x1000, bytes: &bytes, end: StackEnd::Limit };
        let at = |word: u64| word + 1;
        assert_eq!(
            interrupted(0x1008, &stack),
            Ok(Registers { ip: at(5 + 16), sp: at(5 + 15), bp: at(5 + 10) })
        );
        assert_eq!(interrupted(0x10a0, &stack), Err(0x1148));
    }
}
