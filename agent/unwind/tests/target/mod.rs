//! Test helper, of which each test uses its part: compiles a small program, runs it until it says that it is ready, and captures one of its threads.

// The root lints speak of libraries; here a failed expectation is meant to end the run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    dead_code
)]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::OnceLock,
};

use agent_unwind::{CodeAddress, ImageKey, ProcFiles, ProcessFiles, Registers, Sample, StackCopy, StackEnd};
use object::{Object, ObjectSymbol, SymbolKind};

/// A program that was started by a test; it ends with the test.
pub(crate) struct Target {
    child: Child,
    /// The thread that says it computes.
    pub(crate) tid: u32,
}

/// What the kernel side would have copied of a thread.
pub(crate) struct Capture {
    pub(crate) registers: Registers,
    pub(crate) stack: Vec<u8>,
    pub(crate) end: StackEnd,
}

/// Where compiled programs go: one directory for all tests of one run.
fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<tempfile::TempDir> = OnceLock::new();
    DIRECTORY.get_or_init(|| tempfile::tempdir().unwrap()).path()
}

/// Compiles one of the programs beside this file, with a name of its own for each set of flags.
pub(crate) fn compile(program: &str, flags: &[&str]) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/programs/{program}.c"));
    let output = directory().join(format!("{program}{}", flags.concat().replace('/', "")));
    if output.exists() {
        return output;
    }
    // Tests run side by side and may want the same program.
    let partial = tempfile::Builder::new().tempfile_in(directory()).unwrap().into_temp_path();
    let status =
        Command::new("cc").args(["-w", "-o"]).arg(&partial).arg(source).args(flags).status().unwrap();
    assert!(status.success(), "cc {program} {flags:?}");
    std::fs::rename(&partial, &output).unwrap();
    output
}

impl Target {
    /// Starts a command and waits until it prints `ready`, and perhaps the id of the thread to look at.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::start_with(command.stdin(Stdio::piped()), |_| {})
    }

    /// The same, for a command that has to be told what to do.
    pub(crate) fn start_with(command: &mut Command, tell: impl FnOnce(&mut ChildStdin)) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        tell(child.stdin.as_mut().unwrap());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("ready")));
        let line = ready.expect("the program ended early").unwrap();
        let tid = line.split_whitespace().last().and_then(|word| word.parse().ok());
        // The pipe stays open with its reader; a later write by the program must not kill it.
        std::mem::forget(lines);
        Self { tid: tid.unwrap_or(child.id()), child }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until a process that computes for ever does: it has used more CPU than starting takes.
pub(crate) fn wait_until_computing(pid: u32) {
    const TICKS: u64 = 5;
    let user_ticks = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let behind_name = stat.rsplit(") ").next().unwrap();
        behind_name.split(' ').nth(11).unwrap().parse::<u64>().unwrap()
    };
    while user_ticks() < TICKS {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Captures a thread with at most `limit` bytes of its stack.
pub(crate) fn capture(tid: u32, limit: usize) -> Capture {
    let tool = compile("capture", &["-O1"]);
    let output = Command::new(tool).args([tid.to_string(), limit.to_string()]).output().unwrap();
    assert!(output.status.success(), "capture of {tid}: {}", output.status);
    let (registers, stack) = parse(&output.stdout);
    let end = if stack.len() == limit { StackEnd::Limit } else { StackEnd::Top };
    Capture { registers, stack, end }
}

/// A line with ip, sp and bp, then the stack.
pub(crate) fn parse(bytes: &[u8]) -> (Registers, Vec<u8>) {
    let line = bytes.iter().position(|byte| *byte == b'\n').unwrap();
    let text = std::str::from_utf8(&bytes[..line]).unwrap();
    let words: Vec<u64> = text.split(' ').map(|word| u64::from_str_radix(word, 16).unwrap()).collect();
    let [ip, sp, bp] = words[..] else { panic!("three registers") };
    (Registers { ip, sp, bp }, bytes[line + 1..].to_vec())
}

impl Capture {
    pub(crate) fn sample(&self, pid: u32, image: ImageKey, at_ns: u64) -> Sample<'_> {
        let stack = StackCopy { start: self.registers.sp, bytes: &self.stack, end: self.end };
        Sample { pid, image, at_ns, registers: self.registers, stack }
    }
}

/// The address space of a process, as the kernel side names it.
pub(crate) fn image(pid: u32) -> ImageKey {
    let start_stack = ProcFiles::new("/proc").start_stack(pid).unwrap();
    ImageKey { start_stack, ..ImageKey::default() }
}

/// The functions at code addresses, from the executables' symbol tables: `name`, or `file+0xaddress`.
pub(crate) fn names(addresses: &[CodeAddress]) -> Vec<String> {
    let mut files = BTreeMap::new();
    let mut name = |path: &str, address: u64| {
        let symbols = files.entry(path.to_owned()).or_insert_with(|| functions(path));
        let (_, (end, name)) = symbols.range(..=address).next_back()?;
        (address < *end).then(|| name.clone())
    };
    addresses
        .iter()
        .map(|address| match address {
            CodeAddress::File { executable, address } => {
                name(&executable.path, *address).unwrap_or_else(|| {
                    let file = executable.path.rsplit('/').next().unwrap();
                    format!("{file}+{address:#x}")
                })
            }
            CodeAddress::Anonymous { .. } => "[anonymous]".to_owned(),
            CodeAddress::Unmapped { .. } => "[unmapped]".to_owned(),
        })
        .collect()
}

pub(crate) fn functions(path: &str) -> BTreeMap<u64, (u64, String)> {
    let Ok(bytes) = std::fs::read(path) else { return BTreeMap::new() };
    let file = object::File::parse(&*bytes).unwrap();
    let symbols = file.symbols().chain(file.dynamic_symbols());
    symbols
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0)
        .map(|symbol| {
            (symbol.address(), (symbol.address() + symbol.size(), symbol.name().unwrap().to_owned()))
        })
        .collect()
}
