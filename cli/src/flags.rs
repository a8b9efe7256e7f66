//! `fewer flags`: what feature flags cost.

use analyzer::{
    Sizing,
    flags::{FlagOptions, flags},
    report::flags::{json, text},
};
use clap::Args;

use crate::collector_args::{CollectorArgs, RangeArgs, say};

/// Arguments of `fewer flags`.
#[derive(Args, Debug)]
pub(crate) struct FlagsArgs {
    #[command(flatten)]
    collector: CollectorArgs,
    #[command(flatten)]
    range: RangeArgs,
    #[command(flatten)]
    sizing: SizingArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// How cores become servers.
#[derive(Args, Debug)]
pub(crate) struct SizingArgs {
    /// Cores of one server.
    #[arg(long, value_name = "CORES", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=4096))]
    server_cores: u32,
    /// How busy servers are meant to be at the peak.
    #[arg(long, value_name = "PERCENT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100))]
    target_utilisation: u32,
    /// Regions of which one may be lost.
    #[arg(long, value_name = "REGIONS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    regions: u32,
}

pub(crate) const HELP: &str = "\
Examples:
  fewer flags                                 every flag of the last hour
  fewer flags --start now-1d --query '{service.name=\"feed\"}' --json

Each variant is compared with the one that means off, else the most served, endpoint by endpoint, per
request: within hosts that served both where there are two, else between hosts, else over stretches of
time of the one host, which it says. It is observational unless programs say that requests were split.

Exit codes: 0 answered, 1 the collector did not answer, 2 bad command line.";

/// Carries out the command; returns the exit code.
pub(crate) fn run(args: &FlagsArgs) -> anyhow::Result<u8> {
    say(answered(args))
}

fn answered(args: &FlagsArgs) -> anyhow::Result<String> {
    let (start_ns, end_ns) = args.range.range_ns()?;
    let options =
        FlagOptions { selector: args.range.query.clone(), start_ns, end_ns, sizing: args.sizing.sizing() };
    let report = flags(&args.collector.collector()?, &options)?;
    Ok(if args.json { json(&report) } else { text(&report) })
}

impl SizingArgs {
    pub(crate) fn sizing(&self) -> Sizing {
        Sizing {
            cores: f64::from(self.server_cores),
            target_utilisation: f64::from(self.target_utilisation) / 100.0,
            growth: 0.0,
            regions: self.regions,
            reserve: 0,
        }
    }
}
