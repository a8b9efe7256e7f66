//! The interpreters of this machine.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Minor versions of CPython 3 that are read.
pub const MINORS: std::ops::RangeInclusive<u8> = 8..=13;

/// pyenv's releases of a minor version, and the system's.
pub fn installed(minor: u8) -> Vec<PathBuf> {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let root = std::env::var_os("PYENV_ROOT").map_or(home.join(".pyenv"), PathBuf::from);
    let prefix = format!("3.{minor}.");
    let mut found: Vec<PathBuf> = fs::read_dir(root.join("versions"))
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
        .map(|entry| entry.path().join("bin/python3"))
        .chain([PathBuf::from(format!("/usr/bin/python3.{minor}"))])
        .filter(|python| python.exists())
        .collect();
    found.sort();
    found
}

/// Runs a test with every interpreter found, and says which versions were not. Finding none fails.
pub fn with_each_interpreter(test: impl Fn(u8, &Path)) {
    let mut tested = 0;
    for minor in MINORS {
        let found = installed(minor);
        if found.is_empty() {
            println!("no CPython 3.{minor} here: not tested with it");
        }
        for python in found {
            println!("with {}", python.display());
            test(minor, &python);
            tested += 1;
        }
    }
    assert!(tested > 0, "no CPython from 3.8 to 3.13 was found");
}
