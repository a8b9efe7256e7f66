//! `fewer check` on a small repository with a real history, driven as a person would.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    sync::{Mutex, PoisonError},
};

use serde_json::Value;

const APP: &str = "\
def rank(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total


def render(n):
    return ''.join([str(i) for i in range(n)])


rank(3000000)
render(400000)
";

static ALONE: Mutex<()> = Mutex::new(());

fn git(folder: &Path, arguments: &[&str]) {
    let identity =
        ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "init.defaultBranch=main"];
    let output = Command::new("git").current_dir(folder).args(identity).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn commit(folder: &Path, name: &str, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "-m", name]);
    git(folder, &["tag", name]);
}

fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "-q"]);
    commit(
        folder.path(),
        "base",
        &[("app.py", APP), ("README.md", "x\n"), (".github/CODEOWNERS", "*.py @feed\n")],
    );
    folder
}

fn check(folder: &Path, arguments: &[&str]) -> (i32, String, Output) {
    // Benchmarks disturb each other.
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let output = Command::new(env!("CARGO_BIN_EXE_fewer"))
        .current_dir(folder)
        .args(["check", "--rounds", "6", "-F", "199"])
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().unwrap(), text, output)
}

/// The interpreter itself: what stands before it on the path may be a script that costs more than the benchmark.
fn python() -> String {
    let output = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_dearer_head_fails_and_its_function_is_named() {
    let (folder, python) = (repository(), python());
    // More than 30 % of the whole run, and all of it in one function.
    commit(
        folder.path(),
        "dearer",
        &[("app.py", &APP.replace("range(n):\n        total", "range(n * 2):\n        total"))],
    );
    let files = tempfile::tempdir().unwrap();
    let (sarif, quality) = (files.path().join("cpu.sarif"), files.path().join("cpu.json"));
    let written = [sarif.to_str().unwrap(), quality.to_str().unwrap()];
    let forms = ["--json", "--sarif", written[0], "--code-quality", written[1]];
    let arguments = [
        &["--base", "base", "--head", "dearer", "--must-show", "60"][..],
        &forms,
        &["--", &python, "app.py"],
    ];
    let (code, text, output) = check(folder.path(), &arguments.concat());
    assert_eq!(code, 1, "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["conclusion"], "fail");
    assert!(report["change"]["interval"][0].as_f64().unwrap() > 0.02, "{text}");
    let touched = &report["touched"]["functions"][0];
    assert_eq!((touched["function"].as_str(), touched["owners"][0].as_str()), (Some("rank"), Some("@feed")));
    if report["measurement"]["not_sampled"].is_string() {
        return;
    }
    let row = &report["functions"][0];
    assert_eq!((row["function"].as_str(), row["file"].as_str()), (Some("rank"), Some("app.py")), "{text}");
    assert_eq!(row["changed_line"], 3);
    let sarif: Value = serde_json::from_slice(&fs::read(sarif).unwrap()).unwrap();
    let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(
        (place["artifactLocation"]["uri"].as_str(), place["region"]["startLine"].as_i64()),
        (Some("app.py"), Some(3))
    );
    let quality: Value = serde_json::from_slice(&fs::read(quality).unwrap()).unwrap();
    assert_eq!(quality[0]["location"]["path"], "app.py");
    let worktrees =
        Command::new("git").current_dir(folder.path()).args(["worktree", "list"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&worktrees.stdout).lines().count(), 1);

    let acknowledged = "[[acknowledged]]\nowner = \"@feed\"\nreason = \"ranks better\"\nexpires = \"2999-12-31\"\nat_most_percent = 300.0\n";
    commit(folder.path(), "acknowledged", &[(".fewer/acknowledged.toml", acknowledged)]);
    let (code, text, _) =
        check(folder.path(), &["--base", "base", "--must-show", "60", "--", &python, "app.py"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("Pass, acknowledged") && text.contains("@feed until 2999-12-31"), "{text}");
}

#[test]
fn no_change_passes_and_says_what_would_have_been_seen() {
    let (folder, python) = (repository(), python());
    commit(folder.path(), "same", &[("app.py", &APP.replace("total = 0", "total = 0  # a sum"))]);
    let arguments = ["--base", "base", "--must-show", "100", "--margin", "20", "--", &python, "app.py"];
    let (code, text, output) = check(folder.path(), &arguments);
    assert_eq!(code, 0, "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.starts_with("**Pass: no rise found, ") && text.contains("would have been seen"), "{text}");
}

#[test]
fn what_cannot_be_compared_is_no_failure() {
    let (folder, python) = (repository(), python());
    commit(folder.path(), "prose", &[("README.md", "y\n")]);
    let command = ["--", &python, "app.py"];
    let run = |arguments: &[&str]| check(folder.path(), arguments);
    let (code, text, _) = run(&[&["--base", "base"][..], &command].concat());
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("**Pass: only files that do not run were changed.**"), "{text}");
    commit(folder.path(), "broken", &[("app.py", "raise SystemExit(4)\n")]);
    let (code, text, _) = run(&[&["--base", "base"][..], &command].concat());
    assert_eq!(code, 3, "{text}");
    assert!(
        text.contains("on the candidate, `") && text.contains("app.py` ended with exit code 4"),
        "{text}"
    );
    git(folder.path(), &["checkout", "-q", "--orphan", "apart"]);
    git(folder.path(), &["commit", "-q", "-m", "apart"]);
    let (code, text, _) = run(&[&["--base", "base"][..], &command].concat());
    assert_eq!((code, text.contains("no common commit")), (3, true), "{text}");
    let (code, _, output) = run(&[&["--base", "missing"][..], &command].concat());
    assert_eq!(code, 2);
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no such commit here"));
    assert_eq!(run(&["--base", "base"]).0, 2);
}
