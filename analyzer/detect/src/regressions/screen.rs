//! The cheap first look: is there any split of this series whose sides differ more than its own noise? What it lets pass
//! is looked at exactly; what it holds back is counted as quiet.

use crate::stats::moments::robust_deviation;

/// The fewest values on a side.
const SIDE_MIN: usize = 2;

/// Differences of means, in standard errors, below which no split is worth a closer look. Of series of plain noise about
/// one in ten passes.
const DEVIATIONS_MIN: f64 = 3.0;

/// Noise is never taken to be below this part of the level: a smaller change is below every floor.
const LEAST_NOISE: f64 = 1e-4;

/// Whether a closer look is worth it. Values that are not finite are missing.
pub(super) fn is_moving(values: &[f64]) -> bool {
    let present: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let count = present.len();
    if count < 2 * SIDE_MIN {
        return false;
    }
    let changes: Vec<f64> =
        present.iter().zip(present.iter().skip(1)).map(|(value, next)| next - value).collect();
    let whole: f64 = present.iter().sum();
    let level = (whole / count as f64).abs();
    let noise = (robust_deviation(&changes) / std::f64::consts::SQRT_2).max(LEAST_NOISE * level);
    if noise <= 0.0 {
        return present.iter().any(|value| *value != 0.0);
    }
    let mut left = 0.0;
    present.iter().zip(1..count).any(|(value, before)| {
        left += value;
        let after = count - before;
        if before < SIDE_MIN || after < SIDE_MIN {
            return false;
        }
        let (before, after) = (before as f64, after as f64);
        let difference = (whole - left) / after - left / before;
        difference.abs() > DEVIATIONS_MIN * noise * (1.0 / before + 1.0 / after).sqrt()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::Noise;

    fn passing(level: impl Fn(usize) -> f64) -> usize {
        let mut noise = Noise::new(1);
        (0..500)
            .filter(|_| {
                let values: Vec<f64> = (0..96).map(|at| level(at) + noise.normal()).collect();
                is_moving(&values)
            })
            .count()
    }

    #[test]
    fn most_of_the_noise_is_held_back_and_no_step_is() {
        let noise = passing(|_| 50.0);
        assert!(noise < 75, "{noise} of 500");
        for at in [10, 48, 88] {
            let found = passing(|step| if step < at { 50.0 } else { 52.5 });
            assert!(found > 490, "{found} of 500 with a step at {at}");
        }
    }

    #[test]
    fn odd_series_are_survived() {
        assert!(!is_moving(&[]));
        assert!(!is_moving(&[f64::NAN; 9]));
        assert!(!is_moving(&[0.0; 9]));
        assert!(!is_moving(&[3.0; 9]));
        assert!(is_moving(&[&[0.0; 9][..], &[1.0; 9]].concat()));
    }
}
