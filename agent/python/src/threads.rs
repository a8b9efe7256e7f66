//! The interpreter's threads, walked once to prove a layout.

use std::io;

use crate::{Memory, layout::RuntimeLayout, memory::read_u64};

/// One thread as the interpreter lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Thread {
    pub(crate) state: u64,
    /// The thread as `pthread_self` names it; on glibc its thread pointer.
    pub(crate) pointer: u64,
}

const INTERPRETERS_MAX: usize = 16;
const THREADS_MAX: usize = 64;

/// Keys in the first block of a thread's storage, and where that block and the table of further ones are. These
/// are glibc's.
const KEYS_PER_BLOCK: u64 = 32;
const FIRST_BLOCK: u64 = 0x310;
const BLOCKS: u64 = FIRST_BLOCK + KEYS_PER_BLOCK * ENTRY_BYTES;
const ENTRY_BYTES: u64 = 16;

/// Keys that a process can have.
pub(crate) const KEYS_MAX: u32 = 1024;

/// The first threads of the first interpreters. `None` when a thread does not point back at its interpreter: this is
/// no thread, or the list changed under the reader.
pub(crate) fn list(
    memory: &dyn Memory,
    runtime: u64,
    layout: &RuntimeLayout,
) -> io::Result<Option<Vec<Thread>>> {
    let at = |base: u64, offset: u16| read_u64(memory, base.wrapping_add(offset.into()));
    let mut threads = Vec::new();
    let mut interpreter = at(runtime, layout.interpreters_head)?;
    for _ in 0..INTERPRETERS_MAX {
        if interpreter == 0 {
            break;
        }
        let mut state = at(interpreter, layout.threads_head)?;
        while state != 0 && threads.len() < THREADS_MAX {
            if at(state, layout.tstate_interpreter)? != interpreter {
                return Ok(None);
            }
            threads.push(Thread { state, pointer: at(state, layout.tstate_thread_id)? });
            state = at(state, layout.tstate_next)?;
        }
        interpreter = at(interpreter, layout.interpreter_next)?;
    }
    Ok(Some(threads))
}

/// The thread state that a thread keeps under a key, found the way the kernel side finds it.
pub(crate) fn stored_state(memory: &dyn Memory, thread_pointer: u64, key: u32) -> io::Result<u64> {
    let key = u64::from(key);
    let block = match key / KEYS_PER_BLOCK {
        0 => thread_pointer.wrapping_add(FIRST_BLOCK),
        block => read_u64(memory, thread_pointer.wrapping_add(BLOCKS + 8 * block))?,
    };
    read_u64(memory, block.wrapping_add(key % KEYS_PER_BLOCK * ENTRY_BYTES + 8))
}
