//! Which collector is asked, and about what time.

use std::{
    fs,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use analyzer::{AnalyzerError, collector::Collector};
use anyhow::Context;
use clap::Args;

use crate::terminal;

/// Arguments of every command that asks a collector.
#[derive(Args, Debug)]
pub(crate) struct CollectorArgs {
    /// Address of the collector.
    #[arg(long, value_name = "URL", env = "FEWER_COLLECTOR", default_value = "http://127.0.0.1:4040")]
    pub(crate) collector: String,
    /// File that holds the collector's token.
    #[arg(long, value_name = "FILE", env = "FEWER_TOKEN_FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

/// What a collector is asked about.
#[derive(Args, Debug)]
pub(crate) struct RangeArgs {
    /// Selector of what to look at, such as '{service.name="feed"}'.
    #[arg(short, long, value_name = "SELECTOR", default_value = "{}")]
    pub(crate) query: String,
    /// Start of the time range.
    #[arg(long, value_name = "TIME", default_value = "now-1h")]
    pub(crate) start: String,
    /// End of the time range.
    #[arg(long, value_name = "TIME", default_value = "now")]
    pub(crate) end: String,
}

impl CollectorArgs {
    pub(crate) fn collector(&self) -> anyhow::Result<Collector> {
        let read = |path: &PathBuf| {
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
        };
        let token = self.token_file.as_ref().map(read).transpose()?;
        Ok(Collector::new(&self.collector, token.map(|token| token.trim().to_owned())))
    }
}

impl RangeArgs {
    /// Start and end, in nanoseconds since the Unix epoch.
    pub(crate) fn range_ns(&self) -> anyhow::Result<(i64, i64)> {
        let now_ns = now_ns();
        let (start_ns, end_ns) =
            (time_ns("--start", &self.start, now_ns)?, time_ns("--end", &self.end, now_ns)?);
        if start_ns >= end_ns {
            return Err(AnalyzerError::Usage("--end has to be after --start".to_owned()).into());
        }
        Ok((start_ns, end_ns))
    }
}

/// A point in time as a person writes it.
pub(crate) fn time_ns(option: &str, text: &str, now_ns: i64) -> anyhow::Result<i64> {
    Ok(wire::time::parse(text, now_ns).map_err(|error| AnalyzerError::Usage(format!("{option}: {error}")))?)
}

/// The wall clock, in nanoseconds since the Unix epoch.
pub(crate) fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// True when the command line is to blame.
pub(crate) fn is_usage(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<AnalyzerError>(),
        Some(AnalyzerError::Usage(_) | AnalyzerError::File { .. })
    )
}

/// Prints an answer, or what is wrong with the command line; returns the exit code.
pub(crate) fn say(answer: anyhow::Result<String>) -> anyhow::Result<u8> {
    match answer {
        Ok(answer) => {
            terminal::say(&answer);
            Ok(0)
        }
        Err(error) if is_usage(&error) => {
            terminal::complain(&format!("{error:#}"));
            Ok(2)
        }
        Err(error) => Err(error),
    }
}
