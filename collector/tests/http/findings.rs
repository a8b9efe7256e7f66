//! Findings: reported, listed, acknowledged, grown, expired, over.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Arc;

use serde_json::{Value, json};
use testkit::FakeClock;

use crate::support::{Answer, NOW_NS, Server};

const NOW_MS: i64 = NOW_NS / 1_000_000;
const DAY_NS: i64 = 86_400_000_000_000;

/// A collector whose clock the test moves.
fn started(dir: &std::path::Path) -> (Server, FakeClock) {
    let clock = FakeClock::new(NOW_NS);
    let moved = clock.clone();
    let server = Server::start(dir, |options| options.clock = Arc::new(move || moved.now_ns()));
    (server, clock)
}

fn finding(id: &str, service: &str, servers: f64) -> Value {
    json!({
        "id": id, "kind": "regression", "service": service, "title": format!("{id} rose"),
        "servers": {"value": servers, "low": servers / 2.0, "high": servers * 2.0},
        "cores": {"value": servers * 8.0, "low": servers * 4.0, "high": servers * 16.0},
        "endpoints": ["/feed"], "function": "rank", "file": "feed/rank.py", "at_ms": NOW_MS - 5_000,
        "detail": {"before_ns": 1.0, "after_ns": 2.0},
    })
}

fn report(server: &Server, at_ms: i64, service: &str, findings: &[Value]) -> Answer {
    let body = json!({
        "kind": "regression", "service": service, "at_ms": at_ms, "complete": true, "findings": findings,
        "funnel": {"series": 10, "findings": findings.len()},
    });
    server.post("/api/v1/findings", &body)
}

fn states(server: &Server) -> Vec<(String, String)> {
    let list = server.get("/api/v1/findings").json();
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap().to_owned();
    let findings = list["findings"].as_array().unwrap();
    findings.iter().map(|finding| (text(finding, "id"), text(finding, "state"))).collect()
}

fn check(server: &Server, expected: &[(&str, &str)]) {
    let found = states(server);
    let found: Vec<(&str, &str)> = found.iter().map(|(id, state)| (id.as_str(), state.as_str())).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_finding_lives_from_report_to_report() {
    let dir = tempfile::tempdir().unwrap();
    let (server, clock) = started(dir.path());
    let first = report(&server, NOW_MS, "feed", &[finding("a", "feed", 2.0), finding("b", "feed", 3.0)]);
    insta::assert_snapshot!("findings_reported", first.shown());
    report(&server, NOW_MS, "photos", &[finding("c", "photos", 1.0)]);
    check(&server, &[("b", "new"), ("a", "new"), ("c", "new")]);
    let body =
        json!({"owner": "@ann", "reason": "ranks better", "expires": "2026-02-02", "at_most_percent": 50.0});
    let answered = server.post("/api/v1/findings/a/acknowledge", &body);
    insta::assert_snapshot!("findings_acknowledged", answered.shown());
    // As long as it stays within its bound and its time, it is acknowledged.
    report(&server, NOW_MS + 1, "feed", &[finding("a", "feed", 3.0), finding("b", "feed", 3.0)]);
    check(&server, &[("a", "acknowledged"), ("b", "new"), ("c", "new")]);
    report(&server, NOW_MS + 2, "feed", &[finding("a", "feed", 3.1)]);
    check(&server, &[("a", "new"), ("c", "new"), ("b", "went_away")]);
    server.post("/api/v1/findings/a/acknowledge", &body);
    clock.advance(2 * DAY_NS);
    check(&server, &[("a", "acknowledged"), ("c", "new"), ("b", "went_away")]);
    clock.advance(DAY_NS);
    check(&server, &[("a", "new"), ("c", "new"), ("b", "went_away")]);
    let mut resolved = finding("a", "feed", 0.1);
    resolved["detail"]["resolved"] = json!(true);
    let last = report(&server, NOW_MS + 3, "feed", &[resolved, finding("b", "feed", 1.0)]);
    assert_eq!(last.json(), json!({"new": 1, "known": 0, "over": 1, "dropped": 0}));
    let whys: Vec<String> = server.get("/api/v1/findings/a").json()["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| format!("{}: {}", change["state"].as_str().unwrap(), change["why"].as_str().unwrap()))
        .collect();
    insta::assert_snapshot!("findings_history", whys.join("\n"));
    let filtered = server.get("/api/v1/findings?kind=regression&state=fixed&service=feed");
    insta::assert_snapshot!("findings_filtered", filtered.shown());
    let metrics = server.get("/metrics").body;
    assert!(metrics.contains("\nfewer_store_findings 3\n"), "{metrics}");
    drop(server);
    let (server, _) = started(dir.path());
    assert_eq!(states(&server).len(), 3, "they are kept");
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (server, _) = started(dir.path());
    report(&server, NOW_MS, "feed", &[finding("a", "feed", 2.0)]);
    let mut flag = finding("x", "feed", 1.0);
    flag["kind"] = json!("flag");
    let mut nameless = finding("", "feed", 1.0);
    nameless["service"] = json!("feed");
    let good = json!({"owner": "@ann", "reason": "r", "expires": "2026-02-02"});
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        server.post("/api/v1/findings/a/acknowledge", &body)
    };
    let answers = [
        ("other service", report(&server, NOW_MS, "feed", &[finding("x", "photos", 1.0)])),
        ("other kind", report(&server, NOW_MS, "feed", &[flag])),
        ("no id", report(&server, NOW_MS, "feed", &[nameless])),
        ("older", report(&server, NOW_MS - 1, "feed", &[])),
        ("from the future", report(&server, NOW_MS + 10_000_000, "feed", &[])),
        ("no report", server.post("/api/v1/findings", &json!({"kind": "weather"}))),
        ("no owner", with("owner", json!(" "))),
        ("no day", with("expires", json!("soon"))),
        ("a day that is over", with("expires", json!("2026-01-30"))),
        ("too much", with("at_most_percent", json!(1e6))),
        ("unknown field", with("when", json!("now"))),
        ("unknown finding", server.post("/api/v1/findings/z/acknowledge", &good)),
        ("unknown kind", server.get("/api/v1/findings?kind=weather")),
        ("nothing there", server.get("/api/v1/findings/z")),
        ("not JSON", server.push_to("/api/v1/findings", b"{}", "text/plain")),
    ];
    let lines = answers.iter().map(|(name, answer)| {
        let error = &answer.json()["error"];
        format!(
            "{name}: {} {} ({})",
            answer.status,
            error["message"].as_str().unwrap(),
            error["code"].as_str().unwrap()
        )
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
    check(&server, &[("a", "new")]);
}
