//! A program under test: started, asked for its addresses, sampled, read and killed.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use agent_bpf::{
    Backend, Event, ImageKey, RawSample, RuntimeConfig, Sampler, SamplerOptions, Target, TargetKey, probe,
};

/// Long past what any test needs; reaching it fails the test.
const DEADLINE: Duration = Duration::from_secs(30);

/// A running program. What it needs others to know it prints as lines of name and number, then `ready`.
pub struct Program {
    child: Child,
    pub numbers: HashMap<String, i64>,
}

impl Program {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let lines = lines.map(Result::unwrap).take_while(|line| line != "ready");
        let parse = |line: String| {
            let (name, number) = line.split_once(' ').expect("a name and a number");
            (name.to_owned(), number.parse().expect("a number"))
        };
        let numbers = lines.map(parse).collect();
        Self { child, numbers }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn number(&self, name: &str) -> i64 {
        self.numbers[name]
    }

    pub fn address(&self, name: &str) -> u64 {
        self.number(name).cast_unsigned()
    }

    pub fn offset(&self, name: &str) -> u16 {
        self.number(name).try_into().unwrap()
    }

    /// Memory of the program.
    pub fn read(&self, address: u64, length: usize) -> Vec<u8> {
        let memory = File::open(format!("/proc/{}/mem", self.pid())).unwrap();
        let mut bytes = vec![0; length];
        memory.read_exact_at(&mut bytes, address).unwrap_or_else(|error| panic!("{address:#x}: {error}"));
        bytes
    }

    pub fn word(&self, address: u64) -> u64 {
        u64::from_ne_bytes(self.read(address, 8).try_into().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Whether runtimes can be read here; says so where they cannot.
pub fn may_sample() -> bool {
    let permitted = probe().backend == Some(Backend::Bpf);
    if !permitted {
        eprintln!("SKIPPED, not permitted here: needs root and a build with clang");
    }
    permitted
}

pub fn sampler(pid: u32) -> Sampler {
    let target = Target::Processes(vec![pid]);
    let options =
        SamplerOptions { frequency_hz: 499, backend: Backend::Bpf, target, ..SamplerOptions::default() };
    Sampler::start(&options).unwrap()
}

/// Hands out samples until `done` says so of one.
pub fn sample_until(sampler: &mut Sampler, mut done: impl FnMut(&RawSample<'_>) -> bool) {
    let started = Instant::now();
    let mut is_done = false;
    while !is_done {
        assert!(started.elapsed() < DEADLINE, "what the test waits for did not happen");
        sampler.poll(Duration::from_millis(20)).unwrap();
        sampler.drain(10_000, |event| {
            if let Event::Sample(sample) = event {
                is_done = is_done || done(&sample);
            }
        });
    }
    assert_eq!(sampler.losses(), agent_bpf::Losses::default());
}

/// The image of a running process.
pub fn image_of(sampler: &mut Sampler) -> ImageKey {
    let mut image = None;
    sample_until(sampler, |sample| {
        image = sample.image;
        image.is_some()
    });
    image.unwrap()
}

/// Configures the program's image and hands out the samples that were taken after that, until `done`.
pub fn sample_configured(
    program: &Program,
    config: &RuntimeConfig,
    mut done: impl FnMut(&RawSample<'_>) -> bool,
) {
    let mut sampler = sampler(program.pid());
    let image = image_of(&mut sampler);
    sampler.configure(TargetKey::Image(image), config).unwrap();
    let is_configured = |sample: &RawSample<'_>| {
        sample.python.is_some() || sample.context.is_some() || sample.query_text.is_some()
    };
    sample_until(&mut sampler, |sample| is_configured(sample) && done(sample));
}

pub fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/runtimes/programs").join(name)
}

/// Builds a C program into a folder of its own; without a compiler says so.
pub fn compile_c(name: &str) -> Option<(tempfile::TempDir, PathBuf)> {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join(name);
    let output = Command::new("cc")
        .args(["-O1", "-pthread", "-ftls-model=initial-exec", "-o"])
        .arg(&program)
        .arg(source(&format!("{name}.c")))
        .output();
    match output {
        Ok(output) if output.status.success() => Some((folder, program)),
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => {
            eprintln!("SKIPPED, no C compiler here: {error}");
            None
        }
    }
}

/// What a command prints.
pub fn output_of(command: &mut Command) -> Option<String> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut text = String::new();
    child.stdout.take()?.read_to_string(&mut text).ok()?;
    child.wait().ok()?.success().then_some(text)
}
