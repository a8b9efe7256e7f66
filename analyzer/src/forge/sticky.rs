//! The one comment: found by a hidden marker among all comments, updated in place, created at most once.

use serde_json::{Value, json};
use ureq::http::Method;

use super::{
    ForgeError, Outcome,
    http::{Action, Api, Created},
};

/// What is to be said.
pub(super) struct Comment {
    /// The comment's first line, which nobody sees.
    pub(super) marker: String,
    /// All of it, the marker included.
    pub(super) body: String,
    /// False when it is not worth a new comment; one that is there is updated all the same.
    pub(super) is_news: bool,
}

/// Where a forge keeps the comments of a request.
pub(super) struct Thread {
    /// Path of the list, without parameters; creating is posting to it.
    pub(super) list: String,
    /// Path of one comment, up to its number.
    pub(super) one: String,
    /// How a comment is changed.
    pub(super) method: Method,
    /// The right to write.
    pub(super) right: &'static str,
    /// Who we are there.
    pub(super) author: Author,
}

/// Whose comments are ours: anybody can write one that begins like ours, and could change it after we filled it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Author {
    /// Those of this login.
    Named(String),
    /// Those that GitHub marks as a job's or an app's: their tokens are not told who they are.
    AnyBot,
}

/// A comment that is ours.
struct Own {
    id: u64,
    body: String,
}

/// The first line of every comment of one check of one project.
pub(super) fn marker(project: &str, name: &str) -> String {
    // Two hyphens would end the comment, and so none is left as it is.
    let safe = |text: &str| {
        let is_safe = |character: char| character.is_ascii_alphanumeric() || "/._".contains(character);
        let encoded = |character: char| match is_safe(character) {
            true => character.to_string(),
            false => format!("%{:X}", u32::from(character)),
        };
        text.chars().map(encoded).collect::<String>()
    };
    format!("<!-- fewer check {} {} -->", safe(project), safe(name))
}

/// Makes the thread say it, once.
pub(super) fn put(api: &Api, thread: &Thread, comment: &Comment) -> Result<Outcome, ForgeError> {
    let write = Action { name: "write a comment", right: thread.right };
    let find = || own(api, thread, &comment.marker);
    let update = |own: Own, done: Outcome| {
        if is_same(&own.body, &comment.body) {
            return Ok(done);
        }
        let path = format!("{}/{}", thread.one, own.id);
        let update = Action { name: "update its comment", right: thread.right };
        api.change(thread.method.clone(), &path, &json!({ "body": comment.body }), update)?;
        Ok(Outcome::Updated)
    };
    if let Some(own) = find()? {
        return update(own, Outcome::Unchanged);
    }
    if !comment.is_news {
        return Ok(Outcome::Silent("there is nothing to say"));
    }
    match api.create(&thread.list, &json!({ "body": comment.body }), write, find)? {
        Created::Now(_) => Ok(Outcome::Created),
        Created::Found(own) => update(own, Outcome::Created),
    }
}

/// Our own name; None when the token is not told.
pub(super) fn login(api: &Api, action: Action) -> Result<Option<String>, ForgeError> {
    let user = api.get_if_allowed("user", action)?;
    Ok(user.as_ref().and_then(name).map(str::to_owned))
}

/// An account's name, as each forge calls it.
pub(super) fn name(account: &Value) -> Option<&str> {
    account.get("login").or_else(|| account.get("username"))?.as_str()
}

fn own(api: &Api, thread: &Thread, marker: &str) -> Result<Option<Own>, ForgeError> {
    let read = Action { name: "read the comments", right: thread.right };
    api.find(&format!("{}?per_page=100", thread.list), read, |comment| {
        let body = comment.get("body")?.as_str()?;
        let is_own = body.starts_with(marker) && is_from(comment, &thread.author);
        is_own.then_some(())?;
        Some(Own { id: comment.get("id")?.as_u64()?, body: body.to_owned() })
    })
}

fn is_from(comment: &Value, author: &Author) -> bool {
    let account = comment.get("user").or_else(|| comment.get("author"));
    match author {
        Author::Named(me) => account.and_then(name) == Some(me),
        Author::AnyBot => account.and_then(|account| account.get("type")?.as_str()) == Some("Bot"),
    }
}

/// Forges change ends of lines.
fn is_same(left: &str, right: &str) -> bool {
    left.lines().eq(right.trim_end().lines()) || left.trim_end().lines().eq(right.trim_end().lines())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_one_html_comment_whatever_the_name() {
        let cases = [
            ("o/r", "fewer", "<!-- fewer check o/r fewer -->"),
            ("o/r--x", "a -->b", "<!-- fewer check o/r%2D%2Dx a%20%2D%2D%3Eb -->"),
        ];
        for (project, name, expected) in cases {
            assert_eq!(marker(project, name), expected);
        }
    }

    #[test]
    fn only_our_own_comments_are_ours() {
        let me = Author::Named("me".to_owned());
        let by = |login: &str, kind: &str| json!({ "user": { "login": login, "type": kind } });
        assert!(is_from(&by("me", "User"), &me) && !is_from(&by("you", "User"), &me));
        assert!(is_from(&by("actions[bot]", "Bot"), &Author::AnyBot));
        assert!(!is_from(&by("you", "User"), &Author::AnyBot));
        assert!(is_from(&json!({ "author": { "username": "me" } }), &me));
        let without_a_type = json!({ "user": { "login": "you" } });
        assert!(!is_from(&without_a_type, &Author::AnyBot));
    }
}
