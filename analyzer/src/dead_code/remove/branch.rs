//! The branch: made in a worktree, tested there, and left to whoever asked for it.

use std::{
    fs, io,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use super::{
    Evidence, Refusal, RemoveOptions,
    edit::without,
    plan::{plan, target},
};
use crate::{
    dead_code::{inventory::Inventory, source},
    error::AnalyzerError,
    git::Repository,
};

/// What `timeout` says when it had to end what it ran.
const TIMED_OUT: i32 = 124;

/// What became of the branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Its name.
    pub branch: String,
    /// The commit at its end.
    pub commit: String,
    /// What the commit says.
    pub message: String,
    /// What the user's tests say; None when there are none.
    pub tested: Option<Tested>,
}

/// What a test command came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tested {
    /// It ended well.
    Passed,
    /// It ended with this code, or by a signal.
    Failed(Option<i32>),
    /// It did not end in time.
    TookTooLong,
}

/// Makes a branch without a function of a source folder. `worktree` does not exist yet, and is gone afterwards.
pub fn remove(
    folder: &Path,
    evidence: &Evidence,
    options: &RemoveOptions,
    worktree: &Path,
) -> Result<Result<Removed, Refusal>, AnalyzerError> {
    let repository = Repository::open(folder)?;
    let failed = |source| AnalyzerError::Folder { path: folder.to_owned(), source };
    let (root, folder) =
        (repository.root().canonicalize().map_err(failed)?, folder.canonicalize().map_err(failed)?);
    let prefix = match folder.strip_prefix(&root).unwrap_or(Path::new("")).to_string_lossy() {
        prefix if prefix.is_empty() => String::new(),
        prefix => format!("{prefix}/"),
    };
    let head = repository.resolve("HEAD").ok_or_else(|| {
        AnalyzerError::Usage("the repository has no commit yet; commit the source first".to_owned())
    })?;
    let tree = repository.worktree(&head, worktree)?;
    // All of the repository: what names a function may stand anywhere in it.
    let inventory = Inventory::new(source::read(tree.folder())?);
    let found = match planned(&inventory, &prefix, evidence, &options.function) {
        Ok(found) => found,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let branch = options.branch.clone().unwrap_or_else(|| branch_of(&found.name));
    if repository.resolve(&format!("refs/heads/{branch}")).is_some() {
        let message = format!("there is a branch {branch} already; give another name with --branch");
        return Err(AnalyzerError::Usage(message));
    }
    let path = tree.folder().join(&found.path);
    fs::write(&path, &found.changed).map_err(|source| AnalyzerError::Folder { path, source })?;
    let tested =
        options.test.as_ref().map(|test| tested(&tree.folder().join(&prefix), test, options.test_limit));
    let tested = tested.transpose()?;
    let message = message(&found, options.test.as_deref().zip(tested.as_ref()));
    let own = Repository::open(tree.folder())?;
    own.run(["add", "--", &found.path])?;
    let settings = ["-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false"];
    own.run(settings.into_iter().chain(["commit", "--quiet", "--no-verify", "--message", &message]))?;
    let commit = own.resolve("HEAD").unwrap_or_default();
    repository.run(["branch", "--", &branch, &commit])?;
    Ok(Ok(Removed { branch, commit, message, tested }))
}

/// What is going to change.
struct Planned {
    path: String,
    name: String,
    evidence: String,
    helpers: Vec<String>,
    changed: String,
}

fn planned(
    inventory: &Inventory,
    prefix: &str,
    evidence: &Evidence,
    wanted: &str,
) -> Result<Planned, Refusal> {
    let at = target(inventory, prefix, wanted)?;
    let key = |at: usize| {
        let path = inventory.path_of(at);
        let name = inventory.functions.get(at).map(|one| one.name.clone()).unwrap_or_default();
        (path.strip_prefix(prefix).unwrap_or(path).to_owned(), name)
    };
    let (path, name) = (inventory.path_of(at).to_owned(), key(at).1);
    if evidence.alive.contains(&key(at)) {
        return Err(Refusal::Alive(name));
    }
    let Some(said) = evidence.silent.get(&key(at)) else { return Err(Refusal::Unwatched(name)) };
    let going = plan(inventory, at, &|at| evidence.silent.contains_key(&key(at)))?;
    let file = inventory.functions.get(at).map_or(0, |one| one.file);
    let Some(changed) = without(inventory, file, &going) else {
        let why = "leaves a file that is not Python when it is cut out".to_owned();
        return Err(Refusal::NotSafe { name, why });
    };
    let helpers = going.iter().skip(1).map(|at| key(*at).1).collect();
    Ok(Planned { path, name, evidence: said.clone(), helpers, changed })
}

fn branch_of(name: &str) -> String {
    let words: String =
        name.chars().map(|one| if one.is_ascii_alphanumeric() || one == '_' { one } else { '-' }).collect();
    format!("fewer/remove-{}", words.to_lowercase())
}

fn message(found: &Planned, tested: Option<(&str, &Tested)>) -> String {
    let mut text =
        format!("Remove {}, which has not run\n\n{}: {}.\n", found.name, found.path, found.evidence);
    text += "Nothing in the repository names it: no code, import, string, template or setting.\n";
    if !found.helpers.is_empty() {
        text += &format!("What only it used goes with it: {}.\n", found.helpers.join(", "));
    }
    text +=
        "This is a candidate and no proof: names that are put together while a program runs are not seen.\n";
    if let Some((test, tested)) = tested {
        text += &format!("\nTested with `{test}`: {}.\n", tested.said());
    }
    text
}

impl Tested {
    /// In a few words.
    pub fn said(&self) -> String {
        match self {
            Self::Passed => "passed".to_owned(),
            Self::Failed(Some(code)) => format!("failed with exit code {code}"),
            Self::Failed(None) => "failed by a signal".to_owned(),
            Self::TookTooLong => "did not end in time".to_owned(),
        }
    }
}

/// Runs the user's command where the source is; what it prints goes to the error output.
fn tested(folder: &Path, test: &str, limit: Duration) -> Result<Tested, AnalyzerError> {
    let seconds = limit.as_secs().max(1).to_string();
    let status = Command::new("timeout")
        .args(["--kill-after=5", &seconds, "sh", "-c", test])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(io::stderr())
        .status()
        .map_err(|source| AnalyzerError::Start { program: "timeout".to_owned(), source })?;
    Ok(match status.code() {
        Some(0) => Tested::Passed,
        Some(TIMED_OUT) => Tested::TookTooLong,
        code => Tested::Failed(code),
    })
}
