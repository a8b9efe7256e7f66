//! Where the level or the slope of a cost moves, however little: what hosts judge afterwards.
//!
//! Explanations compete for a series: pieces that are level against pieces that are lines, each with and without a
//! season removed, in plain values and in logarithms, each with every number of changes that some penalty asks for. All
//! are priced alike, by what is left as autocorrelated noise and by how many numbers the explanation needs
//! ([`explanation`]), and the cheapest one gives the changes. Unlike [`crate::change_points`], which marks what a person
//! would mark, a climb is as many pieces as it takes, and no change is too small to be told: the hosts decide that.

mod bend;
mod explanation;
mod noise;
mod pieces;

use explanation::{Explanation, cheapest};
use pieces::Shape;

use crate::change_points::{MIN_REGIME_POINTS, Point, season, spikes};

/// Longer series are read in blocks, so that time stays bounded.
const MAX_POINTS: usize = 4_000;

/// The index of the first point of each piece after the first. Values that are not finite are missing; an index
/// always names a value that is present. Of a series longer than 4,000 points, means of equal blocks are looked at,
/// and an index names the start of a block.
pub(crate) fn changes(values: &[f64]) -> Vec<usize> {
    let observed = in_blocks(values);
    if observed.len() < 2 * MIN_REGIME_POINTS {
        return Vec::new();
    }
    let mut best = explain_with_season(&observed);
    if let Some((logarithms, volume)) = logarithms(&observed) {
        let multiplicative = explain_with_season(&logarithms);
        if multiplicative.description_cost + volume < best.description_cost {
            best = multiplicative;
        }
    }
    best.changes.iter().filter_map(|&at| observed.get(at)).map(|point| point.index).collect()
}

/// The logarithms of a series that is positive throughout and at least doubles (within less, a logarithm is nearly
/// straight), and what must be added to a cost in logarithms to compare it with one in plain values: twice the logarithm
/// of the change of variables (Box and Cox 1964), and one parameter.
fn logarithms(points: &[Point]) -> Option<(Vec<Point>, f64)> {
    let least = points.iter().map(|point| point.value).fold(f64::INFINITY, f64::min);
    let most = points.iter().map(|point| point.value).fold(f64::NEG_INFINITY, f64::max);
    if least <= 0.0 || most < 2.0 * least {
        return None;
    }
    let logarithms: Vec<Point> =
        points.iter().map(|point| Point { value: point.value.ln(), ..*point }).collect();
    let volume = 2.0 * logarithms.iter().map(|point| point.value).sum::<f64>();
    Some((logarithms, volume + (points.len() as f64).ln()))
}

/// The cheaper with or without a season.
fn explain_with_season(points: &[Point]) -> Explanation {
    let plain = explain(points, 0);
    let Some(season) = season::find(points) else { return plain };
    let without = explain(&season.removed_from(points), season.period());
    if without.description_cost < plain.description_cost { without } else { plain }
}

/// The cheaper of both shapes; levels win a tie, being simpler.
fn explain(points: &[Point], spent_parameters: usize) -> Explanation {
    let points = spikes::removed(points);
    let level = cheapest(&points, Shape::Level, spent_parameters);
    let line = cheapest(&points, Shape::Line, spent_parameters);
    if line.description_cost < level.description_cost { line } else { level }
}

/// The values that are present, or the means of so many of them that the blocks are few enough.
fn in_blocks(values: &[f64]) -> Vec<Point> {
    let block = values.len().div_ceil(MAX_POINTS).max(1);
    let mut points = Vec::with_capacity(values.len() / block + 1);
    for (at, chunk) in values.chunks(block).enumerate() {
        let present = chunk.iter().filter(|value| value.is_finite());
        let (sum, count) = present.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
        let first = chunk.iter().position(|value| value.is_finite());
        points.extend(first.map(|first| Point { index: at * block + first, value: sum / count }));
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::Noise;

    #[test]
    fn a_small_step_counts_and_noise_does_not() {
        let mut noise = Noise::new(1);
        let mut series = |height: f64| -> Vec<f64> {
            (0..400).map(|at| noise.normal() + if at < 200 { 0.0 } else { height }).collect()
        };
        let small = changes(&series(0.8));
        assert!(small.len() == 1 && small[0].abs_diff(200) <= 10, "{small:?}");
        assert_eq!(changes(&series(0.0)), []);
    }

    #[test]
    fn a_long_series_is_looked_at_in_blocks() {
        let mut noise = Noise::new(2);
        let values: Vec<f64> =
            (0..12_000).map(|at| noise.normal() + if at < 6_000 { 0.0 } else { 3.0 }).collect();
        assert_eq!(changes(&values), [6_000]);
        assert_eq!(changes(&[]), []);
    }
}
