//! The text of a query without its values.

use super::token::{Kind, Token};
use crate::context::labels;

/// Longest text.
const TEXT_BYTES_MAX: usize = 512;
const GAP: &str = " …";

/// Writes tokens with one space where there was any layout, `?` for every value, `IN (?)` for lists of values and one
/// row for any number of rows.
pub(super) fn normalise(tokens: &[Token<'_>], is_cut: bool) -> String {
    let mut text = String::new();
    let mut rest = tokens;
    let mut is_cut = is_cut;
    while let Some((token, mut after)) = rest.split_first() {
        push(&mut text, token);
        if token.is_word("in") || token.is_word("values") {
            let open = after.first().copied();
            if let (Some(open), Some(length)) = (open, value_list_length(after)) {
                push(&mut text, &open);
                text.push_str("?)");
                after = after.get(length..).unwrap_or_default();
                after = after.get(more_rows_length(after)..).unwrap_or_default();
            }
        }
        rest = after;
    }
    is_cut |= labels::cut(&mut text, TEXT_BYTES_MAX - GAP.len());
    if is_cut {
        text.push_str(GAP);
    }
    text
}

fn push(text: &mut String, token: &Token<'_>) {
    if token.is_spaced && !text.is_empty() {
        text.push(' ');
    }
    text.push_str(if token.kind == Kind::Value { "?" } else { token.text });
}

/// How many tokens from `(` to its `)` there are, if nothing but values stands between. A list that is cut off counts
/// as closed at its end.
fn value_list_length(tokens: &[Token<'_>]) -> Option<usize> {
    tokens.first().filter(|token| token.is_symbol("("))?;
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match (token.kind, token.text) {
            (Kind::Symbol, "(") => depth += 1,
            (Kind::Symbol, ")") => depth = depth.saturating_sub(1),
            (Kind::Value, _) | (Kind::Symbol, "," | "-" | "+") => {}
            (Kind::Word, word) if is_constant(word) => {}
            _ => return None,
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    Some(tokens.len())
}

/// How many tokens further rows `, (…), (…)` have.
fn more_rows_length(tokens: &[Token<'_>]) -> usize {
    let mut length = 0;
    while let Some((comma, row)) = tokens.get(length..).and_then(|rest| rest.split_first())
        && comma.is_symbol(",")
        && let Some(row) = value_list_length(row)
    {
        length += 1 + row;
    }
    length
}

fn is_constant(word: &str) -> bool {
    ["null", "true", "false", "default"].iter().any(|constant| word.eq_ignore_ascii_case(constant))
}
