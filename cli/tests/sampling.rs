//! Recording and profiling for real. Where the kernel does not permit sampling, what is missing must be said.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Command, Output, Stdio},
};

use model::{Batch, keys};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Burns CPU in the shell for about half a second.
const BURN: &str = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";

fn fewer() -> Command {
    Command::new(env!("CARGO_BIN_EXE_fewer"))
}

/// True when this host permits sampling.
fn can_sample() -> bool {
    let output = fewer().args(["agent", "doctor", "--json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = match report["verdict"].as_str().unwrap() {
        "full" => 0,
        "degraded" => 1,
        _ => 2,
    };
    assert_eq!(output.status.code(), Some(expected));
    assert!(!report["capabilities"].as_array().unwrap().is_empty());
    expected < 2
}

fn record(arguments: &[&str], script: &str) -> Output {
    fewer().args(["record", "-F", "499"]).args(arguments).args(["--", "sh", "-c", script]).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Where sampling is not permitted, the failure says so and the rest of a test has nothing to look at. Own
/// processes may be permitted where the host is not.
fn is_refused(output: &Output) -> bool {
    let is_refused = said(output).contains("does not permit sampling");
    assert!(!is_refused || (!can_sample() && output.status.code() == Some(1)), "{}", said(output));
    is_refused
}

fn has_function(batch: &Batch, name: &str) -> bool {
    batch.frames.iter().any(|frame| frame.display_name().contains(name))
}

#[test]
fn a_command_is_recorded_into_every_format() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["out.pb.gz", "out.svg", "out.folded", "out.speedscope.json"] {
        let path = folder.path().join(name);
        let output = record(&["-o", path.to_str().unwrap()], BURN);
        if is_refused(&output) {
            return;
        }
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert!(said(&output).contains("user samples unwound to the root"), "{}", said(&output));
        let batch = wire::file::read_any(name, &fs::read(&path).unwrap()).unwrap();
        assert!(batch.total() > 0, "{name}");
        assert!(has_function(&batch, "main"), "{name}");
    }
}

#[test]
fn without_a_file_a_table_and_the_commands_exit_code() {
    let output = record(&[], &format!("{BURN}; exit 7"));
    if is_refused(&output) {
        return;
    }
    assert_eq!(output.status.code(), Some(7), "{}", said(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("function"));
}

#[test]
fn json_adds_up_and_descendants_are_followed() {
    let output = record(&["--json", "--label", "team=a"], &format!("sh -c '{BURN}' & sh -c '{BURN}' & wait"));
    if is_refused(&output) {
        return;
    }
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let number = |key: &str| report[key].as_u64().unwrap();
    let cuts: u64 = report["cuts"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(number("unwound_to_root") + cuts, number("user_samples"));
    assert_eq!(number("cpu_ns"), number("samples") * (1_000_000_000 / 499));
    assert!(number("samples") > 0);
}

#[test]
fn a_command_that_goes_on_is_ended_and_labelled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pb.gz");
    let script = "OTEL_SERVICE_NAME=feed exec sh -c 'while :; do :; done'";
    let output = record(&["-d", "1", "-o", path.to_str().unwrap()], script);
    if is_refused(&output) {
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let batch = wire::file::read_any("out.pb.gz", &fs::read(&path).unwrap()).unwrap();
    let services: Vec<Option<&str>> =
        batch.profiles.iter().map(|profile| profile.labels.get(keys::SERVICE_NAME)).collect();
    assert!(services.contains(&Some("feed")), "{services:?}");
}

#[test]
fn top_shows_what_runs_until_it_has_ended() {
    let script = "OTEL_SERVICE_NAME=feed exec sh -c 'while :; do :; done'";
    let mut watched = Command::new("sh").args(["-c", script]).spawn().unwrap();
    let pid = watched.id().to_string();
    let mut top = fewer()
        .args(["top", "--by", "service", "--json", "-p", &pid])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(top.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    // A process is gone only when its parent, which is this test, was told.
    watched.kill().and_then(|()| watched.wait()).unwrap();
    let output = top.wait_with_output().unwrap();
    if is_refused(&output) {
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let document: Value = serde_json::from_str(&line).unwrap();
    let samples = |value: &Value| value["samples"].as_u64().unwrap();
    let rows = document["rows"].as_array().unwrap();
    let feed: u64 = rows.iter().filter(|row| row["value"] == "feed").map(samples).sum();
    assert!(feed > 0, "{line}");
    assert_eq!(rows.iter().map(samples).sum::<u64>(), samples(&document));
}

#[test]
fn up_says_when_the_first_data_can_be_queried() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = fewer()
        .args(["up", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let url = lines.next().unwrap().rsplit(' ').next().unwrap().to_owned();
    if can_sample() {
        let ready = lines.find(|line| line.starts_with("Ready")).unwrap();
        assert!(ready.ends_with(&format!("Open {url}")), "{ready}");
    } else {
        let complaint = BufReader::new(child.stderr.take().unwrap()).lines().next().unwrap().unwrap();
        assert!(complaint.contains("this host is not profiled"), "{complaint}");
    }
    assert!(ureq::get(format!("{url}/api/v1/status")).call().is_ok());
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
