//! GitLab: a note on the merge request. The job itself is the check: its exit code concludes it.

use ureq::http::Method;

use super::{
    Connection, ForgeError, Outcome, Place, Post, Published,
    http::{Action, Api, encoded},
    sticky::{self, Author, Thread},
};

/// Longer notes are refused.
const CHARACTERS_MAX: usize = 1_000_000;

const RIGHT: &str = "the scope `api` and the role Reporter or higher (a job's own token cannot write notes)";
const REQUESTS: Action = Action { name: "read the merge request", right: RIGHT };
const WHO: Action = Action { name: "say whose token it is", right: RIGHT };

pub(super) fn publish(connection: &Connection, place: &Place, post: &Post) -> Published {
    let token = place.token.as_ref().map(|token| ("private-token", token.clone()));
    let api = Api { connection, base: place.api.trim_end_matches('/'), token };
    Published { check: Ok(Outcome::Silent("the job itself is the check")), comment: say(&api, place, post) }
}

fn say(api: &Api, place: &Place, post: &Post) -> Result<Outcome, ForgeError> {
    let Some(number) = place.pull_request else { return Ok(Outcome::Silent("there is no merge request")) };
    let request = format!("projects/{}/merge_requests/{number}", encoded(&place.project));
    let found = api.get(&request, REQUESTS)?;
    let head = found.get("sha").and_then(|sha| sha.as_str());
    if let Some(why) = super::stale(&found, head, place) {
        return Ok(Outcome::Silent(why));
    }
    let notes = format!("{request}/notes");
    let me = sticky::name(&api.get("user", WHO)?).unwrap_or_default().to_owned();
    let author = Author::Named(me);
    let thread = Thread { list: notes.clone(), one: notes, method: Method::PUT, right: RIGHT, author };
    sticky::put(api, &thread, &post.comment(place, CHARACTERS_MAX))
}
