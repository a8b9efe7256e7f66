//! Rules of our own, for places where unwind rows are missing or do not lead to the thread's root.

pub(crate) mod aligned_frame;
pub(crate) mod frame_pointer;
pub(crate) mod landmark;
pub(crate) mod signal;
