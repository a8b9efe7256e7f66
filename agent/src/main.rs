//! `fewer-agent`: the agent alone, for hosts that only send.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
};

use agent::{AgentError, args::AgentCommand};
use anyhow::Context;
use clap::Parser;
use signal_hook::consts::{SIGINT, SIGTERM};
use tracing_subscriber::EnvFilter;

/// Profiles this host and sends what it finds to a collector.
#[derive(Parser)]
#[command(name = "fewer-agent", version)]
struct Cli {
    #[command(flatten)]
    command: AgentCommand,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_logging();
    match run(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let advice = error.downcast_ref::<AgentError>().map(AgentError::advice);
            tracing::error!("{}", advice.unwrap_or_else(|| error.to_string()));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<u8> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, stop.clone()).context("cannot listen for signals")?;
    }
    let with_colour = io::stdout().is_terminal();
    Ok(agent::execute(&cli.command, &stop, &mut io::stdout().lock(), with_colour)?)
}

fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let with_colour = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(with_colour).init();
}
