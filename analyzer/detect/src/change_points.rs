//! Where a plain series of numbers shifts lastingly.
//!
//! Explanations compete for a series: pieces that are level against pieces that are lines, each with and without a
//! season removed, in plain values and in logarithms, each with every number of changes that some penalty asks for. All
//! are priced alike, by what is left as autocorrelated noise and by how many numbers the explanation needs
//! ([`explanation`]), and the cheapest one gives the change points. So a steady climb is one line instead of a staircase,
//! a season is a season instead of forty steps, and wandering noise is noise.
//!
//! The few constants are named where they are used, and none depends on the data.

mod bend;
mod explanation;
mod noise;
mod pieces;
mod season;
mod spikes;

use explanation::{Explanation, cheapest};
use pieces::Shape;

/// The fewest points that make a regime; fewer are an outlier.
const MIN_REGIME_POINTS: usize = 5;

/// Longer series are read in blocks, so that time stays bounded.
const MAX_POINTS: usize = 4_000;

/// One value at one position of the series.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    index: usize,
    value: f64,
}

/// The index of the first point of each regime after the first. Values that are not finite are missing; an index
/// always names a value that is present. Of a series longer than 4,000 points, means of equal blocks are looked at,
/// and an index names the start of a block.
pub fn change_points(values: &[f64]) -> Vec<usize> {
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
    use testkit::Random;

    use super::*;

    fn noise(seed: u64, len: usize) -> Vec<f64> {
        let mut random = Random::new(seed);
        let mut uniform = || (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        (0..len).map(|_| (0..12).map(|_| uniform()).sum::<f64>() - 6.0).collect()
    }

    fn with(seed: u64, len: usize, signal: impl Fn(f64) -> f64) -> Vec<f64> {
        noise(seed, len).iter().enumerate().map(|(at, noise)| noise + signal(at as f64)).collect()
    }

    /// Each expected change has to be found within two points, and nothing else.
    fn check(name: &str, values: &[f64], expected: &[usize]) {
        let found = change_points(values);
        let close = found.len() == expected.len()
            && found.iter().zip(expected).all(|(found, expected)| found.abs_diff(*expected) <= 2);
        assert!(close, "{name}: found {found:?}, expected {expected:?}");
    }

    #[test]
    fn what_lasts_is_found_and_what_does_not_is_not() {
        let step = |at: f64| if at < 40.0 { 0.0 } else { 5.0 };
        check("step", &with(1, 100, step), &[40]);
        check("two steps", &with(2, 100, |at| step(at) - 2.0 * step(at - 30.0)), &[40, 70]);
        check("step on a climb", &with(3, 200, |at| 0.05 * at + 2.0 * step(at)), &[40]);
        check("step in a season", &with(4, 140, |at| step(at) + 4.0 * (at * 0.898).sin()), &[40]);
        check("noise", &noise(5, 100), &[]);
        check("exact climb", &(0..60).map(f64::from).collect::<Vec<_>>(), &[]);
        check("spike at the end", &with(13, 60, |at| if at >= 58.0 { 30.0 } else { 0.0 }), &[]);
        check("climb", &with(6, 100, |at| 0.3 * at), &[]);
        check("season", &with(7, 140, |at| 4.0 * (at * 0.898).sin()), &[]);
        check("spike", &with(8, 100, |at| if at == 50.0 { 30.0 } else { 0.0 }), &[]);
        check("spike of four", &with(19, 100, |at| if (50.0..54.0).contains(&at) { 30.0 } else { 0.0 }), &[]);
        check("bend", &with(10, 200, |at| (at - 100.0).max(0.0)), &[100]);
    }

    #[test]
    fn odd_series_are_survived() {
        check("nothing", &[], &[]);
        check("too short", &[1.0, 1.0, 1.0, 1.0, 9.0, 9.0, 9.0, 9.0], &[]);
        check("constant", &[3.5; 50], &[]);
        check("only missing", &[f64::NAN; 50], &[]);
        check("huge", &[&[1e300; 20][..], &[-1e300; 20]].concat(), &[20]);
        check("tiny", &[&[1e-200; 20][..], &[2e-200; 20]].concat(), &[20]);
        check("exact step", &[&[1.0; 10][..], &[2.0; 10]].concat(), &[10]);
        let mut gaps = with(21, 100, |at| if at < 60.0 { 0.0 } else { 6.0 });
        for at in (0..100).step_by(3) {
            gaps[at] = f64::NAN;
        }
        check("gaps", &gaps, &[61]);
        check("infinite", &[&[f64::INFINITY; 3][..], &[1.0; 10], &[4.0; 10]].concat(), &[13]);
        let long = with(12, 12_000, |at| if at < 6_000.0 { 0.0 } else { 3.0 });
        check("longer than the bound", &long, &[6_000]);
    }

    proptest::proptest! {
        #[test]
        fn shape_counts_and_scale_does_not(seed: u64, len in 10usize..80, exponent in -20i32..20) {
            let values = with(seed, len, |at| if at < len as f64 / 2.0 { 0.0 } else { 4.0 });
            let scale = 2f64.powi(exponent);
            let scaled: Vec<f64> = values.iter().map(|value| value * scale).collect();
            let found = change_points(&values);
            proptest::prop_assert_eq!(&found, &change_points(&scaled));
            let bounds: Vec<usize> = [0].into_iter().chain(found).chain([len]).collect();
            proptest::prop_assert!(bounds.windows(2).all(|pair| pair[1] >= pair[0] + MIN_REGIME_POINTS));
        }
    }
}
