//! Publishing a check where the code is reviewed: one comment that is updated in place, and a check that is always
//! concluded. What cannot be published never changes the verdict, and nothing is posted twice.

mod artifact;
mod environment;
mod gitea;
mod github;
mod gitlab;
mod http;
mod sticky;

use std::str::FromStr;

use analyzer_report::check::{CheckReport, Conclusion, comment, is_news};

pub use artifact::read as read_artifact;
pub use environment::detect;
pub(crate) use http::encoded;
pub use http::{Connection, Outside};

/// Where a project's changes are reviewed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forge {
    /// GitHub and GitHub Enterprise.
    #[default]
    GitHub,
    /// GitLab.
    GitLab,
    /// Gitea and Forgejo.
    Gitea,
}

/// What is published to, and with which rights.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Which kind of forge.
    pub forge: Forge,
    /// Address of its API, such as `https://api.github.com`.
    pub api: String,
    /// `owner/name`; GitLab takes the project's number, too.
    pub project: String,
    /// Number of the pull or merge request; None when there is none.
    pub pull_request: Option<u64>,
    /// Full hash of the newest commit of the change: checks are attached to it.
    pub commit: String,
    /// What the forge knows us by.
    pub token: Option<String>,
    /// Where a reader finds the job.
    pub link: Option<String>,
    /// What makes this run of the job different from others on the same commit.
    pub run: String,
}

/// What is said.
#[derive(Clone, Copy, Debug)]
pub struct Post<'a> {
    /// The check's name; two checks of one project need two.
    pub name: &'a str,
    /// The report.
    pub report: &'a CheckReport,
    /// True when a check without a verdict counts as failed.
    pub fails_without_verdict: bool,
}

/// What came of it, for the check and for the comment.
#[derive(Debug)]
pub struct Published {
    /// The check or the commit's status.
    pub check: Result<Outcome, ForgeError>,
    /// The comment.
    pub comment: Result<Outcome, ForgeError>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is there now.
    Created,
    /// It was there, and says the new thing.
    Updated,
    /// It was there and says it already.
    Unchanged,
    /// Nothing was posted, for a good reason.
    Silent(&'static str),
}

/// Why something was not published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForgeError {
    /// The token does not allow it.
    #[error("the forge refused to {action} (status {status}: {message}); the token needs {right}")]
    Rights {
        /// What was tried.
        action: &'static str,
        /// What it answered.
        status: u16,
        /// What it said.
        message: String,
        /// What is missing, by the forge's name for it.
        right: &'static str,
    },
    /// It did not answer in time, however often it was asked.
    #[error("the forge could not {action}: {reason}")]
    Unavailable {
        /// What was tried.
        action: &'static str,
        /// What happened last.
        reason: String,
    },
    /// It understood the request and did not like it.
    #[error("the forge could not {action} (status {status}: {message})")]
    Rejected {
        /// What was tried.
        action: &'static str,
        /// What it answered.
        status: u16,
        /// What it said.
        message: String,
    },
    /// Something about the place is not known.
    #[error("{0}")]
    Missing(&'static str),
}

/// What a forge makes of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Success,
    Failure,
    Neutral,
}

impl FromStr for Forge {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "github" => Ok(Self::GitHub),
            "gitlab" => Ok(Self::GitLab),
            "gitea" | "forgejo" => Ok(Self::Gitea),
            _ => Err("give github, gitlab or gitea".to_owned()),
        }
    }
}

impl Published {
    /// The first right that the token does not have.
    pub fn missing_right(&self) -> Option<&ForgeError> {
        let errors = [self.check.as_ref().err(), self.comment.as_ref().err()];
        errors.into_iter().flatten().find(|error| matches!(error, ForgeError::Rights { .. }))
    }

    /// What was not published and why, a line each.
    pub fn complaints(&self) -> Vec<String> {
        let errors = [("check", self.check.as_ref().err()), ("comment", self.comment.as_ref().err())];
        let told = errors.into_iter().filter_map(|(what, error)| Some((what, error?)));
        told.map(|(what, error)| format!("the {what} is not published: {error}")).collect()
    }
}

/// Publishes a report. Both parts are tried whatever happens to the other.
pub fn publish(connection: &Connection, place: &Place, post: &Post) -> Published {
    if place.project.is_empty() || place.api.is_empty() {
        let missing =
            || ForgeError::Missing("which project it is, is not known here; give --forge-url and --project");
        return Published { check: Err(missing()), comment: Err(missing()) };
    }
    match place.forge {
        Forge::GitHub => github::publish(connection, place, post),
        Forge::GitLab => gitlab::publish(connection, place, post),
        Forge::Gitea => gitea::publish(connection, place, post),
    }
}

/// Why a request is left alone: nobody reads what comes after a merge, and a newer commit has a check of its own.
fn stale(request: &serde_json::Value, head: Option<&str>, place: &Place) -> Option<&'static str> {
    let state = request.get("state").and_then(|state| state.as_str()).unwrap_or_default();
    match state {
        "open" | "opened" if head.is_some_and(|head| place.commit == head) => None,
        "open" | "opened" => Some("its newest commit is another one"),
        _ => Some("it is closed"),
    }
}

impl Post<'_> {
    fn mark(&self) -> Mark {
        match self.report.conclusion {
            Conclusion::Pass => Mark::Success,
            Conclusion::Fail => Mark::Failure,
            Conclusion::NoVerdict if self.fails_without_verdict => Mark::Failure,
            Conclusion::NoVerdict => Mark::Neutral,
        }
    }

    fn headline(&self, characters_max: usize) -> String {
        let text = analyzer_report::check::headline(self.report);
        match text.char_indices().nth(characters_max) {
            None => text,
            Some(_) => text.chars().take(characters_max.saturating_sub(1)).chain(['…']).collect(),
        }
    }

    /// What is put into a comment.
    fn comment(&self, place: &Place, characters_max: usize) -> sticky::Comment {
        let marker = sticky::marker(&place.project, self.name);
        let room = characters_max.saturating_sub(marker.chars().count() + 2);
        let body = format!("{marker}\n{}", comment(self.report, room));
        sticky::Comment { marker, body, is_news: is_news(self.report) }
    }
}
