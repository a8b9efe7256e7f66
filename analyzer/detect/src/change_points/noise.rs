//! Noise in which each point resembles those before: what a series does by itself, without a change.
//!
//! A piece of noise is fresh shocks seen through a filter (Box and Jenkins 1970). Each [`Noise`] can take its own filter
//! off again: what is left of a series is then independent from point to point, and of a change is left what the noise
//! could not have done. The choice reaches from white noise over noise that wanders back to its level, and noise that
//! does not, to curves: a series that wanders or bends all the time needs no change to be accounted for.

/// One kind of noise: `value = Σ memory × earlier values + shock - Σ echo × earlier shocks`, from rest.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Noise {
    memory: [f64; 2],
    echo: [f64; 2],
    /// How many numbers were chosen to describe it.
    pub(super) parameters: usize,
}

/// Roots of the filter: how much of a deviation is left one point later. Two of them make slow waves.
const MEMORIES: [&[f64]; 9] =
    [&[], &[0.3], &[0.5], &[0.7], &[0.85], &[0.95], &[0.85, 0.5], &[0.95, 0.7], &[0.95, 0.9]];

/// The share of a level's or of a slope's error that is carried on where a wandering level or a wandering slope is
/// seen through white noise: 1 - 1 / points that take part in knowing it.
const CARRIED: [f64; 7] = [0.0, 0.4, 0.65, 0.8, 0.9, 0.95, 0.975];

impl Noise {
    /// Every kind that a series of this length can tell apart: those that settle, levels that wander, and slopes that do.
    pub(super) fn kinds(len: usize) -> Vec<Self> {
        let is_known = |carried: &&f64| 4.0 / (1.0 - **carried) <= len as f64;
        let level = |carried: &f64| Self::new(&[1.0], &[*carried]);
        let slope = |carried: &f64| Self::new(&[1.0, 1.0], &[*carried, *carried]);
        MEMORIES
            .iter()
            .map(|roots| Self::new(roots, &[]))
            // A memory that is seen through white noise.
            .chain([(0.9, 0.5), (0.97, 0.8)].map(|(root, carried)| Self::new(&[root], &[carried])))
            .chain([0.3, 0.6, 0.85].map(|root| Self::new(&[1.0, root], &[])))
            .chain(CARRIED.iter().filter(is_known).map(level))
            .chain(CARRIED.iter().filter(is_known).map(slope))
            .collect()
    }

    fn new(memory_roots: &[f64], echo_roots: &[f64]) -> Self {
        let chosen = memory_roots.iter().filter(|root| **root < 1.0).count();
        let carried = echo_roots.first().filter(|root| **root > 0.0).iter().count();
        Self {
            memory: expanded(memory_roots),
            echo: expanded(echo_roots),
            parameters: chosen + carried + usize::from(memory_roots.contains(&1.0)),
        }
    }

    /// The shocks that made the values.
    pub(super) fn shocks(&self, values: &[f64]) -> Vec<f64> {
        let (mut values_before, mut shocks_before) = ([0.0; 2], [0.0; 2]);
        let shock = |value: &f64| {
            let shock = value - weighed(self.memory, values_before) + weighed(self.echo, shocks_before);
            values_before = [*value, values_before[0]];
            shocks_before = [shock, shocks_before[0]];
            shock
        };
        values.iter().map(shock).collect()
    }

    /// The transpose of [`Self::shocks`].
    pub(super) fn transposed(&self, shocks: &[f64]) -> Vec<f64> {
        let backwards: Vec<f64> = shocks.iter().rev().copied().collect();
        let mut values = self.shocks(&backwards);
        values.reverse();
        values
    }
}

/// The coefficients of `1 - Π (1 - root × lag)`.
fn expanded(roots: &[f64]) -> [f64; 2] {
    match *roots {
        [] => [0.0, 0.0],
        [only] => [only, 0.0],
        [one, other, ..] => [one + other, -one * other],
    }
}

fn weighed([first, second]: [f64; 2], [last, before]: [f64; 2]) -> f64 {
    first * last + second * before
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shocks of noise from known shocks are these.
    #[test]
    fn a_filter_takes_off_what_made_the_noise() {
        let shocks = [1.0, -2.0, 0.5, 3.0, 0.0, -1.0, 2.0];
        for noise in Noise::kinds(100) {
            let (mut values, mut made): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
            for shock in shocks {
                let last = |of: &[f64]| {
                    [of.last(), of.iter().rev().nth(1)].map(|value| value.copied().unwrap_or(0.0))
                };
                values.push(shock + weighed(noise.memory, last(&values)) - weighed(noise.echo, last(&made)));
                made.push(shock);
            }
            let found = noise.shocks(&values);
            let close = found.iter().zip(shocks).all(|(found, shock)| (found - shock).abs() < 1e-9);
            assert!(close, "{noise:?}: {found:?}");
        }
    }

    #[test]
    fn the_transpose_is_the_transpose() {
        let (left, right) = ([1.0, 4.0, -2.0, 0.5, 3.0], [2.0, -1.0, 0.0, 5.0, 1.5]);
        let product = |left: &[f64], right: &[f64]| -> f64 {
            left.iter().zip(right).map(|(left, right)| left * right).sum()
        };
        for noise in Noise::kinds(100) {
            let there = product(&noise.shocks(&left), &right);
            let back = product(&left, &noise.transposed(&right));
            assert!((there - back).abs() < 1e-9, "{noise:?}: {there}, {back}");
        }
    }

    #[test]
    fn a_kind_costs_what_was_chosen() {
        let check = |memory: &[f64], echo: &[f64], expected: usize| {
            assert_eq!(Noise::new(memory, echo).parameters, expected, "{memory:?} {echo:?}");
        };
        check(&[], &[], 0);
        check(&[0.5], &[], 1);
        check(&[0.9], &[0.5], 2);
        check(&[1.0], &[0.0], 1);
        check(&[1.0], &[0.8], 2);
        check(&[1.0, 1.0], &[0.8, 0.8], 2);
        check(&[1.0, 0.6], &[], 2);
    }
}
