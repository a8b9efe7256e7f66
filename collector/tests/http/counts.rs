//! Requests beside samples: by endpoint, by flag, per request.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use model::{BatchBuilder, FlagEvaluations, LabelSet, RequestCounts, Window, keys};
use serde_json::Value;

use crate::support::{NOW_NS, Server, key};

const RANGE: &str = "start=now-100s&end=now";
const FLAG: &str = "feature_flag.result.variant.new_ranker";

/// Two endpoints, of which one evaluates a flag, a task that counts nothing, and samples of no endpoint: 1 s of CPU.
const SAMPLES: &str = "
    # window=1769860740000000000..1769860750000000000 period=10000000 service.name=feed endpoint=/feed feature_flag.result.variant.new_ranker=on
    main;feed;rank 300000000
    # window=1769860750000000000..1769860760000000000 period=10000000 service.name=feed endpoint=/feed feature_flag.result.variant.new_ranker=off
    main;feed;rank 200000000
    # window=1769860750000000000..1769860760000000000 period=10000000 service.name=feed endpoint=/search
    main;search 150000000
    # window=1769860740000000000..1769860750000000000 period=10000000 service.name=worker endpoint=celery:resize fewer.label_source=stack
    main;resize 250000000
    # window=1769860740000000000..1769860750000000000 period=10000000 service.name=feed
    main;poll 100000000
";

fn served(dir: &std::path::Path) -> Server {
    let server = Server::start(dir, |_| {});
    let mut builder = BatchBuilder::new();
    builder.extend(&testkit::batch_from_folded(SAMPLES));
    let start_ns = NOW_NS - 60_000_000_000;
    for (endpoint, variant, step, requests) in
        [("/feed", "on", 0, 30), ("/feed", "off", 1, 40), ("/search", "", 1, 10), ("/login", "", 1, 5)]
    {
        let start_ns = start_ns + step * 10_000_000_000;
        builder.add_requests(&RequestCounts {
            window: Window { start_ns, end_ns: start_ns + 10_000_000_000 },
            labels: LabelSet::new([
                (keys::SERVICE_NAME, "feed"),
                (keys::ENDPOINT, endpoint),
                (FLAG, variant),
            ]),
            requests,
            measured: requests / 10,
            cpu_ns: requests / 10 * 5_000_000,
            instructions: (endpoint == "/feed").then_some(requests * 1_000_000),
            client_errors: requests / 5,
            server_errors: requests / 20,
        });
    }
    for (variant, reason, count) in [("on", "split", 30), ("off", "split", 40), ("off", "default", 1)] {
        builder.add_evaluations(&FlagEvaluations {
            window: Window { start_ns, end_ns: start_ns + 10_000_000_000 },
            labels: LabelSet::new([(keys::SERVICE_NAME, "feed")]),
            flag: "new_feed".into(),
            variant: variant.into(),
            reason: reason.into(),
            count,
        });
    }
    let pushed = server.push(&wire::push::encode(key(1), &builder.finish(), None));
    assert_eq!(pushed.body, r#"{"stored":true}"#);
    server
}

#[test]
fn answers() {
    let dir = tempfile::tempdir().unwrap();
    let server = served(dir.path());
    let by_flag = format!("/api/v1/breakdown?by={FLAG}&");
    let cases = [
        ("breakdown", "/api/v1/breakdown?"),
        ("breakdown_cut", "/api/v1/breakdown?by=endpoint&limit=1&"),
        ("breakdown_by_flag", &by_flag),
        ("evaluations", "/api/v1/evaluations?"),
        ("evaluations_cut", "/api/v1/evaluations?limit=1&"),
        ("functions", "/api/v1/functions?steps=5&samples=1&"),
        ("functions_cut", "/api/v1/functions?steps=5&endpoints=1&limit=1&"),
        ("requests", "/api/v1/requests?steps=5&"),
        ("requests_by", "/api/v1/requests?steps=5&by=endpoint&limit=2&"),
        ("timeline_per_request", "/api/v1/timeline?steps=5&per=request&by=endpoint&limit=2&"),
    ];
    for (name, path) in cases {
        insta::assert_snapshot!(name, server.get(&format!("{path}{RANGE}")).shown());
    }
}

/// Rows and bands sum to the whole, however they are cut (invariant I13).
#[test]
fn rows_sum_to_the_total() {
    let dir = tempfile::tempdir().unwrap();
    let server = served(dir.path());
    let get = |path: &str| server.get(&format!("/api/v1/{path}&{RANGE}")).json();
    for by in ["endpoint", FLAG, "service.name", "fewer.label_source", "unknown"] {
        for limit in [1, 2, 100] {
            let breakdown = get(&format!("breakdown?by={by}&limit={limit}"));
            let rows = breakdown["rows"].as_array().unwrap();
            let sum = |field: &str| rows.iter().map(|row| row[field].as_i64().unwrap()).sum::<i64>();
            assert_eq!(
                (sum("cpu_ns"), sum("requests"), sum("measured")),
                (1_000_000_000, 85, 8),
                "{by} {limit}"
            );
            assert_eq!((sum("client_errors"), sum("server_errors")), (17, 3), "{by} {limit}");
            assert_eq!(breakdown["total"]["cpu_ns"], 1_000_000_000);

            let timeline = get(&format!("timeline?by={by}&limit={limit}&per=request"));
            let bands = timeline["series"].as_array().unwrap();
            assert_eq!(bands.iter().map(|band| band["total"].as_i64().unwrap()).sum::<i64>(), 1_000_000_000);
            let requests = get(&format!("requests?by={by}&limit={limit}"));
            let series = requests["series"].as_array().unwrap();
            let total = |one: &Value| one["total"]["requests"].as_i64().unwrap();
            assert_eq!((series.iter().map(total).sum::<i64>(), total(&requests)), (85, 85));
        }
    }
}

#[test]
fn a_flag_selects_samples_and_requests() {
    let dir = tempfile::tempdir().unwrap();
    let server = served(dir.path());
    for flag in [FLAG.to_owned(), format!("%22{FLAG}%22")] {
        let path = format!("/api/v1/breakdown?query={{{flag}=%22on%22}}&{RANGE}");
        let total = &server.get(&path).json()["total"];
        assert_eq!((total["cpu_ns"].as_i64(), total["requests"].as_i64()), (Some(300_000_000), Some(30)));
        assert_eq!(total["cpu_ns_per_request"].as_f64(), Some(10_000_000.0));
    }
    let names = server.get(&format!("/api/v1/labels?query={{endpoint=%22celery:resize%22}}&{RANGE}"));
    assert_eq!(names.body, r#"{"names":["endpoint","fewer.label_source","service.name"]}"#);
}
