//! Real programs for tests: compiled on the spot, started, and read from outside while they run.

use std::{
    fs,
    io::{self, BufRead, BufReader},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// One run of the C compiler.
#[derive(Clone, Copy, Debug)]
pub(super) struct Build<'a> {
    /// File name of what is built.
    pub(super) name: &'a str,
    pub(super) source: &'a str,
    pub(super) flags: &'a [&'a str],
}

/// A program that has printed its first line and now waits.
pub(super) struct Child {
    process: std::process::Child,
    /// What it printed.
    pub(super) line: String,
}

impl<'a> Build<'a> {
    pub(super) fn program(name: &'a str, source: &'a str) -> Self {
        Self { name, source, flags: &[] }
    }
}

/// Compiles into a directory and returns the path of what was built.
pub(super) fn compile(directory: &Path, build: &Build<'_>) -> PathBuf {
    let source = directory.join(format!("{}.c", build.name));
    let output = directory.join(build.name);
    fs::write(&source, build.source).unwrap();
    let mut command = Command::new("cc");
    // Libraries are linked after the source that needs them.
    command.current_dir(directory).arg("-O1").arg("-o").arg(&output).arg(&source).args(build.flags);
    let done = command.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    output
}

/// The number, decimal or hexadecimal with `0x`, that a line consists of.
pub(super) fn number(text: &str) -> u64 {
    let text = text.trim();
    text.strip_prefix("0x").map_or_else(|| text.parse(), |digits| u64::from_str_radix(digits, 16)).unwrap()
}

/// The server program of the newest PostgreSQL that Debian's packages installed.
pub(super) fn installed_postgres() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let programs = versions.flatten().map(|version| version.path().join("bin/postgres"));
    programs.filter(|program| program.exists()).max()
}

impl Child {
    pub(super) fn start(program: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        let mut process = command.args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { process, line }
    }

    /// Start and file offset of the second mapping of a file, so that tests do not depend on the first.
    pub(super) fn mapping(&self, path: &Path) -> (u64, u64) {
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.process.id())).unwrap();
        let path = path.canonicalize().unwrap();
        let mut lines = maps.lines().filter(|line| line.ends_with(path.to_str().unwrap()));
        let mut fields = lines.nth(1).unwrap().split_ascii_whitespace();
        let start = fields.next().unwrap().split('-').next().unwrap();
        let hexadecimal = |text| u64::from_str_radix(text, 16).unwrap();
        (hexadecimal(start), hexadecimal(fields.nth(1).unwrap()))
    }

    /// Reads its memory without stopping it.
    pub(super) fn read(&self, address: u64, into: &mut [u8]) -> io::Result<()> {
        fs::File::open(format!("/proc/{}/mem", self.process.id()))?.read_exact_at(into, address)
    }

    /// The word at an address, if there is memory.
    pub(super) fn word(&self, address: u64) -> Option<u64> {
        let mut word = [0; 8];
        self.read(address, &mut word).ok()?;
        Some(u64::from_le_bytes(word))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
