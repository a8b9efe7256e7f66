//! Interpreters of this machine, and programs run by them.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Write},
    os::unix::fs::FileExt,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use agent_python::{Binary, Interpreter, Mapping, Memory, Refusal, may_be_interpreter};
use serde_json::Value;

/// A program that speaks JSON lines, and ends when its input does.
pub(crate) struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts a program of `tests/live/programs`.
    pub(crate) fn start(python: &Path, program: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new(python)
            .arg(root.join("tests/live/programs").join(program))
            .env("PYTHONPATH", root.join("../../sdk/python/src"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    pub(crate) fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    pub(crate) fn tell(&mut self, text: &str) {
        writeln!(self.input.as_mut().unwrap(), "{text}").unwrap();
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn memory(&self) -> ProcessMemory {
        ProcessMemory::open(self.pid())
    }

    pub(crate) fn end(mut self) {
        self.input.take();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `/proc/PID/mem`.
pub(crate) struct ProcessMemory(File);

impl ProcessMemory {
    pub(crate) fn open(pid: u32) -> Self {
        Self(File::open(format!("/proc/{pid}/mem")).unwrap())
    }
}

impl Memory for ProcessMemory {
    fn read(&self, address: u64, into: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(into, address)
    }
}

pub(crate) fn maps(pid: u32) -> Vec<u8> {
    fs::read(format!("/proc/{pid}/maps")).unwrap()
}

/// Finds and attaches to the interpreter of a process, as an agent would.
pub(crate) fn attach(pid: u32) -> Result<(Binary, Interpreter), Refusal> {
    let (binary, bias) = find(pid)?;
    let interpreter = Interpreter::attach(&binary, bias, &ProcessMemory::open(pid))?;
    Ok((binary, interpreter))
}

/// Finds the file with a process's interpreter, and where it is loaded.
pub(crate) fn find(pid: u32) -> Result<(Binary, u64), Refusal> {
    let maps = maps(pid);
    let program = fs::read_link(format!("/proc/{pid}/exe")).unwrap();
    for mapping in Mapping::parse_all(&maps) {
        let path = String::from_utf8_lossy(mapping.path);
        if !may_be_interpreter(&mapping, Path::new(path.as_ref()) == program) {
            continue;
        }
        if let Some(binary) = Binary::inspect(File::open(path.as_ref()).unwrap())? {
            let bias = binary.bias(mapping.start, mapping.file_offset).unwrap();
            return Ok((binary, bias));
        }
    }
    panic!("no interpreter in process {pid}");
}
