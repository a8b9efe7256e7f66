//! Code addresses, as the stack states them and as they are looked up.

use std::{num::NonZeroU64, sync::Arc};

use crate::Executable;

/// A runtime address that knows how it was found, and so which byte of code it speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// Where the CPU was: the instruction about to run.
    Instruction(u64),
    /// Where a call will return to: the instruction *after* the call.
    Return(NonZeroU64),
}

impl Address {
    /// The return address read from a stack; zero is none.
    pub fn from_return(address: u64) -> Option<Self> {
        NonZeroU64::new(address).map(Self::Return)
    }

    /// The address as the CPU or the stack states it.
    pub fn runtime(self) -> u64 {
        match self {
            Self::Instruction(address) => address,
            Self::Return(address) => address.get(),
        }
    }

    /// The address to look up. One less than a return address lies inside the call, which may be the last
    /// instruction of its function. This is the only place that subtracts.
    pub fn lookup(self) -> u64 {
        match self {
            Self::Instruction(address) => address,
            Self::Return(address) => address.get() - 1,
        }
    }
}

/// One entry of an unwound stack: an address that is ready to be looked up, and where to look.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CodeAddress {
    /// Code of a file, or of the vdso.
    File {
        /// The file.
        executable: Arc<Executable>,
        /// The file address to look up.
        address: u64,
    },
    /// Code in memory that no file backs: written at run time.
    Anonymous {
        /// The runtime address to look up, in a perf map for example.
        address: u64,
    },
    /// An instruction pointer outside every known mapping.
    Unmapped {
        /// The runtime address.
        address: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_return_address_moves_back() {
        assert_eq!(Address::Instruction(0x1000).lookup(), 0x1000);
        assert_eq!(Address::from_return(0x1000).map(Address::lookup), Some(0xfff));
        assert_eq!(Address::from_return(0), None);
    }
}
