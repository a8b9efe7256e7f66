//! `fewer dead-code` over a fleet: sixty days of evidence of a few hundred functions, told as agents tell it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::{collections::BTreeMap, fmt::Write, fs, path::Path, process::Command};

use model::{AgentId, Batch, CodeFunction, CodeReport, ExecutionState, LabelSet, PushKey, keys};
use serde_json::Value;
use wire::push::Reports;

mod served;
use served::{NOW_NS, Served};

const DAY_NS: i64 = 86_400_000_000_000;
const DAYS: i64 = 60;
const HOSTS: [&str; 4] = ["web-1", "web-2", "web-3", "worker-1"];
const FOLDER: &str = "/srv/shop";

/// When functions of a kind run, and what is to be said of them.
struct Kind {
    name: &'static str,
    count: usize,
    state: fn(function: usize, days_ago: i64, host: &str) -> Option<ExecutionState>,
    expected: &'static str,
}

use ExecutionState::{Executed, Unexecuted, Unknown};

fn ran_if(ran: bool) -> Option<ExecutionState> {
    Some(if ran { Executed } else { Unexecuted })
}

const KINDS: [Kind; 8] = [
    Kind { name: "serve", count: 100, state: |_, _, _| Some(Executed), expected: "alive" },
    Kind {
        name: "weekly",
        count: 60,
        state: |function, days_ago, host| ran_if((days_ago + function as i64) % 7 == 0 && host == "web-2"),
        expected: "alive",
    },
    // Once in sixty days, on one of four hosts.
    Kind {
        name: "seldom",
        count: 10,
        state: |function, days_ago, host| ran_if(days_ago == 5 * function as i64 && host == "worker-1"),
        expected: "alive",
    },
    Kind { name: "forgotten", count: 100, state: |_, _, _| Some(Unexecuted), expected: "candidate" },
    Kind { name: "restore", count: 10, state: |_, _, _| Some(Unexecuted), expected: "suspect" },
    Kind { name: "yearly", count: 10, state: |_, _, _| Some(Unexecuted), expected: "suspect" },
    Kind {
        name: "doubtful",
        count: 10,
        state: |_, days_ago, host| Some(if days_ago == 9 && host == "web-1" { Unknown } else { Unexecuted }),
        expected: "suspect",
    },
    Kind {
        name: "young",
        count: 10,
        state: |_, days_ago, _| (days_ago < 10).then_some(Unexecuted),
        expected: "suspect",
    },
];

/// Functions by name, with their kind and number within it.
fn functions() -> impl Iterator<Item = (String, &'static Kind, usize)> {
    KINDS.iter().flat_map(|kind| (0..kind.count).map(move |at| (format!("{}_{at}", kind.name), kind, at)))
}

/// What the agent of a host tells on a day.
fn report(days_ago: i64, host: &str) -> CodeReport {
    let function = |(line, (name, kind, at)): (u32, (String, &Kind, usize))| {
        Some(CodeFunction {
            function: name.into(),
            file: format!("{FOLDER}/{}.py", kind.name).into(),
            line: 3 * at as u32 + 1,
            body: u128::from(line),
            bytes: 400,
            state: (kind.state)(at, days_ago, host)?,
            is_import_only: false,
        })
    };
    let (role, _) = host.split_once('-').unwrap();
    CodeReport {
        at_ns: NOW_NS - days_ago * DAY_NS,
        labels: LabelSet::new([
            (keys::HOST_NAME, host),
            (keys::SERVICE_NAME, "shop"),
            (keys::SERVICE_VERSION, "7"),
            (keys::REGION, "eu"),
            (keys::ROLE, role),
        ]),
        program: "gunicorn".into(),
        runtime: "cpython 3.11".into(),
        processes: 8,
        read: 8,
        is_complete: true,
        functions: (1..).zip(functions()).filter_map(function).collect(),
        ..CodeReport::default()
    }
}

/// A collector that agents have told of all days, the last one first: order is of no matter.
fn told() -> Served {
    let served = Served::new(&Batch::default());
    for days_ago in 0..DAYS {
        let code: Vec<CodeReport> = HOSTS.iter().map(|host| report(days_ago, host)).collect();
        let key = PushKey { agent: AgentId(0xfe), sequence: days_ago as u64 + 1 };
        let body = wire::push::encode_with(
            key,
            &Batch::default(),
            None,
            Reports { code: &code, ..Reports::default() },
        );
        let request = ureq::post(format!("{}/api/v1/push", served.url));
        request.header("content-type", wire::push::CONTENT_TYPE).send(&body[..]).unwrap();
    }
    served
}

/// What the functions are written in. Those that run are called when the program starts, the others by nobody.
fn write_source(folder: &Path) {
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    for (name, kind, at) in functions() {
        write!(files.entry(kind.name).or_default(), "def {name}():\n    return {at}\n\n").unwrap();
    }
    for (name, text) in files {
        fs::write(folder.join(format!("{name}.py")), text).unwrap();
    }
}

#[test]
fn what_was_silent_long_enough_everywhere_is_a_candidate() {
    let folder = tempfile::tempdir().unwrap();
    write_source(folder.path());
    let served = told();
    let source = folder.path().to_str().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fewer"));
    command.args([
        "dead-code",
        "--collector",
        &served.url,
        "--service",
        "shop",
        "--source",
        source,
        "--json",
    ]);
    let output = command.output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let service = &report["services"][0];
    let rows = service["rows"].as_array().unwrap();
    let row_of = |name: &str| rows.iter().find(|row| row["function"] == name);
    for (name, kind, _) in functions() {
        let state = row_of(&name).map_or("alive", |row| row["state"].as_str().unwrap());
        assert_eq!(state, kind.expected, "{name}: {:#?}", row_of(&name));
    }
    let doubts = |name: &str| row_of(name).unwrap()["doubts"].to_string();
    for (name, doubt) in [
        ("restore_3", "341 days more to watch"),
        ("yearly_3", "341 days more to watch"),
        ("young_3", "21 days more to watch"),
        ("doubtful_3", "its mark could not say in 1 block"),
    ] {
        assert!(doubts(name).contains(doubt), "{name}: {}", doubts(name));
    }
    let watched = ["days", "blocks", "hosts", "roles"].map(|field| service[field].to_string());
    assert_eq!(watched, ["59", "240", "4", "[\"web\",\"worker\"]"]);
    // Ten functions ran in one block only: as many again and more have to be expected in none.
    let [low, value, high] =
        ["low", "value", "high"].map(|end| service["expected_alive"][end].as_f64().unwrap());
    assert!(low <= value && (10.0..=high).contains(&value) && high <= 100.0, "{low} {value} {high}");
}
