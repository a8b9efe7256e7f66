//! `fewer dead-code` over the fleet: what the agents of a collector saw.

use std::path::PathBuf;

use analyzer::{
    collector::Collector,
    dead_code::{DeadCodeOptions, RELEASE_TRAIN_DAYS, report},
    report::dead_code::{DeadCodeReport, DeadCodeRow},
};
use clap::Args;
use wire::api::Status;

use super::{CollectorArgs, DeadCodeArgs};
use crate::{collector_args::say, flags::SizingArgs};

const MS_NS: i64 = 1_000_000;
const HOUR_NS: i64 = 3_600 * 1_000 * MS_NS;

/// Arguments of the fleet's list.
#[derive(Args, Debug)]
pub(crate) struct FleetArgs {
    #[command(flatten)]
    pub(crate) collector: CollectorArgs,
    /// Only this service.
    #[arg(long, value_name = "NAME", conflicts_with = "pids")]
    pub(crate) service: Option<String>,
    /// Folder with the source of what runs. With --pid, it is told which of its flags never varied.
    #[arg(long, value_name = "DIR")]
    pub(crate) source: Option<PathBuf>,
    /// What costs how much is looked up so far back, in hours.
    #[arg(long, value_name = "HOURS", default_value_t = 24, conflicts_with = "pids",
        value_parser = clap::value_parser!(u32).range(1..=720))]
    pub(crate) hours: u32,
    /// Days from one release of everything to the next: nothing is a candidate before.
    #[arg(long, value_name = "DAYS", default_value_t = RELEASE_TRAIN_DAYS, conflicts_with = "pids",
        value_parser = clap::value_parser!(u32).range(1..=400))]
    pub(crate) release_days: u32,
    #[command(flatten)]
    pub(crate) sizing: SizingArgs,
}

/// Asks, and prints the list; returns the exit code.
pub(super) fn run(args: &DeadCodeArgs) -> anyhow::Result<u8> {
    say(answered(args))
}

fn answered(args: &DeadCodeArgs) -> anyhow::Result<String> {
    let collector = args.fleet.collector.collector()?;
    let mut report = report(&collector, &args.fleet.options(&collector)?)?;
    narrow(&mut report, args);
    Ok(if args.json { serde_json::to_string(&report)? + "\n" } else { report.to_text() })
}

impl FleetArgs {
    fn options(&self, collector: &Collector) -> anyhow::Result<DeadCodeOptions> {
        let status: Status = collector.get("status", &[])?;
        // The collector's clock, so that a clock that is off here shifts nothing.
        let end_ns = status.now_ms.saturating_mul(MS_NS);
        let earliest_ns = status.earliest_ms.map_or(end_ns, |ms| ms.saturating_mul(MS_NS));
        Ok(DeadCodeOptions {
            service: self.service.clone(),
            start_ns: end_ns.saturating_sub(i64::from(self.hours) * HOUR_NS).max(earliest_ns),
            end_ns,
            earliest_ns,
            sizing: self.sizing.sizing(),
            source: self.source.clone(),
            release_train_days: self.release_days,
        })
    }
}

/// Only what one owner has, or what is in files whose names begin so. What is said of the whole list stays.
fn narrow(report: &mut DeadCodeReport, args: &DeadCodeArgs) {
    let is_wanted = |row: &DeadCodeRow| {
        let is_of = |pattern: &String| {
            row.owner.split(' ').any(|owner| !owner.is_empty() && agent::dead_code::is_like(pattern, owner))
        };
        args.owner.as_ref().is_none_or(is_of)
            && args.file.as_ref().is_none_or(|prefix| row.file.starts_with(prefix))
    };
    for service in &mut report.services {
        service.rows.retain(is_wanted);
    }
}

#[cfg(test)]
mod tests {
    use analyzer::report::dead_code::DeadCodeService;

    use super::*;

    #[test]
    fn rows_are_narrowed_to_owners_and_files() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            args: DeadCodeArgs,
        }
        let row = |function: &str, owner: &str, file: &str| DeadCodeRow {
            function: function.into(),
            owner: owner.into(),
            file: file.into(),
            ..DeadCodeRow::default()
        };
        let rows =
            vec![row("a", "@feed @all", "feed/a.py"), row("b", "", "feed/b.py"), row("c", "@core", "c.py")];
        let left = |line: &str| {
            let words = ["dead-code"].into_iter().chain(line.split_ascii_whitespace());
            let args = <Line as clap::Parser>::parse_from(words).args;
            let service = DeadCodeService { rows: rows.clone(), ..DeadCodeService::default() };
            let mut report = DeadCodeReport { services: vec![service], ..DeadCodeReport::default() };
            narrow(&mut report, &args);
            report.services[0].rows.iter().map(|row| row.function.clone()).collect::<Vec<_>>()
        };
        assert_eq!(left(""), ["a", "b", "c"]);
        assert_eq!(left("--owner @f*"), ["a"]);
        assert_eq!(left("--owner *"), ["a", "c"]);
        assert_eq!(left("--file feed/"), ["a", "b"]);
    }
}
