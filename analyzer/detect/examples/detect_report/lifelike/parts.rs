//! What the families are put together from.

use testkit::Random;

use super::Change;
use crate::noise::{normal, uniform};

/// A number in a range.
pub(super) fn between(random: &mut Random, low: f64, high: f64) -> f64 {
    low + (high - low) * uniform(random)
}

/// A length in a range, short ones as likely as long ones.
pub(super) fn length(random: &mut Random, low: f64, high: f64) -> usize {
    between(random, low.ln(), high.ln()).exp() as usize
}

/// A place in the middle part of a series.
pub(super) fn place(random: &mut Random, len: usize) -> usize {
    (between(random, 0.2, 0.8) * len as f64) as usize
}

/// Up to `most` places, an eighth of the series from each other and from the ends at least.
pub(super) fn places(random: &mut Random, len: usize, most: u64) -> Vec<usize> {
    let count = 1 + random.below(most) as usize;
    crate::case::positions(random, len, count, (len / 8).max(6))
}

/// The sign of a change.
pub(super) fn sign(random: &mut Random) -> f64 {
    if random.chance(50) { 1.0 } else { -1.0 }
}

/// A season of this many points: two harmonics, one deviation about its mean.
pub(super) fn season(random: &mut Random, period: usize) -> Vec<f64> {
    let (phase, second) = (between(random, 0.0, 6.0), between(random, 0.0, 0.8));
    let angle = |at: usize| std::f64::consts::TAU * at as f64 / period as f64;
    let raw: Vec<f64> =
        (0..period).map(|at| (angle(at) + phase).sin() + second * (2.0 * angle(at)).cos()).collect();
    let mean = raw.iter().sum::<f64>() / period as f64;
    let spread = (raw.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / period as f64).sqrt();
    raw.iter().map(|value| (value - mean) / spread).collect()
}

/// The sum of the sizes of the changes up to each point.
pub(super) fn levels(len: usize, steps: &[(usize, f64)]) -> Vec<f64> {
    (0..len).map(|at| steps.iter().filter(|step| step.0 <= at).map(|step| step.1).sum()).collect()
}

/// A line that bends at each place.
pub(super) fn bent(len: usize, slope: f64, bends: &[(usize, f64)]) -> Vec<f64> {
    let turned = |at: usize, bend: &(usize, f64)| bend.1 * at.saturating_sub(bend.0) as f64;
    (0..len).map(|at| slope * at as f64 + bends.iter().map(|bend| turned(at, bend)).sum::<f64>()).collect()
}

/// Changes by these steps over noise of this deviation.
pub(super) fn stepped(steps: &[(usize, f64)], deviation: f64) -> Vec<Change> {
    steps.iter().map(|&(at, height)| Change { at, size: height.abs() / deviation }).collect()
}

/// Point by point.
pub(super) fn sum(left: &[f64], right: &[f64]) -> Vec<f64> {
    left.iter().zip(right).map(|(left, right)| left + right).collect()
}

/// As measured: so many steps to the unit.
pub(super) fn rounded(values: Vec<f64>, to_the_unit: f64) -> Vec<f64> {
    values.into_iter().map(|value| (value * to_the_unit).round() / to_the_unit).collect()
}

/// How far a series reaches.
pub(super) fn reach(values: &[f64]) -> f64 {
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most - values.iter().copied().fold(f64::INFINITY, f64::min)
}

/// Independent noise of unit variance.
pub(super) fn white(random: &mut Random, len: usize) -> Vec<f64> {
    (0..len).map(|_| normal(random)).collect()
}
