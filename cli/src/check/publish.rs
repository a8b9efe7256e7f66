//! `fewer publish`: what a job without rights found out, published by one that has some.

use std::{
    fs::File,
    io::{ErrorKind, Read},
    path::PathBuf,
};

use analyzer::{AnalyzerError, check::not_begun, forge, report::check::CheckReport};
use anyhow::Context;
use clap::Args;

use super::{NO_VERDICT, USAGE, forge_args::ForgeArgs};
use crate::{collector_args::is_usage, terminal};

/// Bytes of a report that are read, one more than are accepted.
const BYTES_MAX: u64 = (4 << 20) + 1;

/// Arguments of `fewer publish`.
#[derive(Args, Debug)]
pub(crate) struct PublishArgs {
    /// The report that `fewer check --report FILE` wrote in the other job.
    #[arg(value_name = "REPORT")]
    report: PathBuf,
    /// The forge: github, gitlab or gitea.
    #[arg(long, value_name = "FORGE")]
    forge: forge::Forge,
    #[command(flatten)]
    place: ForgeArgs,
}

pub(crate) const HELP: &str = r#"Examples:
  fewer publish fewer-check.json --forge github
  fewer publish fewer-check.json --forge gitea --project owner/name --pull-request 12 --commit SHA

For pull requests of forks, whose jobs may not write: one job checks and keeps the report as an
artifact, and a second one, which has rights and never checks out what the pull request says,
publishes it. On GitHub that is a workflow on `workflow_run`. The report is taken for text that
anybody may have written: it can neither mention, link nor command, and it is posted only to a
request whose newest commit is the one that the event names.

Exit codes: 0 published, 2 bad command line or report, 3 not published, for the reason given."#;

/// Carries out the command; returns the exit code.
pub(crate) fn run(args: &PublishArgs) -> anyhow::Result<u8> {
    published(args).or_else(|error| {
        terminal::complain(&format!("{error:#}"));
        Ok(if is_usage(&error) { USAGE } else { NO_VERDICT })
    })
}

fn published(args: &PublishArgs) -> anyhow::Result<u8> {
    let report = report(args)?;
    let place = args.place.place(args.forge, report.pull_request)?;
    if place.commit.is_empty() {
        let message = "which commit this is about, is not known here; give --commit, and not from the report";
        return Err(AnalyzerError::Usage(message.to_owned()).into());
    }
    let published = args.place.publish(&place, &report)?;
    Ok(if published.complaints().is_empty() { 0 } else { NO_VERDICT })
}

/// The other job's report. Where it left none, the check is concluded without a verdict.
fn report(args: &PublishArgs) -> anyhow::Result<CheckReport> {
    let name = args.report.display().to_string();
    let file = match File::open(&args.report) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(not_begun("the job that checks left no report".to_owned()));
        }
        file => file.with_context(|| format!("cannot read {name}"))?,
    };
    let mut bytes = Vec::new();
    file.take(BYTES_MAX).read_to_end(&mut bytes).with_context(|| format!("cannot read {name}"))?;
    Ok(forge::read_artifact(&name, &bytes)?)
}
