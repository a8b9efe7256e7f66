//! Selectors as text, in the manner of Prometheus: `{service.name="feed", endpoint=~"GET /.*"}`.
//!
//! The braces may be left out. A label's name is bare (letters, digits, `_ . - /`) or quoted. A value is quoted with
//! `"` or `'`, with escapes, or with backquotes, without. Regular expressions match the whole value.

mod cursor;
mod error;
mod pattern;
mod quoted;

pub use error::{SelectorError, render};

use cursor::Cursor;
use model::{MatchOp, Matcher, Selector, keys};

/// Bytes of a selector's text that are read.
pub const TEXT_BYTES_MAX: usize = 16 << 10;

/// Conditions that one selector may have.
pub const MATCHERS_MAX: usize = 64;

/// Reads a selector. Empty text and `{}` select everything.
pub fn parse(text: &str) -> Result<Selector, SelectorError> {
    if text.len() > TEXT_BYTES_MAX {
        let found = format!("the selector is {} bytes long, the limit is {TEXT_BYTES_MAX}", text.len());
        return Err(SelectorError { position: 0, message: found, expected: "a shorter selector" });
    }
    let mut cursor = Cursor::new(text);
    cursor.skip_spaces();
    let braces = cursor.eat('{');
    let mut matchers = Vec::new();
    loop {
        cursor.skip_spaces();
        if cursor.peek().is_none_or(|next| braces && next == '}') {
            break;
        }
        if matchers.len() == MATCHERS_MAX {
            return Err(cursor.error(format!("more than {MATCHERS_MAX} conditions"), "fewer conditions"));
        }
        matchers.push(matcher(&mut cursor)?);
        cursor.skip_spaces();
        if !cursor.eat(',') {
            break;
        }
    }
    if braces && !cursor.eat('}') {
        return Err(cursor.unexpected(if matchers.is_empty() {
            "a label name or `}`"
        } else {
            "`,` or `}`"
        }));
    }
    cursor.skip_spaces();
    if cursor.peek().is_some() {
        return Err(cursor.unexpected(if braces { "the end" } else { "`,` or the end" }));
    }
    Ok(Selector { matchers })
}

/// Writes a selector so that [`parse`] reads the same.
pub fn print(selector: &Selector) -> String {
    let matchers: Vec<String> = selector
        .matchers
        .iter()
        .map(|matcher| {
            let bare = !matcher.key.is_empty() && matcher.key.chars().all(is_bare);
            let key = if bare { matcher.key.to_string() } else { quoted::print(&matcher.key) };
            format!("{key}{}{}", symbol(matcher.op), quoted::print(&matcher.value))
        })
        .collect();
    format!("{{{}}}", matchers.join(", "))
}

fn symbol(op: MatchOp) -> &'static str {
    match op {
        MatchOp::Equal => "=",
        MatchOp::NotEqual => "!=",
        MatchOp::Regex => "=~",
        MatchOp::NotRegex => "!~",
    }
}

fn matcher(cursor: &mut Cursor<'_>) -> Result<Matcher, SelectorError> {
    let key = key(cursor)?;
    cursor.skip_spaces();
    let op = op(cursor)?;
    cursor.skip_spaces();
    let value = quoted::parse(cursor, "a value in quotes")?;
    if matches!(op, MatchOp::Regex | MatchOp::NotRegex) {
        pattern::check(&value)?;
    }
    Ok(Matcher { key: keys::canonical(&key).into(), op, value: value.text.into() })
}

fn key(cursor: &mut Cursor<'_>) -> Result<String, SelectorError> {
    let start = cursor.position();
    if cursor.peek().is_some_and(quoted::is_quote) {
        let key = quoted::parse(cursor, "a label name")?.text;
        let empty = || SelectorError::at(start, "the label name is empty".to_owned(), "a label name");
        return if key.is_empty() { Err(empty()) } else { Ok(key) };
    }
    let key = cursor.take_while(is_bare);
    if key.is_empty() { Err(cursor.unexpected("a label name")) } else { Ok(key.to_owned()) }
}

fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/')
}

fn op(cursor: &mut Cursor<'_>) -> Result<MatchOp, SelectorError> {
    let found = match (cursor.peek(), cursor.peek_second()) {
        (Some('='), Some('~')) => (MatchOp::Regex, 2),
        (Some('!'), Some('~')) => (MatchOp::NotRegex, 2),
        (Some('!'), Some('=')) => (MatchOp::NotEqual, 2),
        (Some('='), _) => (MatchOp::Equal, 1),
        _ => return Err(cursor.unexpected("one of `=`, `!=`, `=~`, `!~`")),
    };
    for _ in 0..found.1 {
        cursor.next();
    }
    Ok(found.0)
}

#[cfg(test)]
mod tests;
