//! How the whole pipeline does on simulated fleets, and how fast it is:
//! `cargo run -p analyzer-detect --example regressions_report --release -- [kinds|quiet|size|speed [SERIES]]`.
#![allow(clippy::print_stdout, clippy::indexing_slicing, clippy::unwrap_used)]

#[path = "../../tests/regressions/kinds.rs"]
mod kinds;
#[path = "../../tests/regressions/score.rs"]
mod score;
mod size;
mod speed;
#[path = "../../tests/regressions/world.rs"]
mod world;

use analyzer_detect::regressions::analyse;
use testkit::Random;
use world::World;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let wanted = arguments.next();
    let series = arguments.next().and_then(|count| count.parse().ok()).unwrap_or(1_000_000);
    let is_wanted = |name: &str| wanted.as_deref().is_none_or(|wanted| wanted == name);
    if is_wanted("kinds") {
        println!("# What happens to fleets\n");
        for variation in [0.0, 0.1, 0.2] {
            println!(
                "Hosts differ by {:.0} %.\n\n```\n{}```\n",
                variation * 100.0,
                score::table(5, variation).0
            );
        }
    }
    if is_wanted("quiet") {
        quiet();
    }
    if is_wanted("size") {
        size::report();
    }
    if is_wanted("speed") {
        speed::report(series);
    }
}

/// Fleets to which nothing happens.
fn quiet() {
    println!(
        "# Quiet fleets\n\n| hosts differ by | fleets | with a finding | findings |\n| --- | --- | --- | --- |"
    );
    for variation in [0.0, 0.05, 0.1, 0.2] {
        let (mut alarmed, mut findings) = (0, 0);
        for seed in 0..100 {
            let mut random = Random::new(10_000 + seed);
            let world = World::new(&mut random, (12, 2), variation);
            let found = analyse(&world.measured(&mut random), &score::options(1)).findings.len();
            alarmed += usize::from(found > 0);
            findings += found;
        }
        println!("| {:.0} % | 100 | {alarmed} | {findings} |", variation * 100.0);
    }
    println!();
}
