//! Where a plain series of numbers changes, as a person would mark it in a plot.
//!
//! Explanations compete for a series: a trend (none, a line, a curve), changes laid upon it (the level moves, the slope
//! moves, or both), and noise of some kind, from white noise to a level or a slope that wanders; each with and
//! without a season removed, in plain values and in logarithms. All are priced alike, by how much surprise is left
//! and by how many numbers the explanation needs ([`explanation`]), and the cheapest one gives the change points: so a
//! climb is one line instead of a staircase, a season is a season instead of forty steps, and what wanders or bends all the
//! time needs no change at all. Of the changes those are told that meet the eye ([`visible`]).
//!
//! The few constants are named where they are used, and none depends on the data.

mod cheapest;
mod elimination;
mod explanation;
mod noise;
mod search;
pub(crate) mod season;
pub(crate) mod spikes;
mod trend;
mod visible;

use cheapest::cheapest;
use search::{Change, Kind};

/// The fewest points that make a regime; fewer are an outlier.
pub(crate) const MIN_REGIME_POINTS: usize = 5;

/// Nor is a regime shorter than this share of the whole: in a plot it would be a spike.
const MIN_REGIME_SHARE: f64 = 0.03;

/// Longer series are read in blocks, so that time stays bounded.
const MAX_POINTS: usize = 4_000;

/// One value at one position of the series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) index: usize,
    pub(crate) value: f64,
}

/// The index of the first point of each regime after the first, as a person would mark them in a plot. Values that are
/// not finite are missing; an index always names a value that is present. Of a series longer than 4,000 points, means of
/// equal blocks are looked at.
pub fn change_points(values: &[f64]) -> Vec<usize> {
    let observed: Vec<Point> = values
        .iter()
        .enumerate()
        .filter(|(_, value)| value.is_finite())
        .map(|(index, value)| Point { index, value: *value })
        .collect();
    if observed.len() < 2 * MIN_REGIME_POINTS {
        return Vec::new();
    }
    let mut best = explain_with_season(&observed);
    if let Some(logarithms) = logarithms(&observed) {
        // In logarithms values lie closer together: twice the logarithm of the change of variables (Box and Cox 1964), and
        // one parameter.
        let multiplicative = explain_with_season(&logarithms);
        let points = multiplicative.points as f64;
        let mean = logarithms.iter().map(|point| point.value).sum::<f64>() / observed.len() as f64;
        if multiplicative.cost + 2.0 * points * mean + points.ln() < best.cost {
            best = multiplicative;
        }
    }
    best.changes.iter().filter_map(|at| observed.get(*at)).map(|point| point.index).collect()
}

/// The logarithms of a series that is positive throughout and at least doubles; within less, a logarithm is nearly
/// straight.
fn logarithms(points: &[Point]) -> Option<Vec<Point>> {
    let least = points.iter().map(|point| point.value).fold(f64::INFINITY, f64::min);
    let most = points.iter().map(|point| point.value).fold(f64::NEG_INFINITY, f64::max);
    let is_wide = least > 0.0 && most >= 2.0 * least;
    is_wide.then(|| points.iter().map(|point| Point { value: point.value.ln(), ..*point }).collect())
}

/// Where a series changes, and what the whole account of it costs.
struct Answer {
    /// Positions among the points.
    changes: Vec<usize>,
    cost: f64,
    /// How many points were accounted for: those of the series, or its blocks.
    points: usize,
    /// The series without noise and season.
    course: Vec<f64>,
}

/// The cheaper with or without a season.
fn explain_with_season(points: &[Point]) -> Answer {
    let plain = explain(points, 0);
    let Some(season) = season::find(points) else { return plain };
    let once = explain(&season.removed_from(points), season.period());
    // What changes blurs the season at first, so it is looked at again without the changes.
    let season = season.again(points, &once.course);
    let again = explain(&season.removed_from(points), season.period());
    [once, again].into_iter().fold(plain, |best, other| if other.cost < best.cost { other } else { best })
}

/// The cheapest explanation when so many parameters were spent before.
fn explain(points: &[Point], spent_parameters: usize) -> Answer {
    let points = spikes::removed(points);
    let block = points.len().div_ceil(MAX_POINTS).max(1);
    let (values, center, scale) = scaled(&points, block);
    let count = values.len() as f64;
    let gap = MIN_REGIME_POINTS.max((MIN_REGIME_SHARE * count).ceil() as usize);
    let found = visible::only(&values, cheapest(&values, gap), gap);
    let course = found.course(&values).map_or_else(Vec::new, |course| course.values);
    let course = course.iter().flat_map(|value| std::iter::repeat_n(value * scale + center, block));
    Answer {
        changes: found.changes.iter().map(|change| place(&points, *change, block)).collect(),
        cost: found.cost + spent_parameters as f64 * count.ln() + 2.0 * count * scale.ln(),
        points: values.len(),
        course: course.take(points.len()).collect(),
    }
}

/// Means of blocks about their common mean, at most 1 away from it; with that mean and the scale, a power of two, so that
/// the scale of a series does not change its digits.
fn scaled(points: &[Point], block: usize) -> (Vec<f64>, f64, f64) {
    let mean = |points: &[Point]| {
        let count = points.len().max(1) as f64;
        points.iter().map(|point| point.value / count).sum::<f64>()
    };
    let center = mean(points);
    let reach = points.iter().map(|point| (point.value - center).abs()).fold(0.0, f64::max);
    let scale = if reach > 0.0 { reach.log2().ceil().exp2() } else { 1.0 };
    (points.chunks(block).map(|chunk| (mean(chunk) - center) / scale).collect(), center, scale)
}

/// The position of a change that was found among blocks: where two levels part the points nearby best. A bend has no
/// such place.
fn place(points: &[Point], change: Change, block: usize) -> usize {
    let at = change.at * block;
    if block == 1 || change.kind == Kind::Bend {
        return at;
    }
    let start = at.saturating_sub(2 * block);
    let nearby = points.get(start..(at + 2 * block).min(points.len())).unwrap_or_default();
    let total: f64 = nearby.iter().map(|point| point.value).sum();
    let center = total / nearby.len().max(1) as f64;
    let mut sum = 0.0;
    let parted = nearby.iter().enumerate().skip(1).map(|(before, _)| {
        sum += nearby.get(before - 1).map_or(0.0, |point| point.value - center);
        let after = nearby.len() - before;
        (sum * sum / before as f64 + sum * sum / after as f64, start + before)
    });
    let inner = parted.filter(|(_, place)| place.abs_diff(at) <= block);
    inner.max_by(|left, right| left.0.total_cmp(&right.0)).map_or(at, |(_, place)| place)
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
        let level = |at: usize| if at < 20 { 5.0 } else { 9.0 };
        let holes: Vec<f64> = (0..40).map(|at| if at % 7 == 0 { f64::NAN } else { level(at) }).collect();
        check("gaps in exact levels", &holes, &[20]);
        check("infinite", &[&[f64::INFINITY; 3][..], &[1.0; 10], &[4.0; 10]].concat(), &[13]);
        let long = with(12, 12_000, |at| if at < 6_000.0 { 0.0 } else { 3.0 });
        check("longer than the bound", &long, &[6_000]);
        let digits = |at: usize| (at * 7_919 % 101) as f64 / 50.0 + if at < 2_000 { 1.0 } else { 4.0 };
        check("longer, in no whole blocks", &(0..4_100).map(digits).collect::<Vec<_>>(), &[2_000]);
        let mut level = 0.0;
        let walk: Vec<f64> = noise(22, 600)
            .iter()
            .map(|step| {
                level += step;
                level
            })
            .collect();
        check("walk", &walk, &[]);
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
