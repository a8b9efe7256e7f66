//! The offsets that CPython 3.13 publishes of itself at the start of `_PyRuntime`, for tools like this one.

use crate::{
    Refusal,
    layout::{Layout, OBJECT_TYPE},
    memory::u64_at,
};

/// How many bytes of `_PyRuntime` are read.
pub(crate) const BYTES: usize = 71 * 8;

const COOKIE: &[u8] = b"xdebugpy";

/// An interpreter's own struct is long, all others are short; a greater offset is no offset.
const INTERPRETER_BYTES_MAX: u64 = 1 << 16;
const OBJECT_BYTES_MAX: u64 = 1 << 12;

/// Puts the published offsets in place of the table's. What they do not give (the thread key, the context) stays.
pub(crate) fn apply(bytes: &[u8], minor: u8, layout: Layout) -> Result<Layout, Refusal> {
    if bytes.get(..COOKIE.len()) != Some(COOKIE) || (u64_at(bytes, 8) >> 16) != (0x0300 | u64::from(minor)) {
        return Err(Refusal::Inconsistent);
    }
    if u64_at(bytes, 16) != 0 {
        return Err(Refusal::FreeThreaded);
    }
    let word = |index: usize| u64_at(bytes, index * 8);
    let below = |index: usize, end: u64| {
        let offset = word(index);
        u16::try_from(offset).ok().filter(|_| offset < end).ok_or(Refusal::Inconsistent)
    };
    let offset = |index: usize| below(index, OBJECT_BYTES_MAX);
    if word(45) != u64::from(OBJECT_TYPE) {
        return Err(Refusal::Inconsistent);
    }
    let Layout { mut frames, mut code, mut runtime } = layout;
    runtime.interpreters_head = below(5, INTERPRETER_BYTES_MAX)?;
    runtime.interpreter_next = below(8, INTERPRETER_BYTES_MAX)?;
    runtime.threads_head = below(9, INTERPRETER_BYTES_MAX)?;
    runtime.tstate_next = offset(21)?;
    runtime.tstate_interpreter = offset(22)?;
    runtime.tstate_thread_id = offset(24)?;
    frames.tstate_frame = offset(23)?;
    frames.frame_previous = offset(29)?;
    frames.frame_code = offset(30)?;
    frames.frame_instruction = offset(31)?;
    frames.frame_entry = offset(33)?;
    code.file = offset(35)?;
    code.name = offset(37)?;
    code.line_table = offset(38)?;
    code.first_line = offset(39)?;
    code.code = offset(43)?;
    code.compact_data = offset(70)?.saturating_add(code.compact_data - code.ascii_data);
    code.ascii_data = offset(70)?;
    Ok(Layout { frames, code, runtime })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout;

    fn published(words: &[(usize, u64)]) -> Vec<u8> {
        let mut bytes = vec![0; BYTES];
        let fixed = [(0, u64::from_ne_bytes(*b"xdebugpy")), (1, 0x030d_00f0), (45, 8)];
        for (index, word) in fixed.iter().chain(words) {
            bytes[index * 8..index * 8 + 8].copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }

    #[test]
    fn published_offsets_replace_the_table() {
        let table = layout::of_minor(13).unwrap();
        let found = apply(&published(&[(23, 88), (43, 208), (70, 48)]), 13, table).unwrap();
        assert_eq!((found.frames.tstate_frame, found.code.code), (88, 208));
        assert_eq!((found.code.ascii_data, found.code.compact_data), (48, 64));
        assert_eq!(found.runtime.thread_key, table.runtime.thread_key);
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let table = layout::of_minor(13).unwrap();
        let cases = [
            (vec![(2, 1)], Refusal::FreeThreaded),
            (vec![(0, 0)], Refusal::Inconsistent),
            (vec![(1, 0x030e_00f0)], Refusal::Inconsistent),
            (vec![(45, 24)], Refusal::Inconsistent),
            (vec![(23, 1 << 40)], Refusal::Inconsistent),
        ];
        for (words, expected) in cases {
            assert_eq!(apply(&published(&words), 13, table), Err(expected), "{words:?}");
        }
        assert_eq!(apply(&[], 13, table), Err(Refusal::Inconsistent));
    }
}
