//! Alerts, planned and sent over several analyses to receivers that sometimes fail.

use std::fs;

use analyzer::alerts::{self, SentState};
use serde_json::json;
use wire::api::findings::{Finding, FindingState, Range};

use super::server::{Fault, Server, State};

const HOUR_MS: i64 = 3_600_000;

fn finding(servers: f64, state: FindingState) -> Finding {
    let servers = Range { value: servers, low: servers / 2.0, high: servers * 2.0 };
    Finding {
        id: "r1".into(),
        title: "GET /feed".into(),
        servers,
        state,
        at_ms: HOUR_MS,
        ..Finding::default()
    }
}

#[test]
fn a_finding_is_one_message_a_receiver_however_often_it_is_found() {
    let down = |request| Fault { request, status: 503, headers: &[], body: json!({}), is_done: false };
    let faults = vec![down("POST /hooks/slack"), down("POST /hooks/slack")];
    let server = Server::start(State { faults, ..State::default() });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sent.json");
    let secret = folder.path().join("slack.url");
    fs::write(&secret, format!("{}/hooks/slack\n", server.url)).unwrap();
    let text = format!(
        "[[receiver]]\nname = \"own\"\nkind = \"webhook\"\nurl = \"{0}/hooks/own\"\n\
         [[receiver]]\nname = \"am\"\nkind = \"alertmanager\"\nurl = \"{0}/\"\n\
         [[receiver]]\nname = \"slack\"\nkind = \"slack\"\nurl_file = \"{1}\"\n",
        server.url,
        secret.display()
    );
    let config = alerts::parse("alerts.toml", &text).unwrap();
    let analyses = [
        (8, finding(4.0, FindingState::New)),
        (9, finding(4.1, FindingState::New)),
        (10, finding(4.1, FindingState::New)),
        (11, finding(9.0, FindingState::New)),
        (12, finding(0.0, FindingState::Fixed)),
        (13, finding(0.0, FindingState::Fixed)),
    ];
    let mut failures = Vec::new();
    for (hour, finding) in analyses {
        let sent = SentState::read(&path).unwrap();
        let plan = alerts::plan(&[finding], &sent, &config, hour * HOUR_MS);
        for failure in alerts::send(&plan, &config, &path).unwrap() {
            failures.push(format!("{hour}: {failure}"));
        }
    }
    let state = server.state();
    let told = |path: &str| {
        state.alerts.iter().filter(|(to, _)| to == path).map(|(_, body)| body).collect::<Vec<_>>()
    };
    let events: Vec<&serde_json::Value> = told("/hooks/own").iter().map(|body| &body["event"]).collect();
    assert_eq!(events, ["new", "update", "resolved"]);
    let ends: Vec<&serde_json::Value> =
        told("/api/v2/alerts").iter().map(|body| &body[0]["endsAt"]).collect();
    assert_eq!(ends, ["1970-01-02T08:00:00Z", "1970-01-02T11:00:00Z", "1970-01-01T12:00:00Z"]);
    // The one that was down is told at the third analysis what it missed, once.
    let texts: Vec<&str> = told("/hooks/slack").iter().filter_map(|body| body["text"].as_str()).collect();
    assert_eq!(
        texts,
        ["New: regression: GET /feed", "Changed: regression: GET /feed", "Fixed: regression: GET /feed"]
    );
    let reason = "the receiver \"slack\" did not take 1 message(s): it answered with status 503";
    assert_eq!(failures, [format!("8: {reason}"), format!("9: {reason}")]);
    assert!(!failures.join("").contains("hooks"), "an address may be a secret");
}
