//! Publishing to a forge that pages, limits, fails and forbids: one comment, a check that is always concluded, and
//! nothing twice.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod alerts;
mod server;

use std::{cell::RefCell, time::Duration};

use analyzer::{
    forge::{Connection, Forge, ForgeError, Outcome, Outside, Place, Post, Published, publish},
    report::check::{Change, CheckReport, Conclusion, FunctionRow, Measurement},
};
use serde_json::{Value, json};
use server::{Fault, Server, State, comment};

const FORGES: [Forge; 3] = [Forge::GitHub, Forge::GitLab, Forge::Gitea];

const NOW_S: i64 = 1_777_600_000;

fn report(conclusion: Conclusion, rise: f64) -> CheckReport {
    let row = FunctionRow {
        function: "Feed.rank".into(),
        file: "feed/rank.py".into(),
        line: 10,
        changed_line: 12,
        baseline_ns: 1e8,
        candidate_ns: 1e8 * (1.0 + rise),
        ..FunctionRow::default()
    };
    let is_fail = conclusion == Conclusion::Fail;
    CheckReport {
        schema: "fewer.check/1".into(),
        conclusion,
        reason: (conclusion == Conclusion::NoVerdict).then(|| "time was up".to_owned()),
        measurement: Some(Measurement { margin: 0.02, confidence: 0.95, ..Measurement::default() }),
        change: Some(Change { value: rise, interval: (rise - 0.01, rise + 0.01), detectable: 0.05 }),
        functions: if is_fail { vec![row] } else { Vec::new() },
        ..CheckReport::default()
    }
}

fn project(forge: Forge) -> &'static str {
    match forge {
        Forge::GitHub => "o/r",
        Forge::GitLab => "group/project",
        Forge::Gitea => "gitea/r",
    }
}

fn state(forge: Forge, commit: &str) -> State {
    let word = if forge == Forge::GitLab { "opened" } else { "open" };
    State {
        pull: json!({ "number": 12, "state": word, "merged": false, "sha": commit, "head": { "sha": commit } }),
        login: (forge != Forge::GitHub).then_some("fewer-bot"),
        creator: "fewer-bot",
        ..State::default()
    }
}

/// Publishes as the given run of a job, and says how long it waited.
fn published(
    server: &Server,
    forge: Forge,
    (commit, run): (&str, &str),
    report: &CheckReport,
) -> (Published, Vec<u64>) {
    let waits = RefCell::new(Vec::new());
    let wait = |time: Duration| waits.borrow_mut().push(time.as_secs());
    let connection = Connection::new(None, Outside { wait: &wait, now_s: &|| NOW_S }).unwrap();
    let place = Place {
        forge,
        api: server.url.clone(),
        project: project(forge).into(),
        pull_request: Some(12),
        commit: commit.into(),
        token: Some("secret".into()),
        link: Some("https://ci.example/7".into()),
        run: run.into(),
    };
    let post = Post { name: "fewer", report, fails_without_verdict: false };
    let done = publish(&connection, &place, &post);
    (done, waits.into_inner())
}

fn own(state: &State) -> Vec<&str> {
    let bodies = state.comments.iter().filter_map(|comment| comment["body"].as_str());
    bodies.filter(|body| body.contains("CPU per run")).collect()
}

#[test]
fn five_pushes_are_one_comment_and_five_concluded_checks() {
    for forge in FORGES {
        let mut start = state(forge, "");
        for id in 1..=250 {
            start.comments.push(comment(id, Some("somebody"), &json!(format!("looks good {id}"))));
        }
        let server = Server::start(start);
        let pushes = [
            (Conclusion::Fail, 0.30),
            (Conclusion::Fail, 0.12),
            (Conclusion::Pass, 0.0),
            (Conclusion::NoVerdict, 0.05),
            (Conclusion::Fail, 0.20),
        ];
        let mut done = Vec::new();
        for (at, (conclusion, rise)) in pushes.into_iter().enumerate() {
            let commit = format!("{at}").repeat(40);
            (server.state().pull["head"]["sha"], server.state().pull["sha"]) = (json!(commit), json!(commit));
            let (published, _) =
                published(&server, forge, (&commit, &format!("{at}.1")), &report(conclusion, rise));
            done.push(published.comment.unwrap());
            published.check.unwrap();
        }
        assert_eq!(done[0], Outcome::Created, "{forge:?}");
        assert!(done[1..].iter().all(|one| *one == Outcome::Updated), "{forge:?}: {done:?}");
        let state = server.state();
        assert_eq!((state.comments.len(), own(&state).len()), (251, 1), "{forge:?}");
        let created = state
            .log
            .iter()
            .filter(|line| line.starts_with("POST") && (line.contains("comments") || line.contains("notes")));
        assert_eq!(created.count(), 1, "{forge:?}");
        assert!(own(&state)[0].contains("**Fail: +20.0 % CPU per run"), "{}", own(&state)[0]);
        match forge {
            Forge::GitHub => {
                let conclusions: Vec<&Value> =
                    state.check_runs.iter().map(|run| &run["conclusion"]).collect();
                assert_eq!(conclusions, ["failure", "failure", "success", "neutral", "failure"]);
                assert!(state.check_runs.iter().all(|run| run["status"] == "completed"));
            }
            Forge::Gitea => {
                let states: Vec<&Value> =
                    state.statuses.iter().rev().map(|status| &status["state"]).collect();
                assert_eq!(states, ["failure", "failure", "success", "success", "failure"]);
                assert!(
                    state.statuses[1]["description"].as_str().unwrap().starts_with("No verdict: time was up")
                );
            }
            Forge::GitLab => assert!(state.check_runs.is_empty() && state.statuses.is_empty()),
        }
    }
}

/// The forge did it and then failed to say so.
#[test]
fn what_was_done_unnoticed_is_not_done_again() {
    for forge in FORGES {
        for status in [0, 502] {
            let lost = |request| Fault { request, status, headers: &[], body: json!({}), is_done: true };
            let mut start = state(forge, "abc");
            start.faults = vec![
                lost("POST /repos/o/r/issues"),
                lost("POST /repos/o/r/check-runs"),
                lost("POST /repos/gitea/r/issues"),
                lost("POST /repos/gitea/r/statuses"),
                lost("POST /projects"),
            ];
            let server = Server::start(start);
            let (done, waits) = published(&server, forge, ("abc", "1.1"), &report(Conclusion::Fail, 0.3));
            assert_eq!(done.comment.unwrap(), Outcome::Created, "{forge:?} {status}");
            done.check.unwrap();
            let state = server.state();
            assert_eq!(own(&state).len(), 1, "{forge:?} {status}: {:?}", state.log);
            let checks = state.check_runs.len() + state.statuses.len();
            assert_eq!(checks, usize::from(forge != Forge::GitLab), "{forge:?} {status}: {:?}", state.log);
            assert!(!waits.is_empty());
        }
    }
}

#[test]
fn limits_and_failures_that_pass_are_waited_for() {
    let limited = |status: u16, headers: &'static [(&str, &str)], message: &str| Fault {
        request: "POST /repos/o/r/issues",
        status,
        headers,
        body: json!({ "message": message }),
        is_done: false,
    };
    let cases = [
        (limited(429, &[("retry-after", "7")], "slow down"), 7),
        (limited(403, &[("retry-after", "9")], "You have exceeded a secondary rate limit."), 9),
        (
            limited(
                403,
                &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1777600020")],
                "API rate limit exceeded for installation ID 1.",
            ),
            21,
        ),
        (limited(503, &[], "unavailable"), 1),
        (limited(500, &[("retry-after", "3")], "oops"), 3),
    ];
    for (fault, wait) in cases {
        let mut start = state(Forge::GitHub, "abc");
        start.faults = vec![fault.clone()];
        let server = Server::start(start);
        let (done, waits) = published(&server, Forge::GitHub, ("abc", "1.1"), &report(Conclusion::Fail, 0.3));
        assert_eq!((done.comment.unwrap(), waits), (Outcome::Created, vec![wait]), "{fault:?}");
        assert_eq!(own(&server.state()).len(), 1);
    }
}

#[test]
fn what_does_not_pass_is_given_up_with_its_reason() {
    let fault = |status: u16, headers: &'static [(&str, &str)]| Fault {
        request: "POST /repos/o/r/issues",
        status,
        headers,
        body: json!({ "message": "no" }),
        is_done: false,
    };
    let cases = [
        (vec![fault(502, &[]); 9], "it answered with status 502, 4 times", 3),
        (vec![fault(429, &[("retry-after", "3600")])], "it asks to wait for 3600 s", 0),
    ];
    for (faults, reason, waits_expected) in cases {
        let server = Server::start(State { faults, ..state(Forge::GitHub, "abc") });
        let (done, waits) = published(&server, Forge::GitHub, ("abc", "1.1"), &report(Conclusion::Fail, 0.3));
        let error = done.comment.unwrap_err();
        assert!(
            matches!(&error, ForgeError::Unavailable { .. }) && error.to_string().contains(reason),
            "{error}"
        );
        assert_eq!((waits.len(), server.state().comments.len()), (waits_expected, 0));
        assert_eq!(done.check.unwrap(), Outcome::Created, "the check is concluded all the same");
    }
}

#[test]
fn a_missing_right_is_named() {
    let rights = ["the permission `checks: write`", "the scope `api`", "the scope `write:repository`"];
    for (forge, right) in FORGES.into_iter().zip(rights) {
        let server = Server::start(State { is_read_only: true, ..state(forge, "abc") });
        let (done, waits) = published(&server, forge, ("abc", "1.1"), &report(Conclusion::Fail, 0.3));
        let missing = done.missing_right().unwrap().to_string();
        assert!(missing.contains(right) && missing.contains("Resource not accessible"), "{missing}");
        assert!(done.comment.is_err() && waits.is_empty(), "{forge:?}: asking again would not help");
        assert!(server.state().comments.is_empty());
    }
    let nowhere = Place::default();
    let connection = Connection::new(None, Outside { wait: &|_| {}, now_s: &|| NOW_S }).unwrap();
    let post = Post { name: "fewer", report: &CheckReport::default(), fails_without_verdict: false };
    let done = publish(&connection, &nowhere, &post);
    assert_eq!(done.complaints().len(), 2);
}

#[test]
fn nobody_is_disturbed_without_need() {
    for forge in FORGES {
        let server = Server::start(state(forge, "abc"));
        let say = |commit: &str, conclusion, rise| {
            let (done, _) = published(&server, forge, (commit, "1.1"), &report(conclusion, rise));
            done.check.unwrap();
            done.comment.unwrap()
        };
        assert!(matches!(say("abc", Conclusion::Pass, 0.0), Outcome::Silent(_)), "no news");
        assert!(matches!(say("abc", Conclusion::NoVerdict, 0.0), Outcome::Silent(_)), "no news");
        assert!(matches!(say("old", Conclusion::Fail, 0.3), Outcome::Silent(_)), "a newer commit was pushed");
        assert_eq!(server.state().comments.len(), 0);
        assert_eq!(say("abc", Conclusion::Fail, 0.3), Outcome::Created);
        assert_eq!(say("abc", Conclusion::Fail, 0.3), Outcome::Unchanged);
        assert_eq!(say("abc", Conclusion::Pass, 0.0), Outcome::Updated);
        server.state().pull["state"] = json!(if forge == Forge::GitLab { "merged" } else { "closed" });
        assert!(matches!(say("abc", Conclusion::Fail, 0.4), Outcome::Silent(_)), "it is merged");
        let state = server.state();
        assert!(own(&state)[0].contains("**Pass: no rise found"), "{}", own(&state)[0]);
    }
}

#[test]
fn a_comment_that_only_looks_like_ours_is_left_alone() {
    let server = Server::start(state(Forge::GitHub, "abc"));
    let fake = json!("<!-- fewer check o/r fewer -->\nall is well");
    server.state().comments.push(comment(1, Some("mallory"), &fake));
    let (done, _) = published(&server, Forge::GitHub, ("abc", "1.1"), &report(Conclusion::Fail, 0.3));
    assert_eq!(done.comment.unwrap(), Outcome::Created);
    assert_eq!(server.state().comments[0]["body"], fake);
}

/// Gitea's tokens with the scopes for statuses and comments may not ask whose they are, and its accounts have no type.
#[test]
fn a_token_that_may_not_ask_whose_it_is_knows_its_own_comments() {
    let mine = |state: &State| {
        let of_bot = |comment: &&Value| comment["user"]["login"] == "fewer-bot";
        state.comments.iter().filter(of_bot).count()
    };
    let fake = json!("<!-- fewer check gitea/r fewer -->\nall is well");
    let mut start = State { login: None, ..state(Forge::Gitea, "abc") };
    start.comments.push(json!({ "id": 1, "user": { "login": "mallory" }, "body": fake }));
    let server = Server::start(start);
    for expected in [Outcome::Created, Outcome::Unchanged] {
        let (done, _) = published(&server, Forge::Gitea, ("abc", "1.1"), &report(Conclusion::Fail, 0.3));
        assert_eq!((done.check.unwrap(), done.comment.unwrap()), (expected.clone(), expected));
    }
    let told = server.state();
    assert_eq!((mine(&told), &told.comments[0]["body"]), (1, &fake));
    drop(told);
    // Without a status there is nobody to be told from others, and two comments would be worse than none.
    let refused = ["GET", "GET"].map(|_| Fault {
        request: "GET /repos/gitea/r/statuses",
        status: 403,
        headers: &[],
        body: json!({ "message": "required=[read:repository]" }),
        is_done: false,
    });
    server.state().faults = refused.to_vec();
    let (done, _) = published(&server, Forge::Gitea, ("abc", "1.1"), &report(Conclusion::Fail, 0.4));
    let complaint = done.comment.unwrap_err().to_string();
    assert!(complaint.contains("say whose token it is"), "{complaint}");
    assert_eq!(server.state().comments.len(), 2);
}

/// Times of statuses are whole seconds: a failure and a success of one second come in any order.
#[test]
fn the_newest_status_is_the_one_with_the_highest_number() {
    let server = Server::start(state(Forge::Gitea, "abc"));
    for conclusion in [Conclusion::Fail, Conclusion::Pass] {
        published(&server, Forge::Gitea, ("abc", "1.1"), &report(conclusion, 0.3)).0.check.unwrap();
    }
    server.state().statuses.reverse();
    let (done, _) = published(&server, Forge::Gitea, ("abc", "1.1"), &report(Conclusion::Fail, 0.3));
    assert_eq!((done.check.unwrap(), server.state().statuses.len()), (Outcome::Created, 3));
}

#[test]
fn a_check_run_is_one_a_run_of_the_job_and_its_remarks_are_few() {
    let server = Server::start(state(Forge::GitHub, "abc"));
    let mut many = report(Conclusion::Fail, 0.3);
    let untouched = FunctionRow { changed_line: 0, ..many.functions[0].clone() };
    many.functions = vec![many.functions[0].clone(); 30];
    many.functions.insert(0, untouched);
    many.notes = vec!["x".repeat(400); 400];
    for run in ["7.1", "7.1", "7.2"] {
        let (done, _) = published(&server, Forge::GitHub, ("abc", run), &many);
        done.check.unwrap();
    }
    let state = server.state();
    assert_eq!(
        state.check_runs.len(),
        2,
        "a run that is asked twice is one, and a second attempt is another"
    );
    for run in &state.check_runs {
        let remarks = run["output"]["annotations"].as_array().unwrap();
        assert_eq!((remarks.len(), &remarks[0]["start_line"]), (10, &json!(12)));
        let characters = run["output"]["summary"].as_str().unwrap().chars().count();
        assert!((60_000..=65_536).contains(&characters), "{characters}");
        assert_eq!(run["details_url"], "https://ci.example/7");
    }
    assert!(own(&state)[0].chars().count() <= 65_536);
}

#[test]
fn a_token_goes_nowhere_else() {
    let other = Server::start(state(Forge::GitHub, "abc"));
    let moved: &'static str = Box::leak(format!("{}/user", other.url).into_boxed_str());
    let headers: &'static [(&str, &str)] = Box::leak(Box::new([("location", moved)]));
    let faults = vec![Fault { request: "GET /user", status: 301, headers, body: json!({}), is_done: false }];
    let server = Server::start(State { faults, ..state(Forge::GitHub, "abc") });
    let (done, _) = published(&server, Forge::GitHub, ("abc", "1.1"), &report(Conclusion::Fail, 0.3));
    assert!(matches!(done.comment.unwrap_err(), ForgeError::Rejected { status: 301, .. }));
    assert!(other.state().log.is_empty());
}
