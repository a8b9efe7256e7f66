//! Steps up in one series, with what makes them worth telling.

use crate::{
    filters::{season::is_season, went_away::went_away},
    partition,
    stats::{
        Estimate,
        moments::{covariance, mean, variance},
    },
};

/// Of a rise in two steps, what a line between them has to climb for the two to be one.
const CLIMB_MIN: f64 = 0.5;

/// A lasting rise of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Where the regime before begins.
    pub start: usize,
    /// Index of the first value behind it.
    pub at: usize,
    /// Index of the first value at its new level: where a climb ends, else the same as `at`.
    pub settled: usize,
    /// Where its regime ends.
    pub end: usize,
    /// Mean of the regime before.
    pub before: f64,
    /// Mean of the regime behind.
    pub after: f64,
    /// Behind less before, over the series' own values.
    pub difference: Estimate,
}

/// What became of a series' change points, each counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fallen {
    /// Falls of cost.
    pub improvements: u64,
    /// Rises below the floor.
    pub small: u64,
    /// Rises that are over.
    pub went_away: u64,
    /// Rises that come every period.
    pub season: u64,
}

/// Finds the steps up in a series. Relative rises below `floor` are none; `period` is the season's length in values, 0 for
/// none.
pub fn steps(values: &[f64], floor: f64, period: usize) -> (Vec<Step>, Fallen) {
    let (mut steps, mut fallen) = (Vec::new(), Fallen::default());
    let changes = partition::changes(values);
    let starts = std::iter::once(0).chain(changes.iter().copied());
    let ends = changes.iter().skip(1).copied().chain([values.len()]);
    for ((start, at), end) in starts.zip(changes.iter().copied()).zip(ends) {
        let Some(step) = step(values, (start, at, end)) else { continue };
        let counter = match step {
            _ if step.after <= step.before => &mut fallen.improvements,
            _ if step.after < step.before * (1.0 + floor) => &mut fallen.small,
            _ if went_away(values, at, end) => &mut fallen.went_away,
            _ if is_season(values, at, end, period) => &mut fallen.season,
            _ => {
                steps.push(step);
                continue;
            }
        };
        *counter += 1;
    }
    (joined(values, steps), fallen)
}

/// Steps with nothing but a climb between them are one rise.
fn joined(values: &[f64], steps: Vec<Step>) -> Vec<Step> {
    let mut joined: Vec<Step> = Vec::new();
    for step in steps {
        let climbing = joined.last_mut().filter(|last| {
            let middle = values.get(last.at..step.at).unwrap_or_default();
            last.end == step.at && climb(middle) >= CLIMB_MIN * (step.after - last.before)
        });
        match climbing.map(|last| (*last, last)) {
            Some((first, last)) => {
                let sides = (present(values, first.start..first.at), present(values, step.settled..step.end));
                let whole = of_related(&sides.1).zip(of_related(&sides.0));
                let difference = whole.map_or(step.difference, |(after, before)| after.minus(before));
                *last = Step { settled: step.settled, end: step.end, after: step.after, difference, ..first };
            }
            None => joined.push(step),
        }
    }
    joined
}

/// How far a line through the values rises from the first to the last.
fn climb(values: &[f64]) -> f64 {
    let present: Vec<(f64, f64)> = values
        .iter()
        .enumerate()
        .filter(|(_, value)| value.is_finite())
        .map(|(at, value)| (at as f64, *value))
        .collect();
    let (places, values): (Vec<f64>, Vec<f64>) = present.into_iter().unzip();
    let spread = variance(&places);
    if spread > 0.0 { covariance(&places, &values) / spread * values.len() as f64 } else { 0.0 }
}

/// The step at `at`, between the regimes that begin at `start` and end at `end`. None without two values on each side.
pub(super) fn step(values: &[f64], (start, at, end): (usize, usize, usize)) -> Option<Step> {
    let (before, after) = (present(values, start..at), present(values, at..end));
    let difference = of_related(&after)?.minus(of_related(&before)?);
    Some(Step { start, at, settled: at, end, before: mean(&before), after: mean(&after), difference })
}

fn present(values: &[f64], range: std::ops::Range<usize>) -> Vec<f64> {
    values.get(range).unwrap_or_default().iter().copied().filter(|value| value.is_finite()).collect()
}

/// The mean of values that follow each other: with correlation r from one to the next, n of them are worth
/// n (1 - r) / (1 + r) independent ones.
fn of_related(values: &[f64]) -> Option<Estimate> {
    let estimate = Estimate::of_mean(values)?;
    let center = estimate.value;
    let square: f64 = values.iter().map(|value| (value - center).powi(2)).sum();
    let pairs = values.iter().zip(values.iter().skip(1));
    let product: f64 = pairs.map(|(now, next)| (now - center) * (next - center)).sum();
    let correlation = if square > 0.0 { (product / square).clamp(0.0, 0.9) } else { 0.0 };
    let worth = (1.0 - correlation) / (1.0 + correlation);
    Some(Estimate {
        standard_error: estimate.standard_error / worth.sqrt(),
        degrees_of_freedom: (values.len() as f64 * worth - 1.0).max(1.0),
        ..estimate
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::Noise;

    fn series(seed: u64, level: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut noise = Noise::new(seed);
        (0..96).map(|at| level(at) * (1.0 + 0.02 * noise.normal())).collect()
    }

    #[test]
    fn a_lasting_rise_is_a_step_and_nothing_else_is() {
        let check = |values: Vec<f64>, expected: &[usize], fallen: Fallen| {
            let (found, counted) = steps(&values, 0.03, 24);
            let at: Vec<usize> = found.iter().map(|step| step.at).collect();
            assert_eq!((at.as_slice(), counted), (expected, fallen));
        };
        check(series(1, |_| 10.0), &[], Fallen::default());
        check(series(2, |at| if at < 60 { 10.0 } else { 12.0 }), &[60], Fallen::default());
        check(
            series(3, |at| if at < 60 { 12.0 } else { 10.0 }),
            &[],
            Fallen { improvements: 1, ..Fallen::default() },
        );
        let spike = series(4, |at| if (50..70).contains(&at) { 13.0 } else { 10.0 });
        let climb = series(5, |at| 10.0 + (at.saturating_sub(40) as f64 / 24.0).min(1.0) * 3.0);
        check(climb, &[39], Fallen::default());
        check(spike, &[], Fallen { improvements: 1, went_away: 1, ..Fallen::default() });
    }

    #[test]
    fn unchanged_series_have_no_steps() {
        let alarms = (0..300).filter(|seed| !steps(&series(100 + seed, |_| 10.0), 0.01, 0).0.is_empty());
        assert!(alarms.count() <= 3, "1 in 100");
    }

    #[test]
    fn a_step_knows_its_size() {
        let (found, _) = steps(&series(5, |at| if at < 40 { 10.0 } else { 13.0 }), 0.03, 0);
        let (low, high) = found[0].difference.interval(0.95);
        assert!((low..=high).contains(&3.0), "{found:?}");
        assert!(found[0].difference.p_value() < 1e-6);
    }
}
