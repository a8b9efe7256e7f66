//! SQL text of a running query: a short name for it, its text without values, and who sent it.
//!
//! Of a long text only both ends were read. Where its end begins, in a value or between words, cannot be known, so
//! the end gives nothing but the comment that tools for tracing append; names and text come from the start alone.
//! No value leaves here (I14): whatever is quoted, or broken, becomes `?`.

mod comment;
mod summary;
mod text;
mod token;

pub(crate) use comment::Comment;

/// The text of a query as far as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueryText<'a> {
    /// Its start.
    pub(crate) head: &'a [u8],
    /// Its end.
    pub(crate) tail: &'a [u8],
    /// Nothing is missing between the two.
    pub(crate) is_whole: bool,
}

/// What is known of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// What it does to what: `SELECT photos users`. Empty if the text is.
    pub(crate) summary: String,
    /// Its text without values, comments and layout; ` …` at the end stands for what is left out.
    pub(crate) text: String,
    /// What the sender wrote about itself.
    pub(crate) comment: Option<Comment>,
}

/// How much of a text is looked at for its name, and of its end for a comment.
const HEAD_BYTES_MAX: usize = 1024;
const TAIL_BYTES_MAX: usize = 512;

/// Describes a query. Any bytes will do.
pub(crate) fn describe(query: QueryText<'_>) -> Query {
    let joined;
    let (head, tail) = if query.is_whole {
        joined = [query.head, query.tail].concat();
        (joined.as_slice(), joined.as_slice())
    } else {
        (query.head, query.tail)
    };
    let is_cut = !query.is_whole || head.len() > HEAD_BYTES_MAX;
    let head = String::from_utf8_lossy(head.get(..HEAD_BYTES_MAX).unwrap_or(head));
    let tail = tail.get(tail.len().saturating_sub(TAIL_BYTES_MAX)..).unwrap_or_default();
    let mut tokens = token::tokens(&head);
    if is_cut {
        // Half a name would be another name.
        tokens.pop();
    }
    Query {
        summary: summary::summarise(&tokens),
        text: text::normalise(&tokens, is_cut),
        comment: comment::parse(&String::from_utf8_lossy(tail)),
    }
}

impl Query {
    /// The endpoint label of a backend that runs this query.
    pub(crate) fn endpoint(&self) -> String {
        format!("sql:{}", if self.summary.is_empty() { "(empty)" } else { &self.summary })
    }
}

#[cfg(test)]
mod tests;
