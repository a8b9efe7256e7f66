//! Selectors: predicates on labels.

use std::sync::Arc;

/// How a matcher compares. A label that is absent compares as the empty string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`: the whole value matches the regular expression.
    Regex,
    /// `!~`
    NotRegex,
}

/// One condition on one label.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Matcher {
    /// Label the condition is on.
    pub key: Arc<str>,
    /// How it compares.
    pub op: MatchOp,
    /// What it compares with: a string, or the text of a regular expression.
    pub value: Arc<str>,
}

/// All conditions must hold; no condition selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selector {
    /// The conditions.
    pub matchers: Vec<Matcher>,
}
