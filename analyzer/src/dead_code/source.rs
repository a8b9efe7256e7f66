//! The files of a source folder that say what code there is and what names it: Python, and whatever else may hold a
//! function's name.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::error::AnalyzerError;

/// Files of Python that are read.
const FILES_MAX: usize = 20_000;

/// Larger files are generated.
const FILE_BYTES_MAX: u64 = 2 << 20;

/// Everything that is read.
const BYTES_MAX: u64 = 128 << 20;

/// Folders within folders.
const DEPTH_MAX: usize = 40;

/// Folders whose content is not the repository's own.
const FOREIGN: [&str; 6] =
    ["node_modules", "__pycache__", "site-packages", "dist-packages", "target", "venv"];

/// Files that may name functions: settings, templates, scripts.
const NAMING: [&str; 15] = [
    "cfg", "conf", "html", "ini", "j2", "jinja", "jinja2", "json", "sh", "toml", "txt", "xml", "yaml", "yml",
    "service",
];

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceFile {
    /// Its path from the folder.
    pub(crate) path: String,
    /// Its content.
    pub(crate) text: Vec<u8>,
}

/// What a folder holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Source {
    /// Python, by path.
    pub(crate) python: Vec<SourceFile>,
    /// What else may name functions, by path.
    pub(crate) others: Vec<SourceFile>,
    /// Files that were not read: too large, too many, or not readable.
    pub(crate) left_out: u64,
}

/// Reads a folder. Hidden folders, installed packages and what links lead to are not part of it.
pub(crate) fn read(folder: &Path) -> Result<Source, AnalyzerError> {
    let failed = |source| AnalyzerError::Folder { path: folder.to_owned(), source };
    let mut source = Source::default();
    let mut bytes = 0;
    let mut folders: Vec<(PathBuf, usize)> = vec![(folder.to_owned(), 0)];
    fs::read_dir(folder).map_err(failed)?;
    while let Some((inner, depth)) = folders.pop() {
        let Ok(entries) = fs::read_dir(&inner) else {
            source.left_out += 1;
            continue;
        };
        for entry in entries.flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && depth < DEPTH_MAX && !is_foreign(&path, &name) {
                folders.push((path, depth + 1));
            } else if kind.is_file() && (is_python(&name) || may_name(&name)) {
                match fits(&path, &source, &mut bytes).then(|| fs::read(&path)) {
                    Some(Ok(text)) => source.add(folder, &path, text),
                    _ => source.left_out += 1,
                }
            }
        }
    }
    source.python.sort_by(|left, right| left.path.cmp(&right.path));
    source.others.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(source)
}

/// True for what is run by tests and by nothing else.
pub(crate) fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let in_folder = path.split('/').rev().skip(1).any(|part| part == "tests" || part == "test");
    in_folder || name.starts_with("test_") || name.ends_with("_test.py") || name == "conftest.py"
}

fn is_python(name: &str) -> bool {
    name.ends_with(".py")
}

fn may_name(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    name == "Procfile" || name == "Dockerfile" || extension.is_some_and(|one| NAMING.contains(&one))
}

fn is_foreign(path: &Path, name: &str) -> bool {
    name.starts_with('.') || FOREIGN.contains(&name) || path.join("pyvenv.cfg").exists()
}

fn fits(path: &Path, source: &Source, bytes: &mut u64) -> bool {
    let Ok(length) = fs::metadata(path).map(|metadata| metadata.len()) else { return false };
    let is_room = source.python.len() < FILES_MAX && source.others.len() < FILES_MAX;
    let fits = is_room && length <= FILE_BYTES_MAX && *bytes + length <= BYTES_MAX;
    *bytes += if fits { length } else { 0 };
    fits
}

impl Source {
    fn add(&mut self, folder: &Path, path: &Path, text: Vec<u8>) {
        let below = path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned();
        let list = if is_python(&below) { &mut self.python } else { &mut self.others };
        list.push(SourceFile { path: below, text });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_repositorys_own_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            "app.py",
            "feed/views.py",
            "feed/templates/a.html",
            "feed/logo.png",
            ".hidden/a.py",
            "env/pyvenv.cfg",
            "env/lib/b.py",
            "web/node_modules/c.py",
        ];
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x = 1\n").unwrap();
        }
        fs::write(folder.path().join("big.py"), vec![b' '; FILE_BYTES_MAX as usize + 1]).unwrap();
        let source = read(folder.path()).unwrap();
        let paths = |files: &[SourceFile]| files.iter().map(|file| file.path.clone()).collect::<Vec<_>>();
        assert_eq!(paths(&source.python), ["app.py", "feed/views.py"]);
        assert_eq!(paths(&source.others), ["feed/templates/a.html"]);
        assert_eq!(source.left_out, 1);
        assert!(read(&folder.path().join("missing")).is_err());
    }

    #[test]
    fn tests_are_known_by_their_names() {
        let found = ["tests/a.py", "feed/test_a.py", "a_test.py", "conftest.py", "feed/latest.py", "test.py"];
        assert_eq!(found.map(is_test), [true, true, true, true, false, false]);
    }
}
