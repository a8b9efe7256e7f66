//! A short name for a query: its operations and what they work on, after OpenTelemetry's `db.query.summary`.
//!
//! This is no parser. It follows the words that introduce tables, and knows the places where the same words mean
//! something else; a query that it misreads gets a wrong name, never an error.

use super::token::{Kind, Token};
use crate::context::labels;

/// Longest summary, so that it fits a label with its prefix.
const SUMMARY_BYTES_MAX: usize = 240;
/// As long as PostgreSQL lets a name be.
const NAME_BYTES_MAX: usize = 63;
const OPERATION_BYTES_MAX: usize = 32;

/// Operations that can stand anywhere in a statement.
const OPERATIONS: [&str; 5] = ["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"];
/// After these words all but `SELECT` are no operations: `FOR UPDATE`, `ON DELETE CASCADE`, `DO UPDATE SET`.
const CLAUSES: [&str; 9] = ["FOR", "ON", "DO", "THEN", "KEY", "OR", "BEFORE", "AFTER", "OF"];
/// Statements whose first name is what they work on.
const WITH_NAME: [&str; 9] =
    ["COPY", "TRUNCATE", "CALL", "VACUUM", "ANALYZE", "LOCK", "REINDEX", "CLUSTER", "REFRESH"];
/// Statements that say what kind of thing they work on.
const WITH_KIND: [&str; 3] = ["CREATE", "ALTER", "DROP"];
const KINDS: [&str; 12] = [
    "TABLE",
    "INDEX",
    "VIEW",
    "SEQUENCE",
    "FUNCTION",
    "PROCEDURE",
    "TRIGGER",
    "SCHEMA",
    "TYPE",
    "ROLE",
    "DATABASE",
    "EXTENSION",
];
/// Words between the one that introduces a name and the name.
const NOISE: [&str; 12] = [
    "ONLY",
    "LATERAL",
    "TABLE",
    "IF",
    "NOT",
    "EXISTS",
    "CONCURRENTLY",
    "TEMP",
    "TEMPORARY",
    "MATERIALIZED",
    "VIEW",
    "VERBOSE",
];

/// An operation with what it works on.
struct Part {
    operation: String,
    targets: Vec<String>,
}

/// What the next name would be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Other,
    Target,
    /// The kind of thing that is created, altered or dropped.
    Kind,
    /// The alias of a target. After a comma there are more targets.
    Alias,
    /// None, but after a comma there are more targets.
    Aliased,
}

/// What is between two parentheses, or the statement itself.
#[derive(Clone, Copy, Default)]
struct Scope {
    /// `FROM` introduces tables there.
    reads: bool,
    /// It stands where a table could.
    is_target: bool,
}

struct Summary<'a> {
    parts: Vec<Part>,
    next: Next,
    /// Never empty: the statement, then each open parenthesis.
    scopes: Vec<Scope>,
    /// Names that `WITH` introduces, which are no tables.
    common: Vec<&'a str>,
    has_common: bool,
}

/// Names a query. Empty for an empty one.
pub(super) fn summarise(tokens: &[Token<'_>]) -> String {
    let mut summary = Summary {
        parts: Vec::new(),
        next: Next::Other,
        scopes: vec![Scope::default()],
        common: Vec::new(),
        has_common: false,
    };
    let mut previous = None;
    let mut rest = tokens;
    while let Some((token, after)) = rest.split_first() {
        rest = after;
        match token.kind {
            Kind::Word if summary.word(token, previous) => {}
            Kind::Word | Kind::Quoted => rest = summary.name(token, after),
            Kind::Symbol => summary.symbol(token.text),
            Kind::Value => summary.next = Next::Other,
        }
        previous = Some(token);
    }
    summary.write()
}

impl<'a> Summary<'a> {
    /// Takes a keyword; false if the word is none here.
    fn word(&mut self, token: &Token<'_>, previous: Option<&Token<'_>>) -> bool {
        let follows =
            |words: &[&str]| previous.is_some_and(|token| words.iter().any(|word| token.is_word(word)));
        let is_any = |words: &[&str]| words.iter().any(|word| token.is_word(word));
        let is_first = previous.is_none_or(|token| token.is_symbol(";"));
        let last = self.parts.last().map_or("", |part| part.operation.as_str());
        let is_after_dot = previous.is_some_and(|token| token.is_symbol("."));

        let is_clause = follows(&CLAUSES) && !token.is_word("select");
        if is_any(&OPERATIONS) && !is_clause && !is_after_dot {
            let has_target = token.is_word("update");
            self.begin(token.text, if has_target { Next::Target } else { Next::Other });
            self.set_reads(!token.is_word("insert") && !token.is_word("merge"));
        } else if is_first {
            self.has_common = token.is_word("with");
            let next = match () {
                () if is_any(&WITH_NAME) => Next::Target,
                () if is_any(&WITH_KIND) => Next::Kind,
                () => Next::Other,
            };
            if !self.has_common {
                self.begin(token.text, next);
            }
            self.set_reads(false);
        } else if self.next == Next::Kind {
            if is_any(&KINDS) {
                self.extend_operation(token.text);
                self.next = Next::Target;
            }
        } else if self.next == Next::Target && is_any(&NOISE) {
        } else if token.is_word("from")
            && self.scopes.last().is_some_and(|scope| scope.reads)
            && !follows(&["distinct"])
            || token.is_word("join")
            || token.is_word("into") && !last.is_empty()
            || token.is_word("using") && matches!(last, "DELETE" | "MERGE")
        {
            self.next = Next::Target;
        } else {
            return self.next == Next::Alias && token.is_word("as");
        }
        true
    }

    /// Takes a name and returns what follows it, which is more than one token later for `schema.table`.
    fn name<'t>(&mut self, token: &Token<'a>, after: &'t [Token<'a>]) -> &'t [Token<'a>] {
        let is_common = self.has_common && after.first().is_some_and(|next| next.is_word("as"));
        match self.next {
            Next::Target => {
                let mut rest = after;
                let mut target = plain(token);
                while let [dot, part, more @ ..] = rest
                    && dot.is_symbol(".")
                    && part.is_name()
                {
                    target = format!("{target}.{}", plain(part));
                    rest = more;
                }
                self.add_target(target, self.common.contains(&token.text));
                self.next = Next::Alias;
                return rest;
            }
            Next::Other if is_common => self.common.push(token.text),
            Next::Alias => self.next = Next::Aliased,
            Next::Aliased | Next::Other | Next::Kind => self.next = Next::Other,
        }
        after
    }

    fn symbol(&mut self, symbol: &str) {
        let is_target = self.next == Next::Target;
        self.next = match symbol {
            "(" => {
                self.scopes.push(Scope { is_target, reads: false });
                Next::Other
            }
            ")" if self.scopes.len() > 1 && self.scopes.pop().is_some_and(|scope| scope.is_target) => {
                Next::Alias
            }
            "," if matches!(self.next, Next::Alias | Next::Aliased) => Next::Target,
            _ => Next::Other,
        };
    }

    fn begin(&mut self, operation: &str, next: Next) {
        let mut operation = operation.to_ascii_uppercase();
        labels::cut(&mut operation, OPERATION_BYTES_MAX);
        self.next = next;
        if self.parts.last().is_none_or(|part| part.operation != operation) {
            self.parts.push(Part { operation, targets: Vec::new() });
        }
    }

    fn set_reads(&mut self, reads: bool) {
        if let Some(innermost) = self.scopes.last_mut() {
            innermost.reads = reads;
        }
    }

    fn extend_operation(&mut self, kind: &str) {
        if let Some(part) = self.parts.last_mut() {
            part.operation = format!("{} {}", part.operation, kind.to_ascii_uppercase());
        }
    }

    fn add_target(&mut self, target: String, is_common: bool) {
        if let Some(part) = self.parts.last_mut()
            && !is_common
            && !part.targets.contains(&target)
        {
            part.targets.push(target);
        }
    }

    /// Whole words as far as they fit. A `SELECT` without tables says nothing beside other operations.
    fn write(&self) -> String {
        let is_alone = self.parts.len() == 1;
        let says_something =
            |part: &&Part| is_alone || !part.targets.is_empty() || part.operation != "SELECT";
        let parts = self.parts.iter().filter(says_something);
        let words = parts.flat_map(|part| std::iter::once(&part.operation).chain(&part.targets));
        let mut text = String::new();
        for word in words {
            if text.len() + 1 + word.len() > SUMMARY_BYTES_MAX {
                break;
            }
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
        text
    }
}

/// A name without needless quotes.
fn plain(token: &Token<'_>) -> String {
    let is_plain = |name: &&str| {
        let is_inside = |character: char| character.is_alphanumeric() || matches!(character, '_' | '$');
        !name.is_empty() && name.chars().all(is_inside)
    };
    let inner = token.text.strip_prefix('"').and_then(|name| name.strip_suffix('"')).filter(is_plain);
    let mut name = inner.unwrap_or(token.text).to_owned();
    labels::cut(&mut name, NAME_BYTES_MAX);
    name
}
