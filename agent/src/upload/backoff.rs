//! How long to wait before another attempt.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// Doubles with every failure, up to a minute.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next delay. `random`, from 0 to 1, spreads it over its upper half, so that agents that lost their
    /// collector at the same moment do not come back at the same moment.
    pub(super) fn next_delay(&mut self, random: f64) -> Duration {
        let doubled = FIRST.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        self.failures = (self.failures + 1).min(31);
        doubled.min(LONGEST).mul_f64(0.5 + 0.5 * random.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_minute() {
        let delays = |random: f64| {
            let mut backoff = Backoff::default();
            (0..40).map(|_| backoff.next_delay(random).as_millis()).collect::<Vec<_>>()
        };
        assert_eq!(delays(1.0)[..8], [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
        assert_eq!(delays(0.0)[..3], [500, 1000, 2000]);
        assert_eq!(delays(1.0)[39], 60_000);
    }
}
