//! The families that nothing was developed on.

use testkit::Random;

use super::{
    Change, Made, Maker,
    parts::{bent, between, length, levels, place, places, rounded, season, sign, stepped, sum},
};
use crate::noise::{autoregressive, heavy_tailed, normal, poisson, walk};

pub(super) const FAMILIES: [(&str, Maker); 14] = [
    ("economy, slump", slump),
    ("web traffic", web_traffic),
    ("warming", warming),
    ("eras of a team", eras),
    ("air traffic, collapse", collapse),
    ("quality control", quality),
    ("unemployment", unemployment),
    ("cycles", cycles),
    ("sensor, dropouts", sensor),
    ("epidemic", epidemic),
    ("volatile price", price),
    ("two modes", two_modes),
    ("price list", price_list),
    ("devaluation", devaluation),
];

/// Growth, a fall of some quarters, growth again.
fn slump(random: &mut Random) -> Made {
    let len = length(random, 60.0, 240.0);
    let (start, falls) = (place(random, len * 3 / 4), 6 + random.below(6) as usize);
    let growth = between(random, 0.5, 1.2);
    let fall = growth + between(random, 2.0, 5.0);
    let line = bent(len, growth, &[(start, -fall), (start + falls, fall)]);
    let noise = autoregressive(random, len, 0.7);
    let values = sum(&line, &noise).iter().map(|value| 1000.0 * (value / 100.0).exp()).collect();
    (values, vec![Change { at: start, size: 8.0 }, Change { at: start + falls, size: 4.5 }])
}

/// Weeks, a launch or two, and days on which everybody came.
fn web_traffic(random: &mut Random) -> Made {
    let len = length(random, 150.0, 1100.0);
    let (week, loudness) = (season(random, 7), between(random, 0.05, 0.3));
    let turns = if random.chance(70) { places(random, len, 2) } else { Vec::new() };
    let steps: Vec<(usize, f64)> =
        turns.into_iter().map(|at| (at, sign(random) * between(random, 0.4, 1.0))).collect();
    let related = autoregressive(random, len, 0.4);
    let levels = levels(len, &steps);
    let values = (0..len).map(|at| {
        let crowd = if random.chance(1) { between(random, 0.5, 2.0) } else { 0.0 };
        500.0 * (levels[at] + loudness * week[at % 7] + 0.1 * related[at] + crowd).exp()
    });
    (rounded(values.collect(), 1.0), stepped(&steps, 0.12))
}

fn warming(random: &mut Random) -> Made {
    let len = length(random, 90.0, 170.0);
    let at = place(random, len);
    let departure = between(random, 4.0, 9.0);
    let line = bent(len, 0.0, &[(at, departure / (len - at) as f64)]);
    let values = sum(&line, &autoregressive(random, len, 0.5));
    (rounded(values, 20.0), stepped(&[(at, departure / 1.5)], 1.0))
}

fn eras(random: &mut Random) -> Made {
    let len = length(random, 40.0, 110.0);
    let turns = if random.chance(65) { places(random, len, 3) } else { Vec::new() };
    let mut way = sign(random);
    let steps: Vec<(usize, f64)> = turns
        .into_iter()
        .map(|at| {
            way = -way;
            (at, way * between(random, 0.2, 0.4))
        })
        .collect();
    let start = if way > 0.0 { 0.35 } else { 0.6 };
    let values = levels(len, &steps)
        .into_iter()
        .map(|level| (start + level + 0.07 * normal(random)).clamp(0.0, 1.0))
        .collect();
    (rounded(values, 162.0), stepped(&steps, 0.07))
}

/// Years of growth that end from one month to the next, and come back within years.
fn collapse(random: &mut Random) -> Made {
    let len = length(random, 120.0, 280.0);
    let (year, loudness) = (season(random, 12), between(random, 0.05, 0.15));
    let at = (between(random, 0.4, 0.8) * len as f64) as usize;
    let (depth, back) = (between(random, 0.4, 0.9), between(random, 20.0, 60.0));
    let values = (0..len).map(|index| {
        let since = index as f64 - at as f64;
        let gone = if since < 0.0 { 0.0 } else { depth * (-since / back).exp() };
        let growth = 0.8 * index as f64 / len as f64;
        1000.0 * (growth + loudness * year[index % 12] + 0.03 * normal(random) - gone).exp()
    });
    (rounded(values.collect(), 1.0), vec![Change { at, size: 9.0 }])
}

fn quality(random: &mut Random) -> Made {
    let len = length(random, 40.0, 200.0);
    let step = (place(random, len), sign(random) * between(random, 2.0, 5.0));
    let steps = if random.chance(60) { vec![step] } else { Vec::new() };
    let values = levels(len, &steps).into_iter().map(|level| 25.0 + level + normal(random)).collect();
    (rounded(values, 5.0), stepped(&steps, 1.0))
}

/// Noise whose climbs and falls last: two roots near one.
fn unemployment(random: &mut Random) -> Made {
    let len = length(random, 90.0, 900.0);
    let (near, far) = (between(random, 0.9, 0.98), between(random, 0.5, 0.85));
    let mut level = 0.0;
    let values = autoregressive(random, len, far).into_iter().map(|push| {
        level = near * level + push;
        6.0 + 0.2 * level
    });
    (rounded(values.collect(), 10.0), Vec::new())
}

/// Waves of about equal length and unequal height.
fn cycles(random: &mut Random) -> Made {
    let len = length(random, 100.0, 400.0);
    let (period, kept) = (between(random, 9.0, 30.0), between(random, 0.93, 0.985));
    let turn = 2.0 * kept * (std::f64::consts::TAU / period).cos();
    let (mut before, mut last) = (0.0, 3.0);
    let values = (0..len).map(|_| {
        let next = turn * last - kept * kept * before + normal(random);
        (before, last) = (last, next);
        next
    });
    (values.collect(), Vec::new())
}

/// Days of 24 hours, with hours in which nothing was heard.
fn sensor(random: &mut Random) -> Made {
    let len = length(random, 200.0, 2000.0);
    let (day, loudness) = (season(random, 24), between(random, 1.0, 3.0));
    let step = (place(random, len), sign(random) * between(random, 4.0, 8.0));
    let steps = if random.chance(50) { vec![step] } else { Vec::new() };
    let mut values: Vec<f64> = levels(len, &steps)
        .into_iter()
        .enumerate()
        .map(|(at, level)| 60.0 + level + loudness * day[at % 24] + normal(random))
        .collect();
    for _ in 0..1 + len / 150 {
        let (start, run) = (random.below(len as u64 - 5) as usize, 1 + random.below(4) as usize);
        values[start..start + run].fill(0.0);
    }
    (rounded(values, 2.0), stepped(&steps, 1.0))
}

/// Doubling that is slowed down, and maybe turned back.
fn epidemic(random: &mut Random) -> Made {
    let len = length(random, 60.0, 200.0);
    let turns = places(random, len, 2);
    let reach = len as f64 / (turns.len() + 1) as f64;
    let mut rate = between(random, 2.5, 4.0) / reach;
    let start = rate;
    let bends: Vec<(usize, f64)> = turns
        .iter()
        .map(|&at| {
            let next =
                if rate > 0.0 { -between(random, 0.5, 1.5) } else { between(random, 1.0, 2.0) } / reach;
            let bend = next - rate;
            rate = next;
            (at, bend)
        })
        .collect();
    let means = bent(len, start, &bends);
    let values = means.iter().map(|mean| {
        let stray = 0.1 * normal(random);
        poisson(random, 20.0 * (mean + stray).exp())
    });
    (values.collect(), turns.iter().map(|&at| Change { at, size: 6.5 }).collect())
}

/// A price that wanders, calm for long and nervous at times.
fn price(random: &mut Random) -> Made {
    let len = length(random, 200.0, 1500.0);
    let (mut variance, mut level, drift) = (1.0, 0.0, between(random, -0.03, 0.06));
    let values = (0..len).map(|_| {
        let shock = f64::sqrt(variance) * normal(random);
        variance = 0.05 + 0.1 * shock * shock + 0.85 * variance;
        level += drift + shock;
        50.0 * (0.01 * level).exp()
    });
    (values.collect(), Vec::new())
}

fn two_modes(random: &mut Random) -> Made {
    let len = length(random, 60.0, 500.0);
    let apart = between(random, 3.0, 8.0);
    let values = (0..len)
        .map(|_| if random.chance(35) { apart } else { 0.0 } + 0.6 * heavy_tailed(random) + normal(random));
    (values.collect(), Vec::new())
}

/// Exact levels: nothing but steps.
fn price_list(random: &mut Random) -> Made {
    let len = length(random, 60.0, 400.0);
    let turns = places(random, len, 4);
    let steps: Vec<(usize, f64)> =
        turns.into_iter().map(|at| (at, (sign(random) + 0.4) * between(random, 3.0, 9.0).round())).collect();
    (levels(len, &steps).into_iter().map(|level| 100.0 + level).collect(), stepped(&steps, 0.3))
}

/// A pegged rate that gives way once, and wanders ever after.
fn devaluation(random: &mut Random) -> Made {
    let len = length(random, 80.0, 800.0);
    let at = place(random, len);
    let mut rates = walk(random, len, 0.0);
    let peg = rates[at];
    let stray = between(random, 0.02, 0.2);
    rates.iter_mut().take(at).for_each(|rate| *rate *= stray);
    let fall = between(random, 15.0, 40.0);
    let values = rates
        .iter()
        .enumerate()
        .map(|(index, rate)| if index < at { 200.0 + rate } else { 200.0 - fall + (rate - peg) * 0.4 });
    (values.collect(), vec![Change { at, size: 8.0 }])
}
