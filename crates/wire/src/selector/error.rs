//! What is wrong with a selector, and where.

/// Why a text is not a selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at character {}", position + 1)]
pub struct SelectorError {
    /// The character it is about, counted from 0; the text's length when it ends too early.
    pub position: usize,
    /// What is wrong.
    pub message: String,
    /// What could stand there.
    pub expected: &'static str,
}

impl SelectorError {
    pub(super) fn at(position: usize, message: String, expected: &'static str) -> Self {
        Self { position, message, expected }
    }
}

/// Draws the line of the text that the error is in, a caret under the character, and what is wrong.
pub fn render(text: &str, error: &SelectorError) -> String {
    let before = text.chars().take(error.position).collect::<String>();
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let indent = before.get(line_start..).unwrap_or_default();
    let indent: String = indent.chars().map(|c| if c == '\t' { c } else { ' ' }).collect();
    format!("{line}\n{indent}^ {}", error.message)
}
