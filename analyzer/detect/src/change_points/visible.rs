//! Changes that meet the eye.
//!
//! What is surely there need not be visible: a shift by half a standard deviation among thousands of points, or a jump of
//! a hundredth of what the series does elsewhere. A change is kept if it moves the series further than the noise about it
//! does anyway, and by a visible part of the height of a plot.

use super::{
    explanation::{Explanation, Part},
    search::{Change, Kind},
};
use crate::stats::moments::{quantile, robust_deviation};

/// How far a change has to move the series, in deviations of the noise about it.
const LEAST_DEVIATIONS: f64 = 1.5;

/// How far, in standard errors of the place that it is moved to.
const LEAST_ERRORS: f64 = 4.0;

/// How far, as a share of the height of a plot.
const LEAST_HEIGHT_SHARE: f64 = 0.08;

/// The explanation without the changes that cannot be seen, the faintest going first.
pub(super) fn only(values: &[f64], mut explanation: Explanation, gap: usize) -> Explanation {
    while let Some(faintest) = faintest(values, &explanation, gap) {
        explanation.changes.remove(faintest);
        explanation = explanation.repriced(values);
    }
    explanation
}

/// The position of the faintest change, if it cannot be seen.
fn faintest(values: &[f64], explanation: &Explanation, gap: usize) -> Option<usize> {
    let course = explanation.course(values)?;
    let left: Vec<f64> = values.iter().zip(&course.values).map(|(value, course)| value - course).collect();
    let height = quantile(values, 0.98) - quantile(values, 0.02);
    let mut bounds: Vec<usize> = explanation.changes.iter().map(|change| change.at).collect();
    bounds.insert(0, 0);
    bounds.push(values.len());
    let seen = explanation.changes.iter().zip(bounds.windows(3)).map(|(change, bounds)| {
        let &[start, at, end] = bounds else { return f64::INFINITY };
        // Of two lines that meet, the shorter one decides most of how far they part.
        let (before, after) = ((at - start) as f64, (end - at) as f64);
        let reach = 2.0 * before * after / (before + after);
        let moved = moved(&course.parts, change, reach / values.len() as f64);
        let side = |from: usize, to: usize| deviation(left.get(from..to).unwrap_or_default(), gap);
        let noise = side(start, at).hypot(side(at, end)) / std::f64::consts::SQRT_2;
        // So much a line takes from noise of its own accord, the more the fewer points it has.
        let fitted = change.kind.parameters() as f64 * (1.0 / before + 1.0 / after).sqrt();
        let floor = LEAST_DEVIATIONS.max(LEAST_ERRORS * fitted) * noise;
        moved / floor.max(LEAST_HEIGHT_SHARE * height)
    });
    let (at, seen) = seen.enumerate().min_by(|left, right| left.1.total_cmp(&right.1))?;
    (seen < 1.0).then_some(at)
}

/// How far a change takes the series from where it would have been: at once, or within a reach.
fn moved(parts: &[(Part, f64)], change: &Change, reach: f64) -> f64 {
    let share = |kind: Kind| {
        let part = Part::Change(Change { kind, ..*change });
        parts.iter().find(|(known, _)| *known == part).map_or(0.0, |(_, share)| *share)
    };
    let (step, bend) = (share(Kind::Step), share(Kind::Bend) * reach);
    step.abs().max((step + bend).abs()).max(bend.abs())
}

/// The deviation of noise, as it shows between points this far from each other: noise that wanders goes further.
fn deviation(noise: &[f64], apart: usize) -> f64 {
    let steps: Vec<f64> =
        noise.iter().zip(noise.iter().skip(apart)).map(|(before, after)| after - before).collect();
    if steps.len() < apart {
        robust_deviation(noise)
    } else {
        robust_deviation(&steps) / std::f64::consts::SQRT_2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{change_points::noise::Noise, simulated};

    /// Of a step of this height in noise, how many changes are left.
    fn seen(height: f64, len: usize, at: usize) -> usize {
        let mut noise = simulated::Noise::new(1);
        let values: Vec<f64> =
            (0..len).map(|index| noise.normal() + if index < at { 0.0 } else { height }).collect();
        let explanation = Explanation::of_level(&values, &Noise::default());
        only(&values, explanation.with(Change { at, kind: Kind::Step }).repriced(&values), 5).changes.len()
    }

    #[test]
    fn a_step_has_to_stand_out_of_the_noise() {
        for (height, len, at, expected) in [
            (3.0, 100, 50, 1),
            (0.7, 100, 50, 0),
            (0.7, 2_000, 1_000, 0),
            (2.2, 100, 50, 1),
            (1.6, 100, 95, 0),
        ] {
            assert_eq!(seen(height, len, at), expected, "{height} of {len} at {at}");
        }
    }

    #[test]
    fn a_step_has_to_be_a_visible_part_of_the_plot() {
        let values: Vec<f64> = (0..100).map(|at| f64::from(at) + if at < 50 { 0.0 } else { 3.0 }).collect();
        let mut explanation = Explanation::of_level(&values, &Noise::default());
        explanation.trend = crate::change_points::trend::Trend::Slope;
        let with = explanation.with(Change { at: 50, kind: Kind::Step }).repriced(&values);
        assert_eq!(only(&values, with, 5).changes, []);
    }
}
