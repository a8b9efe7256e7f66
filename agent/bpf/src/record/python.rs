//! Python frames of a sample.

use std::fmt;

use crate::cursor::Cursor;
use crate::record::DecodeError;

/// At most this many frames are recorded.
pub const PYTHON_FRAMES_MAX: usize = 256;

const FRAME_BYTES: usize = 24;

/// The Python frames of the sampled thread, of the same instant as the native stack.
#[derive(Clone, Debug)]
pub struct PythonStack<'a> {
    /// How the walk ended. Frames that were read before it failed are kept.
    pub outcome: PythonOutcome,
    /// The frames.
    pub frames: PythonFrames<'a>,
}

/// How the walk along the Python frames ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PythonOutcome {
    /// At the outermost frame; without frames when the thread runs no Python code just now.
    Complete,
    /// After [`PYTHON_FRAMES_MAX`] frames: callers are missing.
    Truncated,
    /// The thread has no Python thread state.
    NoThreadState,
    /// Memory on the way was unreadable.
    Fault,
    /// A frame's code is no code object.
    WrongType,
}

/// One Python frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PythonFrame {
    /// Address of the code object. Anything in a shim, which must not be named.
    pub code: u64,
    /// The instruction as the interpreter keeps it: an index in frame objects, -1 before the first (sign-extended),
    /// else an address.
    pub instruction: u64,
    /// Whether C code entered the interpreter here: on 3.11 by this frame, from 3.12 on this is the shim below it.
    pub is_entry: bool,
}

/// Borrowed frames, leaf first.
#[derive(Clone)]
pub struct PythonFrames<'a>(Frames<'a>);

#[derive(Clone)]
enum Frames<'a> {
    Bytes(&'a [u8]),
    Slice(&'a [PythonFrame]),
}

impl PythonFrames<'_> {
    /// The frames in order.
    pub fn iter(&self) -> impl Iterator<Item = PythonFrame> + '_ {
        (0..self.len()).filter_map(|idx| self.get(idx))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.0 {
            Frames::Bytes(bytes) => bytes.len() / FRAME_BYTES,
            Frames::Slice(frames) => frames.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One of them; the leaf is the first.
    #[must_use]
    pub fn get(&self, idx: usize) -> Option<PythonFrame> {
        match self.0 {
            Frames::Bytes(bytes) => bytes.chunks_exact(FRAME_BYTES).nth(idx).and_then(read_frame),
            Frames::Slice(frames) => frames.get(idx).copied(),
        }
    }
}

impl<'a> From<&'a [PythonFrame]> for PythonFrames<'a> {
    fn from(frames: &'a [PythonFrame]) -> Self {
        Self(Frames::Slice(frames))
    }
}

impl fmt::Debug for PythonFrames<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}

pub(super) fn decode(payload: &[u8]) -> Result<PythonStack<'_>, DecodeError> {
    let mut cursor = Cursor::new(payload);
    let outcome = match cursor.u32("the Python outcome")? {
        0 => PythonOutcome::Complete,
        1 => PythonOutcome::Truncated,
        2 => PythonOutcome::NoThreadState,
        3 => PythonOutcome::Fault,
        4 => PythonOutcome::WrongType,
        value => return Err(DecodeError::Value { field: "the Python outcome", value: value.into() }),
    };
    let count = cursor.u32("the number of Python frames")? as usize;
    if count > PYTHON_FRAMES_MAX {
        let value = count as u64;
        return Err(DecodeError::Value { field: "the number of Python frames", value });
    }
    let frames = cursor.bytes(count * FRAME_BYTES, "the Python frames")?;
    Ok(PythonStack { outcome, frames: PythonFrames(Frames::Bytes(frames)) })
}

fn read_frame(bytes: &[u8]) -> Option<PythonFrame> {
    let mut cursor = Cursor::new(bytes);
    Some(PythonFrame {
        code: cursor.u64("a Python frame").ok()?,
        instruction: cursor.u64("a Python frame").ok()?,
        is_entry: cursor.u64("a Python frame").ok()? != 0,
    })
}
