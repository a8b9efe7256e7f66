//! What a check asks the fleet.

use std::path::PathBuf;

use analyzer::{
    AnalyzerError, Limits,
    collector::Collector,
    production::{Fleet, Versions},
};
use clap::Args;

use crate::{
    collector_args::{CollectorArgs, now_ns, time_ns},
    flags::SizingArgs,
};

const LOCAL: &str = "http://127.0.0.1:4040";

/// Arguments about the fleet.
#[derive(Args, Debug)]
pub(crate) struct FleetArgs {
    /// Address of the collector that knows the fleet [default: none; with --canary http://127.0.0.1:4040].
    #[arg(long, value_name = "URL", env = "FEWER_COLLECTOR")]
    collector: Option<String>,
    /// File that holds the collector's token.
    #[arg(long, value_name = "FILE", env = "FEWER_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// With --collector: selector of the services that the repository is.
    #[arg(long, value_name = "SELECTOR", default_value = "{}")]
    query: String,
    /// With --collector: start of the time range; with --canary, of the comparison [default: now-1h; now].
    #[arg(long, value_name = "TIME")]
    pub(super) start: Option<String>,
    /// With --collector: end of the time range.
    #[arg(long, value_name = "TIME", default_value = "now", conflicts_with = "canary")]
    end: String,
    /// With --collector: two values of service.version that the fleet ran, the older one first.
    #[arg(long, value_name = "FROM..TO", value_parser = versions, requires = "collector", conflicts_with = "canary")]
    released: Option<Versions>,
    /// With --collector: folder that the repository is in where it runs, such as /srv/app.
    #[arg(long, value_name = "FOLDER", conflicts_with = "canary")]
    deployed_at: Option<PathBuf>,
    #[command(flatten)]
    sizing: SizingArgs,
}

impl FleetArgs {
    /// The collector, or the one of this machine.
    pub(super) fn collector(&self) -> anyhow::Result<Collector> {
        let collector = self.collector.clone().unwrap_or_else(|| LOCAL.to_owned());
        CollectorArgs { collector, token_file: self.token_file.clone() }.collector()
    }

    /// What is asked; None without a collector.
    pub(super) fn fleet(&self, limits: Limits) -> anyhow::Result<Option<Fleet>> {
        if self.collector.is_none() {
            return Ok(None);
        }
        let now_ns = now_ns();
        let start_ns = time_ns("--start", self.start.as_deref().unwrap_or("now-1h"), now_ns)?;
        let end_ns = time_ns("--end", &self.end, now_ns)?;
        if start_ns >= end_ns {
            return Err(AnalyzerError::Usage("--end has to be after --start".to_owned()).into());
        }
        wire::selector::parse(&self.query)
            .map_err(|error| AnalyzerError::Usage(format!("--query: {error}")))?;
        Ok(Some(Fleet {
            collector: self.collector()?,
            selector: self.query.clone(),
            start_ns,
            end_ns,
            when: format!("{} to {} UTC", shown(start_ns), shown(end_ns)),
            sizing: self.sizing.sizing(),
            deployed_at: self.deployed_at.clone(),
            versions: self.released.clone(),
            limits,
        }))
    }
}

/// To the minute.
fn shown(at_ns: i64) -> String {
    chrono::DateTime::from_timestamp_nanos(at_ns).format("%Y-%m-%d %H:%M").to_string()
}

fn versions(text: &str) -> Result<Versions, String> {
    let (from, to) = text
        .split_once("..")
        .filter(|(from, to)| !from.is_empty() && !to.is_empty() && from != to)
        .ok_or_else(|| "give two versions as FROM..TO, such as 1.4..1.5".to_owned())?;
    Ok(Versions { from: from.to_owned(), to: to.to_owned() })
}
