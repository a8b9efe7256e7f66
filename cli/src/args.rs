//! The command line. Help texts are written here and nowhere else.

use std::{path::PathBuf, time::Duration};

use agent::args::{AgentCommand, LookArgs, SamplingArgs};
use clap::{Args, Parser, Subcommand};

use crate::top::By;

/// Shows where the CPU time of your hosts goes, so that fewer of them do the same work.
#[derive(Parser, Debug)]
#[command(name = "fewer", version, arg_required_else_help = true, after_long_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Profile this host and look at it: collector, web pages and agent in one process.
    #[command(after_long_help = UP_HELP)]
    Up(UpArgs),
    /// Profile this host for a collector elsewhere.
    Agent(Box<AgentCommand>),
    /// Receive profiles, keep them, answer queries and serve the web pages.
    Collector(collector::Args),
    /// Record one command, some processes or the whole host into a file or a table.
    #[command(after_long_help = RECORD_HELP)]
    Record(RecordArgs),
    /// Watch where this host's CPU goes: by function, endpoint, feature flag or any label.
    #[command(after_long_help = TOP_HELP)]
    Top(TopArgs),
    /// Open a profile in the browser.
    #[command(after_long_help = VIEW_HELP)]
    View(ViewArgs),
    /// Say how many servers a service needs, what says so, and what findings are worth.
    #[command(after_long_help = crate::capacity::HELP)]
    Capacity(crate::capacity::CapacityArgs),
    /// Say what several live processes hold in memory more than once, and how to share it.
    #[command(after_long_help = crate::sharing::HELP)]
    Sharing(crate::sharing::SharingArgs),
    /// Tell what a change costs: two revisions in CI, or a canary against its control.
    #[command(after_long_help = crate::check::HELP)]
    Check(Box<crate::check::CheckArgs>),
    /// Publish a check's report from a job that may write, for pull requests of forks.
    #[command(after_long_help = crate::check::publish::HELP)]
    Publish(crate::check::publish::PublishArgs),
    /// Tell what feature flags cost, endpoint by endpoint.
    #[command(after_long_help = crate::flags::HELP)]
    Flags(crate::flags::FlagsArgs),
    /// Tell what got dearer, since when, and with which version or flag.
    #[command(after_long_help = crate::regressions::HELP)]
    Regressions(crate::regressions::RegressionsArgs),
    /// Look again and again for what got dearer, keep it, and tell who should know.
    #[command(after_long_help = crate::analyze::HELP)]
    Analyze(crate::analyze::AnalyzeArgs),
    /// Say where plain series of numbers shift lastingly.
    #[command(after_long_help = crate::detect::HELP)]
    Detect(crate::detect::DetectArgs),
    /// Say which functions of a fleet, or of live Python processes, have never run.
    #[command(after_long_help = crate::dead_code::HELP)]
    DeadCode(crate::dead_code::DeadCodeArgs),
}

/// Arguments of `fewer up`.
#[derive(Args, Debug)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    pub(crate) collector: collector::Args,
    /// Samples per second on each CPU, 1 to 999.
    #[arg(short = 'F', long = "rate", value_name = "HZ", default_value_t = 19,
        value_parser = clap::value_parser!(u32).range(1..=999))]
    pub(crate) rate_hz: u32,
    #[command(flatten)]
    pub(crate) sampling: SamplingArgs,
    #[command(flatten)]
    pub(crate) looks: LookArgs,
}

/// Arguments of `fewer record`.
#[derive(Args, Debug)]
pub(crate) struct RecordArgs {
    /// Samples per second on each CPU, 1 to 999.
    #[arg(short = 'F', long = "rate", value_name = "HZ", default_value_t = 99,
        value_parser = clap::value_parser!(u32).range(1..=999))]
    pub(crate) rate_hz: u32,
    /// Record this long at most [default: until COMMAND ends; 10 without a COMMAND].
    #[arg(short, long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) duration: Option<Duration>,
    /// Record this process and its descendants. Can be given several times.
    #[arg(short, long = "pid", value_name = "PID", conflicts_with = "command")]
    pub(crate) pids: Vec<u32>,
    /// Write the profile to a file; its name says the format. Without it, a table is printed.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Rows of the table.
    #[arg(long, value_name = "ROWS", default_value_t = 20)]
    pub(crate) top: usize,
    /// Print the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) sampling: SamplingArgs,
    /// The command to run and record, with everything that it starts.
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

/// Arguments of `fewer top`.
#[derive(Args, Debug)]
pub(crate) struct TopArgs {
    /// What the rows stand for: `function`, `endpoint`, `flag`, `service`, `thread` …, or the name of any
    /// label [default: function; endpoint with --per-request].
    #[arg(short, long, value_name = "WHAT")]
    pub(crate) by: Option<By>,
    /// Watch this process and its descendants. Can be given several times.
    #[arg(short, long = "pid", value_name = "PID")]
    pub(crate) pids: Vec<u32>,
    /// Samples per second on each CPU, 1 to 999.
    #[arg(short = 'F', long = "rate", value_name = "HZ", default_value_t = 99,
        value_parser = clap::value_parser!(u32).range(1..=999))]
    pub(crate) rate_hz: u32,
    /// Time that one table is about, 1 to 3600.
    #[arg(short, long, value_name = "SECONDS", default_value = "2", value_parser = interval)]
    pub(crate) interval: Duration,
    /// End after so many tables [default: with Ctrl-C].
    #[arg(short = 'c', long, value_name = "TABLES", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Put what costs most per request first, and show the sampled CPU per request too.
    #[arg(long)]
    pub(crate) per_request: bool,
    /// Print a line of JSON for each interval.
    #[arg(long)]
    pub(crate) json: bool,
    /// Most rows of a table; on a terminal as many as it has room for.
    #[arg(short = 'n', long = "rows", value_name = "ROWS", default_value_t = 20)]
    pub(crate) rows: usize,
    #[command(flatten)]
    pub(crate) sampling: SamplingArgs,
}

/// Arguments of `fewer view`.
#[derive(Args, Debug)]
pub(crate) struct ViewArgs {
    /// The profile: pprof (.pb.gz), .svg, .folded or .speedscope.json.
    pub(crate) file: PathBuf,
}

impl Command {
    /// What is logged when `RUST_LOG` does not say: services tell what they do, tools only what is wrong.
    pub(crate) fn log_level(&self) -> &'static str {
        match self {
            Self::Agent(_) | Self::Collector(_) => "info",
            _ => "warn",
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  fewer up                                     this host, live, at http://127.0.0.1:4040
  fewer record -d 10 -o out.svg -- ./program   a flame graph of one command
  fewer record -d 10 -p 1234                   a table of one process
  fewer top --by endpoint                      what this host works on, live
  fewer view out.pb.gz                         any profile in the browser
  fewer agent doctor                           what this host permits

Exit codes: 0 success, 1 failure, 2 bad command line. RUST_LOG=info shows what goes on inside.";

const UP_HELP: &str = "\
Examples:
  fewer up
  fewer up -F 97 --data-dir ./data --listen 127.0.0.1:4041

Everything is kept in the data directory and found again at the next start. Without root it
serves what is there and says what is missing to profile this host. Ctrl-C ends it; nothing that
was stored is lost.

Exit codes: 0 ended by a signal, 1 could not start or go on, 2 bad command line.";

const RECORD_HELP: &str = "\
Examples:
  fewer record -- ./program --its-own flags    until it ends, then a table of functions
  fewer record -d 10 -o out.svg -- ./program   ten seconds of it as a flame graph
  fewer record -d 30 -p 1234 -o out.pb.gz      a process that runs already, for pprof viewers
  fewer record -d 10 -F 199 -o out.folded      the whole host, finer, one line per stack

Formats by name: .pb.gz (pprof), .svg (flame graph), .folded (text), .speedscope.json.

With -d, a COMMAND that still runs at the end is asked to end (SIGTERM), and killed after two
seconds. Ctrl-C ends a recording early; what was sampled is written.

Exit codes: 0 recorded, 1 failure or nothing sampled, 2 bad command line; when COMMAND fails by
itself, its exit code, or 128 and the signal's number.";

const TOP_HELP: &str = "\
Examples:
  fewer top                              functions of the whole host, by their own CPU
  fewer top --by endpoint                request handlers, with requests per second
  fewer top --by flag -p 1234            variants of feature flags in one process
  fewer top --per-request -i 10          endpoints, the most costly request first
  fewer top --by service --json -c 3     three lines of JSON, for programs

On a terminal one table is refreshed in place until Ctrl-C; elsewhere tables follow each other.
No collector is needed and nothing is kept.

Rows by: function, endpoint, flag, service, version, host, container, process, thread, query,
source, or a label by its full name. By flag, time under several flags counts in a row of each.

Columns:
  cores      CPU-seconds per second; for functions also with what they call (total)
  share      of all CPU that was sampled, also of what the table leaves out
  req/s      requests that ended, where programs count them (SDK)
  ms/req     CPU of one request in milliseconds, as programs measured it
  sampled    the same from samples: coarser, but taken alike of every program (--per-request)
  source     how it is known what a thread worked on: sdk, otel_tls, go_labels and
             custom_labels were published by the program, stack is a framework recognised
             in the stack, query is a PostgreSQL backend's; comm is the thread's name only

Exit codes: 0 ended by Ctrl-C, by --count or with the processes, 1 could not start or go on,
2 bad command line.";

const VIEW_HELP: &str = "\
Examples:
  fewer view out.pb.gz
  fewer view flame.svg

The profile is served on a free port of this machine until Ctrl-C; nothing is kept.";

fn seconds(text: &str) -> Result<Duration, String> {
    seconds_within(text, 0.1, 86_400.0)
}

fn interval(text: &str) -> Result<Duration, String> {
    seconds_within(text, 1.0, 3600.0)
}

fn seconds_within(text: &str, least: f64, most: f64) -> Result<Duration, String> {
    let seconds = text.strip_suffix('s').unwrap_or(text).parse::<f64>().ok();
    let seconds = seconds.filter(|seconds| (least..=most).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| format!("give seconds from {least} to {most}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_fit_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn seconds_are_bounded() {
        let parsed = ["10", "0.5s", "0", "-1", "86401", "nan", "x"].map(|text| seconds(text).ok());
        let expected = [10.0, 0.5].map(|seconds| Some(Duration::from_secs_f64(seconds)));
        assert_eq!(parsed[..2], expected);
        assert!(parsed[2..].iter().all(Option::is_none));
    }
}
