//! `fewer dead-code remove`: a branch without one function that has not run.

use std::{path::PathBuf, time::Duration};

use analyzer::dead_code::{
    DeadCodeOptions, RELEASE_TRAIN_DAYS,
    remove::{Evidence, RemoveOptions, Removed, Tested, remove},
    seen,
};
use anyhow::Context;
use clap::Args;

use super::CollectorArgs;
use crate::{collector_args::is_usage, terminal};

/// Arguments of `fewer dead-code remove`.
#[derive(Args, Debug)]
pub(crate) struct RemoveArgs {
    /// The function: Feed.old, feed.views.Feed.old or feed/views.py:Feed.old.
    #[arg(value_name = "FUNCTION")]
    pub(crate) function: String,
    /// Folder with the source, in a git repository.
    #[arg(long, value_name = "DIR")]
    pub(crate) source: PathBuf,
    /// Command that tests the result; it runs in DIR of the branch.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) test: Option<String>,
    /// A test that takes longer has failed, in minutes.
    #[arg(long, value_name = "MINUTES", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=1440))]
    pub(crate) test_minutes: u64,
    /// Name of the branch [default: fewer/remove-FUNCTION].
    #[arg(long, value_name = "NAME")]
    pub(crate) branch: Option<String>,
    #[command(flatten)]
    pub(crate) collector: CollectorArgs,
}

pub(crate) const HELP: &str = "\
Examples:
  fewer dead-code remove Feed.old --source .
  fewer dead-code remove feed/views.py:Feed.old --source . --test 'python -m pytest -q'

The branch begins at HEAD and has one commit: without the function, its decorators, private
functions of its file that only it used and that did not run either, and imports that nothing uses
any more. What was seen, and what the test said, is in the commit's message. Your checkout is not
touched; nothing is merged or pushed.

It refuses what is not safe, and says why: what ran or was never watched, what stands in another
function or under a condition, what a decorator or a framework may know, and what is named
anywhere in the repository: in code, tests, imports, strings, templates or settings.

Exit codes: 0 the branch is there, 1 failure, 2 bad command line, 3 refused, 4 the branch is there
but its test failed.";

const USAGE: u8 = 2;
const REFUSED: u8 = 3;
const TEST_FAILED: u8 = 4;

/// Makes the branch; returns the exit code.
pub(super) fn run(args: &RemoveArgs) -> anyhow::Result<u8> {
    match removed(args) {
        Err(error) if is_usage(&error) => {
            terminal::complain(&format!("{error:#}"));
            Ok(USAGE)
        }
        done => done,
    }
}

fn removed(args: &RemoveArgs) -> anyhow::Result<u8> {
    let evidence = evidence(args)?;
    let options = RemoveOptions {
        function: args.function.clone(),
        branch: args.branch.clone(),
        test: args.test.clone(),
        test_limit: Duration::from_secs(args.test_minutes * 60),
    };
    let folder = tempfile::tempdir().context("cannot make a folder for the branch")?;
    match remove(&args.source, &evidence, &options, &folder.path().join("branch"))? {
        Ok(removed) => {
            terminal::say(&said(&removed));
            Ok(if matches!(removed.tested, None | Some(Tested::Passed)) { 0 } else { TEST_FAILED })
        }
        Err(refusal) => {
            terminal::complain(&format!("refused: {refusal}"));
            Ok(REFUSED)
        }
    }
}

fn evidence(args: &RemoveArgs) -> anyhow::Result<Evidence> {
    let options = DeadCodeOptions {
        service: None,
        start_ns: 0,
        end_ns: 0,
        earliest_ns: 0,
        sizing: analyzer::Sizing { cores: 1.0, target_utilisation: 1.0, growth: 0.0, regions: 1, reserve: 0 },
        source: Some(args.source.clone()),
        release_train_days: RELEASE_TRAIN_DAYS,
    };
    Ok(seen(&args.collector.collector()?, &options)?)
}

fn said(removed: &Removed) -> String {
    let message: String = removed.message.lines().map(|line| format!("    {line}\n")).collect();
    format!("branch {} at {}\n\n{message}", removed.branch, removed.commit)
}
