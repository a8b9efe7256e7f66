//! GitHub: a check run on the commit, and a comment on the pull request.

use analyzer_report::check::{Annotation, annotations, comment};
use serde_json::{Value, json};
use ureq::http::Method;

use super::{
    Connection, ForgeError, Mark, Outcome, Place, Post, Published,
    http::{Action, Api, Created, encoded, with},
    sticky::{self, Author, Thread},
};

/// Longer texts are refused; Gitea's are cut alike, so that a report looks the same.
const CHARACTERS_MAX: usize = 65_536;

/// Longer titles are cut by the page.
const TITLE_CHARACTERS_MAX: usize = 200;

const CHECKS: Action = Action { name: "conclude the check", right: "the permission `checks: write`" };
const PULLS: Action = Action { name: "read the pull request", right: "the permission `pull-requests: read`" };
const COMMENTS_RIGHT: &str = "the permission `pull-requests: write`";

pub(super) fn publish(connection: &Connection, place: &Place, post: &Post) -> Published {
    let token = place.token.as_ref().map(|token| ("authorization", format!("Bearer {token}")));
    let api = Api { connection, base: place.api.trim_end_matches('/'), token };
    Published { check: check(&api, place, post), comment: say(&api, place, post) }
}

/// A check run of this run of the job, concluded from the start: one that is begun and then forgotten would keep the
/// pull request waiting.
fn check(api: &Api, place: &Place, post: &Post) -> Result<Outcome, ForgeError> {
    if place.commit.is_empty() {
        return Err(ForgeError::Missing("which commit the check is about, is not known here; give --commit"));
    }
    let id = format!("fewer {} {}", post.name, place.run);
    let runs = format!("repos/{}/check-runs", place.project);
    let known = format!(
        "repos/{}/commits/{}/check-runs?check_name={}&filter=all&per_page=100",
        place.project,
        encoded(&place.commit),
        encoded(post.name),
    );
    let find = || {
        api.find(&known, CHECKS, |run| {
            (run.get("external_id")?.as_str()? == id).then(|| run.get("id")?.as_u64()).flatten()
        })
    };
    // What is published once is published: annotations of an update would be added to those that are there.
    let update = |id: u64| {
        api.change(Method::PATCH, &format!("{runs}/{id}"), &body(post, place, &[]), CHECKS)?;
        Ok(Outcome::Updated)
    };
    if let Some(id) = find()? {
        return update(id);
    }
    let fields = [("name", post.name), ("head_sha", &place.commit), ("external_id", &id)];
    let created = body(post, place, &annotations(post.report));
    let created =
        fields.into_iter().fold(created, |body, (name, value)| with(body, name, Some(Value::from(value))));
    match api.create(&runs, &created, CHECKS, find)? {
        Created::Now(_) | Created::Found(_) => Ok(Outcome::Created),
    }
}

fn body(post: &Post, place: &Place, annotations: &[Annotation]) -> Value {
    let remarks = annotations.iter().map(|one| {
        json!({
            "path": one.file,
            "start_line": one.line,
            "end_line": one.line,
            "annotation_level": "warning",
            "message": one.text,
        })
    });
    let output = json!({
        "title": post.headline(TITLE_CHARACTERS_MAX),
        "summary": comment(post.report, CHARACTERS_MAX - 1),
    });
    let remarks: Vec<Value> = remarks.collect();
    let output = with(output, "annotations", (!remarks.is_empty()).then_some(Value::from(remarks)));
    let conclusion = match post.mark() {
        Mark::Success => "success",
        Mark::Failure => "failure",
        Mark::Neutral => "neutral",
    };
    let body = json!({ "status": "completed", "conclusion": conclusion, "output": output });
    with(body, "details_url", place.link.as_ref().map(|link| json!(link)))
}

fn say(api: &Api, place: &Place, post: &Post) -> Result<Outcome, ForgeError> {
    let author = || {
        let who = Action { name: "say whose token it is", right: COMMENTS_RIGHT };
        Ok(sticky::login(api, who)?.map_or(Author::AnyBot, Author::Named))
    };
    comment_on(api, (PULLS, COMMENTS_RIGHT), place, post, author)
}

/// The comment, where the API has GitHub's addresses, as Gitea's has; `pulls` and `right` are what it takes there.
pub(super) fn comment_on(
    api: &Api,
    (pulls, right): (Action, &'static str),
    place: &Place,
    post: &Post,
    author: impl FnOnce() -> Result<Author, ForgeError>,
) -> Result<Outcome, ForgeError> {
    let Some(number) = place.pull_request else { return Ok(Outcome::Silent("there is no pull request")) };
    let pull = api.get(&format!("repos/{}/pulls/{number}", place.project), pulls)?;
    let head = pull.get("head").and_then(|head| head.get("sha")?.as_str());
    if let Some(why) = super::stale(&pull, head, place) {
        return Ok(Outcome::Silent(why));
    }
    let thread = Thread {
        list: format!("repos/{}/issues/{number}/comments", place.project),
        one: format!("repos/{}/issues/comments", place.project),
        method: Method::PATCH,
        right,
        author: author()?,
    };
    sticky::put(api, &thread, &post.comment(place, CHARACTERS_MAX))
}
