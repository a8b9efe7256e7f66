//! Git, by its command: revisions, differences, files and worktrees.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::error::AnalyzerError;

/// A repository with its working tree.
#[derive(Clone, Debug)]
pub struct Repository {
    root: PathBuf,
}

/// A revision checked out into a folder of its own; removed when dropped.
#[derive(Debug)]
pub struct Worktree<'a> {
    repository: &'a Repository,
    folder: PathBuf,
}

impl Repository {
    /// The repository that a folder belongs to.
    pub fn open(folder: &Path) -> Result<Self, AnalyzerError> {
        let found = Self { root: folder.to_owned() };
        let root = found.line(["rev-parse", "--show-toplevel"]).map_err(|error| {
            AnalyzerError::Usage(format!("{} is not in a git repository: {error}", folder.display()))
        })?;
        Ok(Self { root: root.into() })
    }

    /// The full hash of a revision; None when there is no such commit here.
    pub fn resolve(&self, revision: &str) -> Option<String> {
        let commit = format!("{revision}^{{commit}}");
        self.line(["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]).ok()
    }

    /// True when older history was not fetched.
    pub fn is_shallow(&self) -> bool {
        self.line(["rev-parse", "--is-shallow-repository"]).is_ok_and(|answer| answer == "true")
    }

    /// The newest commit that both come from; None when there is none here.
    pub fn merge_base(&self, base: &str, head: &str) -> Option<String> {
        self.line(["merge-base", base, head]).ok().filter(|commit| !commit.is_empty())
    }

    /// The difference without context lines.
    pub fn diff(&self, baseline: &str, head: &str) -> Result<String, AnalyzerError> {
        let options = ["--unified=0", "--no-color", "--no-ext-diff", "--no-textconv", "--find-renames"];
        let prefixes = ["--src-prefix=a/", "--dst-prefix=b/"];
        let range = [baseline, head, "--"];
        let command = ["-c", "core.quotePath=false", "diff"];
        let output = self.run(command.iter().chain(&options).chain(&prefixes).chain(&range))?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }

    /// The commits that head has and base does not, newest first, with the first line of each; at most so many. Merges
    /// have their parts among them.
    pub fn commits(
        &self,
        base: &str,
        head: &str,
        count_max: usize,
    ) -> Result<Vec<(String, String)>, AnalyzerError> {
        let (range, most) = (format!("{base}..{head}"), format!("--max-count={count_max}"));
        let list = self.run(["log", "--no-merges", "--format=%H %s", &most, &range, "--"])?;
        let list = String::from_utf8_lossy(&list);
        let commits = list.lines().map(|line| line.split_once(' ').unwrap_or((line, "")));
        Ok(commits.map(|(hash, title)| (hash.to_owned(), title.to_owned())).collect())
    }

    /// A file as a revision has it; None when it has none there.
    pub fn file(&self, revision: &str, path: &str) -> Option<Vec<u8>> {
        self.run(["cat-file", "blob", &format!("{revision}:{path}")]).ok()
    }

    /// The paths of all files of a revision.
    pub fn files(&self, revision: &str) -> Result<Vec<String>, AnalyzerError> {
        let list = self.run(["ls-tree", "-r", "-z", "--name-only", revision])?;
        let names = list.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
    }

    /// When each line of a file was last changed, in seconds since the Unix epoch, by the newest commit; None for a file
    /// that no commit has.
    pub fn line_times(&self, path: &str) -> Option<Vec<i64>> {
        let blamed = self.run(["blame", "--line-porcelain", "HEAD", "--", path]).ok()?;
        let blamed = String::from_utf8_lossy(&blamed);
        let times = blamed.lines().filter_map(|line| line.strip_prefix("committer-time "));
        Some(times.map(|time| time.parse().unwrap_or_default()).collect())
    }

    /// Where the repository begins.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Checks a revision out into a folder that does not exist yet.
    pub fn worktree(&self, revision: &str, folder: &Path) -> Result<Worktree<'_>, AnalyzerError> {
        let options = ["worktree", "add", "--quiet", "--detach", "--force"].map(OsStr::new);
        self.run(options.into_iter().chain([folder.as_os_str(), revision.as_ref()]))?;
        Ok(Worktree { repository: self, folder: folder.to_owned() })
    }

    /// The one line that git answers.
    fn line<const N: usize>(&self, arguments: [&str; N]) -> Result<String, AnalyzerError> {
        Ok(String::from_utf8_lossy(&self.run(arguments)?).trim_end().to_owned())
    }

    /// What git answers.
    pub(crate) fn run<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Vec<u8>, AnalyzerError> {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.root).args(arguments).stdin(Stdio::null()).env("LC_ALL", "C");
        let output =
            command.output().map_err(|source| AnalyzerError::Start { program: "git".to_owned(), source })?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let words: Vec<_> = command.get_args().skip(2).map(OsStr::to_string_lossy).collect();
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(AnalyzerError::Git { command: words.join(" "), message })
    }
}

impl Worktree<'_> {
    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Worktree<'_> {
    fn drop(&mut self) {
        // What stays behind after a failure is in the temporary folder, and `git worktree prune` forgets it.
        let remove = ["worktree", "remove", "--force", "--force"].map(OsStr::new);
        let _ = self.repository.run(remove.into_iter().chain([self.folder.as_os_str()]));
    }
}
