//! A pattern that repeats.
//!
//! Classical decomposition (Persons 1919; Cleveland et al. 1990 for the idea of judging strength on the detrended
//! series): take away the centred moving average of one period, then the mean of each phase. A period counts when the
//! fit of its phases is worth their number by the Bayesian information criterion, over three cycles at least: with
//! fewer, any curve repeats itself.

use super::Point;
use crate::stats::moments::median;

const MIN_CYCLES: usize = 3;

/// Points times periods that are looked at; of 50,000 points, periods of up to 400.
const MAX_WORK: usize = 20_000_000;

/// A repeating pattern: what to take away in each phase.
pub(crate) struct Season {
    phases: Vec<f64>,
}

impl Season {
    /// Points per cycle.
    pub(crate) fn period(&self) -> usize {
        self.phases.len()
    }

    /// The same period's pattern in what a course leaves over.
    pub(crate) fn again(&self, points: &[Point], course: &[f64]) -> Self {
        let mut phases = vec![Vec::new(); self.phases.len()];
        for (point, course) in points.iter().zip(course) {
            if let Some(phase) = phases.get_mut(point.index % self.phases.len().max(1)) {
                phase.push(point.value - course);
            }
        }
        Self::of(&phases)
    }

    /// The medians of the phases, about their mean.
    fn of(phases: &[Vec<f64>]) -> Self {
        let mut phases: Vec<f64> = phases.iter().map(|values| median(values)).collect();
        let center = phases.iter().sum::<f64>() / phases.len().max(1) as f64;
        phases.iter_mut().for_each(|phase| *phase -= center);
        Self { phases }
    }

    /// The points without the pattern.
    pub(crate) fn removed_from(&self, points: &[Point]) -> Vec<Point> {
        points
            .iter()
            .map(|point| {
                let phase =
                    self.phases.get(point.index % self.phases.len().max(1)).copied().unwrap_or_default();
                Point { value: point.value - phase, ..*point }
            })
            .collect()
    }
}

/// The period whose pattern explains most for its size, if any pays for itself.
pub(crate) fn find(points: &[Point]) -> Option<Season> {
    let values = evenly_spaced(points);
    let sums: Vec<f64> = std::iter::once(0.0)
        .chain(values.iter().scan(0.0, |sum, value| {
            *sum += value;
            Some(*sum)
        }))
        .collect();
    let longest = (values.len() / MIN_CYCLES).min(MAX_WORK / values.len().max(1));
    let (gain, period) = (2..=longest)
        .map(|period| (gain(&detrended(&values, &sums, period), period), period))
        .max_by(|left, right| left.0.total_cmp(&right.0))?;
    if gain <= 0.0 {
        return None;
    }
    let offset = points.first()?.index;
    let mut phases = vec![Vec::new(); period];
    for (at, value) in detrended(&values, &sums, period) {
        if let Some(phase) = phases.get_mut((at + offset) % period) {
            phase.push(value);
        }
    }
    Some(Season::of(&phases))
}

/// By how much the phases' fit beats its own price.
fn gain(detrended: &[(usize, f64)], period: usize) -> f64 {
    let mut phases = vec![(0.0, 0.0); period];
    let mut square = 0.0;
    for (at, value) in detrended {
        square += value * value;
        if let Some((sum, count)) = phases.get_mut(at % period) {
            *sum += value;
            *count += 1.0;
        }
    }
    let explained: f64 = phases.iter().map(|(sum, count)| sum * sum / f64::max(*count, 1.0)).sum();
    let count = detrended.len() as f64;
    let left = (square - explained).max(square * 1e-9);
    if square > 0.0 { count * (square / left).ln() - period as f64 * count.ln() } else { 0.0 }
}

/// What is left of the points that have a whole period about them, after its mean.
fn detrended(values: &[f64], sums: &[f64], period: usize) -> Vec<(usize, f64)> {
    let reach = period / 2;
    let range = |start: usize, end: usize| match (sums.get(start), sums.get(end)) {
        (Some(before), Some(until)) => until - before,
        _ => 0.0,
    };
    values
        .iter()
        .enumerate()
        .take(values.len().saturating_sub(reach))
        .skip(reach)
        .map(|(at, value)| {
            let around = if period % 2 == 1 {
                range(at - reach, at + reach + 1)
            } else {
                (range(at - reach, at + reach) + range(at - reach + 1, at + reach + 1)) / 2.0
            };
            (at, value - around / period as f64)
        })
        .collect()
}

/// One value per position from the first to the last point, straight lines across what is missing.
fn evenly_spaced(points: &[Point]) -> Vec<f64> {
    let mut values = Vec::new();
    for (now, next) in points.iter().zip(points.iter().skip(1)) {
        let steps = next.index - now.index;
        values
            .extend((0..steps).map(|step| now.value + (next.value - now.value) * step as f64 / steps as f64));
    }
    values.extend(points.last().map(|point| point.value));
    values
}
