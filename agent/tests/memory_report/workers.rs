//! Processes to look at.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::Value;

/// Runs a test with every interpreter found. Finding none fails.
pub(crate) fn with_each_interpreter(test: impl Fn(&Path)) {
    for python in installed() {
        println!("with {}", python.display());
        test(&python);
    }
}

/// pyenv's releases of 3.8 to 3.13, and the system's.
pub(crate) fn installed() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = testkit::MINORS.flat_map(testkit::installed).collect();
    found.sort();
    assert!(!found.is_empty(), "no CPython from 3.8 to 3.13 was found");
    found
}

/// A parent and its forked workers, all at rest.
pub(crate) struct Workers {
    parent: Child,
    said: BufReader<ChildStdout>,
    told: Vec<Value>,
    pids: Vec<u32>,
}

impl Workers {
    pub(crate) fn start(python: &Path, mode: &str, count: u64, megabytes: f64) -> Self {
        let mut workers = Self::run(Command::new(python), mode, count, megabytes);
        workers.pids = workers.told.iter().map(|worker| worker["pid"].as_u64().unwrap() as u32).collect();
        workers
    }

    /// The same in a namespace of their own, where they have other ids than here.
    pub(crate) fn start_in_namespace(python: &Path, mode: &str, count: u64, megabytes: f64) -> Self {
        let mut command = Command::new("unshare");
        if !rustix::process::geteuid().is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--pid", "--fork", "--kill-child", "--mount-proc"]).arg(python);
        let mut workers = Self::run(command, mode, count, megabytes);
        let parent = children(workers.parent.id());
        workers.pids = parent.into_iter().flat_map(children).collect();
        workers.pids.sort_unstable();
        workers
    }

    fn run(mut command: Command, mode: &str, count: u64, megabytes: f64) -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/memory_report/programs/workers.py");
        let mut parent = command
            .arg(program)
            .args([mode, &count.to_string(), &megabytes.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(parent.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let told = told["workers"].as_array().unwrap().clone();
        Self { parent, said, told, pids: Vec::new() }
    }

    pub(crate) fn pids(&self) -> Vec<u32> {
        self.pids.clone()
    }

    /// Makes each worker fork once; their children stay.
    pub(crate) fn fork(&mut self) {
        self.parent.stdin.as_mut().unwrap().write_all(b"now\n").unwrap();
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        assert_eq!(line, "forked\n");
    }

    /// A number of kilobytes that each worker told of itself, in bytes.
    pub(crate) fn told_bytes(&self, name: &str) -> Vec<u64> {
        self.told.iter().map(|worker| worker[name].as_u64().unwrap() * 1024).collect()
    }

    /// What the workers' own memory grew by with what they loaded, as they told it.
    pub(crate) fn loaded_bytes(&self) -> u64 {
        self.told_bytes("own_kb").iter().sum()
    }

    /// What each process has written or copied.
    pub(crate) fn dirty_bytes(&self) -> Vec<u64> {
        let dirty = |pid: u32| {
            let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
            let line = text.lines().find_map(|line| line.strip_prefix("Private_Dirty:")).unwrap();
            line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
        };
        self.pids().into_iter().chain([self.parent.id()]).map(dirty).collect()
    }
}

/// The processes that a process has started.
fn children(pid: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let is_child = |child: &u32| {
        let stat = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        after_name.split_ascii_whitespace().nth(1) == Some(&pid.to_string())
    };
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_child).collect()
}

impl Drop for Workers {
    fn drop(&mut self) {
        // All of them end with the parent's input; the workers hold its other end only for reading.
        drop(self.parent.stdin.take());
        self.parent.wait().unwrap();
        while self.pids().iter().any(|pid| Path::new(&format!("/proc/{pid}/exe")).read_link().is_ok()) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

/// A program that is ended with its owner.
pub(crate) struct Ended(Child);

impl Ended {
    /// A shell that has set up its memory: the spawn itself returns at the exec, before that.
    pub(crate) fn shell() -> Self {
        let mut shell = Command::new("sh");
        let mut child = shell
            .args(["-c", "echo ready; read line"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self(child)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
