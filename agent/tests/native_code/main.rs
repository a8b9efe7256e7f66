//! Code reports of native programs, which are compiled here.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use agent::{RecordOptions, Recorder, Sampling, Target, code_report::CodeReporter};
use model::{CodeFunction, CodeReport, ExecutionState, Frame, LabelSet, keys};

use ExecutionState::{Executed, Unknown};

const DAY_NS: i64 = 86_400_000_000_000;

/// A folder with `bin/feed` and `lib/librank.so`.
struct Built(tempfile::TempDir);

/// The program while it runs.
struct Running(Child);

impl Built {
    fn new(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        fs::create_dir(folder.path().join("lib")).unwrap();
        let built = Self(folder);
        let source = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/native_code").join(name);
        let common = ["-O1", "-fno-omit-frame-pointer"];
        run(Command::new("cc").args(common).args(flags).args(["-shared", "-fPIC"]).args([
            source("rank.c").as_os_str(),
            "-o".as_ref(),
            built.path("lib/librank.so").as_os_str(),
        ]));
        run(Command::new("cc").args(common).args(flags).args([
            source("program.c").as_os_str(),
            built.path("lib/librank.so").as_os_str(),
            "-Wl,-rpath,$ORIGIN/../lib".as_ref(),
            "-o".as_ref(),
            built.path("bin/feed").as_os_str(),
        ]));
        built
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(name)
    }

    fn start(&self, mapped: &[PathBuf]) -> Running {
        let mut child =
            Command::new(self.path("bin/feed")).args(mapped).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Running(child)
    }

    /// A frame as sampling names it.
    fn frame(&self, file: &str, function: &str) -> Frame {
        let path = self.path(file);
        Frame {
            function: function.into(),
            build_id: agent_unwind::build_id_of(&File::open(&path).unwrap()).unwrap(),
            executable: path.to_str().unwrap().into(),
            ..Frame::default()
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}

/// Assembly text with so many functions of one byte.
fn write_functions(path: &Path, count: usize) {
    let function = ".type f\\@,@function\nf\\@: ret\n.size f\\@,1\n";
    fs::write(path, format!(".macro f\n{function}.endm\n.rept {count}\nf\n.endr\n")).unwrap();
}

fn reporter() -> CodeReporter {
    CodeReporter::new(Path::new("/proc"), "host", LabelSet::new([(keys::SERVICE_NAME, "feed")]))
}

fn look(reporter: &mut CodeReporter, pids: &[u32], at_ns: i64) -> Option<CodeReport> {
    reporter.look(pids, at_ns, &mut || false);
    let mut reports = reporter.tell(at_ns);
    assert!(reports.len() < 2, "{reports:?}");
    reports.pop()
}

/// The states of functions that were written here, by name.
fn states(report: &CodeReport) -> BTreeMap<&str, ExecutionState> {
    let written = ["hot", "hot_in_library", "main", "never", "never_in_library", "warm"];
    let rows = report.functions.iter().map(|function| (&*function.function, function.state));
    let found: BTreeMap<_, _> = rows.filter(|(name, _)| written.contains(name)).collect();
    assert!(found.len() == written.len() || !report.is_complete, "{report:?}");
    found
}

fn find<'a>(report: &'a CodeReport, name: &str) -> &'a CodeFunction {
    report.functions.iter().find(|function| &*function.function == name).unwrap()
}

#[test]
fn what_samples_saw_has_run_and_of_the_rest_nothing_is_known() {
    if !rustix::process::geteuid().is_root() {
        println!("not root: nothing can be sampled here");
        return;
    }
    let built = Built::new(&["-g"]);
    let program = built.start(&[]);
    let mut recorder = Recorder::start(&RecordOptions {
        sampling: Sampling { rate_hz: 199, ..Sampling::default() },
        target: Target::Processes(vec![program.0.id()]),
        ignored_pid: None,
    })
    .unwrap();
    while recorder.samples() < 200 {
        recorder.step(Duration::from_millis(50)).unwrap();
    }
    let recording = recorder.finish().unwrap();
    let mut reporter = reporter();
    reporter.add_sampled(&recording.batch.frames);
    let report = look(&mut reporter, &[program.0.id()], DAY_NS).unwrap();
    let expected = BTreeMap::from([
        ("hot", Executed),
        ("hot_in_library", Executed),
        ("main", Executed),
        ("never", Unknown),
        ("never_in_library", Unknown),
        ("warm", Executed),
    ]);
    assert_eq!(states(&report), expected);
    assert_eq!((&*report.runtime, report.is_complete, report.left_out), ("native", true, 0));
    assert_eq!((report.processes, report.read, report.refused), (1, 1, 0));
    assert_eq!(report.labels.get(keys::SERVICE_NAME), Some("feed"));
    assert_eq!(report.labels.get(keys::PROCESS_PID), None);
    // The C library is nobody's here.
    assert!(report.functions.iter().all(|function| &*function.function != "puts"));
    let never = find(&report, "never");
    assert!(
        never.file.ends_with("/native_code/program.c") && never.line == 19 && never.bytes > 0,
        "{never:?}"
    );
    assert_eq!((never.body, never.is_import_only), (0, false));
}

#[test]
fn only_what_is_new_is_told_until_the_next_day() {
    // Without a build id the content tells the files apart.
    let built = Built::new(&["-Wl,--build-id=none"]);
    let programs = [built.start(&[]), built.start(&[])];
    let pids: Vec<u32> = programs.iter().map(|program| program.0.id()).collect();
    let mut reporter = reporter();
    let hot = built.frame("bin/feed", "hot");
    reporter.add_sampled(std::slice::from_ref(&hot));
    let report = look(&mut reporter, &pids, DAY_NS).unwrap();
    let executed = |report: &CodeReport| -> Vec<String> {
        let states = states(report);
        let executed = states.into_iter().filter(|(_, state)| *state == Executed);
        executed.map(|(name, _)| name.to_owned()).collect()
    };
    assert_eq!((executed(&report), report.processes), (vec!["hot".to_owned()], 2));
    // Without debug information the file is that of the program.
    assert_eq!(*find(&report, "hot").file, *hot.executable);
    assert_eq!(*find(&report, "never_in_library").file, *built.path("lib/librank.so").to_str().unwrap());
    assert_eq!(reporter.tally().get("code_programs_total", "read"), 2);

    reporter.add_sampled(&[hot, built.frame("lib/librank.so", "hot_in_library")]);
    let report = look(&mut reporter, &pids, DAY_NS + 1).unwrap();
    assert_eq!((executed(&report), report.functions.len()), (vec!["hot_in_library".to_owned()], 1));
    assert_eq!(look(&mut reporter, &pids, DAY_NS + 2), None);

    // A process that comes is of the same program, which is not read again.
    let third = built.start(&[]);
    let pids = [pids.as_slice(), &[third.0.id()]].concat();
    assert_eq!(look(&mut reporter, &pids, DAY_NS + 3), None);
    let report = look(&mut reporter, &pids, 2 * DAY_NS).unwrap();
    assert_eq!((executed(&report), report.processes, report.is_complete), (vec![], 3, true));
    assert_eq!(reporter.tally().get("code_programs_total", "read"), 2);
}

#[test]
fn what_cannot_be_read_or_is_too_much_is_counted() {
    let built = Built::new(&["-g"]);
    let count = |reporter: &CodeReporter, outcome| reporter.tally().get("code_programs_total", outcome);
    // One file is cut off after its headers, and one has 300,000 functions.
    let (cut, many, source) = (built.path("lib/cut.so"), built.path("lib/many.so"), built.path("many.s"));
    let library = fs::read(built.path("lib/librank.so")).unwrap();
    fs::write(&cut, &library[..512]).unwrap();
    write_functions(&source, 300_000);
    run(Command::new("cc").args(["-shared", "-nostdlib", "-o"]).arg(&many).arg(&source));
    let program = built.start(&[cut, many]);
    let mut first = reporter();
    let report = look(&mut first, &[program.0.id()], DAY_NS).unwrap();
    states(&report);
    assert_eq!((count(&first, "not readable"), count(&first, "read"), report.left_out), (1, 3, 284_000));
    assert!((16_000..17_000).contains(&report.functions.len()), "{}", report.functions.len());

    // Five such files leave room for the program, as they give up some of theirs.
    write_functions(&source, 20_000);
    let others: Vec<PathBuf> = (0..5).map(|at| built.path(&format!("lib/other{at}.so"))).collect();
    for (at, path) in others.iter().enumerate() {
        let id = format!("-Wl,--build-id=0x0{at}");
        run(Command::new("cc").args(["-shared", "-nostdlib", &id, "-o"]).arg(path).arg(&source));
    }
    let crowded = built.start(&others);
    let report = look(&mut reporter(), &[crowded.0.id()], DAY_NS).unwrap();
    states(&report);
    assert!((32_000..=64_000).contains(&report.functions.len()), "{}", report.functions.len());
    drop(crowded);

    // With no time left nothing is told, and nothing is said to be unknown that was not looked for.
    let mut late = reporter();
    late.add_sampled(&[built.frame("bin/feed", "hot")]);
    late.look(&[program.0.id()], DAY_NS, &mut || true);
    assert_eq!(late.tell(DAY_NS), []);
    let report = look(&mut late, &[program.0.id()], DAY_NS).unwrap();
    assert_eq!(states(&report)["hot"], Executed);
    drop(program);

    run(Command::new("strip").arg(built.path("bin/feed")));
    let program = built.start(&[]);
    let mut second = reporter();
    let report = look(&mut second, &[program.0.id()], DAY_NS).unwrap();
    assert_eq!((report.read, report.refused, count(&second, "stripped")), (0, 1, 1));
    assert!(report.functions.iter().all(|function| function.file.ends_with("/rank.c") || function.line == 0));
}
