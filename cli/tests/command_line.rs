//! The command line as a person meets it: help, mistakes, and what is said about them. Nothing here needs
//! privileges.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process::{Command, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

fn fewer() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fewer"));
    for name in [
        "COLUMNS",
        "RUST_LOG",
        "FEWER_COLLECTOR",
        "FEWER_TOKEN_FILE",
        "FEWER_SPOOL_DIR",
        "FEWER_LISTEN",
        "FEWER_DATA_DIR",
    ] {
        command.env_remove(name);
    }
    command
}

fn run(arguments: &[&str]) -> Output {
    fewer().args(arguments).output().unwrap()
}

/// Exit code and the text of one of the outputs.
fn code_and(output: &Output, text: &[u8]) -> String {
    format!("exit {}\n{}", output.status.code().unwrap(), String::from_utf8_lossy(text))
}

#[test]
fn help_is_worth_reading() {
    for command in ["", "up", "agent", "agent doctor", "collector", "record", "top", "view"] {
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let output = run(&arguments);
        let name = format!("help {command}").trim().replace(' ', "_");
        insta::assert_snapshot!(name, code_and(&output, &output.stdout));
    }
}

#[test]
fn mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, [0, 159, 146, 150]).unwrap();
    let path = |path: &Path| path.display().to_string();
    let (file, folder) = (path(&file), path(folder.path()));
    let no_folder = format!("{folder}/none/out.svg");
    let spool = format!("{file}/spool");
    let cases: [&[&str]; 18] = [
        &["recrod"],
        &["record", "--rote", "9"],
        &["record", "-F", "1000"],
        &["record", "-d", "0"],
        &["record", "-p", "1", "--", "true"],
        &["record", "-o", "out.png"],
        &["record", "-o", &no_folder],
        &["top", "--interval", "0.5"],
        &["top", "--count", "0"],
        &["top", "--per-request", "--by", "function"],
        &["agent", "--stack-kb", "65"],
        &["agent", "--label", "region"],
        &["agent", "--collector", "https://collector"],
        &["agent", "--collector", "collector:4040"],
        &["agent", "--spool-dir", &spool],
        &["agent", "--token-file", "/nonexistent/token"],
        &["view", "/nonexistent/out.pb.gz"],
        &["view", &file],
    ];
    let mut text = String::new();
    for arguments in cases {
        let output = run(arguments);
        assert!(output.stdout.is_empty(), "{arguments:?}");
        let said = code_and(&output, &output.stderr);
        text += &format!("$ fewer {}\n{said}\n", arguments.join(" "));
    }
    insta::assert_snapshot!(text.replace(&folder, "FOLDER"));
}

#[test]
fn a_taken_port_is_said_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output =
        fewer().args(["up", "--listen", &address, "--data-dir"]).arg(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("{address} is taken by process {}", std::process::id())), "{said}");
    assert!(said.contains("--listen"), "{said}");
}

#[test]
fn a_profile_of_any_age_is_viewed_until_told_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.folded");
    fs::write(&path, "main;work;inner 3\nmain;rest 1\n").unwrap();
    let mut child = fewer().arg("view").arg(&path).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().rsplit(' ').next().unwrap();
    let (address, range) = url.split_once("/?").unwrap();
    let body = ureq::get(format!("{address}/api/v1/top?{range}"))
        .call()
        .unwrap()
        .body_mut()
        .read_to_string()
        .unwrap();
    let top: wire::api::Top = serde_json::from_str(&body).unwrap();
    let names: Vec<&str> = top.rows.iter().map(|row| row.function.name.as_str()).collect();
    assert_eq!(names, ["inner", "rest", "main", "work"]);
    assert_eq!(top.rows[0].self_value * 4, top.total * 3);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
