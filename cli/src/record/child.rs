//! The command that is recorded.

use std::{
    os::unix::process::ExitStatusExt,
    process::{self, Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};

/// A running command.
pub(crate) struct Child {
    process: process::Child,
    ended: Option<ExitStatus>,
}

/// How long a command has to end after it was asked to.
const PATIENCE: Duration = Duration::from_secs(2);

impl Child {
    /// Starts a command with this process's input and output.
    pub(crate) fn start(program: &str, arguments: &[String]) -> anyhow::Result<Self> {
        let process = Command::new(program).args(arguments).spawn();
        let process = process.with_context(|| format!("cannot run {program}"))?;
        Ok(Self { process, ended: None })
    }

    /// True when the command has ended by itself.
    pub(crate) fn has_ended(&mut self) -> anyhow::Result<bool> {
        if self.ended.is_none() {
            self.ended = self.process.try_wait().context("cannot wait for the command")?;
        }
        Ok(self.ended.is_some())
    }

    /// Ends the command if it still runs. Its exit code counts only if it ended by itself.
    pub(crate) fn end(mut self) -> anyhow::Result<u8> {
        if self.has_ended()? {
            return Ok(self.ended.map_or(0, exit_code));
        }
        if let Some(pid) = Pid::from_raw(self.process.id() as i32) {
            // It may have ended this very moment; then there is nobody to ask.
            let _ = kill_process(pid, Signal::TERM);
        }
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline && !self.has_ended()? {
            thread::sleep(Duration::from_millis(10));
        }
        if self.ended.is_none() {
            self.process.kill().and_then(|()| self.process.wait()).context("cannot end the command")?;
        }
        Ok(0)
    }
}

/// As a shell would give it.
fn exit_code(status: ExitStatus) -> u8 {
    let signal = status.signal().map(|signal| 128 + signal);
    status.code().or(signal).and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str, until_ended: bool) -> u8 {
        let mut child = Child::start("sh", &["-c".into(), script.into()]).unwrap();
        while until_ended && !child.has_ended().unwrap() {
            thread::sleep(Duration::from_millis(1));
        }
        child.end().unwrap()
    }

    #[test]
    fn an_exit_code_counts_only_when_the_command_ended_by_itself() {
        assert_eq!([run("exit 0", true), run("exit 7", true), run("kill -9 $$", true)], [0, 7, 137]);
        assert_eq!(run("exec sleep 60", false), 0);
        assert!(Child::start("/nonexistent/program", &[]).is_err());
    }
}
