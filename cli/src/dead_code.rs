//! `fewer dead-code`: which functions of live Python processes, or of a whole fleet, have never run.

mod baseline;
mod conditions;
mod fleet;
mod json;
mod remove;
mod selection;
mod text;

use std::{
    io,
    path::{Path, PathBuf},
};

use agent::dead_code::{self, DeadCodeError, Extent, Flag, Process, Row};
use analyzer::dead_code::branches::{self, Asked, SteadyFlag};
use anyhow::Context;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{collector_args::CollectorArgs, terminal};
use selection::Selection;

/// Arguments of `fewer dead-code`.
#[derive(Args, Debug)]
#[command(subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
pub(crate) struct DeadCodeArgs {
    /// Something other than telling.
    #[command(subcommand)]
    pub(crate) action: Option<DeadCodeAction>,
    /// Read these processes; a function counts as executed if any of them ran it. Without it, what agents
    /// told a collector is put together.
    #[arg(short, long = "pid", value_name = "PID", value_delimiter = ',',
        value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) pids: Vec<u32>,
    #[command(flatten)]
    pub(crate) fleet: fleet::FleetArgs,
    /// Print everything as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Only files whose owner by CODEOWNERS is this; `*` stands for any text.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) owner: Option<String>,
    /// Only files whose name begins so.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) file: Option<String>,
    /// With --pid: also installed packages, the standard library, and bodies of modules and comprehensions.
    #[arg(long, requires = "pids")]
    pub(crate) all: bool,
    /// With --pid: only what executed since an earlier --json of this command.
    #[arg(long, value_name = "FILE", requires = "pids")]
    pub(crate) baseline: Option<PathBuf>,
    /// With --pid and --json: also read what each function does. Takes three times as long.
    #[arg(long, requires = "pids", requires = "json")]
    pub(crate) bodies: bool,
}

/// What else can be done.
#[derive(Subcommand, Debug)]
pub(crate) enum DeadCodeAction {
    /// Make a branch of a git repository without one Python function that has not run.
    #[command(after_long_help = remove::HELP)]
    Remove(remove::RemoveArgs),
}

/// What a person reads after the options.
pub(crate) const HELP: &str = "\
Examples:
  fewer dead-code -p 1234                        what this process has not run yet
  fewer dead-code -p 1234,1235,1236 --json       workers of one service together, for programs
  fewer dead-code -p 1234 --file /srv/app/feed   one part of the program
  fewer dead-code -p 1234 --owner '@feed*'       what one team owns
  fewer dead-code -p 1234 --source .             and which flags never varied, by what 3.13 keeps
  fewer dead-code --service feed --source .      the whole fleet, with who still names what
  fewer dead-code remove Feed.old --source .     a branch without one of them

Without --pid the fleet's evidence is told: what no process of any host has run, for how long, how
many of these are expected to be alive all the same, and what runs for nothing, by what it costs.
With --source it is known who names a function, which flag it stands behind and who owns it.

CPython 3.8 to 3.13 marks what it runs; the marks are read from outside. The process is not
stopped, nothing is added to it, and its memory does not grow. An interpreter whose layout is not
known is refused, with the reason.

States:
  executed     it ran in a process, or before the fork in the one that this was forked from
               (the evidence says which, where that one lives)
  unexecuted   it has not run yet: a candidate, never a proof. Watch every role of the service
               for at least a month, with its end, before you remove anything
  unknown      its mark cannot say, which is never counted as dead

What leaves no mark: native programs, of which only samples tell, over a fleet and without --pid;
compiled extensions, functions that a compiler such as numba runs in their place, and modules that
were never imported. Marks die with the process.

CPython 3.13 also keeps the last 16 outcomes of each condition. With --source, those of the program's
own functions are read, and it is told of which feature flags the checks never varied in them.

--json prints {pids, processes, failures, flags, rows_total, rows}; a row has function, file, line,
state and evidence. Flags are those that the SDK counted with one variant only. With --bodies a row
also has body (a hash of what it does, wherever it stands) and bytes (memory of its code). With
--source there is flag_checks: flag, is_on and places of each; and where outcomes are kept,
conditions: {same, varied, rare} count them, and list has function, file, line, column and always
of the same ones.

Exit codes: 0 every process was read, 1 none could be read or another failure, 2 bad command line,
3 some processes could not be read; what the others say is printed.";

/// What was found, and whose reading failed.
struct Findings {
    processes: Vec<Process>,
    failures: Vec<DeadCodeError>,
    flags: Vec<(u32, Flag)>,
    /// Flags of the source whose checks never varied; none where no source was given.
    steady: Option<Vec<SteadyFlag>>,
}

const PARTIAL: u8 = 3;
const PROC: &str = "/proc";

/// Reads all processes, or asks the fleet; returns the exit code.
pub(crate) fn run(args: &DeadCodeArgs) -> anyhow::Result<u8> {
    if let Some(DeadCodeAction::Remove(args)) = &args.action {
        return remove::run(args);
    }
    if args.pids.is_empty() {
        return fleet::run(args);
    }
    let baseline = args.baseline.as_deref().map(baseline::read).transpose()?;
    let mut pids = args.pids.clone();
    pids.sort_unstable();
    pids.dedup();
    let mut findings =
        Findings { processes: Vec::new(), failures: Vec::new(), flags: Vec::new(), steady: None };
    for pid in pids {
        findings.add(pid, args.extent());
    }
    if findings.processes.is_empty() && findings.failures.len() == 1 {
        return Err(findings.failures.remove(0).into());
    }
    for failure in &findings.failures {
        terminal::complain(&failure.to_string());
    }
    if findings.processes.is_empty() {
        anyhow::bail!("no process could be read");
    }
    let mut selection = Selection::new(args, &findings.processes);
    let mut rows = dead_code::rows(&findings.processes);
    if let Some(source) = &args.fleet.source {
        findings.steady = Some(steady_flags(source, &rows)?);
    }
    rows.retain(|row| selection.has(row));
    if let Some(baseline) = &baseline {
        rows.retain(|row| baseline.is_new(row));
    }
    let shown = if args.json {
        json::document(&findings, &rows)
    } else {
        text::report(&findings, &rows, &selection, baseline.is_some())
    };
    write(&shown)?;
    Ok(if findings.failures.is_empty() { 0 } else { PARTIAL })
}

impl DeadCodeArgs {
    /// No more than is asked for.
    fn extent(&self) -> Extent {
        match (self.bodies, self.fleet.source.is_some()) {
            (true, _) => Extent::Bodies,
            (false, true) => Extent::Branches,
            (false, false) => Extent::Marks,
        }
    }
}

impl Findings {
    fn add(&mut self, pid: u32, extent: Extent) {
        let bar = progress(pid);
        let process = dead_code::scan(PROC.as_ref(), pid, extent, &mut |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        });
        bar.finish_and_clear();
        match process {
            Ok(process) => {
                self.processes.push(process);
                // A process can end before its counters are read; then it has none.
                let flags = dead_code::flags(PROC.as_ref(), pid).unwrap_or_default();
                let constant = flags.into_iter().filter(|flag| flag.only_variant().is_some());
                self.flags.extend(constant.map(|flag| (pid, flag)));
            }
            Err(failure) => self.failures.push(failure),
        }
    }
}

/// Flags whose checks in these functions came out the same in all outcomes that are kept.
fn steady_flags(source: &Path, rows: &[Row]) -> anyhow::Result<Vec<SteadyFlag>> {
    let asked = rows.iter().map(|row| Asked {
        file: &row.file,
        function: &row.function,
        line: row.line,
        branches: &row.branches,
    });
    Ok(branches::steady_flags(source, &asked.collect::<Vec<_>>())?)
}

/// Nothing where nobody looks.
fn progress(pid: u32) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(10));
    let template = "reading {msg} {bar:30} {bytes} of {total_bytes}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.with_message(format!("process {pid}"))
}

/// A reader that has seen enough is no failure of ours.
fn write(text: &str) -> anyhow::Result<()> {
    use io::Write;
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write the result")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
