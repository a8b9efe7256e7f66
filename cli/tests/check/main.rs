//! `fewer check` on a small repository with a real history, driven as a person would.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod fleet;
mod production;
mod published;
#[path = "../served/mod.rs"]
mod served;
#[path = "../../../analyzer/tests/forge/server.rs"]
mod server;
mod templates;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    sync::{Mutex, PoisonError},
};

const APP: &str = "\
def rank(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total


def render(n):
    return ''.join([str(i) for i in range(n)])


rank(2500000)
render(300000)
";

/// A benchmark whose program is small: naming its functions costs little, and only its CPU is asked about.
const SMALL: &str = "BEGIN { for (i = 0; i < 2000000; i++) s += i % 7; print s }\n";

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
        &[
            ("app.py", APP),
            ("bench.awk", SMALL),
            ("README.md", "x\n"),
            (".github/CODEOWNERS", "*.py @feed\n"),
        ],
    );
    folder
}

fn check(folder: &Path, arguments: &[&str]) -> (i32, String, Output) {
    fewer(folder, &[], &[&["check", "--rounds", "4", "-F", "299"], arguments].concat())
}

/// Runs the program with these variables and none of a job that the tests may run in.
fn fewer(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> (i32, String, Output) {
    // Benchmarks disturb each other.
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = std::env::vars().filter(|(name, _)| ["PATH", "HOME", "TMPDIR"].contains(&name.as_str()));
    let output = Command::new(env!("CARGO_BIN_EXE_fewer"))
        .current_dir(folder)
        .args(arguments)
        .env_clear()
        .envs(kept)
        .envs(variables.iter().copied())
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
fn help_is_worth_reading() {
    for command in ["check", "publish"] {
        let (code, text, _) = fewer(Path::new("."), &[], &[command, "--help"]);
        assert_eq!(code, 0);
        insta::assert_snapshot!(format!("help_{command}"), text);
    }
}

#[test]
fn no_change_passes_and_says_what_would_have_been_seen() {
    let folder = repository();
    commit(folder.path(), "same", &[("app.py", &APP.replace("total = 0", "total = 0  # a sum"))]);
    let limits = ["--must-show", "100", "--margin", "20"];
    let arguments = [&["--base", "base"][..], &limits, &["--", "awk", "-f", "bench.awk"]].concat();
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
