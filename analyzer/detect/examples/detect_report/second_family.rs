//! The second family of series: other noise, other shapes. The detector was not developed on these; they say whether
//! what was learned on the first family holds.

use testkit::Random;

use crate::{
    case::{Case, positions, steps},
    noise::{heavy_tailed, normal, poisson, uniform, walk},
};

type Maker = fn(&mut Random, usize) -> (Vec<f64>, Vec<usize>);

const KINDS: [(&str, Maker); 11] = [
    ("telegraph levels", telegraph),
    ("Poisson rate steps", poisson_steps),
    ("cumulative counts", cumulative),
    ("season × level step", seasonal_multiplicative),
    ("economy, broken drift", broken_drift),
    ("economy, no break", unbroken_walk),
    ("growth, no break", growth),
    ("volatile returns", volatile),
    ("latency steps", latency),
    ("two-mode noise", two_modes),
    ("drifting blocks", drifting_blocks),
];

/// `repeats` of every kind at four lengths.
pub(crate) fn cases(seed: u64, repeats: usize) -> Vec<Case> {
    let mut random = Random::new(seed);
    let mut cases = Vec::new();
    for len in [40, 120, 250, 700] {
        for _ in 0..repeats {
            cases.extend(KINDS.map(|(kind, make)| {
                let (values, changes) = make(&mut random, len);
                Case { kind, size: 0.0, values, annotators: vec![changes] }
            }));
        }
    }
    cases
}

fn some_positions(random: &mut Random, len: usize, most: u64) -> Vec<usize> {
    let count = 1 + random.below(most) as usize;
    positions(random, len, count, 8.max(len / 12))
}

fn telegraph(random: &mut Random, len: usize) -> (Vec<f64>, Vec<usize>) {
    let changes = some_positions(random, len, 6);
    let height = 2.0 + 4.0 * uniform(random);
    let values = (0..len)
        .map(|at| {
            let switched = changes.iter().filter(|change| **change <= at).count();
            height * (switched % 2) as f64 + normal(random)
        })
        .collect();
    (values, changes)
}

fn poisson_steps(random: &mut Random, len: usize) -> (Vec<f64>, Vec<usize>) {
    let changes = some_positions(random, len, 3);
    let base = 2.0 + 30.0 * uniform(random);
    let factors: Vec<f64> = (0..=changes.len()).map(|_| 0.4 + 2.0 * uniform(random)).collect();
    let mean = |at: usize| base * factors[changes.iter().filter(|change| **change <= at).count()];
    let values = (0..len).map(|at| poisson(random, mean(at))).collect();
    (values, changes)
}

fn cumulative(random: &mut Random, len: usize) -> (Vec<f64>, Vec<usize>) {
    let (counts, changes) = poisson_steps(random, len);
    let values = counts.iter().scan(0.0, |sum, count| {
        *sum += count;
        Some(*sum)
    });
    (values.collect(), changes)
}

fn seasonal_multiplicative(random: &mut Random, len: usize) -> (Vec<f64>, Vec<usize>) {
    let changes = some_positions(random, len, 2);
    let levels = steps(random, len, &changes, 0.5);
    let values = levels.iter().enumerate().map(|(at, level)| {
        let season = 0.25 * (std::f64::consts::TAU * at as f64 / 12.0).sin();
        (5.0 + level + season + 0.003 * at as f64 + 0.08 * normal(random)).exp()
    });
    (values.collect(), changes)
}

fn broken_drift(random: &mut Random, len: usize) -> (Vec<f64>, Vec<usize>) {
    let changes = some_positions(random, len, 2);
    let noise = walk(random, len, 0.0);
    let mut slope = 1.5;
    let mut level = 0.0;
    let values = noise.iter().enumerate().map(|(at, noise)| {
        if changes.contains(&at) {
            slope = -slope;
        }
        level += slope;
        level + noise
    });
    (values.collect(), changes)
}

fn unbroken_walk(random: &mut Random, len: usize) -> (Vec<f64>, Vec<usize>) {
    (walk(random, len, 0.2), Vec::new())
}

fn growth(random: &mut Random, len: usize) -> (Vec<f64>, Vec<usize>) {
    let rate = 2.0 + uniform(random);
    let values = (0..len).map(|at| (rate * at as f64 / len as f64).exp() + 0.2 * normal(random)).collect();
    (values, Vec::new())
}

fn volatile(random: &mut Random, len: usize) -> (Vec<f64>, Vec<usize>) {
    let mut variance = 1.0;
    let values = (0..len).map(|_| {
        let value = f64::sqrt(variance) * normal(random);
        variance = 0.1 + 0.15 * value * value + 0.75 * variance;
        value
    });
    (values.collect(), Vec::new())
}

fn latency(random: &mut Random, len: usize) -> (Vec<f64>, Vec<usize>) {
    let changes = some_positions(random, len, 3);
    let levels = steps(random, len, &changes, 0.25);
    let values = levels.iter().map(|level| {
        let stall = if random.chance(4) { uniform(random) * 3.0 } else { 0.0 };
        (3.0 + level + 0.06 * heavy_tailed(random) + stall).exp()
    });
    (values.collect(), changes)
}

fn two_modes(random: &mut Random, len: usize) -> (Vec<f64>, Vec<usize>) {
    let values = (0..len).map(|_| if random.chance(30) { 5.0 } else { 0.0 } + 0.5 * normal(random));
    (values.collect(), Vec::new())
}

fn drifting_blocks(random: &mut Random, len: usize) -> (Vec<f64>, Vec<usize>) {
    let changes = some_positions(random, len, 6);
    let wander = walk(random, len, 0.0);
    let levels = steps(random, len, &changes, 8.0);
    let values = levels.iter().zip(wander).map(|(level, wander)| {
        let dip = if random.chance(2) { -25.0 } else { 0.0 };
        level + 0.15 * wander + normal(random) + dip
    });
    (values.collect(), changes)
}
