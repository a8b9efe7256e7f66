//! Numbers that are not known exactly, and what follows from them.
//!
//! What follows is found by drawing every input many times within its uncertainty: the need for servers has steps
//! and a largest of several resources in it, for which no formula gives an interval. The draws are the same every
//! time (I8).

use crate::stats::normal_quantile;

/// A number and how well it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// Exactly.
    Known(f64),
    /// Measured.
    Estimate {
        /// The likeliest value.
        value: f64,
        /// Its standard error.
        standard_error: f64,
    },
    /// Only that it lies between two numbers.
    Range {
        /// The lower.
        low: f64,
        /// The higher.
        high: f64,
    },
}

/// What was computed, and the range that holds the truth in 95 of 100 cases.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// From the likeliest inputs.
    pub likely: f64,
    /// Lower end.
    pub low: f64,
    /// Higher end.
    pub high: f64,
}

/// How many draws: enough that an end of the range rests on 25 of them.
pub(super) const DRAWS: usize = 1000;
/// What is outside the range on each side.
const TAIL: f64 = 0.025;

/// A source of inputs: the likeliest ones, or a draw.
pub(super) struct Draw(Option<u64>);

impl Draw {
    pub(super) fn likeliest() -> Self {
        Self(None)
    }

    /// Draw number `at` of [`DRAWS`].
    pub(super) fn number(at: usize) -> Self {
        Self(Some(mixed(at as u64 + 1)))
    }

    /// A value of an amount that cannot be negative.
    pub(super) fn of(&mut self, amount: Amount) -> f64 {
        let value = match (amount, self.0.is_some()) {
            (Amount::Known(value), _) | (Amount::Estimate { value, .. }, false) => value,
            (Amount::Range { low, high }, false) => low.midpoint(high),
            (Amount::Estimate { value, standard_error }, true) => {
                value + standard_error * normal_quantile(self.uniform())
            }
            (Amount::Range { low, high }, true) => low + (high - low) * self.uniform(),
        };
        value.max(0.0)
    }

    /// Between 0 and 1, neither included.
    fn uniform(&mut self) -> f64 {
        let Some(state) = self.0.as_mut() else { return 0.5 };
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        ((mixed(*state) >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }
}

/// SplitMix64.
fn mixed(state: u64) -> u64 {
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Spread {
    /// Of the likeliest result and all drawn ones.
    pub(super) fn of(likely: f64, mut drawn: Vec<f64>) -> Self {
        drawn.sort_by(f64::total_cmp);
        let at = |part: f64| drawn.get((part * drawn.len() as f64) as usize).copied().unwrap_or(likely);
        Self { likely, low: at(TAIL).min(likely), high: at(1.0 - TAIL).max(likely) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(amount: Amount, expected: [f64; 3]) {
        let drawn = (0..DRAWS).map(|at| Draw::number(at).of(amount)).collect();
        let spread = Spread::of(Draw::likeliest().of(amount), drawn);
        for (found, expected) in [spread.low, spread.likely, spread.high].into_iter().zip(expected) {
            assert!((found - expected).abs() < 0.2, "{amount:?}: {spread:?}");
        }
    }

    #[test]
    fn amounts_spread_as_they_say() {
        check(Amount::Known(3.0), [3.0, 3.0, 3.0]);
        check(Amount::Estimate { value: 10.0, standard_error: 1.0 }, [8.04, 10.0, 11.96]);
        check(Amount::Range { low: 2.0, high: 4.0 }, [2.05, 3.0, 3.95]);
        check(Amount::Estimate { value: 0.1, standard_error: 1.0 }, [0.0, 0.1, 2.06]);
    }

    #[test]
    fn draws_are_independent_of_each_other() {
        let one = Amount::Estimate { value: 0.0, standard_error: 1.0 };
        let shifted = Amount::Estimate { value: 10.0, standard_error: 1.0 };
        let sums: Vec<f64> = (0..DRAWS)
            .map(|at| {
                let mut draw = Draw::number(at);
                let first = draw.of(shifted);
                first + draw.of(shifted) - 20.0
            })
            .collect();
        let variance = sums.iter().map(|sum| sum * sum).sum::<f64>() / DRAWS as f64;
        assert!((variance - 2.0).abs() < 0.25, "{variance}");
        assert_eq!(Draw::number(7).of(one), Draw::number(7).of(one));
    }
}
