//! Points that leave their neighbours and come back are noise.
//!
//! Hampel's identifier (Hampel 1974; Davies and Gather 1993) with a redescending weight: a point further from the running
//! median than three robust standard deviations is moved to that limit, one further than six is
//! moved to the median. A
//! run shorter than half the window is a minority in it, so a regime is left alone and a blip is not. What more than a
//! tenth of the points do is not an exception, and the limits widen until no more than these are touched.

use super::{MIN_REGIME_POINTS, Point};
use crate::stats::moments::{median, quantile, robust_deviation};

const LIMIT_DEVIATIONS: f64 = 3.0;
const MOST_SPIKES_SHARE: f64 = 0.1;

/// The same points without spikes.
pub(crate) fn removed(points: &[Point]) -> Vec<Point> {
    let values: Vec<f64> = points.iter().map(|point| point.value).collect();
    let expected = expected(&values, MIN_REGIME_POINTS - 1);
    let distances: Vec<f64> =
        values.iter().zip(&expected).map(|(value, expected)| value - expected).collect();
    let sizes: Vec<f64> = distances.iter().map(|distance| distance.abs()).collect();
    let limit =
        (LIMIT_DEVIATIONS * robust_deviation(&distances)).max(quantile(&sizes, 1.0 - MOST_SPIKES_SHARE));
    points
        .iter()
        .zip(distances.iter().zip(&expected))
        .map(|(point, (distance, expected))| {
            let kept = if distance.abs() > 2.0 * limit { 0.0 } else { distance.clamp(-limit, limit) };
            Point { value: expected + kept, ..*point }
        })
        .collect()
}

/// What the neighbours of each point say: the median of it and `reach` on either side. Near an end, where one side lacks,
/// a climb would look like a spike; there the medians' trend is followed outwards too, and the nearer answer counts.
fn expected(values: &[f64], reach: usize) -> Vec<f64> {
    let around = |at: usize| {
        let end = (at + reach + 1).min(values.len());
        median(values.get(at.saturating_sub(reach)..end).unwrap_or_default())
    };
    let last = values.len().saturating_sub(1);
    let outwards = |edge: usize, inner: usize, steps: usize| {
        around(edge) + (around(edge) - around(inner)) * steps as f64 / reach as f64
    };
    values
        .iter()
        .enumerate()
        .map(|(at, value)| {
            let trend = if at < reach {
                outwards(reach, 2 * reach, reach - at)
            } else if last - at < reach {
                outwards(last.saturating_sub(reach), last.saturating_sub(2 * reach), reach - (last - at))
            } else {
                return around(at);
            };
            if (trend - value).abs() < (around(at) - value).abs() { trend } else { around(at) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Alternating noise of ±1 with something added from position 20 on.
    fn check(added: &[f64], expected: &[f64]) {
        let mut points: Vec<Point> =
            (0..60).map(|index| Point { index, value: if index % 2 == 0 { 1.0 } else { -1.0 } }).collect();
        for (point, added) in points.iter_mut().skip(20).zip(added) {
            point.value = *added;
        }
        let kept: Vec<f64> =
            removed(&points).iter().skip(20).take(added.len()).map(|point| point.value).collect();
        assert_eq!(kept, expected, "{added:?}");
    }

    #[test]
    fn a_blip_goes_and_a_regime_stays() {
        check(&[0.5], &[0.5]);
        check(&[100.0], &[1.0]);
        check(&[100.0; 4], &[1.0; 4]);
        check(&[100.0; 9], &[100.0; 9]);
    }

    #[test]
    fn a_climb_has_no_spikes_at_its_ends_and_a_spike_there_goes() {
        let mut climb: Vec<Point> = (0..40).map(|index| Point { index, value: index as f64 }).collect();
        assert_eq!(removed(&climb), climb);
        let untouched = climb.clone();
        for point in climb.iter_mut().rev().take(2) {
            point.value = 500.0;
        }
        assert_eq!(removed(&climb), untouched);
    }
}
