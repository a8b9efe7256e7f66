//! Gitea and Forgejo: a status of the commit, and a comment on the pull request.

use serde_json::{Value, json};

use super::{
    Connection, ForgeError, Mark, Outcome, Place, Post, Published, github,
    http::{Action, Api, Created, encoded, with},
    sticky::{self, Author},
};

/// What a status has room for.
const DESCRIPTION_CHARACTERS_MAX: usize = 200;

const STATUS: Action = Action { name: "set the commit's status", right: "the scope `write:repository`" };
const PULLS: Action = Action { name: "read the pull request", right: "the scope `read:repository`" };
const WHO: Action =
    Action { name: "say whose token it is", right: "the scopes `write:issue` and `write:repository`" };
const COMMENTS_RIGHT: &str = "the scope `write:issue`";

/// A status as the forge has it.
struct Status {
    id: u64,
    is_same: bool,
    creator: Option<String>,
}

/// A token with the scopes for statuses and comments may not ask whose it is; the status that it set says so.
pub(super) fn publish(connection: &Connection, place: &Place, post: &Post) -> Published {
    let token = place.token.as_ref().map(|token| ("authorization", format!("token {token}")));
    let api = Api { connection, base: place.api.trim_end_matches('/'), token };
    let (check, creator) = match status(&api, place, post) {
        Ok((outcome, creator)) => (Ok(outcome), creator),
        Err(error) => (Err(error), None),
    };
    let author = || match creator {
        Some(name) => Ok(Author::Named(name)),
        None => {
            let user = api.get("user", WHO)?;
            Ok(Author::Named(sticky::name(&user).unwrap_or_default().to_owned()))
        }
    };
    Published { check, comment: github::comment_on(&api, (PULLS, COMMENTS_RIGHT), place, post, author) }
}

/// What came of the status, and who set it: whoever may set one may write here.
fn status(api: &Api, place: &Place, post: &Post) -> Result<(Outcome, Option<String>), ForgeError> {
    if place.commit.is_empty() {
        return Err(ForgeError::Missing("which commit the check is about, is not known here; give --commit"));
    }
    // There is no neutral status everywhere, and one that asks for attention would keep a protected branch from being
    // merged: the words say that there is no verdict.
    let state = match post.mark() {
        Mark::Success | Mark::Neutral => "success",
        Mark::Failure => "failure",
    };
    let description = post.headline(DESCRIPTION_CHARACTERS_MAX);
    let path = format!("repos/{}/statuses/{}", place.project, encoded(&place.commit));
    let body = json!({ "context": post.name, "state": state, "description": description });
    let body = with(body, "target_url", place.link.as_ref().map(|link| json!(link)));
    let newest = || Ok(newest(api, &path, &body)?.filter(|status| status.is_same));
    if let Some(known) = newest()? {
        return Ok((Outcome::Unchanged, known.creator));
    }
    match api.create(&path, &body, STATUS, newest)? {
        Created::Now(created) => Ok((Outcome::Created, creator(&created))),
        Created::Found(found) => Ok((Outcome::Created, found.creator)),
    }
}

/// The newest status of our name, the only one that counts. It has the highest number: times are whole seconds, and
/// those of one second come in any order.
fn newest(api: &Api, path: &str, body: &Value) -> Result<Option<Status>, ForgeError> {
    let mut newest: Option<Status> = None;
    let list = format!("{path}?sort=recentupdate&limit=50");
    api.find(&list, STATUS, |status| {
        let is_like = |theirs: &str, ours: &str| status.get(theirs) == body.get(ours);
        let id = status.get("id")?.as_u64()?;
        if is_like("context", "context") && newest.as_ref().is_none_or(|newest| newest.id < id) {
            let is_same = is_like("status", "state") && is_like("description", "description");
            newest = Some(Status { id, is_same, creator: creator(status) });
        }
        None::<()>
    })?;
    Ok(newest)
}

fn creator(status: &Value) -> Option<String> {
    sticky::name(status.get("creator")?).map(str::to_owned)
}
