//! The commits between two revisions, by the functions that each of them changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use analyzer_detect::blame::{Stack, blame};
use analyzer_report::check::Suspect;

use crate::{
    check::changes::{Changes, last_name},
    error::AnalyzerError,
    git::Repository,
    paths::Paths,
};

/// Commits that are looked at. Among more, nobody is blamed: the one to blame may be among the rest.
const COMMITS_MAX: usize = 200;

/// Functions of the profiles, by number, and the file of the repository that each is in.
#[derive(Debug, Default)]
pub(super) struct Numbered {
    pub(super) names: Vec<(String, String)>,
    by_name: BTreeMap<(String, String), u32>,
}

impl Numbered {
    /// The number of a function; the same for the same.
    pub(super) fn number(&mut self, name: &str, file: &str) -> u32 {
        let key = (name.to_owned(), file.to_owned());
        if let Some(number) = self.by_name.get(&key) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(key.clone());
        self.by_name.insert(key, number);
        number
    }
}

/// What a rise is measured by.
pub(super) struct Rise {
    pub(super) stacks: Vec<Stack>,
    /// Standard error of the whole.
    pub(super) standard_error: f64,
    /// The functions that the stacks' numbers stand for.
    pub(super) functions: Numbered,
    /// The folder that the repository is in where it runs, if it is known.
    pub(super) deployed_at: Option<PathBuf>,
}

/// Who is likely to blame; the inner error says why nobody is.
pub(super) fn suspects(
    repository: &Repository,
    (base, head): (&str, &str),
    rise: &Rise,
) -> Result<Result<Vec<Suspect>, String>, AnalyzerError> {
    let commits = repository.commits(base, head, COMMITS_MAX + 1)?;
    if commits.len() > COMMITS_MAX {
        let reason =
            format!("more than {COMMITS_MAX} commits lie between the revisions, and nobody is blamed");
        return Ok(Err(reason));
    }
    if commits.is_empty() {
        return Ok(Err("no commit lies between the revisions".to_owned()));
    }
    let paths = Paths::new(repository.files(head)?);
    let found: Vec<_> = commits.iter().map(|(hash, _)| changed(repository, hash, &paths, rise)).collect();
    let candidates: Vec<BTreeSet<u32>> = found.iter().map(|found| found.keys().copied().collect()).collect();
    let suspects: Vec<Suspect> = blame(&rise.stacks, &candidates, rise.standard_error)
        .into_iter()
        .filter_map(|suspect| {
            let (commit, title) = commits.get(suspect.candidate)?.clone();
            let functions = found.get(suspect.candidate)?.values().cloned().collect();
            Some(Suspect { commit, title, score: suspect.score, functions })
        })
        .collect();
    match suspects.is_empty() {
        true => Ok(Err("no commit stands out: look at dependencies, settings and data too".to_owned())),
        false => Ok(Ok(suspects)),
    }
}

/// The profiled functions that a commit changed, with their names. A commit without a parent, or whose parent was not
/// fetched, changed none that we know of.
fn changed(repository: &Repository, commit: &str, paths: &Paths, rise: &Rise) -> BTreeMap<u32, String> {
    let parent = format!("{commit}^");
    let Ok(changes) = Changes::functions(repository, &parent, commit) else { return BTreeMap::new() };
    let named: BTreeSet<(&str, &str)> =
        changes.functions.iter().map(|one| (one.file.as_str(), last_name(&one.code.name))).collect();
    let numbered = rise.functions.names.iter().enumerate().filter(|(_, (name, file))| {
        paths
            .find(file, rise.deployed_at.as_deref())
            .is_some_and(|file| named.contains(&(file, last_name(name))))
    });
    numbered.filter_map(|(number, (name, _))| Some((u32::try_from(number).ok()?, name.clone()))).collect()
}
