//! `fewer regressions`: what got dearer in the fleet.

use std::num::NonZeroUsize;

use analyzer::{
    AnalyzerError, Floor,
    regressions::{RegressionOptions, regressions},
    report::{
        regressions::{json, text},
        versions,
    },
    series::SeriesOptions,
    versions::Wanted,
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
    #[arg(long, value_name = "WINDOWS", default_value_t = 120, value_parser = clap::value_parser!(u32).range(11..=500))]
    steps: u32,
    /// Rises below this are not told, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=1000))]
    floor: u32,
    /// Rises below this are not told, in servers.
    #[arg(long, value_name = "SERVERS", default_value = "0.0005", value_parser = servers)]
    floor_servers: f64,
    /// Label whose values are the units of evidence.
    #[arg(long, value_name = "LABEL", default_value = model::keys::HOST_NAME)]
    unit: String,
    /// Label that tells groups of hosts apart, such as their type: a rise in one group alone is told too.
    #[arg(long, value_name = "LABEL")]
    group_by: Option<String>,
    /// Compare versions instead, each with the one before it, or the two given as `OLD..NEW`.
    #[arg(long, value_name = "OLD..NEW", num_args = 0..=1, default_missing_value = "")]
    versions: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) const HELP: &str = "\
Examples:
  fewer regressions                            the last hour, service by service
  fewer regressions --start now-7d --json      a week of it, for programs
  fewer regressions --start now-1d --versions  each version against the one before it
  fewer regressions --versions 1.7.9..1.8.0    these two

Looks for lasting rises of CPU per request in every endpoint and in every function of it, and says with
which version or flag they came. What went away, comes every day, only moved, is part of another rise or
a change of the mix of hosts is left out and counted. Hosts are the evidence; on fewer than four, windows
are, which says nothing about other hosts. A rise in the last windows is named as pending.

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
        series: SeriesOptions { steps: args.steps, unit: args.unit.clone(), group_by: args.group_by.clone() },
        floor: Floor { relative: f64::from(args.floor) / 100.0, servers: args.floor_servers },
        sizing: args.sizing.sizing(),
        threads: threads(),
    };
    let collector = args.collector.collector()?;
    if let Some(wanted) = &args.versions {
        let wanted = pair(wanted)?;
        let report = analyzer::versions::versions(&collector, &options, (wanted.as_ref(), shown_time))?;
        return Ok(if args.json { versions::json(&report) } else { versions::text(&report) });
    }
    let report = regressions(&collector, &options, shown_time)?;
    Ok(if args.json { json(&report) } else { text(&report) })
}

/// As many as there are processors.
pub(crate) fn threads() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Two versions, or none to find them.
fn pair(text: &str) -> Result<Option<Wanted>, AnalyzerError> {
    if text.is_empty() {
        return Ok(None);
    }
    match text.split_once("..") {
        Some((old, new)) if !old.is_empty() && !new.is_empty() => {
            Ok(Some(Wanted { baseline: old.to_owned(), version: new.to_owned() }))
        }
        _ => Err(AnalyzerError::Usage(format!("--versions {text}: write two versions as OLD..NEW"))),
    }
}

pub(crate) fn servers(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.0..=1e9).contains(number));
    number.ok_or_else(|| "give a number of servers, 0 or more".to_owned())
}

pub(crate) fn shown_time(at_ms: i64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(at_ms).unwrap_or_default();
    time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_versions_are_written_with_two_dots() {
        assert_eq!(pair("").unwrap(), None);
        let wanted = Wanted { baseline: "1.7".into(), version: "1.8-rc.1".into() };
        assert_eq!(pair("1.7..1.8-rc.1").unwrap(), Some(wanted));
        assert!(pair("1.7").is_err() && pair("..1").is_err());
    }
}
