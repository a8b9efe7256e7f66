//! PostgreSQL's lexical rules, as far as they separate names from values.

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Keyword or plain name.
    Word,
    /// Name in double quotes.
    Quoted,
    /// A value or the place of one.
    Value,
    /// Anything else, one character or `::`.
    Symbol,
}

/// One piece of text. Comments are no tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// Layout or a comment stood before it.
    pub(super) is_spaced: bool,
}

impl Token<'_> {
    /// True for a keyword in any case.
    pub(super) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == Kind::Symbol && self.text == symbol
    }

    pub(super) fn is_name(&self) -> bool {
        matches!(self.kind, Kind::Word | Kind::Quoted)
    }
}

/// Splits a text. What is opened and never closed reaches to the end.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut is_spaced = false;
    while let Some(first) = rest.chars().next() {
        let length = if first.is_whitespace() { first.len_utf8() } else { comment_length(rest) };
        if length > 0 {
            is_spaced = true;
            rest = rest.get(length..).unwrap_or_default();
            continue;
        }
        let (kind, length) = token_at(rest, first);
        let (token, after) = rest.split_at(length);
        found.push(Token { kind, text: token, is_spaced });
        is_spaced = false;
        rest = after;
    }
    found
}

/// Length of the comment that a text begins with, or 0. Comments nest.
fn comment_length(text: &str) -> usize {
    if text.starts_with("--") {
        return text.find('\n').unwrap_or(text.len());
    }
    if !text.starts_with("/*") {
        return 0;
    }
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(pair) = bytes.get(at..at + 2) {
        match pair {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// Kind and length of the token that a text begins with.
fn token_at(text: &str, first: char) -> (Kind, usize) {
    if let Some(string) = string_length(text) {
        return (Kind::Value, string);
    }
    let unicode_name = text.get(..3).filter(|prefix| prefix.eq_ignore_ascii_case("u&\"")).map(|_| 2);
    if first == '"' || unicode_name.is_some() {
        let start = unicode_name.unwrap_or(0);
        return match quoted_length(text.get(start..).unwrap_or_default(), '"', false) {
            Some(length) => (Kind::Quoted, start + length),
            // There may be anything in it.
            None => (Kind::Value, text.len()),
        };
    }
    if first == '$'
        && let Some(length) = dollar_length(text)
    {
        return (Kind::Value, length);
    }
    let second_is_digit = text.chars().nth(1).is_some_and(|second| second.is_ascii_digit());
    if first.is_ascii_digit() || (first == '.' && second_is_digit) {
        return (Kind::Value, number_length(text));
    }
    if is_name_start(first) {
        let is_inside =
            |character: char| is_name_start(character) || character.is_ascii_digit() || character == '$';
        return (Kind::Word, text.find(|character| !is_inside(character)).unwrap_or(text.len()));
    }
    (Kind::Symbol, if text.starts_with("::") { 2 } else { first.len_utf8() })
}

/// Length of the string that a text begins with: `'…'` with or without a prefix.
fn string_length(text: &str) -> Option<usize> {
    let prefix = text.find('\'').filter(|at| *at <= 2)?;
    let name = text.get(..prefix)?;
    let is_prefix = ["", "e", "b", "x", "n", "u&"].iter().any(|known| name.eq_ignore_ascii_case(known));
    let has_escapes = name.eq_ignore_ascii_case("e");
    let string = text.get(prefix..)?;
    is_prefix.then(|| prefix + quoted_length(string, '\'', has_escapes).unwrap_or(string.len()))
}

/// Length of a quoted text; a doubled quote stands for itself. `None` if it is not closed.
fn quoted_length(text: &str, quote: char, has_escapes: bool) -> Option<usize> {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if has_escapes && character == '\\' {
            characters.next();
        } else if character == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return Some(at + 1);
        }
    }
    None
}

/// Length of a parameter `$1` or of a string `$tag$…$tag$`.
fn dollar_length(text: &str) -> Option<usize> {
    let inner = text.get(1..)?;
    let digits = inner.find(|character: char| !character.is_ascii_digit()).unwrap_or(inner.len());
    if digits > 0 {
        return Some(1 + digits);
    }
    let tag = inner.find('$')?;
    let is_tag = |character: char| is_name_start(character) || character.is_ascii_digit();
    let (quote, rest) = text.split_at_checked(tag + 2)?;
    let is_quote = inner.get(..tag)?.chars().all(is_tag);
    is_quote.then(|| quote.len() + rest.find(quote).map_or(rest.len(), |end| end + quote.len()))
}

/// Numbers with everything that sticks to them: `1.5e-3`, `0x1f`, `1_000`.
fn number_length(text: &str) -> usize {
    let mut previous = ' ';
    let end = text.char_indices().find(|(_, character)| {
        let is_sign = matches!(character, '+' | '-') && matches!(previous, 'e' | 'E');
        previous = *character;
        !(character.is_ascii_alphanumeric() || matches!(character, '.' | '_') || is_sign)
    });
    end.map_or(text.len(), |(at, _)| at)
}

fn is_name_start(character: char) -> bool {
    character.is_alphabetic() || character == '_' || !character.is_ascii()
}
