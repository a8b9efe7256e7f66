//! How wrong lists of dead-code candidates are, and whether they say so, on simulated fleets whose calling rates are known:
//! `cargo run -p analyzer-detect --example dead_code_report --release [-- FIGURE.svg]`.
#![allow(clippy::print_stdout, clippy::indexing_slicing)]

mod figure;
mod fleet;
mod score;

use std::{env, fs, io};

use score::Score;

/// Days of watching after which a list is made.
const DAYS: [u32; 7] = [20, 31, 45, 60, 90, 180, 365];

/// Fleets of each kind.
const RUNS: u64 = 200;

fn main() -> io::Result<()> {
    println!("# Lists of dead-code candidates: {RUNS} fleets of each kind\n");
    println!("Alive counts what runs at least once in 400 days; `rarer` runs, but more rarely.\n");
    let mut curves = Vec::new();
    for kind in fleet::KINDS {
        println!("## {}\n", kind.name);
        println!(
            "| days | candidates | about, at most (95 %) | alive | rarer | covered | precision | recall |"
        );
        println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
        let scores: Vec<Score> = DAYS.iter().map(|_| Score::default()).collect();
        let scores = (0..RUNS).fold(scores, |mut scores, seed| {
            let fleet = fleet::Fleet::new(&kind, seed);
            for (score, days) in scores.iter_mut().zip(DAYS) {
                score.add(&fleet, days);
            }
            scores
        });
        for (score, days) in scores.iter().zip(DAYS) {
            println!("| {days} | {} |", score.row());
        }
        println!();
        curves.push((kind.name, scores.iter().map(|score| (score.precision(), score.recall())).collect()));
    }
    match env::args().nth(1) {
        Some(path) => fs::write(path, figure::svg(&DAYS, &curves)),
        None => Ok(()),
    }
}
