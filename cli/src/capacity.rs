//! `fewer capacity`: how many servers a service needs, what says so, and what findings are worth.

mod fleet;
mod inputs;
mod json;
mod measured;
mod prices;
mod red_line;
mod text;
mod what_if;

use std::path::PathBuf;

use analyzer::{AnalyzerError, collector::Collector};
use analyzer_detect::capacity::{self, CannotSay, Plan};
use clap::Args;

use crate::{
    collector_args::{CollectorArgs, RangeArgs, is_usage},
    terminal,
};
use inputs::Inputs;
use prices::Prices;
use red_line::RedLine;
use what_if::WhatIf;

/// Arguments of `fewer capacity`.
#[derive(Args, Debug)]
pub(crate) struct CapacityArgs {
    /// Read rates and CPU per request from this collector; without --inputs, and by default from the one on this
    /// host, for each service.
    #[arg(long, value_name = "URL", env = "FEWER_COLLECTOR")]
    pub(crate) collector: Option<String>,
    /// File that holds the collector's token.
    #[arg(long, value_name = "FILE", env = "FEWER_TOKEN_FILE")]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) range: RangeArgs,
    /// Parts that the time range is cut into; the one with the most CPU is the peak.
    #[arg(long, value_name = "PARTS", default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=288))]
    pub(crate) parts: u16,
    /// Read everything, or what the collector does not know, from a JSON file.
    #[arg(long, value_name = "FILE")]
    pub(crate) inputs: Option<PathBuf>,
    /// Cores of one server.
    #[arg(long, value_name = "CORES", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) cores: Option<u32>,
    /// Ask again with this changed: cores, target_utilisation, growth, regions, reserve, cpu_share, worker_mb,
    /// or finding to count only that one. Can be given several times.
    #[arg(long, value_name = "KEY=VALUE", value_parser = what_if::parse)]
    pub(crate) what_if: Vec<WhatIf>,
    /// Requests per second at which one server reached its limit in a load test; preferred to what CPU says. A number or
    /// LOW..HIGH, for one service as NAME=RATE. Can be given several times.
    #[arg(long = "red-line", value_name = "[NAME=]RATE", value_parser = red_line::parse)]
    pub(crate) red_lines: Vec<RedLine>,
    /// Tell money and energy by this list (TOML).
    #[arg(long, value_name = "FILE")]
    pub(crate) prices: Option<PathBuf>,
    /// Print the answer as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a person reads after the options.
pub(crate) const HELP: &str = r#"Examples:
  fewer capacity --start now-7d                  every service that the collector on this host knows
  fewer capacity --red-line feed=350             with what a load test showed
  fewer capacity --inputs service.json
  fewer capacity --inputs service.json --what-if regions=3 --what-if growth=0.3
  fewer capacity --inputs service.json --what-if finding='cache templates'
  fewer capacity --collector http://127.0.0.1:4040 -q '{service.name="feed"}' --start now-24h --cores 16

Servers = ceil(sum of peak rate x CPU per request x (1 + growth) / (cores x target utilisation))
x R/(R-1) + reserve, for R regions of which one may be lost (one region: factor 1). The same is
asked of memory where it is known, and of the rate at which a server reached its limit in a load
test; the largest binds. Memory is worth no server where CPU binds. Findings overlap, so all
together are worth less than their sum. Ranges hold the truth in 95 of 100 cases.

Inputs (all but demands and cores can be left out; a number may also be {"value": 5, "error": 1}
with its standard error, or {"low": 4, "high": 6}):
  {"demands": [{"name": "GET /feed", "peak_rate": 1200, "cpu_per_request_ms": 12.5}],
   "cores": 16, "target_utilisation": 0.6, "growth": 0.2, "regions": 3, "reserve": 2,
   "memory": {"host_mb": 65536, "base_mb": 4096, "shared_mb": 160, "worker_mb": 450, "request_ms": 80},
   "red_line_rate": 350,
   "findings": [{"name": "cache templates", "cpu_share": {"value": 0.03, "error": 0.005}},
                {"name": "preload settings", "worker_mb": 71, "shared_mb": 71}]}

Price list (what is left out is not told):
  currency = "EUR"
  server_hour = 0.42
  kwh_per_server_hour = 0.25
  grams_co2_per_kwh = 300

Without a target utilisation, the range at which requests wait 2 to 10 % of the time they are
served is taken, which is higher for larger servers.

Exit codes: 0 answered, 1 failure, 2 bad command line or inputs, 3 cannot say."#;

const CANNOT_SAY: u8 = 3;
const USAGE: u8 = 2;

/// What is answered.
struct Answer {
    inputs: Inputs,
    plan: Plan,
    /// With the changes asked for.
    changed: Option<Plan>,
    what_if: Vec<String>,
    prices: Option<Prices>,
}

/// The collector of this host.
const COLLECTOR: &str = "http://127.0.0.1:4040";

/// Answers once; returns the exit code.
pub(crate) fn run(args: &CapacityArgs) -> anyhow::Result<u8> {
    let said = match args.inputs {
        Some(_) => answer(args).map(|answer| match args.json {
            true => json::document(&answer),
            false => text::page(&answer),
        }),
        None => of_fleet(args),
    };
    match said {
        Ok(text) => {
            terminal::say(&text);
            Ok(0)
        }
        Err(error) if cannot_say(&error) => {
            terminal::say(&if args.json { json::cannot_say(&error) } else { format!("{error}\n") });
            Ok(CANNOT_SAY)
        }
        Err(error) if is_usage(&error) => {
            terminal::complain(&format!("{error:#}"));
            Ok(USAGE)
        }
        Err(error) => Err(error),
    }
}

/// Every service.
fn of_fleet(args: &CapacityArgs) -> anyhow::Result<String> {
    let prices = args.prices.as_deref().map(prices::read).transpose()?;
    let (report, changed) = fleet::report(args)?;
    let what_if: Vec<String> = args.what_if.iter().map(ToString::to_string).collect();
    Ok(match args.json {
        true => json::fleet((&report, changed.as_ref()), &what_if, prices.as_ref()),
        false => text::fleet((&report, changed.as_ref()), &what_if, prices.as_ref()),
    })
}

impl CapacityArgs {
    /// The collector that is asked.
    fn collector(&self) -> anyhow::Result<Collector> {
        let collector = self.collector.clone().unwrap_or_else(|| COLLECTOR.to_owned());
        CollectorArgs { collector, token_file: self.token_file.clone() }.collector()
    }
}

fn cannot_say(error: &anyhow::Error) -> bool {
    error.is::<CannotSay>() || matches!(error.downcast_ref(), Some(AnalyzerError::CannotSay(_)))
}

fn answer(args: &CapacityArgs) -> anyhow::Result<Answer> {
    let mut inputs = args.inputs.as_deref().map_or_else(|| Ok(Inputs::default()), inputs::read)?;
    inputs.cores = args.cores.or(inputs.cores);
    if let Some(line) = args.red_lines.first() {
        inputs.red_line_rate = Some(line.rate.into());
    }
    if args.collector.is_some() {
        measured::fill(&mut inputs, args)?;
    }
    let plan = capacity::plan(&inputs.service(), &inputs.findings()?)?;
    let changed = if args.what_if.is_empty() {
        None
    } else {
        let changed = args.what_if.iter().try_fold(inputs.clone(), |inputs, change| change.apply(inputs))?;
        Some(capacity::plan(&changed.service(), &changed.findings()?)?)
    };
    let what_if = args.what_if.iter().map(ToString::to_string).collect();
    let prices = args.prices.as_deref().map(prices::read).transpose()?;
    Ok(Answer { inputs, plan, changed, what_if, prices })
}
