//! Texts in quotes, with the escapes of Prometheus, which are those of Go.

use super::{SelectorError, cursor::Cursor};

/// A text and where in the selector each of its characters stands; one more place for its end.
pub(super) struct Quoted {
    pub(super) text: String,
    pub(super) places: Vec<usize>,
}

pub(super) fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '`')
}

pub(super) fn parse(cursor: &mut Cursor<'_>, expected: &'static str) -> Result<Quoted, SelectorError> {
    let start = cursor.position();
    let Some(quote) = cursor.peek().filter(|next| is_quote(*next)) else {
        return Err(cursor.unexpected(expected));
    };
    cursor.next();
    let mut quoted = Quoted { text: String::new(), places: Vec::new() };
    loop {
        let place = cursor.position();
        quoted.places.push(place);
        match cursor.next() {
            None => {
                return Err(SelectorError::at(
                    start,
                    "the quote is not closed".to_owned(),
                    "a closing quote",
                ));
            }
            Some(c) if c == quote => return Ok(quoted),
            Some('\\') if quote != '`' => quoted.text.push(escaped(cursor, place)?),
            Some(c) => quoted.text.push(c),
        }
    }
}

pub(super) fn print(text: &str) -> String {
    let mut printed = String::with_capacity(text.len() + 2);
    printed.push('"');
    for c in text.chars() {
        match c {
            '"' => printed.push_str("\\\""),
            '\\' => printed.push_str("\\\\"),
            '\n' => printed.push_str("\\n"),
            '\r' => printed.push_str("\\r"),
            '\t' => printed.push_str("\\t"),
            c if c.is_control() => printed.push_str(&format!("\\u{:04x}", c as u32)),
            c => printed.push(c),
        }
    }
    printed.push('"');
    printed
}

fn escaped(cursor: &mut Cursor<'_>, place: usize) -> Result<char, SelectorError> {
    let unknown =
        |what: String| SelectorError::at(place, what, "an escape such as `\\n`, `\\\"`, `\\\\` or `\\u00e9`");
    let (digits, radix, most) = match cursor.next() {
        Some('a') => return Ok('\x07'),
        Some('b') => return Ok('\x08'),
        Some('f') => return Ok('\x0c'),
        Some('n') => return Ok('\n'),
        Some('r') => return Ok('\r'),
        Some('t') => return Ok('\t'),
        Some('v') => return Ok('\x0b'),
        Some(c @ ('\\' | '"' | '\'')) => return Ok(c),
        // Bytes above 0x7f are parts of characters, which have their own escape.
        Some('x') => (2, 16, 0x7f),
        Some('u') => (4, 16, u32::MAX),
        Some('U') => (8, 16, u32::MAX),
        Some(c) => return Err(unknown(format!("unknown escape `\\{c}`"))),
        None => return Err(unknown("the text ends inside of an escape".to_owned())),
    };
    let mut text = String::new();
    for _ in 0..digits {
        text.extend(cursor.peek().filter(char::is_ascii_hexdigit).and_then(|_| cursor.next()));
    }
    let code = u32::from_str_radix(&text, radix).ok().filter(|code| text.len() == digits && *code <= most);
    code.and_then(char::from_u32).ok_or_else(|| unknown("the escape is not a character".to_owned()))
}
