//! Where the parser stands.

use super::SelectorError;

/// The rest of a text and the position of its first character.
pub(super) struct Cursor<'a> {
    rest: &'a str,
    position: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text, position: 0 }
    }

    /// Characters read so far.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(super) fn peek_second(&self) -> Option<char> {
        self.rest.chars().nth(1)
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next()?;
        self.rest = chars.as_str();
        self.position += 1;
        Some(next)
    }

    /// Steps over the character if it comes next.
    pub(super) fn eat(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        if found {
            self.next();
        }
        found
    }

    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.position += taken.chars().count();
        self.rest = rest;
        taken
    }

    pub(super) fn skip_spaces(&mut self) {
        self.take_while(char::is_whitespace);
    }

    /// An error at the next character, which is not what may stand there.
    pub(super) fn unexpected(&self, expected: &'static str) -> SelectorError {
        let found = self.peek().map_or("the end".to_owned(), |next| format!("`{next}`"));
        self.error(format!("expected {expected}, found {found}"), expected)
    }

    /// An error at the next character.
    pub(super) fn error(&self, message: String, expected: &'static str) -> SelectorError {
        SelectorError::at(self.position, message, expected)
    }
}
