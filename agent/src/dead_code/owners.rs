//! Who owns a file, by the `CODEOWNERS` of its repository.

use std::{
    collections::HashMap,
    fs::File,
    io::Read,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

/// Looks owners up, each repository read once.
#[derive(Debug)]
pub struct Owners {
    /// What the process has as its root and its working folder.
    root: PathBuf,
    work: PathBuf,
    /// By folder: the repository that it is in.
    repositories: HashMap<PathBuf, Option<Arc<Repository>>>,
}

#[derive(Debug)]
struct Repository {
    folder: PathBuf,
    rules: Vec<Rule>,
}

#[derive(Debug, PartialEq, Eq)]
struct Rule {
    pattern: Pattern,
    owners: Vec<String>,
}

/// One line's pattern, in the form of a `.gitignore` without `!` and `[ ]`, as code hosts have it.
#[derive(Debug, PartialEq, Eq)]
struct Pattern {
    parts: Vec<String>,
    is_anchored: bool,
    is_folder: bool,
}

/// Where code hosts look, in order.
const PLACES: [&str; 4] = [".github/CODEOWNERS", ".gitlab/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];
const FILE_BYTES_MAX: u64 = 3 << 20;
const RULES_MAX: usize = 10_000;
/// Parts of a pattern, so that many `**` cannot take for ever.
const PARTS_MAX: usize = 16;
const FOLDERS_MAX: usize = 1 << 16;

impl Owners {
    /// For files as a process names them.
    pub fn of_process(proc_root: &Path, pid: u32) -> Self {
        let root = proc_root.join(format!("{pid}/root"));
        let work = std::fs::read_link(proc_root.join(format!("{pid}/cwd"))).unwrap_or_default();
        Self { root, work, repositories: HashMap::new() }
    }

    /// The owners of a file; none when no rule is about it.
    pub fn of(&mut self, file: &str) -> Vec<String> {
        let path = self.work.join(file);
        let Some(folder) = path.parent() else { return Vec::new() };
        let Some(repository) = self.repository(folder) else { return Vec::new() };
        let inside = path.strip_prefix(&repository.folder).unwrap_or(&path);
        let parts: Vec<&str> = inside.iter().filter_map(|part| part.to_str()).collect();
        let rule = repository.rules.iter().rev().find(|rule| rule.pattern.matches(&parts));
        rule.map(|rule| rule.owners.clone()).unwrap_or_default()
    }

    fn repository(&mut self, folder: &Path) -> Option<Arc<Repository>> {
        if let Some(known) = self.repositories.get(folder) {
            return known.clone();
        }
        let own = PLACES.iter().find_map(|place| read(&self.in_root(&folder.join(place))));
        let found = match own {
            Some(rules) => Some(Arc::new(Repository { folder: folder.to_owned(), rules })),
            None => folder.parent().and_then(|above| self.repository(above)),
        };
        if self.repositories.len() < FOLDERS_MAX {
            self.repositories.insert(folder.to_owned(), found.clone());
        }
        found
    }

    fn in_root(&self, path: &Path) -> PathBuf {
        let normal = path.components().filter(|part| matches!(part, Component::Normal(_)));
        self.root.join(normal.collect::<PathBuf>())
    }
}

fn read(path: &Path) -> Option<Vec<Rule>> {
    let mut text = String::new();
    File::open(path).ok()?.take(FILE_BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text.lines().filter_map(Rule::parse).take(RULES_MAX).collect())
}

impl Rule {
    fn parse(line: &str) -> Option<Self> {
        let line = line.split(" #").next().unwrap_or_default().trim();
        // GitLab puts rules into sections, whose heads are in brackets.
        if line.is_empty() || line.starts_with(['#', '[', '^', '!']) {
            return None;
        }
        let mut fields = line.split_ascii_whitespace();
        let pattern = Pattern::parse(fields.next()?);
        Some(Self { pattern, owners: fields.map(str::to_owned).collect() })
    }
}

impl Pattern {
    fn parse(text: &str) -> Self {
        let inner = text.trim_matches('/');
        let parts = inner.split('/').filter(|part| !part.is_empty()).take(PARTS_MAX);
        Self {
            is_anchored: text.starts_with('/') || inner.contains('/'),
            is_folder: text.ends_with('/'),
            parts: parts.map(str::to_owned).collect(),
        }
    }

    /// True when the pattern names the file or a folder that it is in.
    fn matches(&self, path: &[&str]) -> bool {
        let starts = if self.is_anchored { 1 } else { path.len() };
        (0..starts).any(|start| path.get(start..).is_some_and(|rest| self.matches_from(&self.parts, rest)))
    }

    fn matches_from(&self, parts: &[String], path: &[&str]) -> bool {
        match (parts.split_first(), path.split_first()) {
            // All of the pattern is used up: what is left of the path is inside a folder it names, unless it ended in
            // a star, which stands for what is directly there.
            (None, rest) => {
                let is_star = self.parts.last().is_some_and(|part| part == "*") && self.parts.len() > 1;
                rest.is_some_and(|_| !is_star) || (rest.is_none() && !self.is_folder)
            }
            (Some((part, rest)), _) if part == "**" => (0..=path.len())
                .any(|skipped| path.get(skipped..).is_some_and(|path| self.matches_from(rest, path))),
            (Some((part, parts)), Some((name, path))) => {
                is_like(part, name) && self.matches_from(parts, path)
            }
            (Some(_), None) => false,
        }
    }
}

/// Compares a name with a part of a pattern, in which `*` stands for any text and `?` for any one character. When text
/// differs, the last star takes one character more, so that time stays bounded.
pub fn is_like(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut at, mut name_at) = (0, 0);
    let mut last_star = None;
    while let Some(character) = name.get(name_at) {
        match pattern.get(at) {
            Some(b'*') => {
                last_star = Some((at, name_at));
                at += 1;
                continue;
            }
            Some(expected) if *expected == b'?' || expected == character => {
                at += 1;
                name_at += 1;
                continue;
            }
            _ => {}
        }
        let Some((star, taken)) = last_star else { return false };
        last_star = Some((star, taken + 1));
        at = star + 1;
        name_at = taken + 1;
    }
    pattern.iter().skip(at).all(|rest| *rest == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_code_hosts() {
        let cases = [
            ("*", "a/b.py", true),
            ("*.py", "a/b.py", true),
            ("*.py", "a/b.js", false),
            ("/a/", "a/b/c.py", true),
            ("a/", "x/a/c.py", true),
            ("a/", "x/a", false),
            ("/a", "x/a/c.py", false),
            ("/a/*", "a/b.py", true),
            ("/a/*", "a/b/c.py", false),
            ("/a/**", "a/b/c.py", true),
            ("/a/**/c.py", "a/c.py", true),
            ("**/c.py", "a/b/c.py", true),
            ("a/b", "x/a/b/c.py", false),
            ("/view?.py", "views.py", true),
            ("/a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ];
        for (pattern, path, expected) in cases {
            let parts: Vec<&str> = path.split('/').collect();
            assert_eq!(Pattern::parse(pattern).matches(&parts), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn the_last_rule_of_the_nearest_repository_wins() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("srv/.github/CODEOWNERS", "# all\n* @base\n/feed/ @feed @ada # both\n/feed/free.py\n");
        write("srv/feed/inner/CODEOWNERS", "[Section]\n*.py @inner\n");
        let root = folder.path().to_owned();
        let mut owners = Owners { root, work: "/srv".into(), repositories: HashMap::new() };
        let cases = [
            ("/srv/feed/views.py", vec!["@feed", "@ada"]),
            ("feed/views.py", vec!["@feed", "@ada"]),
            ("/srv/feed/free.py", vec![]),
            ("/srv/x.py", vec!["@base"]),
            ("/srv/feed/inner/x.py", vec!["@inner"]),
            ("/elsewhere/x.py", vec![]),
        ];
        for (file, expected) in cases {
            assert_eq!(owners.of(file), expected, "{file}");
        }
    }
}
