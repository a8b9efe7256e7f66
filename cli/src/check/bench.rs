//! The benchmark: a command run in a checkout, its CPU accounted for and its functions sampled.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use agent::{AgentError, RecordOptions, Recorder, Sampling, Target};
use analyzer::check::{Bench, Run, RunError};
use indicatif::{ProgressBar, ProgressStyle};
use nix::sys::resource::{UsageWho, getrusage};

use crate::stop;

const STEP: Duration = Duration::from_millis(20);

/// What a failing command said last, in bytes.
const LAST_WORDS: i64 = 600;

/// The command that is measured.
pub(crate) struct Program<'a> {
    command: &'a [String],
    build: Option<&'a str>,
    sampler: Sampler,
    start: Instant,
    stop: Arc<AtomicBool>,
    progress: ProgressBar,
}

/// Samples one run at a time, until it is refused once.
pub(crate) struct Sampler {
    sampling: Sampling,
    refused: Option<String>,
}

impl<'a> Program<'a> {
    pub(crate) fn new(
        command: &'a [String],
        build: Option<&'a str>,
        sampler: Sampler,
    ) -> anyhow::Result<Self> {
        let progress = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed}  {msg}") {
            progress.set_style(style);
        }
        Ok(Self { command, build, sampler, start: Instant::now(), stop: stop::on_signals()?, progress })
    }

    /// Runs until it ends, calling `step` all the while.
    fn until_ended(
        &self,
        (program, arguments): (&str, &[String]),
        folder: &Path,
        mut step: impl FnMut() -> Result<(), AgentError>,
    ) -> Result<(), RunError> {
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            RunError::Failed(format!("{what} {program}: {error}"))
        };
        let mut words = tempfile::tempfile().map_err(|error| failed("there is no room to run", &error))?;
        let output = || words.try_clone().map(Stdio::from);
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output().map_err(|error| failed("cannot run", &error))?)
            .stderr(output().map_err(|error| failed("cannot run", &error))?)
            .spawn()
            .map_err(|error| failed("cannot run", &error))?;
        loop {
            let status = child.try_wait().map_err(|error| failed("cannot wait for", &error))?;
            match status {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(RunError::Failed(failure(self.command, status, &mut words))),
                None if self.stop.load(Ordering::Relaxed) => return Err(stopped(child)),
                None => step().map_err(|error| failed("sampling ended during", &error))?,
            }
        }
    }
}

impl Bench for Program<'_> {
    fn build(&mut self, folder: &Path) -> Result<(), RunError> {
        let Some(build) = self.build else { return Ok(()) };
        let arguments = ["-c".to_owned(), build.to_owned()];
        self.until_ended(("sh", &arguments), folder, wait)
    }

    fn run(&mut self, folder: &Path) -> Result<Run, RunError> {
        let Some((program, arguments)) = self.command.split_first() else {
            return Err(RunError::Failed("there is no command".to_owned()));
        };
        let mut recorder = self.sampler.start();
        let before_ns = children_cpu_ns();
        let ended = self.until_ended((program, arguments), folder, || match &mut recorder {
            Ok(recorder) => recorder.step(STEP),
            Err(_) => wait(),
        });
        let cpu_ns = children_cpu_ns().saturating_sub(before_ns);
        let samples = recorder.and_then(|recorder| match recorder.finish() {
            Ok(recording) => Ok(recording.batch),
            Err(error) => Err(error.to_string()),
        });
        ended.map(|()| Run { cpu_ns, samples })
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn tell(&mut self, progress: &str) {
        self.progress.set_message(progress.to_owned());
        self.progress.tick();
    }
}

impl Drop for Program<'_> {
    fn drop(&mut self) {
        self.progress.finish_and_clear();
    }
}

impl Sampler {
    pub(crate) fn new(sampling: Sampling) -> Self {
        Self { sampling, refused: None }
    }

    /// Samples the descendants of this process, from their first instruction.
    fn start(&mut self) -> Result<Recorder, String> {
        if let Some(reason) = &self.refused {
            return Err(reason.clone());
        }
        let own_pid = std::process::id();
        let options = RecordOptions {
            sampling: self.sampling.clone(),
            target: Target::Processes(vec![own_pid]),
            ignored_pid: Some(own_pid),
        };
        Recorder::start(&options).map_err(|error| {
            let reason = error.to_string();
            self.refused = Some(reason.clone());
            reason
        })
    }
}

/// User and system time of all ended children and what they waited for.
fn children_cpu_ns() -> u64 {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else { return 0 };
    let times = [usage.user_time(), usage.system_time()];
    let ns = times.map(|time| time.tv_sec() as u64 * 1_000_000_000 + time.tv_usec() as u64 * 1_000);
    ns.iter().sum()
}

fn wait() -> Result<(), AgentError> {
    thread::sleep(STEP);
    Ok(())
}

fn stopped(mut child: Child) -> RunError {
    // It may have ended this very moment.
    let _ = child.kill().and_then(|()| child.wait());
    RunError::Stopped
}

fn failure(command: &[String], status: ExitStatus, words: &mut File) -> String {
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, signal) => format!("was ended by signal {}", signal.unwrap_or_default()),
    };
    let mut said = Vec::new();
    let length = words.metadata().map_or(0, |metadata| metadata.len() as i64);
    let read = words.seek(SeekFrom::End(-length.min(LAST_WORDS))).and_then(|_| words.read_to_end(&mut said));
    let said = read.map(|_| String::from_utf8_lossy(&said).trim().to_owned()).unwrap_or_default();
    let last = said.lines().last().unwrap_or_default();
    let said = if last.is_empty() { String::new() } else { format!(": {last}") };
    format!("`{}` {how}{said}", command.join(" "))
}
