//! `fewer sharing try`: runs a changed set-up by turns with the present one, both under the same use, and measures what
//! the change saves.

mod load;
mod outcome;
mod say;
mod setup;
mod tree;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use analyzer::AnalyzerError;
use anyhow::bail;
use clap::Args;

use crate::{stop, terminal};
use load::{Load, Used};
use outcome::{Outcome, Repetition};
use setup::{Memory, Setup};

/// Arguments of `fewer sharing try`.
#[derive(Args, Debug)]
pub(crate) struct TrialArgs {
    /// The present set-up, as a line for the shell. `{port}` in any command or address becomes a free port.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) present: String,
    /// Ask for this address on loopback, as real use does. Can be given several times; all are asked equally often.
    #[arg(long = "url", value_name = "URL", conflicts_with = "load")]
    pub(crate) urls: Vec<String>,
    /// Requests in all, 1 to 1000000.
    #[arg(long, value_name = "REQUESTS", default_value_t = 400, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) requests: u64,
    /// Use it by this command instead, a line for the shell that ends by itself.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) load: Option<String>,
    /// How often each set-up is run, 1 to 20; two or more give an interval.
    #[arg(long, value_name = "TIMES", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=20))]
    pub(crate) repeat: u8,
    /// Most time for one start, and for one use, 1 to 3600.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
    /// Print everything as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// The changed set-up.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) changed: Vec<String>,
}

/// What a person reads after the options.
pub(crate) const HELP: &str = "\
Examples:
  fewer sharing try --present 'gunicorn -w 4 -b 127.0.0.1:{port} app:wsgi' \\
      --url 'http://127.0.0.1:{port}/feed' --url 'http://127.0.0.1:{port}/profile' \\
      -- gunicorn -w 4 -b 127.0.0.1:{port} -c preload.conf.py app:wsgi
  fewer sharing try --present 'celery -A app worker -c 4' --load './queue-some-tasks' \\
      -- celery -A preloading worker -c 4

Both set-ups run here, by turns, on ports of loopback that were free; what runs already is left
alone. Each is started, waited for until its memory is at rest, measured, used, and measured again.
Memory is the proportional share (PSS) of all processes that the command started. The workers are
the largest group of processes with one parent and one program.

  saved     less memory once it is started
  retained  less memory after the same use: what the change is worth
Ranges hold the truth in 95 of 100 cases; one repetition gives none.

Everything that was started is ended, by its process id: asked first, killed after ten seconds.
A set-up that listens beyond loopback is ended at once.

Exit codes: 0 measured, 1 a set-up failed, 2 bad command line.";

/// Measures; returns the exit code.
pub(super) fn run(args: &TrialArgs) -> anyhow::Result<u8> {
    let stop = stop::on_signals()?;
    match measure(args, &stop) {
        Ok(outcome) => {
            terminal::say(&if args.json { say::document(&outcome) } else { say::page(&outcome) });
            Ok(0)
        }
        Err(error) if crate::collector_args::is_usage(&error) => {
            terminal::complain(&format!("{error:#}"));
            Ok(2)
        }
        Err(error) => Err(error),
    }
}

fn measure(args: &TrialArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    let load = Load::new(args)?;
    let present = vec!["sh".to_owned(), "-c".to_owned(), args.present.clone()];
    let limit = Duration::from_secs(args.timeout);
    let mut repetitions = Vec::new();
    for number in 0..args.repeat {
        let one = |command: &[String], name: &str| {
            terminal::tell(&format!("{} of {}: {name}", number + 1, args.repeat));
            run_once(command, &load, limit, stop)
        };
        // By turns in both orders, so that what drifts on this host is in both alike.
        let (present, changed) = if number.is_multiple_of(2) {
            let present = one(&present, "present set-up")?;
            (present, one(&args.changed, "changed set-up")?)
        } else {
            let changed = one(&args.changed, "changed set-up")?;
            (one(&present, "present set-up")?, changed)
        };
        repetitions.push(Repetition { present, changed });
    }
    Ok(Outcome {
        present: args.present.clone(),
        changed: args.changed.join(" "),
        load: load.describe(),
        repetitions,
    })
}

/// One set-up, started, used and ended.
fn run_once(command: &[String], load: &Load, limit: Duration, stop: &AtomicBool) -> anyhow::Result<Measured> {
    let mut setup = Setup::start(command)?;
    let end = |limit: Duration| Instant::now() + limit;
    let started = setup.settle(end(limit), stop).and_then(|started| {
        setup.check_loopback()?;
        load.wait_until_served(&setup, end(limit), stop)?;
        Ok(started)
    });
    let measured = started.and_then(|_| {
        // What answering the first request takes belongs to being started.
        let started = setup.settle(end(limit), stop)?;
        let used = load.run(&setup, end(limit), stop)?;
        let after = if used == Used::default() { started.clone() } else { setup.settle(end(limit), stop)? };
        if stop.load(Ordering::Relaxed) {
            bail!(AnalyzerError::Stopped);
        }
        let predicted = setup.predict(end(limit));
        Ok(Measured { started, after, used, predicted })
    });
    let said = setup.end();
    measured.map_err(|error| match said.is_empty() {
        true => error,
        false => error.context(format!("`{}` said:\n{said}", command.join(" "))),
    })
}

/// What one run showed.
#[derive(Clone, Debug)]
struct Measured {
    started: Memory,
    after: Memory,
    used: Used,
    /// What the evidence in its memory says a change would save: right after it, and once everything was read.
    predicted: Option<(u64, u64)>,
}
