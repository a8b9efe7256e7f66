//! The project's chores: what `make` calls, and `tidy`, which holds the code against the house plan.

mod chores;
mod demo;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
usage: cargo run -p xtask -- CHORE

  run      build everything, then start collector, web and agent on this host
  demo     a photo-sharing site under load, and fewer beside it [--seconds N …]
  test     every test: Rust, web, end to end
  lint     rustfmt, clippy, tidy, web lint
  tidy     arrows, module docs, sizes, words, bounds
  bench    the benchmarks [NAME …]
  web      build the pages into web/dist
  deny     licences, bans and sources of every dependency
  fmt      format everything
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let chore = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let done = match chore.as_str() {
        "run" => chores::run(&rest),
        "demo" => demo::run(&rest),
        "test" => chores::test(),
        "lint" => chores::lint(),
        "tidy" => tidy::run(),
        "bench" => chores::bench(&rest),
        "web" => chores::web(),
        "deny" => chores::deny(),
        "fmt" => chores::fmt(),
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
