//! The source of what runs: its functions, who owns them, and when they were changed.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{
    evidence::source_name,
    inventory::{Inventory, SourceFunction},
    source,
};
use crate::{
    error::AnalyzerError,
    git::Repository,
    owners::{Owners, PLACES},
    paths::Paths,
};

/// Of ten functions of a process' file, how many a file of the source has that is the same.
const ADOPTED_TENTHS: usize = 8;

/// Files whose history is looked up.
const BLAMED_MAX: usize = 300;

/// A source folder and what git knows of it.
pub(crate) struct KnownSource {
    /// Its functions.
    pub(crate) inventory: Inventory,
    paths: Paths,
    /// Files of processes that lie right in the folder, by their paths there.
    adopted: BTreeMap<String, String>,
    by_path: BTreeMap<String, usize>,
    folder: PathBuf,
    /// The folder's path from the repository's root, with a slash behind it.
    prefix: String,
    repository: Option<Repository>,
    owners: Owners,
    blamed: BTreeMap<usize, Vec<i64>>,
}

impl KnownSource {
    /// Reads a folder; it need not be in a repository.
    pub(crate) fn read(folder: &Path) -> Result<Self, AnalyzerError> {
        let folder = folder
            .canonicalize()
            .map_err(|source| AnalyzerError::Folder { path: folder.to_owned(), source })?;
        let inventory = Inventory::new(source::read(&folder)?);
        let repository = Repository::open(&folder).ok();
        let root = repository.as_ref().map(|one| one.root().to_owned()).unwrap_or_else(|| folder.clone());
        let below = folder.strip_prefix(&root).map(|below| below.to_string_lossy().into_owned());
        let prefix = below.unwrap_or_default();
        let prefix = if prefix.is_empty() { prefix } else { prefix + "/" };
        let owners = PLACES.iter().find_map(|place| fs::read_to_string(root.join(place)).ok());
        Ok(Self {
            paths: Paths::new(inventory.files.iter().map(|file| file.path.clone())),
            by_path: inventory.files.iter().enumerate().map(|(at, file)| (file.path.clone(), at)).collect(),
            owners: owners.map(|text| Owners::parse(&text)).unwrap_or_default(),
            blamed: BTreeMap::new(),
            adopted: BTreeMap::new(),
            inventory,
            folder,
            prefix,
            repository,
        })
    }

    /// The path in the folder of a process' file.
    pub(crate) fn path(&self, process_file: &str) -> Option<&str> {
        let found = self.paths.find(process_file, Some(&self.folder));
        found.or_else(|| self.adopted.get(process_file).map(String::as_str))
    }

    /// Files right in the folder have no folder to be known by. A process' file of the same name is one of them when nearly
    /// all of its functions, which are given by file and name, are in it.
    pub(crate) fn adopt<'a>(&mut self, functions: impl Iterator<Item = (&'a str, &'a str)>) {
        let mut names: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (process_file, name) in functions {
            let own = process_file.rsplit('/').next().unwrap_or(process_file);
            let Some(at) = self.by_path.get(own).filter(|_| self.path(process_file).is_none()) else {
                continue;
            };
            let Some(file) = self.inventory.files.get(*at) else { continue };
            let name = source_name(name);
            let functions = self.inventory.functions.get(file.functions.clone()).unwrap_or_default();
            let is_there = functions.iter().any(|one| one.name == name || one.own_name() == name);
            let (all, there) = names.entry(process_file).or_default();
            *all += 1;
            *there += usize::from(is_there);
        }
        let known = names.into_iter().filter(|(_, (all, there))| there * 10 >= all * ADOPTED_TENTHS);
        for (process_file, _) in known {
            let own = process_file.rsplit('/').next().unwrap_or(process_file);
            self.adopted.insert(process_file.to_owned(), own.to_owned());
        }
    }

    /// The function that a process' function is: of the same name, and the nearest line where there are several.
    pub(crate) fn function(&self, process_file: &str, name: &str, line: u32) -> Option<usize> {
        let file = self.inventory.files.get(*self.by_path.get(self.path(process_file)?)?)?;
        let name = source_name(name);
        // Before 3.11 a process has the last part of the name only.
        let is_it = |one: &SourceFunction| one.name == name || !name.contains('.') && one.own_name() == name;
        let functions = file.functions.clone().filter_map(|at| Some((at, self.inventory.functions.get(at)?)));
        let nearest = functions
            .filter(|(_, one)| is_it(one))
            .min_by_key(|(_, one)| (one.first_line.abs_diff(line), one.name != name));
        nearest.map(|(at, _)| at)
    }

    /// Who owns a file of the folder.
    pub(crate) fn owner(&self, path: &str) -> String {
        self.owners.of(&format!("{}{path}", self.prefix)).join(" ")
    }

    /// When lines of a file were last changed, in milliseconds since the Unix epoch; None without a history, and beyond so
    /// many files.
    pub(crate) fn changed_ms(&mut self, path: &str, (first, last): (u32, u32)) -> Option<i64> {
        let file = *self.by_path.get(path)?;
        if !self.blamed.contains_key(&file) && self.blamed.len() < BLAMED_MAX {
            let times = self.repository.as_ref()?.line_times(&format!("{}{path}", self.prefix));
            self.blamed.insert(file, times.unwrap_or_default());
        }
        let times = self.blamed.get(&file)?;
        let lines = times.get(first.saturating_sub(1) as usize..(last as usize).min(times.len()))?;
        lines.iter().max().map(|seconds| seconds * 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_function_is_found_in_the_source() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("feed")).unwrap();
        let text = "def rank(): pass\nclass Feed:\n  def rank(self): pass\n  @property\n  def x(self): pass\n  @x.setter\n  def \
                    x(self, y): pass\n";
        fs::write(folder.path().join("feed/views.py"), text).unwrap();
        fs::write(folder.path().join("CODEOWNERS"), "feed/ @feed @all\n").unwrap();
        let mut known = KnownSource::read(folder.path()).unwrap();
        let line = |function: Option<usize>| function.map(|at| known.inventory.functions[at].first_line);
        let find = |name, at| line(known.function("/srv/app/feed/views.py", name, at));
        assert_eq!(find("Feed.rank", 30), Some(3));
        assert_eq!((find("rank", 1), find("rank", 3)), (Some(1), Some(3)));
        assert_eq!((find("Feed.x", 4), find("Feed.x", 7)), (Some(4), Some(6)));
        assert_eq!(find("Feed.missing", 4), None);
        assert_eq!(known.function("/srv/other.py", "rank", 1), None);
        fs::write(folder.path().join("app.py"), "def a(): pass\ndef b(): pass\n").unwrap();
        let mut top = KnownSource::read(folder.path()).unwrap();
        top.adopt([("/srv/app.py", "a"), ("/other/app.py", "b"), ("/other/app.py", "c")].into_iter());
        assert_eq!((top.path("/srv/app.py"), top.path("/other/app.py")), (Some("app.py"), None));
        assert_eq!(known.owner("feed/views.py"), "@feed @all");
        assert_eq!(known.changed_ms("feed/views.py", (1, 2)), None);
        assert!(KnownSource::read(&folder.path().join("missing")).is_err());
    }
}
