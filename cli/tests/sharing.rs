//! `fewer sharing try` with real set-ups: forked workers of CPython that load a table after and before the fork.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

const MEGABYTES: f64 = 6.0;

fn workers() -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/platform/sharing/workers.py");
    format!("python3 {} --stay --workers 2 --megabytes {MEGABYTES}", script.display())
}

fn try_out(arguments: &[&str], present: &str, changed: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fewer"));
    command.args(["sharing", "try", "--json", "--repeat", "1", "--timeout", "300"]).args(arguments);
    command.args(["--present", present, "--", "sh", "-c"]).arg(format!("exec {changed}")).output().unwrap()
}

/// The processes whose command line has this text.
fn running(text: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let has_text = |path: &PathBuf| {
        let command = std::fs::read(path.join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        command.contains(text) && !command.contains("sharing try")
    };
    entries.filter(has_text).collect()
}

#[test]
fn a_change_is_measured_and_nothing_is_left_running() {
    let mark = format!("--megabytes {MEGABYTES}");
    let used = ["--load", "exit 0"];
    let said = try_out(
        &used,
        &format!("{} --load after", workers()),
        &format!("{} --load before --freeze", workers()),
    );
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let said: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(
        (said["present"]["workers"].as_f64(), said["changed"]["workers"].as_f64()),
        (Some(2.0), Some(2.0))
    );
    // Two copies become one.
    for name in ["mb_saved", "mb_retained"] {
        let saved = said[name]["value"].as_f64().unwrap();
        assert!(saved > MEGABYTES * 0.5 && saved < MEGABYTES * 2.0, "{said}");
    }
    assert_eq!(running(&mark), [] as [PathBuf; 0]);
}

#[test]
fn set_ups_that_fail_or_can_be_reached_from_elsewhere_are_refused() {
    let cases = [
        ("exit 3", "exit status: 3"),
        ("python3 -m http.server --bind 0.0.0.0 {port}", "beyond loopback"),
        ("/nonexistent/program", "ended by itself"),
    ];
    for (present, expected) in cases {
        let said = try_out(&[], present, "true");
        let complaint = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.status.code() == Some(1) && complaint.contains(expected), "{present}: {complaint}");
    }
    let said = try_out(&["--url", "http://10.0.0.1/"], "true", "true");
    assert_eq!(said.status.code(), Some(2));
}
