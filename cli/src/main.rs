//! `fewer`: one thin program over the libraries.

mod analyze;
mod args;
mod capacity;
mod check;
mod collector_args;
mod dead_code;
mod detect;
mod flags;
mod number;
mod ready;
mod record;
mod regressions;
mod sharing;
mod sources;
mod stop;
mod terminal;
mod top;
mod up;
mod view;

use std::process::ExitCode;

use args::{Cli, Command};
use clap::Parser;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_logging(cli.command.log_level());
    let done = match cli.command {
        Command::Up(args) => up::run(&args),
        Command::Agent(command) => run_agent(&command),
        Command::Collector(args) => collector::run(args).map(|()| 0),
        Command::Record(args) => record::run(&args),
        Command::Top(args) => top::run(&args),
        Command::View(args) => view::run(&args),
        Command::Capacity(args) => capacity::run(&args),
        Command::Sharing(args) => sharing::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Publish(args) => check::publish::run(&args),
        Command::Flags(args) => flags::run(&args),
        Command::Regressions(args) => regressions::run(&args),
        Command::Analyze(args) => analyze::run(&args),
        Command::Detect(args) => detect::run(&args),
        Command::DeadCode(args) => dead_code::run(&args),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            terminal::complain(&message(&error));
            ExitCode::FAILURE
        }
    }
}

fn run_agent(command: &agent::args::AgentCommand) -> anyhow::Result<u8> {
    let stop = stop::on_signals()?;
    Ok(agent::execute(command, &stop, &mut std::io::stdout().lock(), terminal::with_colour())?)
}

/// An error and its causes. Many messages tell their cause already; those are not repeated.
fn message(error: &anyhow::Error) -> String {
    if let Some(error) = error.downcast_ref::<agent::AgentError>() {
        return error.advice();
    }
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn start_logging(level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let with_colour = terminal::errors_with_colour();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(with_colour)
        .init();
}
