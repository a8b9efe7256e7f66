//! Command line of the agent, for `fewer-agent` and `fewer agent` alike.

use std::{fs, path::PathBuf, time::Duration};

use agent_bpf::Backend;
use clap::{Args, Subcommand, ValueEnum};
use model::LabelSet;

use crate::{
    budget::Ceilings,
    error::AgentError,
    options::{AgentOptions, Sampling},
    upload::ClientOptions,
};

/// Profiles this host and sends what it finds to a collector.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, after_long_help = AGENT_HELP)]
pub struct AgentCommand {
    /// Something other than running the agent.
    #[command(subcommand)]
    pub action: Option<AgentAction>,
    /// How to run it.
    #[command(flatten)]
    pub run: RunArgs,
}

/// What the agent's program can do besides running.
#[derive(Subcommand, Clone, Debug)]
pub enum AgentAction {
    /// Show what this host permits, what is missing and what it would give.
    #[command(after_long_help = DOCTOR_HELP)]
    Doctor {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// How to run the agent.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// Address of the collector.
    #[arg(long, value_name = "URL", env = "FEWER_COLLECTOR", default_value = "http://127.0.0.1:4040")]
    pub collector: String,
    /// File that holds the collector's token.
    #[arg(long, value_name = "FILE", env = "FEWER_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
    /// Samples per second on each CPU, 1 to 999.
    #[arg(short = 'F', long = "rate", value_name = "HZ", default_value_t = 19,
        value_parser = clap::value_parser!(u32).range(1..=999))]
    pub rate_hz: u32,
    /// How to sample.
    #[command(flatten)]
    pub sampling: SamplingArgs,
    /// Where pushes wait while the collector is away [default: /var/lib/fewer/spool as root, else
    /// ~/.local/state/fewer/spool].
    #[arg(long, value_name = "DIR", env = "FEWER_SPOOL_DIR")]
    pub spool_dir: Option<PathBuf>,
    /// Most megabytes that wait; beyond, the oldest are dropped and counted.
    #[arg(long, value_name = "MB", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..))]
    pub spool_mb: u64,
    /// Ceiling for the agent's CPU time, in percent of one CPU, averaged over a minute; above it the rate is
    /// halved [default: 1 for each CPU of the host].
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub max_cpu_percent: Option<f64>,
    /// Ceiling for the agent's resident memory in megabytes; above it caches are emptied [default: 64].
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_rss_mb: Option<u64>,
    /// How often processes are looked at.
    #[command(flatten)]
    pub looks: LookArgs,
}

/// How often processes are looked at beside the sampling.
#[derive(Args, Clone, Debug)]
pub struct LookArgs {
    /// Look at what processes hold in memory this often, 10 to 86400; 0 for never.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = look_seconds)]
    pub memory_seconds: u64,
    /// Look at which functions of programs have run this often, 10 to 86400; 0 for never.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = look_seconds)]
    pub code_seconds: u64,
}

impl LookArgs {
    /// Time from one look at memory to the next; none for no look.
    pub fn memory_interval(&self) -> Option<Duration> {
        (self.memory_seconds > 0).then(|| Duration::from_secs(self.memory_seconds))
    }

    /// Time from one look at what has run to the next; none for no look.
    pub fn code_interval(&self) -> Option<Duration> {
        (self.code_seconds > 0).then(|| Duration::from_secs(self.code_seconds))
    }
}

/// How to sample, for the agent and for recordings, apart from the rate.
#[derive(Args, Clone, Debug)]
pub struct SamplingArgs {
    /// Most kilobytes of user stack copied per sample, 8 to 64.
    #[arg(long, value_name = "KB", default_value_t = 32, value_parser = stack_kb)]
    pub stack_kb: u32,
    /// How samples are taken.
    #[arg(long, value_enum, default_value_t = BackendArg::Auto)]
    pub backend: BackendArg,
    /// Label for everything sampled, e.g. `region=eu`; wins over what is found. Can be given several times.
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    pub labels: Vec<(String, String)>,
}

/// How samples are taken.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendArg {
    /// BPF where it is permitted, else the perf ring.
    Auto,
    /// A BPF program on each CPU.
    Bpf,
    /// The kernel's perf ring buffer.
    PerfRing,
}

const AGENT_HELP: &str = "\
Examples:
  fewer agent                                   send to a collector on this host
  fewer agent --collector http://collector:4040 --token-file /etc/fewer/token
  fewer agent -F 97 --label region=eu           finer, with a label for everything
  fewer agent doctor                            what this host permits

While the collector is away, pushes wait in the spool and are sent later, none of them twice.
Ctrl-C or SIGTERM ends the agent after the current window is spooled.

Exit codes: 0 ended by a signal, 1 could not start or go on, 2 bad command line.";

const DOCTOR_HELP: &str = "\
Exit codes: 0 the best way of sampling works here, 1 sampling works with less than it could have,
2 sampling is not possible.";

const LABEL_TEXT_BYTES: usize = 256;

impl SamplingArgs {
    /// The same as options, at a rate.
    pub fn options(&self, rate_hz: u32) -> Sampling {
        Sampling {
            rate_hz,
            stack_bytes: self.stack_kb << 10,
            backend: match self.backend {
                BackendArg::Auto => Backend::Auto,
                BackendArg::Bpf => Backend::Bpf,
                BackendArg::PerfRing => Backend::PerfRing,
            },
            labels: LabelSet::new(self.labels.iter().map(|(key, value)| (key.as_str(), value.as_str()))),
        }
    }
}

impl RunArgs {
    /// The same as options; reads the token.
    pub fn options(&self, state_directory: PathBuf, cpu_count: usize) -> Result<AgentOptions, AgentError> {
        let read = |path: &PathBuf| {
            let text = fs::read_to_string(path);
            text.map_err(|source| AgentError::Token { path: path.clone(), source })
        };
        let token = self.token_file.as_ref().map(read).transpose()?;
        let defaults = Ceilings::of_host(cpu_count);
        Ok(AgentOptions {
            sampling: self.sampling.options(self.rate_hz),
            spool_directory: self.spool_dir.clone().unwrap_or_else(|| state_directory.join("spool")),
            spool_limit_bytes: self.spool_mb << 20,
            collector: ClientOptions {
                collector: self.collector.clone(),
                token: token.map(|token| token.trim().to_owned()),
                timeout: Duration::from_secs(30),
            },
            ceilings: Ceilings {
                cpus: self.max_cpu_percent.map_or(defaults.cpus, |percent| percent / 100.0),
                rss_bytes: self.max_rss_mb.map_or(defaults.rss_bytes, |mb| Some(mb << 20)),
            },
            memory_interval: self.looks.memory_interval(),
            code_interval: self.looks.code_interval(),
        })
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let percent = text.parse::<f64>().ok().filter(|percent| percent.is_finite() && *percent > 0.0);
    percent.ok_or_else(|| "give a number above 0".to_owned())
}

fn look_seconds(text: &str) -> Result<u64, String> {
    let seconds = text.parse::<u64>().ok().filter(|seconds| *seconds == 0 || (10..=86_400).contains(seconds));
    seconds.ok_or_else(|| "give 0, or seconds from 10 to 86400".to_owned())
}

fn stack_kb(text: &str) -> Result<u32, String> {
    let kb = text.parse::<u32>().ok().filter(|kb| (8..=64).contains(kb) && kb.is_multiple_of(4));
    kb.ok_or_else(|| "give a multiple of 4 from 8 to 64".to_owned())
}

fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("give KEY=VALUE")?;
    let (key, value) = (key.trim(), value.trim());
    if key.is_empty() || value.is_empty() {
        return Err("neither key nor value may be empty".to_owned());
    }
    if key.len().max(value.len()) > LABEL_TEXT_BYTES {
        return Err(format!("key and value may have {LABEL_TEXT_BYTES} bytes each"));
    }
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked() {
        assert_eq!(label("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert!(
            [label("a"), label("=b"), label("a="), label(&format!("a={}", "x".repeat(300)))]
                .iter()
                .all(Result::is_err)
        );
        assert_eq!(
            ["0.5", "0", "-1", "nan", "x"].map(|text| percent(text).ok()),
            [Some(0.5), None, None, None, None]
        );
        assert_eq!(
            ["0", "10", "86400", "9", "x"].map(|text| look_seconds(text).ok()),
            [Some(0), Some(10), Some(86_400), None, None]
        );
        assert_eq!(
            ["8", "64", "4", "68", "10", "x"].map(|text| stack_kb(text).ok()),
            [Some(8), Some(64), None, None, None, None]
        );
    }
}
