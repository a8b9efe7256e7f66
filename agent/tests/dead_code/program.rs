//! Programs to look at.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use agent::dead_code::Process;
use serde_json::Value;

/// Runs a test with every interpreter found, and says which versions were not. Finding none fails.
pub(crate) fn with_each_interpreter(test: impl Fn(u8, &Path)) {
    let mut tested = 0;
    for minor in 8..=13 {
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

/// The newest interpreter that is found.
pub(crate) fn newest() -> PathBuf {
    let found = (8..=13).rev().find_map(|minor| installed(minor).pop());
    found.unwrap_or_else(|| panic!("no CPython from 3.8 to 3.13 was found"))
}

fn installed(minor: u8) -> Vec<PathBuf> {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let root = std::env::var_os("PYENV_ROOT").map_or(home.join(".pyenv"), PathBuf::from);
    let prefix = format!("3.{minor}.");
    fs::read_dir(root.join("versions"))
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
        .map(|entry| entry.path().join("bin/python3"))
        .chain([PathBuf::from(format!("/usr/bin/python3.{minor}"))])
        .filter(|python| python.exists())
        .collect()
}

/// A program that says when it is ready, and ends when its input does.
pub(crate) struct Program {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Program {
    pub(crate) fn start(python: &Path, name: &str) -> Self {
        Self::start_with(python, name, "", &[])
    }

    pub(crate) fn start_with(
        python: &Path,
        name: &str,
        argument: &str,
        environment: &[(&str, &str)],
    ) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new(python)
            .arg(root.join("tests/dead_code").join(name))
            .arg(argument)
            .env("PYTHONWARNINGS", "ignore")
            .env("PYTHONPATH", root.join("../sdk/python/src"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Tells it to do something, and waits until it says that it did.
    pub(crate) fn ask(&mut self, command: &str) -> Value {
        writeln!(self.child.stdin.as_mut().unwrap(), "{command}").unwrap();
        self.hear()
    }

    pub(crate) fn scan(&self) -> Process {
        super::scan(self.pid()).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
