//! Programs to look at.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use agent::dead_code::Process;
use serde_json::Value;

/// The newest interpreter that is found.
pub(crate) fn newest() -> PathBuf {
    let found = testkit::MINORS.rev().find_map(|minor| testkit::installed(minor).pop());
    found.unwrap_or_else(|| panic!("no CPython from 3.8 to 3.13 was found"))
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
