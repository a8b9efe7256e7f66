//! `fewer sharing`: what several live processes hold in memory more than once, and what to change.

mod fleet;
mod json;
mod text;
mod trial;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use agent::memory_report::{self, MemoryLimits, MemoryReport, Outcome, ProcessReport};
use analyzer_detect::sharing::{self, Arenas, Copies, Evidence, Holding, Opportunity, Pages, Server};
use anyhow::bail;
use clap::{Args, Subcommand};

use crate::{collector_args::CollectorArgs, terminal};

/// Arguments of `fewer sharing`.
#[derive(Args, Debug)]
#[command(subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
pub(crate) struct SharingArgs {
    /// Something other than comparing.
    #[command(subcommand)]
    pub(crate) action: Option<SharingAction>,
    /// Compare these processes: the workers of one service, as a rule. Without it, what agents reported to a
    /// collector is told.
    #[arg(short, long = "pid", value_name = "PID", value_delimiter = ',',
        value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) pids: Vec<u32>,
    #[command(flatten)]
    pub(crate) collector: CollectorArgs,
    /// Only this service.
    #[arg(long, value_name = "NAME", conflicts_with = "pids")]
    pub(crate) service: Option<String>,
    /// Print everything as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Sum up what would save less than this.
    #[arg(long, value_name = "MB", default_value_t = 1.0, value_parser = megabytes)]
    pub(crate) min_mb: f64,
    /// Stop looking after so long, and say what was found by then, 1 to 3600.
    #[arg(long, value_name = "SECONDS", default_value_t = 120,
        value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
}

/// What else can be done.
#[derive(Subcommand, Debug)]
pub(crate) enum SharingAction {
    /// Measure what a change saves: run it by turns with the present set-up, under the same use.
    #[command(after_long_help = trial::HELP)]
    Try(trial::TrialArgs),
}

/// What a person reads after the options.
pub(crate) const HELP: &str = "\
Examples:
  fewer sharing -p 1234,1235,1236,1237           four workers of one service
  fewer sharing -p $(pgrep -d, -f 'gunicorn')    a master and all its workers
  fewer sharing -p 1234,1235 --json              for programs
  fewer sharing --service feed                   all hosts with an agent
  fewer sharing try --help                       measure what a change saves

Private memory is compared in two ways. Pages, for any program: zeros, pages equal at the same
address in forked processes (copy-on-write was broken), and pages equal elsewhere. Values, for
CPython 3.8 to 3.13: what modules hold, by content, so that what each worker loaded for itself is
found at any address and hash seed. Nothing is stopped, and no page stops being shared by being
read. Contents stay in this program's memory.

Columns (MB are millions of bytes):
  owner            module and attribute that hold it, or the kind of memory
  kind             type of the value, or sort of the pages
  mb_per_process   in each process, on average
  processes        how many hold it
  mb_saved         what one copy for all would save, right after the change
  mb_retained      of that, what stays saved in use, and at least and at most that; ? where it cannot
                   be said. Of what was loaded before the fork, as it is used now; of what each process
                   loaded, once every object was read: what real use leaves is between that and
                   mb_saved, and `fewer sharing try` measures it
  advice           what to change

Exit codes: 0 compared, 1 no process could be read, 2 bad command line.";

const MB: f64 = 1e6;
const PROC: &str = "/proc";

/// Everything there is to say.
struct Findings {
    report: MemoryReport,
    opportunities: Vec<Opportunity>,
}

/// Compares once; returns the exit code.
pub(crate) fn run(args: &SharingArgs) -> anyhow::Result<u8> {
    if let Some(SharingAction::Try(trial)) = &args.action {
        return trial::run(trial);
    }
    let saved_bytes_min = (args.min_mb * MB) as u64;
    if args.pids.is_empty() {
        let report = fleet::report(&args.collector, args.service.as_deref(), saved_bytes_min)?;
        let json = || serde_json::to_string(&report).map(|json| json + "\n");
        terminal::say(&if args.json { json()? } else { report.to_text() });
        return Ok(0);
    }
    let end = Instant::now() + Duration::from_secs(args.timeout);
    let mut pids = args.pids.clone();
    pids.sort_unstable();
    pids.dedup();
    let limits = MemoryLimits::default();
    let report = memory_report::read(Path::new(PROC), &pids, limits, &mut || Instant::now() >= end);
    if report.processes.iter().all(|process| process.outcome != Outcome::Read) {
        bail!("no process could be read: {}", text::complaints(&report).join("; "));
    }
    let opportunities = sharing::opportunities(&evidence(&report), saved_bytes_min);
    let findings = Findings { report, opportunities };
    terminal::say(&if args.json { json::document(&findings) } else { text::page(&findings) });
    Ok(0)
}

/// The report in the words of the analyzer.
fn evidence(report: &MemoryReport) -> Evidence {
    let read: Vec<&ProcessReport> =
        report.processes.iter().filter(|process| process.outcome == Outcome::Read).collect();
    let commands = || {
        read.iter().flat_map(|process| [Some(&process.command), process.parent_command.as_ref()]).flatten()
    };
    let servers = commands().map(|command| Server::of_command(command));
    let minor = |process: &&ProcessReport| process.python.map(|version| version.minor);
    let python_minor = read.first().and_then(minor);
    Evidence {
        holdings: report.owners.iter().map(holding).collect(),
        pages: report.pages.iter().map(pages).collect(),
        arenas: read.iter().fold(Arenas::default(), |sum, process| Arenas {
            count: sum.count + process.arenas,
            bytes: sum.bytes + process.arena_bytes,
        }),
        processes: read.len() as u64,
        own_bytes: read.iter().map(|process| process.total().own_bytes).sum(),
        is_forked: read.iter().any(|process| process.parent_command.is_some()),
        server: servers.into_iter().find(|server| *server != Server::Other).unwrap_or_default(),
        python_minor: python_minor.filter(|_| read.iter().all(|process| minor(process) == python_minor)),
    }
}

fn holding(owner: &memory_report::SharedOwner) -> Holding {
    Holding {
        module: owner.module.clone(),
        attribute: owner.attribute.clone(),
        kind: owner.kind.clone(),
        own_bytes: owner.own_bytes,
        loaded: copies(&owner.loaded),
        dirtied: copies(&owner.dirtied),
        collector_bytes: owner.collector_bytes,
        unexplained_bytes: owner.unexplained_bytes,
    }
}

fn copies(copies: &memory_report::Copies) -> Copies {
    let memory_report::Copies { processes, bytes, saved_bytes, flat_saved_bytes } = *copies;
    Copies { processes, bytes, saved_bytes, flat_saved_bytes }
}

fn pages(pages: &memory_report::SharedPages) -> Pages {
    let copies = |copies: memory_report::PageCopies| {
        let memory_report::PageCopies { processes, bytes, saved_bytes } = copies;
        Copies { processes, bytes, saved_bytes, flat_saved_bytes: 0 }
    };
    Pages {
        mapping: pages.kind.name().to_owned(),
        zero: copies(pages.zero),
        broken: copies(pages.broken),
        elsewhere: copies(pages.elsewhere),
    }
}

fn megabytes(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.0..=1e6).contains(number));
    number.ok_or_else(|| "give megabytes from 0 to 1000000".to_owned())
}
