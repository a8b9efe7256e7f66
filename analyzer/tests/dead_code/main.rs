//! Branches that remove a function, in real repositories.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::{fs, path::Path, process::Command, time::Duration};

use analyzer::{
    AnalyzerError,
    dead_code::remove::{Evidence, Refusal, RemoveOptions, Removed, Tested, remove},
};

const VIEWS: &str = "import json
import os


def feed(request):
    return os.path.join(request)


# Kept for the old app.
def old_feed(request):
    return json.dumps(_old_key(request))


def _old_key(request):
    return {\"key\": request}
";

const LEFT: &str = "import os


def feed(request):
    return os.path.join(request)
";

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").current_dir(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A repository with a site in a folder of its own.
fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "-q", "-b", "main"]);
    git(folder.path(), &["config", "user.name", "Test"]);
    git(folder.path(), &["config", "user.email", "test@example.com"]);
    for (path, text) in [("site/feed/views.py", VIEWS)].iter().chain(files) {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    git(folder.path(), &["add", "-A"]);
    git(folder.path(), &["commit", "-q", "-m", "Begin"]);
    folder
}

fn evidence() -> Evidence {
    let key = |name: &str| ("feed/views.py".to_owned(), name.to_owned());
    let said = "not run in 74 days, in none of 888 blocks (feed)".to_owned();
    Evidence {
        silent: [(key("old_feed"), said.clone()), (key("_old_key"), said)].into(),
        alive: [key("feed")].into(),
    }
}

fn options(function: &str, test: Option<&str>) -> RemoveOptions {
    RemoveOptions {
        function: function.to_owned(),
        branch: None,
        test: test.map(str::to_owned),
        test_limit: Duration::from_secs(600),
    }
}

fn removed(
    folder: &tempfile::TempDir,
    options: &RemoveOptions,
) -> Result<Result<Removed, Refusal>, AnalyzerError> {
    let outside = tempfile::tempdir().unwrap();
    let worktree = outside.path().join("tree");
    let found = remove(&folder.path().join("site"), &evidence(), options, &worktree);
    assert!(!worktree.exists());
    assert_eq!(git(folder.path(), &["worktree", "list"]).lines().count(), 1);
    found
}

#[test]
fn a_branch_has_one_commit_and_the_checkout_is_as_it_was() {
    let folder = repository(&[]);
    fs::write(folder.path().join("site/feed/views.py"), "changed = 1\n").unwrap();
    let done = removed(&folder, &options("old_feed", None)).unwrap().unwrap();
    assert_eq!(done.branch, "fewer/remove-old_feed");
    let show = |what: &str| git(folder.path(), &["show", what]);
    assert_eq!(show("fewer/remove-old_feed:site/feed/views.py"), LEFT);
    let log = git(folder.path(), &["log", "--format=%s", "fewer/remove-old_feed"]);
    assert_eq!(log, "Remove old_feed, which has not run\nBegin\n");
    insta::assert_snapshot!(done.message, @"
    Remove old_feed, which has not run

    site/feed/views.py: not run in 74 days, in none of 888 blocks (feed).
    Nothing in the repository names it: no code, import, string, template or setting.
    What only it used goes with it: _old_key.
    This is a candidate and no proof: names that are put together while a program runs are not seen.
    ");
    assert_eq!(fs::read_to_string(folder.path().join("site/feed/views.py")).unwrap(), "changed = 1\n");
    assert_eq!(git(folder.path(), &["branch", "--show-current"]), "main\n");
    let again = removed(&folder, &options("old_feed", None)).unwrap_err();
    assert!(matches!(&again, AnalyzerError::Usage(message) if message.contains("--branch")), "{again}");
    let other = RemoveOptions { branch: Some("mine".into()), ..options("old_feed", None) };
    assert_eq!(removed(&folder, &other).unwrap().unwrap().branch, "mine");
}

#[test]
fn the_users_test_runs_where_the_source_is_and_is_told() {
    let folder = repository(&[]);
    let test = |command: &str, branch: &str| {
        let options = RemoveOptions { branch: Some(branch.into()), ..options("old_feed", Some(command)) };
        removed(&folder, &options).unwrap().unwrap()
    };
    let passed = test("! grep -q old_feed feed/views.py && touch made", "one");
    assert_eq!(passed.tested, Some(Tested::Passed));
    assert!(passed.message.contains("touch made`: passed."), "{}", passed.message);
    // What a test leaves behind is not committed.
    assert!(!git(folder.path(), &["ls-tree", "-r", "--name-only", "one"]).contains("made"));
    assert_eq!(test("exit 7", "two").tested, Some(Tested::Failed(Some(7))));
}

#[test]
fn what_is_not_safe_is_refused_and_no_branch_is_made() {
    let folder = repository(&[("jobs/cron.yaml", "run: feed.views.old_feed\n")]);
    let refused =
        |function: &str| removed(&folder, &options(function, None)).unwrap().unwrap_err().to_string();
    assert_eq!(refused("old_feed"), "old_feed is named in jobs/cron.yaml:1");
    assert_eq!(refused("feed"), "feed ran: it is not dead");
    assert!(refused("missing").starts_with("there is no function missing"));
    let other = repository(&[("site/feed/extra.py", "def unwatched(): pass\n")]);
    let refusal = removed(&other, &options("unwatched", None)).unwrap().unwrap_err();
    assert_eq!(refusal, Refusal::Unwatched("unwatched".to_owned()));
    assert_eq!(git(folder.path(), &["branch", "--format=%(refname:short)"]), "main\n");
}

#[test]
fn a_folder_without_a_repository_is_no_place_for_a_branch() {
    let folder = tempfile::tempdir().unwrap();
    let found = remove(folder.path(), &evidence(), &options("old_feed", None), &folder.path().join("tree"));
    assert!(matches!(found, Err(AnalyzerError::Usage(_))), "{found:?}");
}
