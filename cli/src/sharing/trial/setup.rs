//! One set-up: a command, everything that it starts, and the memory of all that.

use std::{
    fs,
    io::{Read, Seek},
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use agent::memory_report::{self, MemoryLimits};
use analyzer::AnalyzerError;
use analyzer_detect::sharing;
use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::{
    super::{PROC, evidence},
    tree::{self, Process},
};

/// A running set-up. It is ended when it is dropped.
pub(super) struct Setup {
    leader: Child,
    /// Everything that was ever seen of it.
    seen: Vec<Process>,
    port: u16,
    said: fs::File,
}

/// The memory of a set-up at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Memory {
    /// Own memory of each worker.
    pub(super) worker_own_bytes: Vec<u64>,
    /// The proportional share of all processes together.
    pub(super) proportional_bytes: u64,
    /// How many processes there are.
    pub(super) processes: u64,
}

/// How long one has to end after it was asked to.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOKS_EVERY: Duration = Duration::from_millis(250);
/// At rest: so many looks in a row at the same processes, with memory this near to the look before.
const LOOKS_AT_REST: u32 = 6;
const AT_REST: f64 = 0.005;
/// What a failed set-up said last.
const SAID_BYTES_MAX: u64 = 2000;
const PORT: &str = "{port}";

impl Setup {
    /// Starts a command in a process group of its own.
    pub(super) fn start(command: &[String]) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut words = command.iter().map(|word| with_port(word, port));
        let program = words.next().unwrap_or_default();
        let said = tempfile::tempfile().context("cannot make a file for its output")?;
        let output = || said.try_clone().map(Stdio::from);
        let leader = Command::new(&program)
            .args(words)
            .stdin(Stdio::null())
            .stdout(output()?)
            .stderr(output()?)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot run {program}"))?;
        Ok(Self { leader, seen: Vec::new(), port, said })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Waits until nothing starts or ends and memory is at rest; fails when the command ends or time does.
    pub(super) fn settle(&mut self, end: Instant, stop: &AtomicBool) -> anyhow::Result<Memory> {
        let (mut last, mut at_rest) = (Memory::default(), 0);
        loop {
            self.check_running(stop)?;
            let now = self.memory();
            let change = now.proportional_bytes.abs_diff(last.proportional_bytes) as f64;
            let is_same =
                now.processes == last.processes && change <= AT_REST * now.proportional_bytes as f64;
            at_rest = if is_same { at_rest + 1 } else { 0 };
            last = now;
            if at_rest >= LOOKS_AT_REST && last.proportional_bytes > 0 {
                return Ok(last);
            }
            if Instant::now() >= end {
                bail!(
                    "its memory is not at rest after --timeout; give it longer, or less to do at the start"
                );
            }
            thread::sleep(LOOKS_EVERY);
        }
    }

    /// Fails when it has ended, or this program was told to stop.
    pub(super) fn check_running(&mut self, stop: &AtomicBool) -> anyhow::Result<()> {
        if stop.load(Ordering::Relaxed) {
            bail!(AnalyzerError::Stopped);
        }
        match self.leader.try_wait().context("cannot wait for the command")? {
            Some(status) => bail!("the command ended by itself ({status}); it has to stay in the foreground"),
            None => Ok(()),
        }
    }

    /// Fails when it can be reached from elsewhere.
    pub(super) fn check_loopback(&mut self) -> anyhow::Result<()> {
        let tree = self.tree();
        match tree::listens_beyond_loopback(Path::new(PROC), &tree) {
            Some(address) => bail!("it listens on {address}, beyond loopback; bind it to 127.0.0.1:{{port}}"),
            None => Ok(()),
        }
    }

    /// What evidence in the workers' memory says that sharing would save. None where it cannot be read.
    pub(super) fn predict(&mut self, end: Instant) -> Option<(u64, u64)> {
        let pids: Vec<u32> = tree::workers(&self.tree()).iter().map(|worker| worker.pid).collect();
        let limits = MemoryLimits::default();
        let report = memory_report::read(Path::new(PROC), &pids, limits, &mut || Instant::now() >= end);
        let rows = sharing::opportunities(&evidence(&report), 0);
        let sum = |part: &dyn Fn(&sharing::Opportunity) -> Option<u64>| rows.iter().filter_map(part).sum();
        (!report.owners.is_empty()).then(|| (sum(&|row| row.saved_bytes), sum(&|row| row.retained_bytes)))
    }

    fn memory(&mut self) -> Memory {
        let tree = self.tree();
        let worker_own_bytes = tree::workers(&tree).iter().map(|worker| worker.memory().1).collect();
        Memory {
            worker_own_bytes,
            proportional_bytes: tree.iter().map(|process| process.memory().0).sum(),
            processes: tree.len() as u64,
        }
    }

    /// All its processes now; remembers them.
    fn tree(&mut self) -> Vec<Process> {
        let tree = tree::of(Path::new(PROC), self.leader.id());
        for process in &tree {
            if !self.seen.contains(process) {
                self.seen.push(process.clone());
            }
        }
        tree
    }

    /// Ends everything that it started; returns what it said last.
    pub(super) fn end(mut self) -> String {
        self.end_all();
        let mut said = Vec::new();
        let length = self.said.metadata().map_or(0, |file| file.len());
        let from = length.saturating_sub(SAID_BYTES_MAX);
        // Nothing better can be said of output that cannot be read.
        let _ = self.said.seek(std::io::SeekFrom::Start(from));
        let _ = self.said.by_ref().take(SAID_BYTES_MAX).read_to_end(&mut said);
        String::from_utf8_lossy(&said).trim().to_owned()
    }

    fn end_all(&mut self) {
        self.tree();
        // Once the command was waited for, its id may be another's.
        let is_waited_for = !matches!(self.leader.try_wait(), Ok(None));
        if let Some(group) = pid(self.leader.id()).filter(|_| !is_waited_for) {
            // Everything may have ended this very moment; then there is nobody to ask.
            let _ = kill_process_group(group, Signal::TERM);
        }
        let deadline = Instant::now() + PATIENCE;
        let has_ended = |leader: &mut Child| !matches!(leader.try_wait(), Ok(None));
        while !has_ended(&mut self.leader) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
        self.tree();
        for process in
            self.seen.iter().filter(|process| process.pid != self.leader.id() && process.is_alive())
        {
            if let Some(pid) = pid(process.pid) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        // The command itself is waited for, so its id cannot be another's.
        let _ = self.leader.kill();
        let _ = self.leader.wait();
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        self.end_all();
    }
}

fn pid(number: u32) -> Option<Pid> {
    i32::try_from(number).ok().and_then(Pid::from_raw)
}

/// A text with the port in it.
pub(super) fn with_port(text: &str, port: u16) -> String {
    text.replace(PORT, &port.to_string())
}

fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port of loopback is free")?;
    Ok(listener.local_addr()?.port())
}
