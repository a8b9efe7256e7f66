//! From the file that a frame names to a file of the repository.

use std::{collections::BTreeMap, path::Path};

/// The files of a repository, to be found by the end of a path.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    by_name: BTreeMap<String, Vec<String>>,
}

impl Paths {
    /// Of these files, by their paths from the root.
    pub fn new(files: impl IntoIterator<Item = String>) -> Self {
        let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for file in files {
            let name = file.rsplit('/').next().unwrap_or(&file).to_owned();
            by_name.entry(name).or_default().push(file);
        }
        Self { by_name }
    }

    /// The file that code built or run in `folder` means, if that is known. A path from elsewhere is matched by its end,
    /// if that has a folder and is one file only: builds in containers have other roots, and a wrong file is worse than
    /// none.
    pub fn find(&self, frame_file: &str, folder: Option<&Path>) -> Option<&str> {
        let below = folder.and_then(|folder| Path::new(frame_file).strip_prefix(folder).ok()?.to_str());
        let is_foreign = below.is_none() && frame_file.starts_with('/');
        let path = below.unwrap_or(frame_file).trim_start_matches("./");
        let candidates = self.by_name.get(path.rsplit('/').next()?)?;
        if let Some(exact) = candidates.iter().find(|candidate| *candidate == path) {
            return Some(exact);
        }
        let mut ends = candidates.iter().filter(|candidate| {
            candidate.contains('/')
                && path.strip_suffix(candidate.as_str()).is_some_and(|rest| rest.ends_with('/'))
        });
        let found = ends.next().filter(|_| is_foreign && below.is_none())?;
        ends.next().is_none().then_some(found)
    }
}

/// A path without the folder that it was built or run in, so that both sides of a comparison have the same one.
pub fn without(folder: &Path, path: &str) -> String {
    let below = Path::new(path).strip_prefix(folder).ok().and_then(Path::to_str);
    below.unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(frame_file: &str, expected: Option<&str>) {
        let files = [
            "app.py",
            "feed/views.py",
            "old/feed/views.py",
            "json/decoder.py",
            "src/main.rs",
            "a/src/main.rs",
        ];
        let paths = Paths::new(files.map(str::to_owned));
        assert_eq!(paths.find(frame_file, Some(Path::new("/tmp/head"))), expected, "{frame_file}");
        if !frame_file.starts_with("/tmp") {
            assert_eq!(paths.find(frame_file, None), expected, "{frame_file}");
        }
    }

    #[test]
    fn a_frame_is_in_one_file_or_in_none() {
        check("/tmp/head/app.py", Some("app.py"));
        check("src/main.rs", Some("src/main.rs"));
        check("./app.py", Some("app.py"));
        check("/tmp/head/feed/views.py", Some("feed/views.py"));
        check("/srv/container/a/src/main.rs", None);
        check("/srv/feed/views.py", Some("feed/views.py"));
        check("/srv/app.py", None);
        check("/tmp/head/missing.py", None);
        check("", None);
    }

    #[test]
    fn the_folder_is_left_out() {
        assert_eq!(without(Path::new("/tmp/base"), "/tmp/base/target/app"), "target/app");
        assert_eq!(without(Path::new("/tmp/base"), "/usr/lib/libc.so"), "/usr/lib/libc.so");
    }
}
