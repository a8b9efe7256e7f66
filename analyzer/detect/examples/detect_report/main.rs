//! How well the detectors do on series whose truth is known:
//! `cargo run -p analyzer-detect --example detect_report --release`.
#![allow(clippy::print_stdout, clippy::indexing_slicing)]

mod baselines;
mod case;
mod fleet;
mod generator;
mod lifelike;
mod noise;
mod score;
mod second_family;

use std::{collections::BTreeMap, time::Instant};

use analyzer_detect::change_points;
use case::Case;
use score::Score;

type Detector = fn(&[f64]) -> Vec<usize>;

const DETECTORS: [(&str, Detector); 7] = [
    ("fewer", change_points),
    ("binseg 3 ln n", baselines::binary_segmentation),
    ("binseg 3 ln n, confirmed", baselines::confirmed),
    ("binseg, MAD of steps", baselines::difference_scaled),
    ("PELT, normal, BIC", baselines::pelt),
    ("energy + t (Hunter)", baselines::energy),
    ("never", baselines::never),
];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    if is_wanted("arms") {
        fleet::report();
    }
    if is_wanted("first") {
        report("First family: developed on", &generator::cases(1, 12));
    }
    if is_wanted("second") {
        report("Second family: not developed on", &second_family::cases(2, 40));
    }
    if is_wanted("developed") {
        report("Lifelike: developed on", &lifelike::developed(3, 40));
    }
    if is_wanted("seeds") {
        report("Lifelike: the same families, other seeds", &lifelike::developed(4, 40));
    }
    if is_wanted("held-out") {
        report("Lifelike: other families", &lifelike::held_out(5, 40));
    }
    if is_wanted("speed") {
        speed();
    }
}

/// Long series, and the time that each takes.
fn speed() {
    println!("# Speed of `fewer detect`\n");
    for len in [1_000, 5_000, 50_000] {
        for case in generator::long(6, len) {
            let started = Instant::now();
            let found = change_points(&case.values);
            println!(
                "{:<12} {len:>6} values {:>7.3} s, {} changes",
                case.kind,
                started.elapsed().as_secs_f64(),
                found.len()
            );
        }
    }
    println!();
}

fn report(title: &str, cases: &[Case]) {
    println!("# {title}: {} series\n", cases.len());
    for (name, detector) in DETECTORS {
        let started = Instant::now();
        let answers: Vec<Vec<usize>> = cases.iter().map(|case| detector(&case.values)).collect();
        let elapsed = started.elapsed();
        let scored: Vec<(&Case, Score)> = cases
            .iter()
            .zip(&answers)
            .map(|(case, found)| (case, Score::of(&case.annotators, found, case.values.len())))
            .collect();
        println!("## {name} ({:.3} ms a series)\n", elapsed.as_secs_f64() * 1000.0 / cases.len() as f64);
        table("kind", &scored, |case| case.kind.to_owned());
        table("size", &scored, |case| format!("{:>4}", case.size));
        table("length", &scored, |case| length(case.values.len()).to_owned());

        table("", &scored, |_| "all".to_owned());
    }
}

fn length(len: usize) -> &'static str {
    match len {
        0..50 => "   up to 49",
        50..100 => "  up to 99",
        100..300 => " up to 299",
        300..1_000 => " up to 999",
        _ => "1000 and more",
    }
}

fn table(head: &str, scored: &[(&Case, Score)], key: impl Fn(&Case) -> String) {
    let mut rows: BTreeMap<String, Score> = BTreeMap::new();
    for (case, score) in scored {
        let row = rows.entry(key(case)).or_default();
        *row = row.plus(*score);
    }
    println!("{head:<22} precision  recall  false/series     F1  covering");
    for (key, score) in rows {
        println!(
            "{key:<22} {:>9.3} {:>7.3} {:>13.3} {:>6.3} {:>9.3}",
            score.precision(),
            score.recall(),
            score.false_per_series(),
            score.f1(),
            score.covering()
        );
    }
    println!();
}
