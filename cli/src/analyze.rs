//! `fewer analyze`: every analysis of every service, again and again.

use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use analyzer::{
    AnalyzerError, Floor, Sizing,
    alerts::{self, AlertConfig},
    analyze::{AnalyzeOptions, Round, line, round},
    collector::Collector,
    owners::{Owners, PLACES},
    series::SeriesOptions,
};
use anyhow::Context;
use clap::Args;

use crate::{
    collector_args::{CollectorArgs, is_usage, now_ns},
    flags::SizingArgs,
    regressions::{servers, shown_time, threads},
    stop, terminal,
};

/// How often it is asked whether to stop.
const PAUSE: Duration = Duration::from_millis(100);

const SECOND_NS: i64 = 1_000_000_000;

/// Arguments of `fewer analyze`.
#[derive(Args, Debug)]
pub(crate) struct AnalyzeArgs {
    #[command(flatten)]
    collector: CollectorArgs,
    /// Selector of what to look at, such as '{service.name="feed"}'.
    #[arg(short, long, value_name = "SELECTOR", default_value = "{}")]
    query: String,
    #[command(flatten)]
    sizing: SizingArgs,
    /// Look so often, in minutes.
    #[arg(long, value_name = "MINUTES", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1440))]
    every: u32,
    /// Look so far back, in hours.
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=720))]
    hours: u32,
    /// Windows to cut that time into; a window is at least 10 s long.
    #[arg(long, value_name = "WINDOWS", default_value_t = 96, value_parser = clap::value_parser!(u32).range(11..=500))]
    steps: u32,
    /// Rises below this are not told, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=1000))]
    floor: u32,
    /// Rises below this are not told, in servers.
    #[arg(long, value_name = "SERVERS", default_value = "0.0005", value_parser = servers)]
    floor_servers: f64,
    /// Label that tells groups of hosts apart, such as their type.
    #[arg(long, value_name = "LABEL")]
    group_by: Option<String>,
    /// Repository of what runs: its CODEOWNERS says who owns what is found, and its source who names what does
    /// not run.
    #[arg(long, value_name = "DIR")]
    repository: Option<PathBuf>,
    /// File that says who is told; see docs/alerts.md.
    #[arg(long, value_name = "FILE")]
    alerts: Option<PathBuf>,
    /// File that remembers what was told.
    #[arg(long, value_name = "FILE", default_value = "fewer-alerts.json", requires = "alerts")]
    alerts_sent: PathBuf,
    /// Look once and end.
    #[arg(long)]
    once: bool,
    /// Print each round as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) const HELP: &str = "\
Examples:
  fewer analyze                                every ten minutes, a line each
  fewer analyze --once --json                  once, for a scheduler of your own
  fewer analyze --alerts alerts.toml --repository .

Looks for regressions, dearer versions and what flags cost in every service, keeps the findings with the
collector (its pages list them), and tells who is to be told. `fewer up` does the same by itself.

Exit codes: 0 ended by a signal, or one round done with --once; 1 the collector did not answer (without
--once it is tried again at the next round), 2 bad command line or settings.";

/// Carries out the command; returns the exit code.
pub(crate) fn run(args: &AnalyzeArgs) -> anyhow::Result<u8> {
    match looked(args) {
        Err(error) if is_usage(&error) => {
            terminal::complain(&format!("{error:#}"));
            Ok(2)
        }
        done => done,
    }
}

fn looked(args: &AnalyzeArgs) -> anyhow::Result<u8> {
    let collector = args.collector.collector()?;
    let options = options(args)?;
    let stop = stop::on_signals()?;
    let is_stopping = || stop.load(Ordering::Relaxed);
    let look = || round(&collector, &options, (now_ns(), shown_time), &is_stopping);
    if args.once {
        say(&look()?, args.json);
        return Ok(0);
    }
    let every = Duration::from_secs(u64::from(args.every) * 60);
    again_and_again(&stop, (Duration::ZERO, every), || {
        match look() {
            Ok(round) => say(&round, args.json),
            Err(AnalyzerError::Stopped) => {}
            Err(error @ AnalyzerError::Usage(_)) => return Err(error.into()),
            Err(error) => terminal::complain(&error.to_string()),
        }
        Ok(())
    })?;
    Ok(0)
}

/// The analyses that `fewer up` does beside the rest: with the usual bounds, on one thread, told nobody.
pub(crate) fn beside(collector: &Collector, stop: &AtomicBool, (first, every): (Duration, Duration)) {
    let options = AnalyzeOptions {
        selector: "{}".to_owned(),
        range_ns: 24 * 3_600 * SECOND_NS,
        series: SeriesOptions { steps: 96, unit: model::keys::HOST_NAME.to_owned(), group_by: None },
        floor: Floor { relative: 0.03, servers: 0.0005 },
        sizing: Sizing { cores: 16.0, target_utilisation: 0.5, growth: 0.0, regions: 1, reserve: 0 },
        threads: NonZeroUsize::MIN,
        owners: Owners::default(),
        source: None,
        alerts: None,
    };
    let done = again_and_again(stop, (first, every), || {
        match round(collector, &options, (now_ns(), shown_time), &|| stop.load(Ordering::Relaxed)) {
            Ok(round) => terminal::tell(&line(&round)),
            // The collector is ending, or busy: the next round sees the same.
            Err(error) => tracing::info!(%error, "could not analyze"),
        }
        Ok(())
    });
    if let Err(error) = done {
        tracing::warn!(%error, "analyses ended");
    }
}

/// Works at once after `first`, then every so often, until it is told to stop.
fn again_and_again(
    stop: &AtomicBool,
    (first, every): (Duration, Duration),
    mut work: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut due = Instant::now() + first;
    while !stop.load(Ordering::Relaxed) {
        if Instant::now() < due {
            thread::sleep(PAUSE);
            continue;
        }
        // A round that takes long is not followed by another at once.
        due = Instant::now() + every;
        work()?;
    }
    Ok(())
}

fn options(args: &AnalyzeArgs) -> anyhow::Result<AnalyzeOptions> {
    let unit = model::keys::HOST_NAME.to_owned();
    Ok(AnalyzeOptions {
        selector: args.query.clone(),
        range_ns: i64::from(args.hours) * 3_600 * SECOND_NS,
        series: SeriesOptions { steps: args.steps, unit, group_by: args.group_by.clone() },
        floor: Floor { relative: f64::from(args.floor) / 100.0, servers: args.floor_servers },
        sizing: args.sizing.sizing(),
        threads: threads(),
        owners: args.repository.as_deref().map(owners).transpose()?.unwrap_or_default(),
        source: args.repository.clone(),
        alerts: args.alerts.as_deref().map(|path| told(path, &args.alerts_sent)).transpose()?,
    })
}

fn told(path: &Path, sent: &Path) -> anyhow::Result<(AlertConfig, PathBuf)> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok((alerts::parse(&path.display().to_string(), &text)?, sent.to_owned()))
}

fn owners(repository: &Path) -> anyhow::Result<Owners> {
    let place = PLACES.iter().map(|place| repository.join(place)).find(|place| place.is_file());
    let Some(place) = place else {
        let message = format!("{}: there is no CODEOWNERS", repository.display());
        return Err(AnalyzerError::Usage(message).into());
    };
    let text = fs::read_to_string(&place).with_context(|| format!("cannot read {}", place.display()))?;
    Ok(Owners::parse(&text))
}

fn say(round: &Round, json: bool) {
    let text = if json { serde_json::to_string(round).unwrap_or_default() } else { line(round) };
    terminal::say(&(text + "\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_works_until_it_is_told_to_stop() {
        let stop = AtomicBool::new(false);
        let mut rounds = 0;
        let done = again_and_again(&stop, (Duration::ZERO, Duration::ZERO), || {
            rounds += 1;
            stop.store(rounds == 3, Ordering::Relaxed);
            Ok(())
        });
        assert!(done.is_ok());
        assert_eq!(rounds, 3);
    }
}
