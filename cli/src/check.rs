//! `fewer check`: what a change costs, before it is merged.

mod bench;
mod canary;
mod fleet;
mod forge_args;
pub(crate) mod publish;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use agent::args::SamplingArgs;
use analyzer::{
    AnalyzerError, Limits,
    check::{Bench, CheckOptions, check},
    forge::Forge,
    git::Repository,
    report::check::{CheckReport, code_quality, json, markdown, sarif},
};
use anyhow::Context;
use clap::Args;

use crate::{
    collector_args::{is_usage, now_ns},
    terminal,
};
use bench::{Program, Sampler};
use fleet::FleetArgs;
use forge_args::ForgeArgs;

/// Pairs of runs before their number is planned: enough to know the noise within a third.
const PILOT_ROUNDS: usize = 8;

/// What a check that could not be carried out exits with: it is never a failure of the change.
const NO_VERDICT: u8 = 3;
const USAGE: u8 = 2;
const FAILED: u8 = 1;

/// Where the report is kept when it could not be published.
const REPORT: &str = "fewer-check.json";

/// Arguments of `fewer check`.
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// The revision that the change goes into; what is measured is its merge base with the head.
    #[arg(long, value_name = "REV", required_unless_present = "canary")]
    base: Option<String>,
    /// The revision with the change.
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    head: String,
    /// Selector of what runs the new version, instead of two revisions.
    #[arg(long, value_name = "SELECTOR", requires = "control", conflicts_with_all = ["base", "command"])]
    canary: Option<String>,
    /// Selector of what runs the old version: as many hosts, as long since their start.
    #[arg(long, value_name = "SELECTOR", requires = "canary")]
    control: Option<String>,
    #[command(flatten)]
    fleet: FleetArgs,
    /// With --canary: how often it is looked at within --time; it ends early only when the canary fails.
    #[arg(long, value_name = "LOOKS", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=50))]
    looks: u16,
    /// With --canary: label whose values are the units of evidence.
    #[arg(long, value_name = "LABEL", default_value = "host.name")]
    unit: String,
    /// With --canary: rise of the share of requests with an error of the server that is put up with.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.1, value_parser = percent)]
    errors_margin: f64,
    /// Shell command that makes a checkout ready, run once in each.
    #[arg(long, value_name = "COMMAND")]
    build: Option<String>,
    /// Rise of CPU per run that is put up with.
    #[arg(long, value_name = "PERCENT", default_value_t = 2.0, value_parser = percent)]
    margin: f64,
    /// Rise that must be visible for a pass; noisier runs give no verdict.
    #[arg(long, value_name = "PERCENT", default_value_t = 10.0, value_parser = percent)]
    must_show: f64,
    /// Begin no pair of runs that would end later than this.
    #[arg(long, value_name = "SECONDS", default_value_t = 900, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    time: u64,
    /// Most pairs of runs.
    #[arg(long, value_name = "PAIRS", default_value_t = 100, value_parser = clap::value_parser!(u16).range(3..=1000))]
    rounds: u16,
    /// Samples per second on each CPU, 1 to 999.
    #[arg(short = 'F', long = "rate", value_name = "HZ", default_value_t = 499,
        value_parser = clap::value_parser!(u32).range(1..=999))]
    rate_hz: u32,
    #[command(flatten)]
    sampling: SamplingArgs,
    /// Print JSON instead of markdown.
    #[arg(long)]
    json: bool,
    /// Also write SARIF 2.1.0, for code scanning.
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
    /// Also write GitLab's Code Quality JSON.
    #[arg(long, value_name = "FILE")]
    code_quality: Option<PathBuf>,
    /// Also write the report as JSON, for `fewer publish` in another job.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Publish the check: github, gitlab or gitea.
    #[arg(long, value_name = "FORGE", conflicts_with = "canary")]
    publish: Option<Forge>,
    #[command(flatten)]
    place: ForgeArgs,
    /// The benchmark: does the same work each time, in the folder of the checkout.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(crate) const HELP: &str = r#"Examples:
  fewer check --base origin/main --head HEAD -- python bench.py
  fewer check --base main --build 'cargo build --release' -- ./target/release/bench
  fewer check --base main --collector http://collector:4040 --query '{service.name="feed"}'
  fewer check --base v1.4 --head v1.5 --collector http://collector:4040 --released 1.4..1.5
  fewer check --base origin/main --publish github -- python bench.py
  fewer check --canary '{service.version="2"}' --control '{service.version="1"}' --time 1800
  fewer check --base main --json --sarif cpu.sarif --code-quality cpu.json -- make bench

Both revisions are checked out into temporary worktrees and run in turn, in pairs. The first
eight pairs tell how many are needed to see a rise of --must-show. CPU per run is the kernel's
account of the command and all that it waited for; functions are sampled where that is
permitted, and the report says so. It fails when the whole 95 % interval of the change lies
above --margin.

Changed functions are found in Python, Rust, Go, Java, TypeScript, JavaScript, C and C++. Owners
are those of CODEOWNERS in the baseline. A rise is acknowledged in .fewer/acknowledged.toml of
the head: owner, reason, expires, at_most_percent, and function if it is about one.

With --collector, the report also says what the changed functions cost in the fleet today, and,
beside a measured change, how many servers are at stake; without a command it says only that.
With --released, it compares two versions that the fleet ran and names the commits between
--base and --head that a rise is likely from, if any stand out.

With --publish, one comment is kept up to date, only where there is something to say, and a
check is always concluded. Without the right to write, the report is kept in fewer-check.json
for `fewer publish`.

With --canary, CPU per request and the share of errors are compared host by host, at several
looks. The confidence holds over all of them (O'Brien and Fleming's spending of it), so it may
be asked as often as planned. Two hosts an arm are the least; the report says when they are too
few.

Exit codes: 0 pass, 1 dearer, 2 bad command line, 3 no verdict."#;

/// Carries out the command; returns the exit code.
pub(crate) fn run(args: &CheckArgs) -> anyhow::Result<u8> {
    let done = match (&args.canary, &args.control, &args.base) {
        (Some(canary), Some(control), _) => canary::run(args, canary, control),
        (_, _, Some(base)) => {
            checked(args, base).map_err(|error| not_begun(args, error)).and_then(|report| told(args, report))
        }
        _ => Err(AnalyzerError::Usage("give --base, or --canary and --control".to_owned()).into()),
    };
    let code = done.or_else(|error| {
        terminal::complain(&format!("{error:#}"));
        anyhow::Ok(if is_usage(&error) { USAGE } else { NO_VERDICT })
    })?;
    Ok(if code == NO_VERDICT && args.place.fail_on_no_verdict { FAILED } else { code })
}

/// Writes the report in every form that was asked for, and publishes it. What cannot be published changes no verdict.
fn told(args: &CheckArgs, mut report: CheckReport) -> anyhow::Result<u8> {
    report.pull_request = args.place.number();
    let write = |path: &Option<PathBuf>, text: fn(&CheckReport) -> String| match path {
        Some(path) => {
            fs::write(path, text(&report)).with_context(|| format!("cannot write {}", path.display()))
        }
        None => Ok(()),
    };
    write(&args.sarif, sarif)?;
    write(&args.code_quality, code_quality)?;
    write(&args.report, json)?;
    terminal::say(&if args.json { json(&report) } else { markdown(&report) });
    if let Some(forge) = args.publish {
        published(args, forge, &report)?;
    }
    Ok(report.conclusion.exit_code())
}

fn published(args: &CheckArgs, forge: Forge, report: &CheckReport) -> anyhow::Result<()> {
    let place = args.place.place(forge, None)?;
    let published = args.place.publish(&place, report)?;
    if published.missing_right().is_some() {
        let path = args.report.clone().unwrap_or_else(|| REPORT.into());
        forge_args::write_report(&path, report)?;
        terminal::complain(&format!(
            "the report is in {}; a job whose token may write publishes it with `fewer publish`",
            path.display()
        ));
    }
    Ok(())
}

/// A check that could not be begun is concluded on the forge, too.
fn not_begun(args: &CheckArgs, error: anyhow::Error) -> anyhow::Error {
    let was_stopped = matches!(error.downcast_ref(), Some(AnalyzerError::Stopped));
    if let Some(forge) = args.publish.filter(|_| !was_stopped)
        && let Err(error) = published(args, forge, &forge_args::failed(&error))
    {
        terminal::complain(&format!("{error:#}"));
    }
    error
}

fn checked(args: &CheckArgs, base: &str) -> anyhow::Result<CheckReport> {
    let repository = Repository::open(Path::new("."))?;
    let folder = tempfile::Builder::new().prefix("fewer-check-").tempdir().context("cannot make a folder")?;
    let limits = args.limits()?;
    let options = CheckOptions {
        base: base.to_owned(),
        head: args.head.clone(),
        command: args.command.join(" "),
        limits,
        pilot_rounds: PILOT_ROUNDS.min(usize::from(args.rounds)),
        rounds_max: usize::from(args.rounds),
        time: Duration::from_secs(args.time),
        today: today(),
        folder: folder.path().to_owned(),
        fleet: args.fleet.fleet(limits)?,
    };
    if args.command.is_empty() {
        if options.fleet.is_none() {
            let message = "give a command to measure, after --, or --collector to ask the fleet";
            return Err(AnalyzerError::Usage(message.to_owned()).into());
        }
        return Ok(check(&repository, &options, None)?);
    }
    let sampler = Sampler::new(args.sampling.options(args.rate_hz));
    let mut program = Program::new(&args.command, args.build.as_deref(), sampler)?;
    let bench: &mut dyn Bench = &mut program;
    Ok(check(&repository, &options, Some(bench))?)
}

impl CheckArgs {
    fn limits(&self) -> anyhow::Result<Limits> {
        if self.must_show <= self.margin {
            let message = "--must-show has to be larger than --margin".to_owned();
            return Err(AnalyzerError::Usage(message).into());
        }
        Ok(Limits { margin: self.margin / 100.0, confidence: 0.95, must_show: self.must_show / 100.0 })
    }
}

/// The date in UTC, `YYYY-MM-DD`.
fn today() -> String {
    chrono::DateTime::from_timestamp_nanos(now_ns()).format("%Y-%m-%d").to_string()
}

fn percent(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').unwrap_or(text).trim().parse::<f64>().ok();
    percent
        .filter(|percent| (0.0..=1000.0).contains(percent))
        .ok_or_else(|| "give percent from 0 to 1000".to_owned())
}
