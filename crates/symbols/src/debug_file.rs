//! Separate debug files: what distributions ship beside a stripped executable.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::{
    Executable, Image,
    elf::{self, Contents},
};

/// The debug file of an executable, where there is one: by build id, else by the name and checksum that the
/// executable links to.
pub(crate) fn find(directories: &[PathBuf], executable: &Executable, contents: &Contents) -> Option<PathBuf> {
    let by_id = by_build_id(directories, &executable.build_id);
    by_id.or_else(|| {
        let (name, checksum) = contents.debug_link.as_ref()?;
        by_link(directories, &executable.path, name, *checksum)
    })
}

/// The file with the debug information that a file shares with others: by build id, else under the name that the file
/// links to, seen from where the file is.
pub(crate) fn find_shared(
    directories: &[PathBuf],
    debug_file: Option<&Path>,
    contents: &Contents,
) -> Option<(Image, Contents)> {
    let (name, build_id) = contents.shared_link.as_ref()?;
    let digits: String = build_id.iter().map(|byte| format!("{byte:02x}")).collect();
    let path = by_build_id(directories, &digits);
    // Only a name that stands in a debug file is followed: the profiled file itself could lead anywhere.
    let path = path.or_else(|| Some(debug_file?.canonicalize().ok()?.parent()?.join(name)))?;
    let image = Image::File(File::open(path).ok()?);
    let shared = elf::contents(&image).ok()?;
    (shared.build_id == *build_id).then_some((image, shared))
}

fn by_build_id(directories: &[PathBuf], build_id: &str) -> Option<PathBuf> {
    let (first, rest) = build_id.split_at_checked(2)?;
    if rest.is_empty() || !build_id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let paths = directories.iter().map(|directory| directory.join(format!(".build-id/{first}/{rest}.debug")));
    paths.into_iter().find(|path| path.is_file())
}

fn by_link(directories: &[PathBuf], executable: &str, name: &str, checksum: u32) -> Option<PathBuf> {
    // The name comes from the profiled file: it must not lead out of the directories.
    if name.is_empty() || name.contains('/') {
        return None;
    }
    let home = Path::new(executable).parent()?;
    let mirrors =
        directories.iter().map(|directory| directory.join(home.strip_prefix("/").unwrap_or(home)).join(name));
    [home.join(name), home.join(".debug").join(name)]
        .into_iter()
        .chain(mirrors)
        .filter(|path| path.is_file() && path != Path::new(executable))
        .find(|path| checksum_of(path).is_ok_and(|found| found == checksum))
}

fn checksum_of(path: &Path) -> io::Result<u32> {
    let mut file = File::open(path)?;
    let mut hasher = crc32fast::Hasher::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finalize()),
            read => hasher.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_by_build_id_then_by_link() {
        let directory = tempfile::tempdir().unwrap();
        let directories = [directory.path().join("debug")];
        let by_id = directories[0].join(".build-id/ab/cdef.debug");
        let linked = directory.path().join("bin/.debug/tool.debug");
        for path in [&by_id, &linked] {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"123456789").unwrap();
        }
        let path = directory.path().join("bin/tool");
        let path: std::sync::Arc<str> = path.to_str().unwrap().into();
        let find = |build_id: &str, link: &str, checksum| {
            let executable = Executable { path: path.clone(), build_id: build_id.into() };
            let contents = Contents { debug_link: Some((link.into(), checksum)), ..Contents::default() };
            super::find(&directories, &executable, &contents)
        };
        let good = 0xcbf4_3926;
        assert_eq!(find("abcdef", "tool.debug", good), Some(by_id));
        assert_eq!(find("00", "tool.debug", good), Some(linked));
        assert_eq!(find("", "tool.debug", good + 1), None);
        assert_eq!(find("é/", "../tool.debug", good), None);
    }
}
