//! Commands that ask a collector, against a real one with a small fleet in it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::process::{Command, Output};

use model::{
    Batch, BatchBuilder, FlagEvaluations, Frame, LabelSet, Profile, RequestCounts, Sample, Window, keys,
};
use serde_json::Value;

mod served;
use served::{NOW_NS, Served};

const MINUTE_NS: i64 = 60_000_000_000;
const FLAG: &str = "feature_flag.result.variant.new_ranker";

impl Served {
    fn fewer(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fewer"));
        command.args(arguments).args(["--collector", &self.url]).output().unwrap()
    }
}

/// Ten hosts of each version over ten minutes. Version 2 costs 30 % more, and so does the flag in either.
fn fleet() -> Batch {
    let mut builder = BatchBuilder::new();
    for (version, host) in [1, 2, 3].into_iter().flat_map(|version| (0..10).map(move |host| (version, host)))
    {
        let name = format!("web-{version}-{host}");
        for minute in 0..10 {
            let start_ns = NOW_NS - MINUTE_NS * (10 - minute);
            let window = Window { start_ns, end_ns: start_ns + MINUTE_NS };
            for (variant, factor) in [("off", 10), ("on", 13)] {
                let wobble = 1_000 + (host * 37 + minute * 11) % 60;
                let each_ns = 100 * factor * wobble as u64 * if version == 2 { 13 } else { 10 } / 10;
                builder.add_requests(&RequestCounts {
                    window,
                    labels: LabelSet::new([
                        (keys::SERVICE_VERSION, version.to_string().as_str()),
                        (keys::HOST_NAME, &name),
                        (keys::ENDPOINT, "GET /feed"),
                        (FLAG, variant),
                    ]),
                    requests: 100,
                    measured: 100,
                    cpu_ns: 100 * each_ns,
                    ..RequestCounts::default()
                });
                builder.add_evaluations(&FlagEvaluations {
                    window,
                    labels: LabelSet::new([(keys::HOST_NAME, name.as_str())]),
                    flag: "new_ranker".into(),
                    variant: variant.into(),
                    reason: "split".into(),
                    count: 100,
                });
            }
            builder.add_evaluations(&FlagEvaluations {
                window,
                flag: "old_search".into(),
                variant: "off".into(),
                reason: "static".into(),
                count: 7,
                ..FlagEvaluations::default()
            });
        }
    }
    builder.finish()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn a_dear_canary_fails_an_equal_one_passes_and_one_host_is_no_verdict() {
    let served = Served::new(&fleet());
    let look = |canary: &str, control: &str| {
        let range = ["--start", "2026-01-31T11:50:00Z", "--time", "600", "--looks", "3", "--json"];
        let output =
            served.fewer(&[&["check", "--canary", canary, "--control", control][..], &range].concat());
        (output.status.code(), json(&output))
    };
    let (code, report) = look("{service.version=\"2\"}", "{service.version=\"1\"}");
    assert_eq!(code, Some(1), "{report:#}");
    let interval = &report["cpu"]["interval"];
    assert!(interval[0].as_f64().unwrap() < 0.3 && interval[1].as_f64().unwrap() > 0.3, "{report:#}");
    let (code, report) = look("{service.version=\"3\"}", "{service.version=\"1\"}");
    assert_eq!((code, report["look"].as_u64()), (Some(0), Some(3)), "{report:#}");
    let (code, report) = look("{host.name=\"web-2-1\"}", "{service.version=\"1\"}");
    assert_eq!(code, Some(3), "{report:#}");
    assert!(report["reason"].as_str().unwrap().contains("two hosts"), "{report:#}");
    let output =
        served.fewer(&["check", "--canary", "{", "--control", "{}", "--start", "now-1h", "--time", "60"]);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_flag_is_found_with_its_cost_and_cause() {
    let served = Served::new(&fleet());
    let range = ["--start", "2026-01-31T11:50:00Z", "--end", "2026-01-31T12:00:00Z"];
    let output = served.fewer(&[&["flags", "--json"][..], &range].concat());
    let report = json(&output);
    let row = &report["costs"][0];
    let named =
        ["flag", "variant", "baseline_variant", "endpoint", "unit"].map(|field| row[field].as_str().unwrap());
    assert_eq!(named, ["new_ranker", "on", "off", "GET /feed", "host.name"]);
    assert_eq!((row["units"].as_u64(), row["is_random"].as_bool()), (Some(30), Some(true)), "{row:#}");
    let (difference, baseline) =
        (row["difference_ns"].as_f64().unwrap(), row["baseline_ns"].as_f64().unwrap());
    assert!((difference / baseline - 0.3).abs() < 0.01, "{row:#}");
    assert_eq!(
        (&report["constant"][0]["flag"], &report["constant"][0]["evaluations"]),
        (&"old_search".into(), &2100.into())
    );
    let one = ["--query", "{host.name=\"web-1-1\"}"];
    let text = served.fewer(&[&["flags"][..], &range, &one].concat());
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("one host, ") && text.contains("says nothing about other hosts"), "{text}");
}

/// Six hosts over forty minutes; after twenty-five comes version 2, in which `rank` costs `/feed` 30 % more CPU. `/login`
/// stays as it is.
fn release() -> Batch {
    let mut builder = BatchBuilder::new();
    let [rank, main] = ["rank", "main"].map(|name| {
        builder.frame(Frame {
            function: name.into(),
            file: format!("feed/{name}.py").into(),
            ..Frame::default()
        })
    });
    let stacks = [builder.stack(vec![rank, main]), builder.stack(vec![main])];
    for (minute, host) in (0..40).flat_map(|minute| (0..6).map(move |host| (minute, host))) {
        let start_ns = NOW_NS - MINUTE_NS * (40 - minute);
        for endpoint in ["/feed", "/login"] {
            let window = Window { start_ns, end_ns: start_ns + MINUTE_NS };
            let name = format!("web-{host}");
            let labels = LabelSet::new([
                (keys::HOST_NAME, name.as_str()),
                (keys::ENDPOINT, endpoint),
                (keys::SERVICE_VERSION, if minute < 25 { "1" } else { "2" }),
            ]);
            let wobble = (host * 37 + minute * 11) % 40;
            let rise = if endpoint == "/feed" && minute >= 25 { 300 } else { 0 };
            let values = [500 + rise + wobble, 500];
            let profile = Profile { labels: labels.clone(), window, period: 1, ..Profile::default() };
            for (stack, value) in stacks.iter().zip(values) {
                builder.add(&profile, Sample { stack: *stack, value: value * 1_000_000 });
            }
            let cpu_ns = values.iter().sum::<i64>() as u64 * 1_000_000;
            let counts = RequestCounts {
                window,
                labels,
                requests: 100,
                measured: 100,
                cpu_ns,
                ..RequestCounts::default()
            };
            builder.add_requests(&counts);
        }
    }
    builder.finish()
}

#[test]
fn the_endpoint_that_rose_is_found_with_the_function() {
    let served = Served::new(&release());
    let range = ["--start", "2026-01-31T11:20:00Z", "--end", "2026-01-31T12:00:00Z", "--steps", "40"];
    let report = json(&served.fewer(&[&["regressions", "--json"][..], &range].concat()));
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{report:#}");
    let finding = &findings[0];
    assert_eq!((&finding["endpoints"][0], &finding["unit"]), (&"/feed".into(), &"host.name".into()));
    assert_eq!((&finding["at"], &finding["units"]), (&"2026-01-31T11:45:00Z".into(), &6.into()));
    assert_eq!(finding["suspects"][0]["function"], "rank", "{report:#}");
    assert_eq!(
        (&finding["function"], &finding["file"], &finding["version"]),
        (&"rank".into(), &"feed/rank.py".into(), &"2".into())
    );
    // Two endpoints, two functions in each, and what `main` costs by itself.
    assert_eq!((&report["funnel"]["series"], &report["funnel"]["findings"]), (&8.into(), &1.into()));
    let text = served.fewer(&[&["regressions"][..], &range].concat());
    insta::assert_snapshot!("regressions", String::from_utf8_lossy(&text.stdout));
    let text = served.fewer(&[&["regressions", "--versions"][..], &range].concat());
    insta::assert_snapshot!("versions", String::from_utf8_lossy(&text.stdout));
    let text = served.fewer(&[&["regressions", "--versions", "1..3"][..], &range].concat());
    insta::assert_snapshot!("versions_unknown", String::from_utf8_lossy(&text.stdout));
}

#[test]
fn one_host_and_nothing_at_all_give_no_verdict_about_a_fleet() {
    let served = Served::new(&release());
    let range = ["--start", "2026-01-31T11:20:00Z", "--end", "2026-01-31T12:00:00Z", "--steps", "40"];
    let one = ["--query", "{host.name=\"web-1\"}"];
    let text = served.fewer(&[&["regressions"][..], &range, &one].concat());
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("1 host, too few for a verdict about the fleet"), "{text}");
    assert!(text.contains("no verdict: each version needs two hosts"), "{text}");
    let none = ["--query", "{host.name=\"none\"}"];
    let output = served.fewer(&[&["regressions"][..], &range, &none].concat());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.starts_with("No regression found.\n") && text.contains("Nothing was sampled"), "{text}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn what_is_found_is_kept_with_the_collector() {
    let served = Served::new(&release());
    let analyze = || json(&served.fewer(&["analyze", "--once", "--json", "--steps", "40"]));
    let first = analyze();
    assert_eq!(
        (&first["regressions"], &first["new"], &first["notes"]),
        (&1.into(), &1.into(), &Value::Array(vec![]))
    );
    let again = analyze();
    assert_eq!((&again["regressions"], &again["new"], &again["over"]), (&1.into(), &0.into(), &0.into()));
    let address = format!("{}/api/v1/findings?kind=regression", served.url);
    let body = ureq::get(&address).call().unwrap().body_mut().read_to_string().unwrap();
    let kept: Value = serde_json::from_str(&body).unwrap();
    let finding = &kept["findings"][0];
    assert_eq!((&finding["state"], &finding["function"]), (&"new".into(), &"rank".into()), "{kept:#}");
    assert_eq!(finding["detail"]["series"]["values"].as_array().unwrap().len(), 39, "{kept:#}");
    assert_eq!(kept["reports"][0]["funnel"]["series"], 8, "{kept:#}");
    let line = served.fewer(&["analyze", "--once", "--steps", "40"]);
    let line = String::from_utf8_lossy(&line.stdout).into_owned();
    assert!(line.starts_with("analyzed 1 service: 1 regression, no flag costs, 0.00"), "{line}");
    let nowhere = std::process::Command::new(env!("CARGO_BIN_EXE_fewer"))
        .args(["analyze", "--once", "--collector", "http://127.0.0.1:1"])
        .output()
        .unwrap();
    assert_eq!(nowhere.status.code(), Some(1));
}

/// Six hosts over forty minutes, a third of the requests behind a flag that is on all the time; after twenty-five minutes its
/// code costs half as much again.
fn behind_a_flag() -> Batch {
    let mut builder = BatchBuilder::new();
    let [rank, main] =
        ["rank", "main"].map(|name| builder.frame(Frame { function: name.into(), ..Frame::default() }));
    let stack = builder.stack(vec![rank, main]);
    for (minute, host) in (0..40).flat_map(|minute| (0..6).map(move |host| (minute, host))) {
        let start_ns = NOW_NS - MINUTE_NS * (40 - minute);
        let window = Window { start_ns, end_ns: start_ns + MINUTE_NS };
        let name = format!("web-{host}");
        for (variant, requests) in [("off", 200), ("on", 100)] {
            let labels =
                LabelSet::new([(keys::HOST_NAME, name.as_str()), (keys::ENDPOINT, "/feed"), (FLAG, variant)]);
            let wobble = 1_000 + (host * 37 + minute * 11) % 40;
            let rise = if variant == "on" && minute >= 25 { 15 } else { 10 };
            let value = wobble * rise * requests * 1_000;
            let profile = Profile { labels: labels.clone(), window, period: 1, ..Profile::default() };
            builder.add(&profile, Sample { stack, value });
            let (requests, cpu_ns) = (requests as u64, value as u64);
            let counts = RequestCounts {
                window,
                labels,
                requests,
                measured: requests,
                cpu_ns,
                ..RequestCounts::default()
            };
            builder.add_requests(&counts);
        }
    }
    builder.finish()
}

#[test]
fn a_flag_that_was_on_before_is_named_when_its_code_got_dearer() {
    let served = Served::new(&behind_a_flag());
    let range = ["--start", "2026-01-31T11:20:00Z", "--end", "2026-01-31T12:00:00Z", "--steps", "40"];
    let report = json(&served.fewer(&[&["regressions", "--json"][..], &range].concat()));
    let finding = &report["findings"][0];
    assert_eq!(
        (&finding["function"], &finding["at"]),
        (&"rank".into(), &"2026-01-31T11:45:00Z".into()),
        "{report:#}"
    );
    assert_eq!(
        (&finding["flag"], &finding["flag_variant"]),
        (&"new_ranker".into(), &"on".into()),
        "{report:#}"
    );
    assert_eq!(report["findings"].as_array().unwrap().len(), 1, "{report:#}");
}
