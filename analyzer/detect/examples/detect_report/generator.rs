//! The first family of series: the one that the detector was developed on.

use testkit::Random;

use crate::{
    case::{Case, positions, steps},
    noise::{autoregressive, heavy_tailed, normal, uniform, walk},
};

const LENGTHS: [usize; 5] = [30, 60, 100, 300, 1000];
const SIZES: [f64; 6] = [0.5, 1.0, 2.0, 3.0, 5.0, 10.0];

/// Kinds in which levels step, with 1 to 5 changes.
const STEPPING: [&str; 9] = [
    "steps",
    "steps+spikes",
    "steps+heavy tails",
    "steps+AR 0.5",
    "steps+season",
    "steps+gaps",
    "steps+quantised",
    "steps+variance",
    "steps+drift",
];

/// Kinds in which nothing changes.
const STEADY: [&str; 11] = [
    "noise",
    "heavy tails",
    "spikes",
    "AR 0.5",
    "AR 0.8",
    "season",
    "season+trend",
    "trend",
    "variance change",
    "quantised",
    "constant",
];

/// Kinds in which the slope changes.
const BENDING: [&str; 2] = ["kink", "ramp"];

/// `repeats` of every kind, length and size.
pub(crate) fn cases(seed: u64, repeats: usize) -> Vec<Case> {
    let mut random = Random::new(seed);
    let mut cases = Vec::new();
    for len in LENGTHS {
        for _ in 0..repeats {
            for kind in STEADY {
                let values = noise_of(&mut random, kind, len);
                cases.push(Case { kind, size: 0.0, values, annotators: vec![Vec::new()] });
            }
            for size in SIZES {
                cases.extend(STEPPING.map(|kind| stepping(&mut random, kind, len, size)));
                cases.extend(BENDING.map(|kind| bending(&mut random, kind, len, size)));
            }
        }
    }
    cases
}

/// One series of each of some kinds, of this length.
pub(crate) fn long(seed: u64, len: usize) -> Vec<Case> {
    let mut random = Random::new(seed);
    ["steps", "steps+season", "steps+AR 0.5", "steps+drift"]
        .map(|kind| stepping(&mut random, kind, len, 3.0))
        .into_iter()
        .chain([Case {
            kind: "walk",
            size: 0.0,
            values: walk(&mut random, len, 0.0),
            annotators: vec![Vec::new()],
        }])
        .collect()
}

fn stepping(random: &mut Random, kind: &'static str, len: usize, size: f64) -> Case {
    let count = 1 + random.below(5) as usize;
    let changes = positions(random, len, count, 8.max(len / 15));
    let levels = steps(random, len, &changes, size);
    let base = kind.trim_start_matches("steps").trim_start_matches('+');
    let noise = match base {
        "variance" => noise_of(random, "variance change", len),
        "drift" => noise_of(random, "drift", len),
        _ => noise_of(random, base, len),
    };
    let values = levels.iter().zip(noise).map(|(level, noise)| 100.0 + level + noise);
    let values = match base {
        "quantised" => values.map(|value| (value / 2.0).round() * 2.0).collect(),
        "gaps" => values.map(|value| if random.chance(15) { f64::NAN } else { value }).collect(),
        _ => values.collect(),
    };
    Case { kind, size, values, annotators: vec![changes] }
}

/// A bend that lifts the end by `size` × 3, or a climb by that much over a fifth of the series.
fn bending(random: &mut Random, kind: &'static str, len: usize, size: f64) -> Case {
    let at = len / 4 + random.below(len as u64 / 4) as usize;
    let (until, changes) = match kind {
        "kink" => (len, vec![at]),
        _ => (at + len / 5, vec![at, at + len / 5]),
    };
    let rise = 3.0 * size / (until - at) as f64;
    let values = (0..len).map(|index| rise * (index.clamp(at, until) - at) as f64 + normal(random)).collect();
    Case { kind, size, values, annotators: vec![changes] }
}

fn noise_of(random: &mut Random, kind: &str, len: usize) -> Vec<f64> {
    let slope = (1.0 + 9.0 * uniform(random)) / len as f64;
    let period = [4, 7, 12, 24][random.below(4) as usize];
    let loudness = 1.0 + 3.0 * uniform(random);
    let season = move |at: usize| {
        let angle = std::f64::consts::TAU * at as f64 / period as f64;
        loudness * (angle.sin() + 0.5 * (2.0 * angle).cos())
    };
    let turn = len / 3 + random.below(len as u64 / 3) as usize;
    match kind {
        "heavy tails" => (0..len).map(|_| heavy_tailed(random)).collect(),
        "spikes" => (0..len)
            .map(|_| normal(random) + if random.chance(3) { 8.0 + 12.0 * uniform(random) } else { 0.0 })
            .collect(),
        "AR 0.5" => autoregressive(random, len, 0.5),
        "AR 0.8" => autoregressive(random, len, 0.8),
        "season" => (0..len).map(|at| season(at) + normal(random)).collect(),
        "season+trend" => (0..len).map(|at| slope * at as f64 + season(at) + normal(random)).collect(),
        "trend" => (0..len).map(|at| slope * at as f64 + normal(random)).collect(),
        "drift" => (0..len).map(|at| 0.2 * slope * at as f64 + normal(random)).collect(),
        "variance change" => (0..len).map(|at| normal(random) * if at < turn { 0.5 } else { 1.5 }).collect(),
        "quantised" => (0..len).map(|_| normal(random).round()).collect(),
        "constant" => vec![42.0; len],
        _ => (0..len).map(|_| normal(random)).collect(),
    }
}
