//! The life of a pull request, on a forge of this machine.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use super::{
    APP, SMALL, check, commit, fewer,
    fleet::{RANGE, fleet},
    python, repository,
    served::Served,
    server::{Server, State},
};

/// What a job of GitHub's knows.
struct Job {
    server: Server,
    folder: tempfile::TempDir,
}

impl Job {
    fn new() -> Self {
        let pull = json!({ "number": 12, "state": "open", "head": { "sha": "" } });
        Self {
            server: Server::start(State { pull, ..State::default() }),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Runs a command as the job of a push; `event` is the file that started it.
    fn run(&self, folder: &Path, event: &Value, arguments: &[&str]) -> (i32, String, String) {
        let path = self.folder.path().join("event.json");
        fs::write(&path, event.to_string()).unwrap();
        let run = self.server.state().log.len().to_string();
        let variables = [
            ("GITHUB_API_URL", self.server.url.as_str()),
            ("GITHUB_SERVER_URL", "https://forge.example"),
            ("GITHUB_REPOSITORY", "o/r"),
            ("GITHUB_EVENT_PATH", path.to_str().unwrap()),
            ("GITHUB_RUN_ID", &run),
            ("GITHUB_TOKEN", "secret"),
        ];
        let (code, text, output) = fewer(folder, &variables, arguments);
        (code, text, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Checks what was pushed last, in `rounds` pairs.
    fn push(&self, folder: &Path, rounds: &str, arguments: &[&str]) -> (i32, String, String) {
        let head = Command::new("git").current_dir(folder).args(["rev-parse", "HEAD"]).output().unwrap();
        let head = String::from_utf8(head.stdout).unwrap().trim().to_owned();
        self.server.state().pull["head"]["sha"] = json!(head);
        let event = json!({ "pull_request": { "number": 12, "head": { "sha": head } } });
        let check = ["check", "--rounds", rounds, "-F", "299", "--must-show", "60", "--publish", "github"];
        self.run(folder, &event, &[&check[..], arguments].concat())
    }

    fn comment(&self) -> String {
        let state = self.server.state();
        assert_eq!(state.comments.len(), 1, "{:?}", state.log);
        state.comments[0]["body"].as_str().unwrap().to_owned()
    }
}

#[test]
fn five_pushes_are_one_comment_and_a_check_each() {
    let (folder, python, job) = (repository(), python(), Job::new());
    let command = ["--", python.as_str(), "app.py"];
    let served = Served::new(&fleet("/srv/app", "app.py"));
    // More than 30 % of the whole run, and all of it in one function.
    let dearer_small = SMALL.replace("2000000", "4000000");
    let dearer = APP.replace("range(n):\n        total", "range(n * 2):\n        total");
    commit(folder.path(), "dearer", &[("app.py", &dearer), ("bench.awk", &dearer_small)]);
    let files = tempfile::tempdir().unwrap();
    let (sarif, quality) = (files.path().join("cpu.sarif"), files.path().join("cpu.json"));
    let forms = ["--json", "--sarif", sarif.to_str().unwrap(), "--code-quality", quality.to_str().unwrap()];
    let asked =
        ["--collector", &served.url, "--query", "{service.version=\"1\"}", "--deployed-at", "/srv/app"];
    let options = [&["--base", "base", "--head", "dearer"][..], &forms, &asked, &RANGE, &command].concat();
    let (code, text, complaints) = job.push(folder.path(), "6", &options);
    assert_eq!(code, 1, "{text}\n{complaints}");
    let report: Value = serde_json::from_str(&text).unwrap();
    is_right(&report);
    are_right(&sarif, &quality, report["measurement"].get("not_sampled").is_none());
    let comment = job.comment();
    assert!(comment.starts_with("<!-- fewer check o/r fewer -->\n**Fail: +"), "{comment}");
    assert!(comment.contains(" at stake.**") && comment.contains("Cost today in production"), "{comment}");
    let worktrees =
        Command::new("git").current_dir(folder.path()).args(["worktree", "list"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&worktrees.stdout).lines().count(), 1);

    let acknowledged = "[[acknowledged]]\nowner = \"@feed\"\nreason = \"ranks better\"\nexpires = \"2999-12-31\"\nat_most_percent = 300.0\n";
    commit(folder.path(), "acknowledged", &[(".fewer/acknowledged.toml", acknowledged)]);
    let (code, text, complaints) =
        job.push(folder.path(), "4", &["--base", "base", "--", "awk", "-f", "bench.awk"]);
    assert_eq!(code, 0, "{text}\n{complaints}");
    assert!(job.comment().contains("Pass, acknowledged"), "{}", job.comment());
    assert!(job.comment().contains("@feed until 2999-12-31"), "{}", job.comment());

    commit(folder.path(), "broken", &[("app.py", "raise SystemExit(4)\n")]);
    let (code, text, _) = job.push(folder.path(), "4", &[&["--base", "base"][..], &command].concat());
    assert_eq!(code, 3, "{text}");
    assert!(job.comment().contains("No verdict: on the candidate, `"), "{}", job.comment());

    commit(folder.path(), "prose", &[("README.md", "y\n")]);
    let (code, text, _) = job.push(folder.path(), "4", &[&["--base", "broken"][..], &command].concat());
    assert_eq!((code, job.comment().contains("**Pass: only files that do not run")), (0, true), "{text}");

    commit(folder.path(), "lost", &[("README.md", "z\n")]);
    let (code, _, complaints) =
        job.push(folder.path(), "4", &[&["--base", "missing"][..], &command].concat());
    assert_eq!((code, complaints.contains("there is no such commit here")), (2, true), "{complaints}");
    assert!(job.comment().contains("No verdict: --base missing"), "{}", job.comment());

    let state = job.server.state();
    let conclusions: Vec<&Value> = state.check_runs.iter().map(|run| &run["conclusion"]).collect();
    assert_eq!(conclusions, ["failure", "success", "neutral", "success", "neutral"]);
    assert!(state.check_runs.iter().all(|run| run["status"] == "completed"));
}

fn is_right(report: &Value) {
    assert_eq!(report["conclusion"], "fail");
    assert!(report["change"]["interval"][0].as_f64().unwrap() > 0.02, "{report:#}");
    let touched = &report["touched"]["functions"][0];
    assert_eq!((touched["function"].as_str(), touched["owners"][0].as_str()), (Some("rank"), Some("@feed")));
    assert_eq!(report["pull_request"], 12);
    if report["measurement"]["not_sampled"].is_string() {
        return;
    }
    let row = &report["functions"][0];
    assert_eq!(
        (row["function"].as_str(), row["file"].as_str()),
        (Some("rank"), Some("app.py")),
        "{report:#}"
    );
    assert_eq!(row["changed_line"], 3);
    // 2.4 cores, of which eight are a server, run `rank` today, and it does all of its work twice.
    let stake = &report["production"]["at_stake"];
    assert!(stake["low"].as_f64().unwrap() < 0.31 && stake["high"].as_f64().unwrap() > 0.30, "{report:#}");
}

/// One finding each, and none where functions could not be sampled.
fn are_right(sarif: &Path, quality: &Path, is_sampled: bool) {
    let read = |path: &Path| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    let (sarif, quality) = (read(sarif), read(quality));
    let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    let found = (place["artifactLocation"]["uri"].as_str(), place["region"]["startLine"].as_i64());
    let expected = if is_sampled { (Some("app.py"), Some(3)) } else { (None, None) };
    assert_eq!((found, quality[0]["location"]["path"].as_str()), (expected, expected.0));
}

#[test]
fn a_fork_leaves_its_report_and_another_job_publishes_it() {
    let (folder, job) = (repository(), Job::new());
    commit(folder.path(), "prose", &[("README.md", "y\n")]);
    job.server.state().is_read_only = true;
    let (code, _, complaints) = job.push(folder.path(), "4", &["--base", "base", "--", "true"]);
    assert_eq!(code, 0, "what cannot be published changes no verdict: {complaints}");
    assert!(complaints.contains("the permission `checks: write`"), "{complaints}");
    assert!(complaints.contains("the report is in fewer-check.json"), "{complaints}");
    let mut report: Value =
        serde_json::from_slice(&fs::read(folder.path().join("fewer-check.json")).unwrap()).unwrap();
    assert_eq!(report["pull_request"], 12);

    job.server.state().is_read_only = false;
    let head = job.server.state().pull["head"]["sha"].clone();
    let ended = |head: &Value| json!({ "workflow_run": { "head_sha": head, "pull_requests": [] } });
    let publish = ["publish", "fewer-check.json", "--forge", "github"];
    // Whoever opened the pull request may have written the report.
    report["conclusion"] = json!("fail");
    report["change"] = json!({ "value": 1.0, "interval": [0.9, 1.1], "detectable": 0.1 });
    report["functions"] = json!([{ "function": "@all <b>", "file": "app.py", "owners": ["@everyone"] }]);
    fs::write(folder.path().join("fewer-check.json"), report.to_string()).unwrap();
    let (code, _, complaints) = job.run(folder.path(), &ended(&json!("f".repeat(40))), &publish);
    assert_eq!((code, job.server.state().comments.len()), (0, 0), "another request's: {complaints}");
    let (code, _, complaints) = job.run(folder.path(), &ended(&head), &publish);
    assert_eq!(code, 0, "{complaints}");
    let comment = job.comment();
    assert!(comment.contains("`@all <b>`") && !comment.contains("@everyone"), "{comment}");

    fs::remove_file(folder.path().join("fewer-check.json")).unwrap();
    let (code, _, complaints) = job.run(folder.path(), &ended(&head), &publish);
    assert_eq!(code, 0, "{complaints}");
    assert_eq!(job.server.state().check_runs.last().unwrap()["conclusion"], "neutral");
    fs::write(folder.path().join("fewer-check.json"), "{").unwrap();
    let (code, _, complaints) = job.run(folder.path(), &ended(&head), &publish);
    assert_eq!((code, complaints.contains("it is no report")), (2, true), "{complaints}");
    commit(folder.path(), "code", &[("app.py", "x = 1\n")]);
    let (code, text, _) = check(folder.path(), &["--base", "base", "--fail-on-no-verdict", "--", "false"]);
    assert_eq!((code, text.starts_with("**No verdict")), (1, true), "{text}");
}
