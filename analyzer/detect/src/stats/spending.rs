//! Looking at a comparison while it runs, without looking until it alarms.
//!
//! The chance of a false finding is spent as evidence comes in, hardly any of it early: Lan and DeMets 1983, "Discrete
//! sequential boundaries for clinical trials", with their spending function of O'Brien and Fleming's kind. The boundary
//! at each look follows from the distribution of the statistic over paths that crossed none before, integrated
//! numerically (Armitage, McPherson and Rowe 1969).

use super::distribution::{normal_quantile, normal_tail};

/// Points of the grid on which the distribution over paths is kept.
const GRID: usize = 2_001;

/// Beyond this many standard deviations there is nothing to integrate.
const REACH: f64 = 8.0;

/// False-alarm probability, half of it on either side, that may be spent once this share of the information, 0 to 1,
/// is in.
pub fn spent(alpha: f64, information: f64) -> f64 {
    if information <= 0.0 {
        return 0.0;
    }
    4.0 * normal_tail(normal_quantile(1.0 - alpha / 4.0) / information.min(1.0).sqrt())
}

/// The distance from 0, in standard errors, at which each look alarms. `information` holds the shares at the looks,
/// rising, above 0 and at most 1; None otherwise.
pub fn boundaries(alpha: f64, information: &[f64]) -> Option<Vec<f64>> {
    let rising = information.iter().zip(information.iter().skip(1)).all(|(now, next)| now < next);
    if !rising
        || information.first().is_some_and(|first| *first <= 0.0)
        || information.last().is_some_and(|last| *last > 1.0)
    {
        return None;
    }
    let mut boundaries = Vec::with_capacity(information.len());
    let mut paths: Option<Paths> = None;
    let mut spent_before = 0.0;
    for &share in information {
        let spent_now = spent(alpha, share);
        let here = paths.as_ref().map_or_else(|| Paths::begin(share), |paths| paths.until(share));
        let boundary = here.boundary((spent_now - spent_before) / 2.0);
        boundaries.push(boundary);
        paths = Some(here.within(boundary));
        spent_before = spent_now;
    }
    Some(boundaries)
}

/// The same as two-sided p-values: what a test at each look has to be at most.
pub fn levels(alpha: f64, information: &[f64]) -> Option<Vec<f64>> {
    let boundaries = boundaries(alpha, information)?;
    Some(boundaries.into_iter().map(|boundary| 2.0 * normal_tail(boundary)).collect())
}

/// The density of the standardised statistic at one look, over paths that have not crossed, for values above 0; it is
/// even.
struct Paths {
    share: f64,
    density: Vec<f64>,
    end: f64,
}

impl Paths {
    fn begin(share: f64) -> Self {
        let step = REACH / (GRID - 1) as f64;
        Self { share, density: (0..GRID).map(|at| normal_density(at as f64 * step)).collect(), end: REACH }
    }

    /// The density at a later share: what was there, plus an independent increment.
    fn until(&self, share: f64) -> Self {
        let width = (share - self.share).sqrt();
        let step = REACH / (GRID - 1) as f64;
        let own_step = self.step();
        let mass: Vec<(f64, f64)> = self
            .density
            .iter()
            .enumerate()
            .map(|(at, density)| (at as f64 * own_step * self.share.sqrt(), density * own_step * weight(at)))
            .collect();
        let density = (0..GRID)
            .map(|at| {
                let to = at as f64 * step * share.sqrt();
                let both = |(from, mass): &(f64, f64)| {
                    mass * (normal_density((to - from) / width) + normal_density((to + from) / width))
                };
                mass.iter().map(both).sum::<f64>() / width * share.sqrt()
            })
            .collect();
        Self { share, density, end: REACH }
    }

    /// The value beyond which this probability lies on one side.
    fn boundary(&self, tail: f64) -> f64 {
        let step = self.step();
        let mut beyond = 0.0;
        let pairs = self.density.iter().zip(self.density.iter().skip(1)).enumerate();
        for (at, (low, high)) in pairs.collect::<Vec<_>>().into_iter().rev() {
            let slice = low.midpoint(*high) * step;
            if beyond + slice >= tail {
                // Within one step the density falls geometrically.
                let (from, rate) = (at as f64 * step, (low / high.max(f64::MIN_POSITIVE)).ln() / step);
                let missing = tail - beyond;
                let reach =
                    if rate > 0.0 { (missing * rate / high + 1.0).ln() / rate } else { missing / high };
                return (from + step - reach).max(from);
            }
            beyond += slice;
        }
        0.0
    }

    /// Only the paths that stay below a boundary, on a grid that ends there.
    fn within(&self, boundary: f64) -> Self {
        let (own_step, step) = (self.step(), boundary / (GRID - 1) as f64);
        let density = (0..GRID).map(|at| interpolated(&self.density, at as f64 * step / own_step)).collect();
        Self { share: self.share, density, end: boundary }
    }

    fn step(&self) -> f64 {
        self.end / (GRID - 1) as f64
    }
}

/// Simpson's rule over an odd number of points.
fn weight(at: usize) -> f64 {
    match at {
        0 => 1.0 / 3.0,
        last if last == GRID - 1 => 1.0 / 3.0,
        odd if odd % 2 == 1 => 4.0 / 3.0,
        _ => 2.0 / 3.0,
    }
}

fn normal_density(value: f64) -> f64 {
    (-value * value / 2.0).exp() / std::f64::consts::TAU.sqrt()
}

fn interpolated(values: &[f64], at: f64) -> f64 {
    let below = at.floor();
    let value = |at: usize| values.get(at).or(values.last()).copied().unwrap_or_default();
    value(below as usize) + (at - below) * (value(below as usize + 1) - value(below as usize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::assert_close;

    #[test]
    fn little_is_spent_early_and_all_in_the_end() {
        for (information, expected) in [
            (0.0, 0.0),
            (0.2, 1.0777425258117499e-06),
            (0.25, 1.473361687173898e-05),
            (0.5, 0.0030506455159778224),
            (0.75, 0.019298649907024068),
            (1.0, 0.05),
        ] {
            assert_close(spent(0.05, information), expected);
        }
    }

    /// As published for two-sided tests at 0.05, for example in the manual of the R package `ldbounds`.
    fn check(information: &[f64], expected: &[f64]) {
        let found = boundaries(0.05, information).unwrap();
        let close = found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-3);
        assert!(close && found.len() == expected.len(), "{information:?}: {found:?}, not {expected:?}");
    }

    #[test]
    fn boundaries_fall_to_the_fixed_test() {
        check(&[1.0], &[1.959964]);
        check(&[0.5, 1.0], &[2.9626, 1.9686]);
        check(&[0.25, 0.5, 0.75, 1.0], &[4.3326, 2.9631, 2.3590, 2.0141]);
    }

    #[test]
    fn looks_must_move_forward() {
        for information in [&[0.5, 0.5][..], &[0.0, 1.0], &[0.5, 1.1], &[f64::NAN, 1.0]] {
            assert_eq!(boundaries(0.05, information), None);
        }
    }
}
