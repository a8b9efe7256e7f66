//! Gitea and Forgejo: a status of the commit, and a comment on the pull request.

use serde_json::json;

use super::{
    Connection, ForgeError, Mark, Outcome, Place, Post, Published, github,
    http::{Action, Api, encoded, with},
};

/// What a status has room for.
const DESCRIPTION_CHARACTERS_MAX: usize = 200;

const STATUS: Action = Action { name: "set the commit's status", right: "the scope `write:repository`" };
const PULLS: Action = Action { name: "read the pull request", right: "the scope `read:repository`" };
const COMMENTS_RIGHT: &str = "the scope `write:issue`";

pub(super) fn publish(connection: &Connection, place: &Place, post: &Post) -> Published {
    let token = place.token.as_ref().map(|token| ("authorization", format!("token {token}")));
    let api = Api { connection, base: place.api.trim_end_matches('/'), token };
    Published {
        check: status(&api, place, post),
        comment: github::say(&api, (PULLS, COMMENTS_RIGHT), place, post),
    }
}

fn status(api: &Api, place: &Place, post: &Post) -> Result<Outcome, ForgeError> {
    if place.commit.is_empty() {
        return Err(ForgeError::Missing("which commit the check is about, is not known here; give --commit"));
    }
    // There is no neutral status, and one that asks for attention would keep a protected branch from being merged: the
    // words say that there is no verdict.
    let state = match post.mark() {
        Mark::Success | Mark::Neutral => "success",
        Mark::Failure => "failure",
    };
    let description = post.headline(DESCRIPTION_CHARACTERS_MAX);
    let path = format!("repos/{}/statuses/{}", place.project, encoded(&place.commit));
    let body = json!({ "context": post.name, "state": state, "description": description });
    let body = with(body, "target_url", place.link.as_ref().map(|link| json!(link)));
    // The newest comes first, and only that one counts.
    let newest = || {
        let list = format!("{path}?sort=recentupdate&limit=50");
        let newest = api.find(&list, STATUS, |status| {
            let text = |name: &str| status.get(name).and_then(|value| value.as_str());
            let is_same = text("status") == Some(state) && text("description") == Some(&description);
            (text("context") == Some(post.name)).then_some(is_same)
        })?;
        Ok(newest.filter(|is_same| *is_same))
    };
    if newest()?.is_some() {
        return Ok(Outcome::Unchanged);
    }
    api.create(&path, &body, STATUS, newest).map(|_| Outcome::Created)
}
