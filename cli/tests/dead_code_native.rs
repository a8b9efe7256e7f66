//! `fewer dead-code` over a fleet whose program leaves no marks: agents tell its functions and which of them were sampled.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::process::Command;

use model::{
    AgentId, Batch, BatchBuilder, CodeFunction, CodeReport, ExecutionState, Frame, FrameKind, LabelSet,
    Profile, PushKey, Sample, Window, keys,
};
use wire::push::Reports;

mod served;
use served::{NOW_NS, Served};

const DAY_NS: i64 = 86_400_000_000_000;
const DAYS: i64 = 31;
const HOSTS: [&str; 2] = ["web-1", "web-2"];
const RATE_HZ: i64 = 20;

fn labels(host: &str) -> LabelSet {
    LabelSet::new([(keys::HOST_NAME, host), (keys::SERVICE_NAME, "rank"), (keys::SERVICE_VERSION, "7")])
}

/// What the agent of a host tells on a day: one function was seen there once, another is new.
fn report(days_ago: i64, host: &str) -> CodeReport {
    let function = |(function, line, bytes): (&str, u32, u32)| CodeFunction {
        function: function.into(),
        file: "/build/rank/score.c".into(),
        line,
        bytes,
        state: match (function, days_ago, host) {
            ("hot", ..) | ("seldom", 20, "web-2") => ExecutionState::Executed,
            _ => ExecutionState::Unknown,
        },
        ..CodeFunction::default()
    };
    let mut functions =
        vec![("hot", 9, 300), ("seldom", 30, 200), ("never", 50, 4000), ("seen_by_others", 70, 100)];
    functions.extend((days_ago < 3).then_some(("young", 90, 50)));
    CodeReport {
        at_ns: NOW_NS - days_ago * DAY_NS,
        labels: labels(host),
        program: "rank".into(),
        runtime: "native".into(),
        processes: 4,
        read: 4,
        is_complete: true,
        functions: functions.into_iter().map(function).collect(),
        ..CodeReport::default()
    }
}

/// Each host was busy with half of a core for the last ten hours.
fn profiles() -> Batch {
    let mut builder = BatchBuilder::new();
    let frame = |function: &str| Frame {
        kind: FrameKind::Native,
        function: function.into(),
        file: "/build/rank/score.c".into(),
        executable: "/srv/rank/bin/rank".into(),
        ..Frame::default()
    };
    for host in HOSTS {
        let window = Window { start_ns: NOW_NS - DAY_NS / 24 * 10, end_ns: NOW_NS - 1 };
        let profile =
            Profile { labels: labels(host), window, period: 1_000_000_000 / RATE_HZ, ..Profile::default() };
        let stack = ["hot", "seen_by_others"].map(|name| builder.frame(frame(name)));
        let sample = Sample { stack: builder.stack(stack.to_vec()), value: DAY_NS / 24 * 5 };
        builder.add(&profile, sample);
    }
    builder.finish()
}

fn told() -> Served {
    let served = Served::new(&profiles());
    for days_ago in 0..DAYS {
        let code: Vec<CodeReport> = HOSTS.iter().map(|host| report(days_ago, host)).collect();
        let key = PushKey { agent: AgentId(0xfe), sequence: days_ago as u64 + 1 };
        let reports = Reports { code: &code, ..Reports::default() };
        let body = wire::push::encode_with(key, &Batch::default(), None, reports);
        let request = ureq::post(format!("{}/api/v1/push", served.url));
        request.header("content-type", wire::push::CONTENT_TYPE).send(&body[..]).unwrap();
    }
    served
}

fn fewer(served: &Served, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fewer"));
    let output = command.args(arguments).args(["--collector", &served.url]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_was_never_sampled_is_suspect_with_the_most_that_it_costs() {
    let served = told();
    insta::assert_snapshot!(fewer(&served, &["dead-code", "--service", "rank"]));
    let report = fewer(&served, &["dead-code", "--service", "rank", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let service = &report["services"][0];
    let rows = service["rows"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["state"] == "suspect" && row["dead"].is_null()), "{rows:#?}");
    // 3 / n of the one core that both hosts used together, over all samples of both.
    let samples = (2 * 5 * 3600 * RATE_HZ) as f64;
    let most = rows[0]["cores"][2].as_f64().unwrap();
    assert!((most * samples - 3.0).abs() < 0.01, "{most}");
    assert_eq!(service["expected_alive"]["high"], 0.0);
}

#[test]
fn the_source_of_another_language_hides_no_native_function() {
    let served = told();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tool.py"), "def tool(): pass\n").unwrap();
    let source = folder.path().to_str().unwrap();
    let text = fewer(&served, &["dead-code", "--service", "rank", "--source", source]);
    assert!(text.contains("never (suspect)") && text.contains("young (suspect)"), "{text}");
}

#[test]
fn findings_do_not_say_that_it_did_not_run() {
    let served = told();
    fewer(&served, &["analyze", "--once"]);
    let answer = ureq::get(format!("{}/api/v1/findings?kind=dead_code", served.url)).call().unwrap();
    let answer: serde_json::Value =
        serde_json::from_str(&answer.into_body().read_to_string().unwrap()).unwrap();
    let findings = answer["findings"].as_array().unwrap();
    let titles: Vec<&str> = findings.iter().map(|one| one["title"].as_str().unwrap()).collect();
    assert_eq!(titles.len(), 2, "{titles:?}");
    assert!(titles.iter().all(|title| title.ends_with(": no sample saw it")), "{titles:?}");
}
