//! `fewer dead-code` on real processes: what it prints and how it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

const PROGRAM: &str = "
def ran(x):
    return x + 1


def never(x):
    return x + 1


class Shape:
    def never(self):
        return self.x


ran(1)
print('ready', flush=True)
input()
ran(2)
Shape().never if input() else never(1)
print('again', flush=True)
input()
";

/// The first CPython 3.8 to 3.13 found here.
fn python() -> PathBuf {
    let found = testkit::MINORS.flat_map(testkit::installed).next();
    found.expect("no CPython from 3.8 to 3.13 was found")
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    fn pid(&self) -> String {
        self.0.id().to_string()
    }
}

fn fewer(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fewer")).arg("dead-code").args(arguments).output().unwrap()
}

fn states(output: &Output) -> Vec<(String, String)> {
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let rows = document["rows"].as_array().unwrap();
    rows.iter().map(|row| (text(row, "function"), text(row, "state"))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, state)| ((*name).to_owned(), (*state).to_owned())).collect()
}

#[test]
fn a_live_program_is_read_and_compared_with_itself() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("program.py");
    fs::write(&file, PROGRAM).unwrap();
    let piped = || Stdio::piped();
    let child = Command::new(python()).arg(&file).stdin(piped()).stdout(piped()).spawn().unwrap();
    let mut process = Process(child);
    let mut output = BufReader::new(process.0.stdout.take().unwrap());
    let mut hear = || output.read_line(&mut String::new()).unwrap();
    hear();
    let file = file.to_string_lossy().into_owned();
    let read = |more: &[&str]| fewer(&[&["-p", &process.pid(), "--file", &file], more].concat());

    let before = read(&["--json"]);
    assert_eq!(before.status.code(), Some(0), "{before:?}");
    let of = |wanted: &str| states(&before).into_iter().find(|(name, _)| name == wanted).unwrap().1;
    assert_eq!([of("ran"), of("never"), of("Shape.never")], ["executed", "unexecuted", "unexecuted"]);
    let text = String::from_utf8(read(&[]).stdout).unwrap();
    assert!(text.contains("Shape.never") && text.contains("2 unexecuted"), "{text}");

    let baseline = folder.path().join("before.json");
    fs::write(&baseline, &before.stdout).unwrap();
    let baseline = baseline.to_string_lossy().into_owned();
    let since = || states(&read(&["--json", "--baseline", &baseline]));
    assert_eq!(since(), []);
    {
        use std::io::Write;
        let mut input = process.0.stdin.as_ref().unwrap();
        input.write_all(b"\n\n").unwrap();
    }
    hear();
    assert_eq!(since(), pairs(&[("never", "executed")]));

    let other = Process(Command::new("sleep").arg("60").spawn().unwrap());
    let both = format!("{},{}", process.pid(), other.pid());
    let partial = fewer(&["-p", &both, "--file", &file, "--json"]);
    assert_eq!((partial.status.code(), states(&partial).len()), (Some(3), states(&before).len()));
    let told = String::from_utf8(partial.stderr).unwrap();
    assert!(told.contains("runs no CPython"), "{told}");
}

/// A CPython 3.13, which alone keeps what conditions were.
fn python_3_13() -> Option<PathBuf> {
    testkit::installed(13).into_iter().next()
}

const FLAGGED: &str = "
def is_enabled(key, member):
    return key == 'steady' or member % 3 == 0


def feed(member):
    if not is_enabled('steady', member):
        return 'old'
    return 'third' if is_enabled('split', member) else 'other'


for member in range(100):
    feed(member)
print('ready', flush=True)
input()
";

#[test]
fn flags_that_never_varied_are_seen_without_counting_them() {
    let Some(python) = python_3_13() else {
        eprintln!("no CPython 3.13 here: not tested");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site");
    fs::create_dir(&site).unwrap();
    let file = site.join("program.py");
    fs::write(&file, FLAGGED).unwrap();
    let piped = || Stdio::piped();
    let child = Command::new(python).arg(&file).stdin(piped()).stdout(piped()).spawn().unwrap();
    let mut process = Process(child);
    BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    let source = folder.path().to_str().unwrap();
    let output = fewer(&["-p", &process.pid(), "--source", source, "--json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let expected = serde_json::json!([{"flag": "steady", "is_on": true, "places": ["site/program.py:7"]}]);
    assert_eq!(document["flag_checks"], expected, "{document:#}");
    let conditions = &document["conditions"];
    assert_eq!((&conditions["same"], &conditions["varied"]), (&1.into(), &1.into()), "{conditions:#}");
    assert_eq!((&conditions["list"][0]["line"], &conditions["list"][0]["always"]), (&7.into(), &true.into()));
    let text = String::from_utf8(fewer(&["-p", &process.pid(), "--source", source]).stdout).unwrap();
    assert!(text.contains("  steady was on each time: site/program.py:7\n"), "{text}");
    let text = String::from_utf8(fewer(&["-p", &process.pid()]).stdout).unwrap();
    assert!(!text.contains("conditions by"), "{text}");
}

#[test]
fn what_cannot_be_read_is_said() {
    let other = Process(Command::new("sleep").arg("60").spawn().unwrap());
    let cases: [(&[&str], i32, &str); 5] = [
        (&["-p", &other.pid()], 1, "runs no CPython"),
        (&["-p", "4194305"], 1, "cannot read mem"),
        (&["-p", "0"], 2, "invalid value"),
        (&["--collector", "http://127.0.0.1:1"], 1, "did not answer"),
        (&["-p", "1", "--baseline", "/nonexistent.json"], 1, "--baseline: cannot open"),
    ];
    for (arguments, code, expected) in cases {
        let output = fewer(arguments);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(expected) && output.stdout.is_empty(), "{told}");
    }
}
