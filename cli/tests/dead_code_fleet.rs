//! `fewer dead-code` over a fleet: sixty days of evidence of a few hundred functions, told as agents tell it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::Path,
    process::{Command, Output},
};

use model::{
    AgentId, Batch, BatchBuilder, CodeBranch, CodeFunction, CodeReport, ExecutionState, Frame, FrameKind,
    LabelSet, Outcomes, Profile, PushKey, Sample, Window, keys,
};
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
            branches: Vec::new(),
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
    let served = Served::new(&profiles());
    for days_ago in 0..DAYS {
        let code: Vec<CodeReport> = HOSTS.iter().map(|host| report(days_ago, host)).collect();
        served.push(days_ago as u64 + 1, &code);
    }
    served
}

impl Served {
    fn push(&self, sequence: u64, code: &[CodeReport]) {
        let key = PushKey { agent: AgentId(0xfe), sequence };
        let reports = Reports { code, ..Reports::default() };
        let body = wire::push::encode_with(key, &Batch::default(), None, reports);
        let request = ureq::post(format!("{}/api/v1/push", self.url));
        request.header("content-type", wire::push::CONTENT_TYPE).send(&body[..]).unwrap();
    }

    fn fewer(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fewer"));
        command.args(arguments).args(["--collector", &self.url]).output().unwrap()
    }

    fn get(&self, path: &str) -> Value {
        let text = ureq::get(format!("{}/api/v1/{path}", self.url)).call().unwrap();
        serde_json::from_str(&text.into_body().read_to_string().unwrap()).unwrap()
    }
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// What hosts were sampled at in the last hour: asking for a flag, work, and importing.
fn profiles() -> Batch {
    let mut builder = BatchBuilder::new();
    let frame = |function: &str, file: &str, line| Frame {
        kind: FrameKind::Python,
        function: function.into(),
        file: file.into(),
        line,
        ..Frame::default()
    };
    let feed = format!("{FOLDER}/shop/feed.py");
    let importing = frame("_call_with_frames_removed", "<frozen importlib._bootstrap>", 1);
    let stacks = [
        (vec![frame("is_enabled", "/srv/flags.py", 9), frame("feed", &feed, 5)], 3),
        (vec![frame("feed", &feed, 6)], 9),
        (vec![frame("<module>", &feed, 1), importing], 6),
    ];
    for host in HOSTS {
        let start_ns = NOW_NS - 3_600_000_000_000;
        let profile = Profile {
            labels: LabelSet::new([(keys::HOST_NAME, host), (keys::SERVICE_NAME, "shop")]),
            window: Window { start_ns, end_ns: NOW_NS - 1 },
            ..Profile::default()
        };
        for (stack, seconds) in &stacks {
            let frames = stack.iter().map(|frame| builder.frame(frame.clone())).collect();
            let sample = Sample { stack: builder.stack(frames), value: seconds * 360_000_000_000 };
            builder.add(&profile, sample);
        }
    }
    builder.finish()
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
    let report = json(&served.fewer(&["dead-code", "--service", "shop", "--source", source, "--json"]));
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

/// The findings of dead code that the collector has, by function.
fn kept(served: &Served) -> BTreeMap<String, Value> {
    let answer = served.get("findings?kind=dead_code");
    let findings = answer["findings"].as_array().unwrap().iter();
    findings.map(|one| (one["function"].as_str().unwrap().to_owned(), one.clone())).collect()
}

#[test]
fn analyses_keep_what_has_not_run_as_findings() {
    let served = told();
    let look = || {
        let output = served.fewer(&["analyze", "--once", "--json"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        json(&output)
    };
    let round = look();
    let found = kept(&served);
    for (name, kind, _) in functions() {
        let state = found.get(&name).map_or("alive", |one| one["detail"]["state"].as_str().unwrap());
        assert_eq!(state, kind.expected, "{name}: {:?}", found.get(&name));
    }
    assert_eq!((&round["dead_code"], &round["new"]), (&found.len().into(), &found.len().into()), "{round}");
    let (one, answer) = (&found["forgotten_7"], served.get("findings?kind=dead_code"));
    assert_eq!([&one["service"], &one["state"]], ["shop", "new"]);
    assert!(one["title"].as_str().unwrap().contains("has not run in 59 days"), "{one:#}");
    let funnel = &answer["reports"][0]["funnel"];
    assert_eq!(funnel["candidates"], 100, "{funnel:#}");
    let modules = funnel["modules"].as_array().unwrap();
    let feed = modules.iter().find(|module| module["module"].as_str().unwrap().ends_with("feed.py")).unwrap();
    // Four hosts, each with a tenth of six cores for an hour.
    assert!((feed["import_cores"].as_f64().unwrap() - 2.4).abs() < 1e-6, "{feed:#}");

    // It is found again, and once it runs it is over.
    assert_eq!((look()["new"].as_u64(), kept(&served).len()), (Some(0), found.len()));
    let mut ran = report(0, HOSTS[0]);
    ran.functions.retain(|function| &*function.function == "forgotten_7");
    ran.functions[0].state = Executed;
    served.push(DAYS as u64 + 1, &[ran]);
    assert_eq!(look()["over"], 1);
    let now = kept(&served);
    assert!(now.get("forgotten_7").is_none_or(|one| one["state"] == "went_away"), "{:#}", now["forgotten_7"]);
    assert_eq!(now["forgotten_8"]["state"], "new");
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").current_dir(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_branch_of_a_repository_removes_what_did_not_run_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    write_source(folder.path());
    fs::write(folder.path().join("main.py"), "import forgotten\nforgotten.forgotten_5()\n").unwrap();
    git(folder.path(), &["init", "-q", "-b", "main"]);
    git(folder.path(), &["config", "user.name", "Test"]);
    git(folder.path(), &["config", "user.email", "test@example.com"]);
    git(folder.path(), &["add", "-A"]);
    git(folder.path(), &["commit", "-q", "-m", "Begin"]);
    let served = told();
    let source = folder.path().to_str().unwrap();
    let remove = |function: &str, more: &[&str]| {
        served.fewer(&[&["dead-code", "remove", function, "--source", source], more].concat())
    };
    let head = git(folder.path(), &["rev-parse", "HEAD"]);

    // The test runs on the branch: there the function is gone.
    let test = "! grep -q 'def forgotten_3()' forgotten.py && grep -q 'def forgotten_4()' forgotten.py";
    let done = remove("forgotten.py:forgotten_3", &["--test", test]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let branch = "fewer/remove-forgotten_3";
    assert!(String::from_utf8_lossy(&done.stdout).starts_with(&format!("branch {branch} at ")), "{done:?}");
    assert_eq!(git(folder.path(), &["log", "--format=%s", &format!("main..{branch}")]).lines().count(), 1);
    let message = git(folder.path(), &["log", "-1", "--format=%B", branch]);
    for said in ["forgotten_3", "59 days", "(shop)", test] {
        assert!(message.contains(said), "{said}: {message}");
    }
    assert_eq!(git(folder.path(), &["diff", "--name-only", "main", branch]), "forgotten.py\n");
    let removed = git(folder.path(), &["diff", "main", branch, "--", "forgotten.py"]);
    let removed: Vec<&str> =
        removed.lines().filter(|line| line.starts_with(['+', '-']) && line.len() > 1).collect();
    assert_eq!(removed[2..], ["-def forgotten_3():", "-    return 3"]);

    // A test that fails is told, and the branch is there to be looked at.
    let failed = remove("forgotten_4", &["--test", "exit 7", "--branch", "try"]);
    assert_eq!(failed.status.code(), Some(4), "{failed:?}");
    assert!(git(folder.path(), &["show", "try:forgotten.py"]).contains("def forgotten_3():"));

    let refused = [("serve_3", "ran"), ("forgotten_5", "main.py:2"), ("doubtful_99", "doubtful_99")];
    for (function, why) in refused {
        let output = remove(function, &[]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{function}: {told}");
        assert!(told.contains("refused: ") && told.contains(why), "{function}: {told}");
    }
    // The checkout, and the branch that it is on, are as they were.
    assert_eq!(git(folder.path(), &["rev-parse", "HEAD"]), head);
    assert_eq!(git(folder.path(), &["status", "--porcelain"]), "");
    assert_eq!(git(folder.path(), &["branch", "--show-current"]), "main\n");
    let branches = git(folder.path(), &["branch", "--format=%(refname:short)"]);
    assert_eq!(branches.lines().collect::<Vec<_>>(), [branch, "main", "try"]);
    assert_eq!(git(folder.path(), &["worktree", "list"]).lines().count(), 1);
}

#[test]
fn a_flag_that_nobody_counts_runs_for_nothing_when_its_checks_never_varied() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("shop")).unwrap();
    let text = "from flags import is_enabled\n\n\ndef feed(x):\n    if is_enabled('ranked'):\n        return x\n    if \
                is_enabled('split'):\n        return 1\n";
    fs::write(folder.path().join("shop/feed.py"), text).unwrap();
    let served = told();
    let (often, never) = (Outcomes::IN_A_ROW, Outcomes::FALSE);
    let asked = |host: &str, split| CodeReport {
        functions: vec![CodeFunction {
            function: "feed".into(),
            file: format!("{FOLDER}/shop/feed.py").into(),
            line: 4,
            body: 77,
            state: Executed,
            branches: vec![
                CodeBranch { line: 1, column: 7, outcomes: never.and(often) },
                CodeBranch { line: 3, column: 7, outcomes: split },
            ],
            ..CodeFunction::default()
        }],
        ..report(0, host)
    };
    // Of the second flag two hosts heard different things.
    served.push(100, &[asked(HOSTS[0], never.and(often)), asked(HOSTS[1], Outcomes::TRUE)]);
    let source = folder.path().to_str().unwrap();
    let report = json(&served.fewer(&["dead-code", "--service", "shop", "--source", source, "--json"]));
    let rows = report["services"][0]["rows"].as_array().unwrap();
    let rows: Vec<&Value> = rows.iter().filter(|row| row["sort"] == "constant_flag").collect();
    assert_eq!(rows.len(), 1, "{rows:#?}");
    let row = rows[0];
    assert_eq!([&row["flag"], &row["file"], &row["state"]], ["ranked", "shop/feed.py", "for_nothing"]);
    assert_eq!((&row["line"], &row["confidence"]), (&5.into(), &"guess".into()));
    // Four hosts, each with a tenth of three cores for an hour.
    assert!((row["cores"][0].as_f64().unwrap() - 1.2).abs() < 1e-6, "{row:#}");
    assert!(row["servers"][0].as_f64().unwrap() > 0.0, "{row:#}");
    assert!(row["evidence"].as_str().unwrap().starts_with("flag ranked was off in the last 16"), "{row:#}");
}
