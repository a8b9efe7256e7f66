//! Python strings in another process.

use std::io;

use crate::{
    Memory,
    layout::{CodeLayout, OBJECT_TYPE, is_count},
    memory::{read_bytes, u32_at, u64_at},
};

/// A string, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    Is(String),
    /// Not a string, one that was freed, or one whose characters do not follow its head.
    IsNot,
}

/// Offsets that are the same in all versions.
const LENGTH: usize = 16;
const STATE: usize = 32;

/// Read at once: the head and, of most names of functions and files, all characters.
pub(crate) const FIRST_READ_BYTES: usize = 176;

/// Reads a string. What is longer than `bytes_max` in UTF-8 is cut at a character.
pub(crate) fn read(
    memory: &dyn Memory,
    address: u64,
    unicode_type: u64,
    layout: &CodeLayout,
    bytes_max: usize,
) -> io::Result<Text> {
    // The object can be the last before memory ends; then only its head is surely there.
    let first = read_bytes(memory, address, FIRST_READ_BYTES)
        .or_else(|_| read_bytes(memory, address, layout.ascii_data as usize))?;
    let state = u32_at(&first, STATE);
    let (width, is_compact, is_ascii) = ((state >> 2) & 7, state & 1 << 5 != 0, state & 1 << 6 != 0);
    // What was freed keeps its characters for a while.
    let is_string = u64_at(&first, OBJECT_TYPE as usize) == unicode_type && is_count(u64_at(&first, 0));
    if !is_string || !is_compact || !matches!(width, 1 | 2 | 4) {
        return Ok(Text::IsNot);
    }
    let data = if is_ascii { layout.ascii_data } else { layout.compact_data };
    let width = width as usize;
    // No character takes fewer than one byte, so more of them than bytes fit is never needed.
    let length = u64_at(&first, LENGTH).min(bytes_max as u64) as usize * width;
    let rest;
    let characters = match first.get(data as usize..data as usize + length) {
        Some(characters) => characters,
        None => {
            rest = read_bytes(memory, address.wrapping_add(data.into()), length)?;
            &rest
        }
    };
    Ok(Text::Is(decode(characters, width, bytes_max)))
}

/// Decodes characters of one, two or four bytes each. Half of a pair, and what is no character, becomes U+FFFD.
fn decode(characters: &[u8], width: usize, bytes_max: usize) -> String {
    if width == 1
        && characters.len() <= bytes_max
        && characters.is_ascii()
        && let Ok(text) = std::str::from_utf8(characters)
    {
        return text.to_owned();
    }
    let mut text = String::with_capacity(characters.len().min(bytes_max));
    for character in characters.chunks_exact(width) {
        let number = character.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte));
        let character = char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER);
        if text.len() + character.len_utf8() > bytes_max {
            break;
        }
        text.push(character);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_of_every_width_are_read() {
        let cases: [(&[u8], usize, &str); 7] = [
            (b"feed", 1, "feed"),
            (b"na\xefve", 1, "na\u{ef}ve"),
            (b"\x42\x04\x35\x04", 2, "\u{442}\u{435}"),
            (b"\x00\xd8a\x00", 2, "\u{fffd}a"),
            (b"\x0d\xf4\x01\x00!\x00\x00\x00", 4, "\u{1f40d}!"),
            (b"\xff\xff\xff\xff", 4, "\u{fffd}"),
            (b"abc", 2, "\u{6261}"),
        ];
        for (bytes, width, expected) in cases {
            assert_eq!(decode(bytes, width, 100), expected);
        }
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        assert_eq!(decode("aaaa".as_bytes(), 1, 3), "aaa");
        assert_eq!(decode(b"\xef\xef\xef", 1, 5), "\u{ef}\u{ef}");
    }
}
