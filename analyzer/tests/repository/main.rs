//! Repositories that are not as a check would like them: no verdict with the reason, never a failure, and bounded work.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::{fs, path::Path, process::Command, time::Duration};

use analyzer::{
    AnalyzerError, Limits,
    check::{CheckOptions, check},
    git::Repository,
    report::check::{CheckReport, Conclusion},
};

fn git(folder: &Path, arguments: &[&str]) {
    let identity =
        ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "init.defaultBranch=main"];
    let output = Command::new("git").current_dir(folder).args(identity).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn commit(folder: &Path, name: &str, files: &[(&str, &str)]) {
    for (path, text) in files {
        fs::write(folder.join(path), text).unwrap();
    }
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "-m", name]);
    git(folder, &["tag", name]);
}

fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "-q"]);
    commit(folder.path(), "base", &[("app.py", "def f():\n    return 1\n")]);
    commit(folder.path(), "next", &[("app.py", "def f():\n    return 2\n")]);
    folder
}

fn checked(folder: &Path, base: &str, head: &str) -> Result<CheckReport, AnalyzerError> {
    let options = CheckOptions {
        base: base.to_owned(),
        head: head.to_owned(),
        command: String::new(),
        limits: Limits { margin: 0.02, confidence: 0.95, must_show: 0.1 },
        pilot_rounds: 3,
        rounds_max: 3,
        time: Duration::from_secs(1),
        today: "2026-01-31".to_owned(),
        folder: folder.join(".none"),
        fleet: None,
    };
    check(&Repository::open(folder)?, &options, None)
}

fn no_verdict(report: &CheckReport, reason: &str) {
    assert_eq!(report.conclusion, Conclusion::NoVerdict, "{report:?}");
    assert!(report.reason.as_deref().unwrap().contains(reason), "{report:?}");
}

#[test]
fn a_shallow_clone_is_no_failure() {
    let folder = repository();
    let clone = tempfile::tempdir().unwrap();
    let (from, to) = (format!("file://{}", folder.path().display()), clone.path().join("c"));
    git(clone.path(), &["clone", "-q", "--depth", "1", &from, to.to_str().unwrap()]);
    let report = checked(&to, "base", "HEAD").unwrap();
    no_verdict(&report, "the clone is shallow and does not have `base`; fetch more history");
    assert_eq!(report.revisions.head.len(), 40, "what is known is told");
    // Both ends without what lies between them.
    git(&to, &["fetch", "-q", "--depth", "1", "origin", "refs/tags/base:refs/tags/base"]);
    no_verdict(&checked(&to, "base", "HEAD").unwrap(), "the clone is shallow; fetch more history");
}

#[test]
fn a_rewritten_history_is_no_failure() {
    let folder = repository();
    git(folder.path(), &["checkout", "-q", "--orphan", "apart"]);
    commit(folder.path(), "again", &[("app.py", "def f():\n    return 3\n")]);
    no_verdict(&checked(folder.path(), "base", "again").unwrap(), "their histories are apart");
    let missing = checked(folder.path(), "0123456789", "again").unwrap_err();
    assert!(matches!(missing, AnalyzerError::Usage(_)), "{missing}");
    // A commit that was amended is measured against where both come from.
    git(folder.path(), &["checkout", "-q", "-b", "other", "base"]);
    commit(folder.path(), "amended", &[("app.py", "def f():\n    return 4\n")]);
    let report = checked(folder.path(), "next", "amended").unwrap();
    let base = Repository::open(folder.path()).unwrap().resolve("base");
    assert_eq!((Some(report.revisions.baseline), report.touched.functions.len()), (base, 1));
}

#[test]
fn ten_thousand_files_are_bounded_work() {
    let folder = repository();
    let sources = folder.path().join("many");
    fs::create_dir(&sources).unwrap();
    for at in 0..10_050 {
        fs::write(sources.join(format!("m{at}.py")), format!("X = {at}\n")).unwrap();
    }
    commit(folder.path(), "many", &[("app.py", "def f():\n    return 5\n")]);
    let report = checked(folder.path(), "base", "many").unwrap();
    assert_eq!(report.touched.files, 10_051);
    let names: Vec<&str> = report.touched.functions.iter().map(|one| one.function.as_str()).collect();
    assert_eq!(names, ["f"], "the first files are looked at");
    assert_eq!(report.notes, ["The functions of 9051 more changed files were not looked at."]);
}
