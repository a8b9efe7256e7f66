//! `fewer regressions`: what got dearer in the fleet.

use analyzer::{
    regressions::{RegressionOptions, regressions},
    report::regressions::{json, text},
};
use clap::Args;

use crate::{
    collector_args::{CollectorArgs, RangeArgs, say},
    flags::SizingArgs,
};

/// Arguments of `fewer regressions`.
#[derive(Args, Debug)]
pub(crate) struct RegressionsArgs {
    #[command(flatten)]
    collector: CollectorArgs,
    #[command(flatten)]
    range: RangeArgs,
    #[command(flatten)]
    sizing: SizingArgs,
    /// Windows to cut the time range into; a window is at least 10 s long.
    #[arg(long, value_name = "WINDOWS", default_value_t = 120, value_parser = clap::value_parser!(u32).range(10..=4000))]
    steps: u32,
    /// Rises below this are not told, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=1000))]
    floor: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) const HELP: &str = "\
Examples:
  fewer regressions                            endpoints of the last hour
  fewer regressions --start now-7d --json      a week of them, for programs

Looks for lasting rises of CPU per request in every endpoint, and for the functions that rose with them.
What went away, comes every day, only moved, or is a change of the mix of hosts is left out and counted.

Exit codes: 0 answered, 1 the collector did not answer, 2 bad command line.";

/// Carries out the command; returns the exit code.
pub(crate) fn run(args: &RegressionsArgs) -> anyhow::Result<u8> {
    say(answered(args))
}

fn answered(args: &RegressionsArgs) -> anyhow::Result<String> {
    let (start_ns, end_ns) = args.range.range_ns()?;
    let options = RegressionOptions {
        selector: args.range.query.clone(),
        start_ns,
        end_ns,
        steps: args.steps,
        floor: f64::from(args.floor) / 100.0,
        sizing: args.sizing.sizing(),
    };
    let report = regressions(&args.collector.collector()?, &options, shown_time)?;
    Ok(if args.json { json(&report) } else { text(&report) })
}

fn shown_time(at_ms: i64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(at_ms).unwrap_or_default();
    time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
