//! Holds the code against the house plan. Every check says file, line and what to do.

mod arrows;
mod files;
mod words;

use std::{path::Path, process::Command};

use anyhow::{Context, Result, bail};

/// One thing that is not as the house wants it.
pub struct Untidy {
    /// Where, as `path` or `path:line`.
    pub place: String,
    /// What is wrong and what to do.
    pub what: String,
}

/// Runs every check and prints what it finds.
pub fn run() -> Result<()> {
    let root = root()?;
    let tracked = tracked_files(&root)?;
    let mut found = arrows::check(&root)?;
    for path in &tracked {
        let Ok(text) = std::fs::read_to_string(root.join(path)) else { continue };
        found.extend(files::check(path, &text));
        found.extend(words::check(path, &text));
    }
    for untidy in &found {
        eprintln!("{}: {}", untidy.place, untidy.what);
    }
    if found.is_empty() {
        println!("tidy: {} files are as the house wants them", tracked.len());
        return Ok(());
    }
    bail!("{} untidy places", found.len())
}

/// The checkout that cargo runs this in. Two checkouts may share a target folder, so what was true at build time may
/// be another's.
pub fn root() -> Result<std::path::PathBuf> {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").context("start this with cargo run -p xtask")?;
    Ok(Path::new(&manifest).parent().context("xtask lies in the checkout")?.to_owned())
}

fn tracked_files(root: &Path) -> Result<Vec<String>> {
    let list = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("running git ls-files")?;
    Ok(String::from_utf8(list.stdout)?.lines().map(str::to_owned).collect())
}
