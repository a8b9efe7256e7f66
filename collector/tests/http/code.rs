//! Execution evidence: pushed by agents, merged, asked for.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use model::{Batch, CodeBranch, CodeFunction, CodeReport, ExecutionState, LabelSet, Outcomes, keys};
use wire::push::Reports;

use crate::support::{NOW_NS, Server, key};

const DAY_NS: i64 = 86_400_000_000_000;

fn function(name: &str, body: u128, state: ExecutionState) -> CodeFunction {
    CodeFunction {
        function: name.into(),
        file: "/srv/feed/rank.py".into(),
        line: 7,
        body,
        bytes: 640,
        state,
        is_import_only: name == "<module>",
        branches: Vec::new(),
    }
}

/// A condition that was once another than it was before.
fn asked(days_ago: i64) -> Vec<CodeBranch> {
    let often = Outcomes::TRUE.and(Outcomes::IN_A_ROW);
    let branch = |line, outcomes| CodeBranch { line, column: 7, outcomes };
    vec![branch(2, often), branch(5, if days_ago > 0 { often } else { Outcomes::FALSE })]
}

fn report(host: &str, days_ago: i64, ran: ExecutionState) -> CodeReport {
    CodeReport {
        at_ns: NOW_NS - days_ago * DAY_NS,
        labels: LabelSet::new([
            (keys::HOST_NAME, host),
            (keys::SERVICE_NAME, "feed"),
            (keys::SERVICE_VERSION, if days_ago > 0 { "r1" } else { "r2" }),
            (keys::REGION, "eu"),
            (keys::ROLE, "web"),
        ]),
        program: "gunicorn".into(),
        runtime: "cpython 3.11".into(),
        processes: 16,
        read: 16,
        refused: 0,
        is_complete: true,
        functions: vec![
            function("<module>", 0xa, ExecutionState::Executed),
            CodeFunction { branches: asked(days_ago), ..function("rank", 0xb, ran) },
            function("rank_old", 0xc, ExecutionState::Unexecuted),
            function("<lambda>", 0, ExecutionState::Unknown),
        ],
        left_out: 2,
    }
}

fn push(server: &Server, sequence: u64, code: &[CodeReport]) -> u16 {
    let reports = Reports { code, ..Reports::default() };
    server.push(&wire::push::encode_with(key(sequence), &Batch::default(), None, reports)).status
}

#[test]
fn where_and_when_functions_ran_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), |_| {});
    let [ran, silent] = [ExecutionState::Executed, ExecutionState::Unexecuted];
    assert_eq!(push(&server, 1, &[report("web-1", 3, ran), report("web-1", 0, silent)]), 200);
    let later =
        [report("web-2", 0, silent), CodeReport { labels: LabelSet::default(), ..report("", 0, ran) }];
    // Sent again, it changes nothing.
    assert_eq!((push(&server, 2, &later), push(&server, 2, &later)), (200, 200));
    insta::assert_snapshot!("code", server.get("/api/v1/code?service=feed").shown());
    insta::assert_snapshot!("code_services", server.get("/api/v1/code").shown());
    let recent = server.get("/api/v1/code?service=feed&start=now-1h").json();
    assert_eq!((&recent["blocks"], &recent["functions"][2]["executed_blocks"]), (&2.into(), &0.into()));
    let unknown = server.get("/api/v1/code?service=nobody").json();
    assert_eq!((&unknown["service"], &unknown["blocks"]), (&"nobody".into(), &0.into()));
    let metrics = server.get("/metrics").body;
    for line in ["code_functions 4", "code_blocks 3", "code_bytes 3", "code_reports_dropped_total 2"] {
        assert!(metrics.contains(&format!("fewer_store_{line}\n")), "{metrics}");
    }
}

#[test]
fn questions_that_make_no_sense_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), |_| {});
    let questions =
        ["service=feed&start=yesterday", "start=now&end=now-1d", "services=feed", "service=a&service=b"];
    let refused = questions.map(|question| server.get(&format!("/api/v1/code?{question}")).shown());
    insta::assert_snapshot!("code_refused", refused.join("\n"));
}

#[test]
fn evidence_outlives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), |_| {});
    assert_eq!(push(&server, 1, &[report("web-1", 0, ExecutionState::Executed)]), 200);
    let before = server.get("/api/v1/code?service=feed").body;
    drop(server);
    let server = Server::start(dir.path(), |_| {});
    assert_eq!(server.get("/api/v1/code?service=feed").body, before);
}
