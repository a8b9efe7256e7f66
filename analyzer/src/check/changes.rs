//! What the difference touches: functions with their owners, in the files of the candidate.

use analyzer_report::check::{Revisions, Touched, TouchedFunction};

use crate::{
    error::AnalyzerError,
    functions::{CodeFunction, functions, touched},
    git::Repository,
    hunks::{self, FileChanges},
    languages::{grammar, is_other_code, is_prose},
    owners::{self, Owners},
    paths::Paths,
};

/// Functions that are reported as touched; the rest are counted.
const FUNCTIONS_MAX: usize = 1_000;

/// Sources that are parsed; each is a question to git.
const SOURCES_MAX: usize = 1_000;

/// A difference, read.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Changed functions.
    pub(crate) functions: Vec<ChangedFunction>,
    /// Who owns what, by the baseline.
    pub(crate) owners: Owners,
    /// The files of the candidate.
    pub(crate) paths: Paths,
    /// What a reader should know.
    pub(crate) notes: Vec<String>,
    pub(crate) files: u64,
    pub(crate) files_that_run: u64,
    pub(crate) unread_files: Vec<String>,
}

/// A function with a changed line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ChangedFunction {
    pub(crate) file: String,
    pub(crate) code: CodeFunction,
    pub(crate) changed_line: u32,
}

impl Changes {
    /// Reads the difference between two revisions, and what is needed to find frames in it.
    pub(crate) fn read(repository: &Repository, revisions: &Revisions) -> Result<Self, AnalyzerError> {
        let changes = Self::functions(repository, &revisions.baseline, &revisions.head)?;
        let paths = Paths::new(repository.files(&revisions.head)?);
        Ok(Self { owners: owners(repository, &revisions.baseline), paths, ..changes })
    }

    /// Reads the changed functions only.
    pub(crate) fn functions(
        repository: &Repository,
        baseline: &str,
        head: &str,
    ) -> Result<Self, AnalyzerError> {
        let (files, beyond) = hunks::parse(&repository.diff(baseline, head)?);
        let mut changes =
            Self { files: (files.len() + beyond) as u64, files_that_run: beyond as u64, ..Self::default() };
        let mut sources = 0;
        for file in &files {
            sources += usize::from(changes.add_file(repository, head, file, sources < SOURCES_MAX));
        }
        let beyond = beyond + sources.saturating_sub(SOURCES_MAX);
        if beyond > 0 {
            changes.notes.push(format!("The functions of {beyond} more changed files were not looked at."));
        }
        let cut = changes.functions.len().saturating_sub(FUNCTIONS_MAX);
        if cut > 0 {
            changes.functions.truncate(FUNCTIONS_MAX);
            changes.notes.push(format!("{cut} more changed functions are left out."));
        }
        Ok(changes)
    }

    /// Adds a file, with its functions if it may be parsed; true when it has any to parse.
    fn add_file(&mut self, repository: &Repository, head: &str, file: &FileChanges, may_parse: bool) -> bool {
        // A file of which git tells no path is binary.
        let path = file.new_path.as_deref().or(file.old_path.as_deref());
        self.files_that_run += u64::from(path.is_none_or(|path| !is_prose(path)));
        let Some(path) = &file.new_path else { return false };
        if is_other_code(path) {
            self.unread_files.push(path.clone());
        }
        // Sources are parsed only while there is room for what they give.
        if file.hunks.is_empty() || grammar(path).is_none() {
            return false;
        }
        if !may_parse || self.functions.len() > FUNCTIONS_MAX {
            return true;
        }
        let source = repository.file(head, path).unwrap_or_default();
        for (code, changed_line) in touched(&functions(path, &source).unwrap_or_default(), &file.hunks) {
            self.functions.push(ChangedFunction { file: path.clone(), code: code.clone(), changed_line });
        }
        true
    }

    /// Why nothing needs to be measured, if that is so.
    pub(crate) fn nothing_runs(&self) -> Option<String> {
        match (self.files, self.files_that_run) {
            (0, _) => Some("nothing was changed".to_owned()),
            (_, 0) => Some("only files that do not run were changed".to_owned()),
            _ => None,
        }
    }

    /// The changed function that a frame is in: by its line, or by its name where lines lie.
    pub(crate) fn function_at(&self, file: &str, line: u32, name: &str) -> Option<usize> {
        let of_file = || self.functions.iter().enumerate().filter(|(_, one)| one.file == file);
        let around = of_file().filter(|(_, one)| (one.code.first_line..=one.code.last_line).contains(&line));
        let innermost = around.min_by_key(|(_, one)| one.code.last_line - one.code.first_line);
        let named = || of_file().find(|(_, one)| last_name(&one.code.name) == last_name(name));
        innermost.or_else(named).map(|(at, _)| at)
    }

    /// The changed function of this name, for frames of a build whose lines are not the candidate's: the one with the
    /// same enclosing names if several have it, else the nearest.
    pub(crate) fn function_named(&self, file: &str, line: u32, name: &str) -> Option<usize> {
        let of_file = self.functions.iter().enumerate().filter(|(_, one)| one.file == file);
        let named = of_file.filter(|(_, one)| last_name(&one.code.name) == last_name(name));
        let is_other = |own: &str| !own.ends_with(name) && !name.replace("::", ".").contains(own);
        named
            .min_by_key(|(_, one)| (is_other(&one.code.name), one.code.first_line.abs_diff(line)))
            .map(|(at, _)| at)
    }

    /// As the report shows it; `shares` are of the functions, in their order.
    pub(crate) fn shown(&self, shares: &[Option<f64>]) -> Touched {
        let functions = self.functions.iter().enumerate().map(|(at, one)| TouchedFunction {
            function: one.code.name.clone(),
            file: one.file.clone(),
            line: one.code.first_line,
            share: shares.get(at).copied().flatten(),
            owners: self.owners.of(&one.file).to_vec(),
        });
        Touched { files: self.files, functions: functions.collect(), unread_files: self.unread_files.clone() }
    }
}

fn owners(repository: &Repository, revision: &str) -> Owners {
    let file = owners::PLACES.iter().find_map(|place| repository.file(revision, place));
    file.map(|file| Owners::parse(&String::from_utf8_lossy(&file))).unwrap_or_default()
}

/// `<feed::Feed<T> as Rank>::rank::{{closure}}` is `rank`, and so is `Feed.rank` or `(*Feed).Rank.func1`.
pub(crate) fn last_name(name: &str) -> &str {
    let name = name.split("::{{closure}}").next().unwrap_or(name);
    let name = name.split('(').next().filter(|name| !name.is_empty()).unwrap_or(name);
    let name = name.trim_end_matches(|end| end != '>' && !char::is_alphanumeric(end) && end != '_');
    let name = match name.rsplit_once("::<") {
        Some((before, _)) if name.ends_with('>') => before,
        _ => name,
    };
    name.rsplit(['.', ':']).next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_by_their_last_part() {
        for name in
            ["rank", "Feed.rank", "<f::Feed<T> as Rank>::rank::{{closure}}", "f::rank::<u8>", "rank(int)"]
        {
            assert_eq!(last_name(name), "rank", "{name}");
        }
        assert_eq!(last_name("<lambda>"), "<lambda>");
    }

    #[test]
    fn a_frame_is_found_by_its_line_or_by_its_name() {
        let function = |name: &str, first_line, last_line| ChangedFunction {
            file: "a.py".into(),
            code: CodeFunction { name: name.into(), first_line, last_line },
            changed_line: first_line,
        };
        let functions = vec![function("Feed.rank", 10, 30), function("Feed.rank.key", 12, 14)];
        let changes = Changes { functions, ..Changes::default() };
        assert_eq!(changes.function_at("a.py", 11, "x"), Some(0));
        assert_eq!(changes.function_at("a.py", 13, "<lambda>"), Some(1));
        assert_eq!(changes.function_at("a.py", 0, "key"), Some(1));
        assert_eq!(changes.function_at("a.py", 40, "other"), None);
        assert_eq!(changes.function_at("b.py", 11, "rank"), None);
    }

    #[test]
    fn a_frame_of_another_build_is_found_by_its_name() {
        let function = |name: &str, first_line| ChangedFunction {
            file: "a.py".into(),
            code: CodeFunction { name: name.into(), first_line, last_line: first_line + 5 },
            changed_line: first_line,
        };
        let functions = vec![function("Feed.rank", 10), function("Ads.rank", 30), function("key", 50)];
        let changes = Changes { functions, ..Changes::default() };
        assert_eq!(changes.function_named("a.py", 12, "Ads.rank"), Some(1));
        assert_eq!(changes.function_named("a.py", 33, "rank"), Some(1));
        assert_eq!(changes.function_named("a.py", 9, "rank"), Some(0));
        assert_eq!(changes.function_named("a.py", 11, "key"), Some(2));
        assert_eq!(changes.function_named("a.py", 51, "lock"), None);
        assert_eq!(changes.function_named("b.py", 51, "key"), None);
    }
}
