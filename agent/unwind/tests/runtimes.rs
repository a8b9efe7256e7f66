//! Unwinding what is installed: CPython and PostgreSQL as distributions build them, without frame pointers.

// The root lints speak of libraries; here a failed expectation is meant to end the run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use agent_unwind::{Limits, Outcome, ProcFiles, Unwinder};

mod target;
use target::{Target, capture, image, names};

/// Captures again and again; every stack must reach the root and hold these functions.
fn check(target: &Target, times: u64, functions: &[&str]) {
    let mut unwinder = Unwinder::new(Limits::default());
    let mut addresses = Vec::new();
    for at in 0..times {
        let capture = capture(target.tid, 64 << 10);
        let sample = capture.sample(target.pid(), image(target.pid()), at * 10_000_000);
        let outcome = unwinder.unwind(&sample, &ProcFiles::new("/proc"), &mut addresses);
        let names = names(&addresses);
        assert_eq!(outcome, Outcome::Complete, "{names:?}");
        for function in functions {
            assert!(names.iter().any(|name| name == function), "{function} in {names:?}");
        }
    }
    assert_eq!(unwinder.counters().of(Outcome::Complete), times);
}

#[test]
fn cpython_unwinds_to_its_root() {
    let script = "import sys\n\
        def work(n): return sum(i * i for i in range(n))\n\
        def again(n): return sorted([3, 1, 2], key=lambda x: work(n) + x)\n\
        print('ready', flush=True)\n\
        while True: again(1000)\n";
    for python in ["python3", "/usr/bin/python3"] {
        if Command::new(python).arg("--version").output().is_err() {
            continue;
        }
        let target = Target::start(Command::new(python).args(["-c", script]));
        check(&target, 50, &["_start"]);
    }
}

/// The newest PostgreSQL in the place where Debian puts them.
fn postgresql() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    versions.filter_map(Result::ok).map(|version| version.path().join("bin")).max()
}

/// PostgreSQL refuses to run as root, so this needs to be root and becomes nobody.
#[test]
fn postgresql_unwinds_to_its_root() {
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65534;
    let directory = tempfile::tempdir().unwrap();
    let Some(bin) = postgresql() else { return };
    if std::os::unix::fs::chown(directory.path(), Some(NOBODY), Some(NOBODY)).is_err() {
        return;
    }
    let data = directory.path().join("data");
    let as_nobody = |program: &Path| {
        let mut command = Command::new(program);
        command.uid(NOBODY).gid(NOBODY).current_dir(directory.path()).stderr(Stdio::null());
        command
    };
    let mut initdb = as_nobody(&bin.join("initdb"));
    let status =
        initdb.arg("-D").arg(&data).args(["-A", "trust", "-N"]).stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "initdb");

    let mut command = as_nobody(&bin.join("postgres"));
    command.arg("--single").arg("-D").arg(&data).args(["-c", "jit=off", "template1"]).stdin(Stdio::piped());
    let target = Target::start_with(&mut command, |stdin| {
        stdin.write_all(b"select 'ready'\n").unwrap();
        stdin
            .write_all(b"select count(*) from generate_series(1, 1000000000) as a(b) where b % 7 = 3\n")
            .unwrap();
    });
    std::thread::sleep(std::time::Duration::from_millis(300));
    check(&target, 50, &["standard_ExecutorRun", "PostgresSingleUserMain", "_start"]);
}
