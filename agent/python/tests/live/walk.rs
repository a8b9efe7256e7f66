//! The walk that the kernel side does, done here to check what it reads by.

use agent_python::{FrameLayout, FrameMode, Interpreter, Memory};

use crate::process::ProcessMemory;

/// One frame as the kernel side would deliver it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawFrame {
    pub code: u64,
    pub instruction: u64,
    pub is_entry: bool,
}

fn word(memory: &ProcessMemory, address: u64) -> u64 {
    let mut bytes = [0; 8];
    memory.read(address, &mut bytes).unwrap();
    u64::from_ne_bytes(bytes)
}

/// Walks the frames of a parked thread, leaf first, shims included. The thread is named as `pthread_self` names it.
pub(crate) fn walk(memory: &ProcessMemory, interpreter: &Interpreter, thread: u64) -> Vec<RawFrame> {
    let layout = &interpreter.frames;
    let at = |base: u64, offset: u16| word(memory, base + u64::from(offset));
    let key = word(memory, interpreter.thread_key_address) >> 32;
    let state = word(memory, thread + 0x310 + 16 * key + 8);
    let mut frame = at(state, layout.tstate_frame);
    if layout.mode == FrameMode::CFrame {
        frame = at(frame, layout.cframe_current);
    }
    let mut frames = Vec::new();
    while frame != 0 && frames.len() < 200 {
        let mark = at(frame, layout.frame_entry) as u8;
        let is_entry = match layout.frame_entry {
            0 => false,
            _ if layout.entry_is_owner => mark == FrameLayout::OWNER_C_STACK,
            _ => mark != 0,
        };
        let (code, instruction) = (at(frame, layout.frame_code), at(frame, layout.frame_instruction));
        frames.push(RawFrame { code, instruction, is_entry });
        frame = at(frame, layout.frame_previous);
    }
    frames
}
