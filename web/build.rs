//! Embeds every file of `dist/` with its compressed forms, or one plain page when the UI was not built.
//!
//! Node is never run from here: `make web` builds `dist/`, and this script only reads what is there.
#![allow(clippy::print_stdout, reason = "a build script speaks to cargo on standard output")]

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Bound on the files taken in, so that a folder put there by mistake fails instead of filling the binary.
const FILES_MAX: usize = 500;

fn main() -> io::Result<()> {
    let home = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(variable("OUT_DIR")?);
    let dist = home.join("dist");
    // Cargo runs a script again on every build while a path it watches is missing. An empty folder prevents
    // that; where the sources are read-only the folder stays away and only the time is lost.
    let _ = fs::create_dir_all(&dist);
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=dist");
    println!("cargo::rerun-if-changed=src/not_built.html");

    let built = dist.join("index.html").is_file();
    let files = if built { files_below(&dist)? } else { vec![home.join("src/not_built.html")] };
    let mut code =
        format!("pub(crate) const BUILT: bool = {built};\npub(crate) static FILES: &[File] = &[\n");
    for file in files.iter().filter(|file| compressed_form_of(file).is_none()) {
        let path = if built { url_path(file, &dist) } else { "index.html".to_owned() };
        write_entry(&mut code, &path, file)?;
    }
    code.push_str("];\n");
    fs::write(out.join("files.rs"), code)
}

fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(|error| io::Error::other(format!("{name}: {error}")))
}

/// Every file below `folder`, in the order of their paths.
fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path())
            } else {
                files.push(entry.path())
            }
            if files.len() > FILES_MAX {
                return Err(io::Error::other(format!("web/dist holds more than {FILES_MAX} files")));
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The plain file that `file` is a compressed form of.
fn compressed_form_of(file: &Path) -> Option<PathBuf> {
    let extension = file.extension()?;
    let plain = file.with_extension("");
    ((extension == "br" || extension == "gz") && plain.is_file()).then_some(plain)
}

fn url_path(file: &Path, dist: &Path) -> String {
    let parts = file.strip_prefix(dist).unwrap_or(file).components();
    parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// Appends one `File { … }` of the generated table.
fn write_entry(code: &mut String, path: &str, file: &Path) -> io::Result<()> {
    let body = fs::read(file)?;
    let include = |file: &Path| format!("include_bytes!({:?})", file.to_string_lossy());
    let compressed = |suffix: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        let form = PathBuf::from(name);
        if form.is_file() { format!("Some({})", include(&form)) } else { "None".to_owned() }
    };
    let (plain, brotli, gzip) = (include(file), compressed(".br"), compressed(".gz"));
    let tag = tag(&body);
    writeln!(
        code,
        "File {{ path: {path:?}, tags: [\"\\\"{tag}\\\"\", \"\\\"{tag}-br\\\"\", \"\\\"{tag}-gz\\\"\"], \
         plain: {plain}, brotli: {brotli}, gzip: {gzip} }},"
    )
    .map_err(io::Error::other)
}

/// Names the content: 128 bits of FNV-1a, wide enough that two versions of a file never share a tag.
fn tag(body: &[u8]) -> String {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let hash = body.iter().fold(OFFSET, |hash, &byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    format!("{hash:032x}")
}
