//! The command line. Help texts are written here and nowhere else.

use std::{path::PathBuf, time::Duration};

use agent::args::{AgentCommand, SamplingArgs};
use clap::{Args, Parser, Subcommand};

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
    /// Open a profile in the browser.
    #[command(after_long_help = VIEW_HELP)]
    View(ViewArgs),
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
            Self::Up(_) | Self::Record(_) | Self::View(_) => "warn",
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  fewer up                                     this host, live, at http://127.0.0.1:4040
  fewer record -d 10 -o out.svg -- ./program   a flame graph of one command
  fewer record -d 10 -p 1234                   a table of one process
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

const VIEW_HELP: &str = "\
Examples:
  fewer view out.pb.gz
  fewer view flame.svg

The profile is served on a free port of this machine until Ctrl-C; nothing is kept.";

const DAY_S: f64 = 86_400.0;

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.strip_suffix('s').unwrap_or(text).parse::<f64>().ok();
    let seconds = seconds.filter(|seconds| (0.1..=DAY_S).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| format!("give seconds from 0.1 to {DAY_S}"))
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
