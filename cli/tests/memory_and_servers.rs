//! `fewer sharing` and `fewer capacity` as a person calls them. Nothing here needs privileges: the processes are our
//! own.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    process::{Child, Command, Output},
};

/// A user that owns nothing.
const NOBODY: u32 = 65_534;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fewer")).args(arguments).env_remove("RUST_LOG").output().unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A process with memory of its own, ended with its owner.
struct Holding(Child);

impl Holding {
    /// A shell that holds so many lines, the same in each.
    fn start() -> Self {
        let script = "text=$(seq 1 300000); echo ready; read line";
        let mut child = Command::new("/bin/sh")
            .args(["-c", script])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).unwrap();
        Self(child)
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn sharing_compares_programs_of_any_kind() {
    let held = [Holding::start(), Holding::start()];
    let pids = held.iter().map(|held| held.0.id().to_string()).collect::<Vec<_>>().join(",");
    let found = json(&run(&["sharing", "--json", "--pid", &pids]));
    let rows = found["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row["kind"] == "equal pages").unwrap();
    let mut names: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let expected = [
        "advice",
        "change",
        "kind",
        "mb_per_process",
        "mb_retained",
        "mb_retained_range",
        "mb_saved",
        "owner",
        "processes",
        "risk",
    ];
    assert_eq!(names, expected);
    assert_eq!(row["processes"], 2);
    assert!(row["mb_saved"].as_f64().unwrap() > 1.0 && row["mb_retained"].is_null(), "{row}");
    assert_eq!(found["processes"][0]["values"], "no CPython");
}

#[test]
fn sharing_says_what_it_could_not_read() {
    let output = run(&["sharing", "--pid", "2147483632"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("process 2147483632 is gone"), "{said}");
}

#[test]
fn sharing_leaves_out_what_may_not_be_read_and_says_so() {
    let (held, root) = (Holding::start(), rustix::process::geteuid().is_root());
    let folder = tempfile::tempdir().unwrap();
    let mut command = if root {
        // Nobody may not look into the folder that this program was built in.
        let program = folder.path().join("fewer");
        fs::copy(env!("CARGO_BIN_EXE_fewer"), &program).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new(program);
        command.uid(NOBODY).gid(NOBODY);
        command
    } else {
        Command::new(env!("CARGO_BIN_EXE_fewer"))
    };
    let other = if root { held.0.id() } else { 1 };
    let output = command.args(["sharing", "--pid", &other.to_string()]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(&format!("process {other} may not be read; run as root")), "{said}");
}

#[test]
fn capacity_answers_or_says_that_it_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("service.json");
    let path = file.to_str().unwrap();
    let check = |text: &str, arguments: &[&str], code: i32| {
        fs::write(&file, text).unwrap();
        let output = run(&[&["capacity", "--json", "--inputs", path], arguments].concat());
        assert_eq!(output.status.code(), Some(code), "{text}");
        output
    };
    let demands = r#""demands": [{"name": "a", "peak_rate": 100000, "cpu_per_request_ms": 60}]"#;
    let known = format!(r#"{{{demands}, "cores": 40, "target_utilisation": 0.6}}"#);
    let found = json(&check(&known, &["--what-if", "regions=3"], 0));
    assert_eq!((&found["servers"]["likely"], &found["binding"]), (&250.0.into(), &"cpu".into()));
    assert_eq!(found["what_if"]["plan"]["servers"]["likely"], 375.0);
    let unknown = json(&check(&format!("{{{demands}}}"), &[], 3));
    assert!(unknown["servers"].is_null() && unknown["cannot_say"].as_str().unwrap().contains("cores"));
    check(r#"{"demands": 3}"#, &[], 2);
    check(&known, &["--what-if", "finding=x"], 2);
}
