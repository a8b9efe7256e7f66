//! The families that the detector was developed on.

use testkit::Random;

use super::{
    Change, Made, Maker,
    parts::{
        bent, between, length, levels, place, places, reach, rounded, season, sign, stepped, sum, white,
    },
};
use crate::noise::{autoregressive, heavy_tailed, normal, poisson, uniform, walk};

pub(super) const FAMILIES: [(&str, Maker); 18] = [
    ("annual, level", annual_level),
    ("annual, slope", annual_slope),
    ("monthly season, step", monthly_step),
    ("season × growth", growing_season),
    ("season × step", multiplied_step),
    ("walk", wandering),
    ("walk, jump", jumping_walk),
    ("AR", related),
    ("AR, step", related_step),
    ("trends with kinks", kinked),
    ("variance", variance),
    ("counts", counts),
    ("device log", device),
    ("outlier runs", outliers),
    ("heavy tails", heavy),
    ("zeros, then a start", started),
    ("saturation", saturating),
    ("exponential growth", growing),
];

/// One step of three to seven, or none.
fn one_step(random: &mut Random, len: usize) -> Vec<(usize, f64)> {
    let step = (place(random, len), sign(random) * between(random, 3.0, 7.0));
    if random.chance(60) { vec![step] } else { Vec::new() }
}

fn annual_level(random: &mut Random) -> Made {
    let len = length(random, 20.0, 120.0);
    let correlation = between(random, 0.0, 0.4);
    let steps = one_step(random, len);
    let values = sum(&autoregressive(random, len, correlation), &levels(len, &steps));
    (rounded(values, 10.0), stepped(&steps, 1.0))
}

fn annual_slope(random: &mut Random) -> Made {
    let len = length(random, 30.0, 140.0);
    let at = place(random, len);
    let departure = if random.chance(70) { sign(random) * between(random, 5.0, 14.0) } else { 0.0 };
    let slope = sign(random) * between(random, 0.0, 2.0) / len as f64;
    let line = bent(len, slope, &[(at, departure / (len - at) as f64)]);
    let correlation = between(random, 0.0, 0.4);
    let values = sum(&autoregressive(random, len, correlation), &line);
    let changes = if departure == 0.0 { Vec::new() } else { stepped(&[(at, departure / 1.5)], 1.0) };
    (values, changes)
}

fn monthly_step(random: &mut Random) -> Made {
    let len = length(random, 72.0, 300.0);
    let (pattern, loudness) = (season(random, 12), between(random, 1.0, 4.0));
    let steps = one_step(random, len);
    let trend = bent(len, sign(random) * between(random, 0.0, 4.0) / len as f64, &[]);
    let values = levels(len, &steps)
        .into_iter()
        .zip(trend)
        .enumerate()
        .map(|(at, (level, trend))| 50.0 + level + trend + loudness * pattern[at % 12] + normal(random));
    (values.collect(), stepped(&steps, 1.0))
}

/// Growth, season and noise multiplied, with steps of the logarithm.
fn multiplied(random: &mut Random, len: usize, growth: f64, steps: &[(usize, f64)]) -> Vec<f64> {
    let (pattern, loudness) = (season(random, 12), between(random, 0.05, 0.2));
    let (base, noise) = (between(random, 50.0, 500.0), 0.04);
    let levels = levels(len, steps);
    let logarithm = |random: &mut Random, at: usize| {
        growth * at as f64 / len as f64 + loudness * pattern[at % 12] + levels[at] + noise * normal(random)
    };
    let values = (0..len).map(|at| base * logarithm(random, at).exp()).collect();
    rounded(values, 1.0)
}

fn growing_season(random: &mut Random) -> Made {
    let len = length(random, 72.0, 300.0);
    let growth = between(random, 0.5, 2.0);
    (multiplied(random, len, growth, &[]), Vec::new())
}

fn multiplied_step(random: &mut Random) -> Made {
    let len = length(random, 72.0, 300.0);
    let growth = between(random, 0.0, 0.5);
    let steps = [(place(random, len), sign(random) * between(random, 0.2, 0.6))];
    (multiplied(random, len, growth, &steps), stepped(&steps, 0.06))
}

fn wandering(random: &mut Random) -> Made {
    let len = length(random, 60.0, 1500.0);
    let drift = if random.chance(50) { between(random, 0.0, 0.3) } else { 0.0 };
    (walk(random, len, drift), Vec::new())
}

fn jumping_walk(random: &mut Random) -> Made {
    let len = length(random, 60.0, 800.0);
    let values = walk(random, len, 0.0);
    let height = (between(random, 0.5, 1.0) * reach(&values)).max(10.0);
    let steps = [(place(random, len), sign(random) * height)];
    (sum(&values, &levels(len, &steps)), stepped(&steps, 2.0))
}

fn related(random: &mut Random) -> Made {
    let len = length(random, 60.0, 1000.0);
    let correlation = between(random, 0.5, 0.95);
    (autoregressive(random, len, correlation), Vec::new())
}

fn related_step(random: &mut Random) -> Made {
    let len = length(random, 80.0, 800.0);
    let correlation = between(random, 0.3, 0.8);
    let steps = [(place(random, len), sign(random) * between(random, 4.0, 8.0))];
    (sum(&autoregressive(random, len, correlation), &levels(len, &steps)), stepped(&steps, 1.0))
}

/// One to three turns, which stand out by how far they lead away from where the line went until the next one.
fn kinked(random: &mut Random) -> Made {
    let len = length(random, 60.0, 400.0);
    let turns = places(random, len, 3);
    let mut way = sign(random);
    let reach = len as f64 / (turns.len() + 1) as f64;
    let slope = way * between(random, 4.0, 10.0) / reach;
    let bends: Vec<(usize, f64)> = turns
        .iter()
        .map(|&at| {
            way = -way;
            (at, way * between(random, 8.0, 20.0) / reach)
        })
        .collect();
    let values = sum(&white(random, len), &bent(len, slope, &bends));
    let ends = turns.iter().skip(1).copied().chain([len]);
    let changes = bends.iter().zip(ends);
    let changes = changes.map(|(&(at, bend), end)| Change { at, size: bend.abs() * (end - at) as f64 / 1.5 });
    (values, changes.collect())
}

fn variance(random: &mut Random) -> Made {
    let len = length(random, 100.0, 800.0);
    let (at, factor) = (place(random, len), between(random, 2.0, 4.0));
    let loud = random.chance(50);
    let values =
        (0..len).map(|index| normal(random) * if (index < at) == loud { factor } else { 1.0 }).collect();
    (values, vec![Change { at, size: 2.5 }])
}

fn counts(random: &mut Random) -> Made {
    let len = length(random, 40.0, 400.0);
    let base: f64 = between(random, 2.0, 40.0);
    let height = between(random, 3.0, 6.0) * base.sqrt();
    let steps = if random.chance(60) { vec![(place(random, len), height)] } else { Vec::new() };
    let values = levels(len, &steps).into_iter().map(|level| poisson(random, base + level)).collect();
    (values, stepped(&steps, base.sqrt()))
}

/// Levels in whole steps, with little noise and many equal values.
fn device(random: &mut Random) -> Made {
    let len = length(random, 200.0, 3000.0);
    let noise = between(random, 0.2, 0.7);
    let turns = if random.chance(75) { places(random, len, 4) } else { Vec::new() };
    let steps: Vec<(usize, f64)> =
        turns.into_iter().map(|at| (at, sign(random) * between(random, 2.5, 10.0).round())).collect();
    let values = levels(len, &steps).into_iter().map(|level| 40.0 + level + noise * normal(random));
    let values = rounded(values.collect(), 1.0);
    (values, stepped(&steps, noise.max(0.5)))
}

fn outliers(random: &mut Random) -> Made {
    let len = length(random, 80.0, 600.0);
    let steps = if random.chance(40) { one_step(random, len) } else { Vec::new() };
    let mut values = sum(&white(random, len), &levels(len, &steps));
    for _ in 0..2 + random.below(6) {
        let (at, height) = (random.below(len as u64) as usize, sign(random) * between(random, 8.0, 25.0));
        values[at] += height;
    }
    let (start, run) = (place(random, len), 2 + random.below(3) as usize);
    let height = sign(random) * between(random, 8.0, 20.0);
    values[start..start + run].iter_mut().for_each(|value| *value += height);
    (values, stepped(&steps, 1.0))
}

fn heavy(random: &mut Random) -> Made {
    let len = length(random, 60.0, 800.0);
    let steps = one_step(random, len);
    let values = levels(len, &steps).into_iter().map(|level| level + 1.5 * heavy_tailed(random)).collect();
    (values, stepped(&steps, 1.0))
}

fn started(random: &mut Random) -> Made {
    let len = length(random, 40.0, 500.0);
    let at = place(random, len);
    let (level, growth) = (between(random, 5.0, 100.0), between(random, 0.0, 1.5));
    let noise = between(random, 0.05, 0.25);
    let running = |random: &mut Random, since: usize| {
        level * (1.0 + growth * since as f64 / (len - at) as f64) * (1.0 + noise * normal(random))
    };
    let values = (0..len).map(|index| if index < at { 0.0 } else { running(random, index - at) });
    (rounded(values.collect(), 1.0), vec![Change { at, size: 8.0 }])
}

fn saturating(random: &mut Random) -> Made {
    let len = length(random, 40.0, 400.0);
    let (pace, noise) = (len as f64 / between(random, 3.0, 6.0), between(random, 0.01, 0.04));
    let values =
        (0..len).map(|at| 100.0 * (1.0 - (-(at as f64) / pace).exp() + noise * normal(random))).collect();
    (values, Vec::new())
}

fn growing(random: &mut Random) -> Made {
    let len = length(random, 40.0, 600.0);
    let (rate, noise) = (between(random, 1.5, 4.5), between(random, 0.01, 0.06));
    let wander = walk(random, len, 0.0);
    let stray = uniform(random) * 0.02;
    let values = wander
        .into_iter()
        .enumerate()
        .map(|(at, wander)| {
            let logarithm = rate * at as f64 / len as f64 + noise * normal(random) + stray * wander;
            1000.0 * logarithm.exp()
        })
        .collect();
    (values, Vec::new())
}
