//! What the kernel side saw of one thread at one moment.

/// Names one address space and everything mapped into it at its start. A forked child has its parent's key until
/// it runs another program, so what is known of the parent serves the child.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageKey {
    /// Where the main stack starts; random with every exec.
    pub start_stack: u64,
    /// Where the program's code starts; random with every exec of a position-independent program.
    pub start_code: u64,
    /// The program file's inode, which tells programs apart where addresses are not random.
    pub inode: u64,
    /// The process where addresses are not random: nothing else tells a child from a stranger then. Else 0.
    pub pid: u32,
}

/// Without randomisation a stack starts this near to the end of a process's part of the address space: below are only
/// its arguments and environment, which have 6 MB at most. With it, one in three thousand stacks does.
const FIXED_STACKS: std::ops::Range<u64> = 0x7fff_ff80_0000..0x8000_0000_0000;

impl ImageKey {
    /// The key of what a process runs, by where its main stack starts.
    pub fn of_stack(start_stack: u64, pid: u32) -> Self {
        Self { start_stack, ..Self::default() }.told_apart(pid)
    }

    /// With the process where it needs it.
    pub fn told_apart(self, pid: u32) -> Self {
        if FIXED_STACKS.contains(&self.start_stack) { Self { pid, ..self } } else { self }
    }
}

/// The registers that unwinding needs. Rows that name any other register are rare on x86-64, and all sixteen
/// unwound no stack further in any measured run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// Instruction pointer.
    pub ip: u64,
    /// Stack pointer.
    pub sp: u64,
    /// Frame pointer, by convention; any value where the code does not follow it.
    pub bp: u64,
}

/// Why a stack copy ends where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StackEnd {
    /// The thread's stack ends there.
    Top,
    /// The copy reached its size limit; the stack goes on.
    Limit,
    /// The next page could not be read.
    Fault,
}

/// Bytes copied from a thread's stack, upwards from its stack pointer.
#[derive(Clone, Copy, Debug)]
pub struct StackCopy<'a> {
    /// Address of the first byte.
    pub start: u64,
    /// The bytes.
    pub bytes: &'a [u8],
    /// Why there are no more.
    pub end: StackEnd,
}

impl StackCopy<'_> {
    /// The eight bytes at a runtime address, if they were copied.
    pub fn word(&self, address: u64) -> Option<u64> {
        let offset = usize::try_from(address.checked_sub(self.start)?).ok()?;
        let bytes = self.bytes.get(offset..offset.checked_add(8)?)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }
}

/// One sampled thread.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The process, as the host numbers it.
    pub pid: u32,
    /// Its address space.
    pub image: ImageKey,
    /// When, on any clock that does not go back; only differences are used.
    pub at_ns: u64,
    /// Its registers in user mode.
    pub registers: Registers,
    /// The top of its stack.
    pub stack: StackCopy<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_with_one_layout_are_told_apart() {
        let fixed = |pid| ImageKey::of_stack(0x7fff_ffff_e7d0, pid);
        assert_ne!(fixed(1), fixed(2));
        let random = |pid| ImageKey::of_stack(0x7ffd_1b2c_e7d0, pid);
        assert_eq!(random(1), random(2));
    }

    #[test]
    fn words_outside_the_copy_are_absent() {
        let stack = StackCopy { start: 0x1000, bytes: &[1, 0, 0, 0, 0, 0, 0, 0, 9], end: StackEnd::Top };
        for (address, expected) in [
            (0x1000, Some(1)),
            (0x1001, Some(9 << 56)),
            (0x1002, None),
            (0xfff, None),
            (u64::MAX, None),
            (0, None),
        ] {
            assert_eq!(stack.word(address), expected, "{address:#x}");
        }
    }
}
