//! Regular expressions are checked where the selector is read, so that the error can point into them.

use regex::RegexBuilder;
use regex_syntax::ParserBuilder;

use super::{SelectorError, quoted::Quoted};

/// Bytes that a compiled expression may take.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// Groups and repetitions that may stand inside of each other.
const NESTING_MAX: u32 = 64;

const EXPECTED: &str = "a regular expression";

pub(super) fn check(pattern: &Quoted) -> Result<(), SelectorError> {
    if let Err(error) = ParserBuilder::new().nest_limit(NESTING_MAX).build().parse(&pattern.text) {
        let (start, reason) = match &error {
            regex_syntax::Error::Parse(error) => (error.span().start.offset, error.kind().to_string()),
            regex_syntax::Error::Translate(error) => (error.span().start.offset, error.kind().to_string()),
            error => (0, error.to_string()),
        };
        let place = pattern.text.get(..start).map_or(0, |before| before.chars().count());
        return Err(at(pattern, place, format!("bad regular expression: {reason}")));
    }
    let whole = format!("^(?:{})$", pattern.text);
    match RegexBuilder::new(&whole).size_limit(COMPILED_BYTES_MAX).nest_limit(NESTING_MAX + 2).build() {
        Ok(_) => Ok(()),
        Err(regex::Error::CompiledTooBig(limit)) => {
            let message = format!("the regular expression takes more than {limit} bytes: repeat less");
            Err(at(pattern, 0, message))
        }
        Err(_) => Err(at(pattern, 0, "the regular expression is only valid on its own".to_owned())),
    }
}

fn at(pattern: &Quoted, place: usize, message: String) -> SelectorError {
    let position = pattern.places.get(place).or(pattern.places.last()).copied().unwrap_or_default();
    SelectorError::at(position, message, EXPECTED)
}
