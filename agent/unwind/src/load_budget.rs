//! How much may be read in a while: where the executables in use have more unwind rows than there is room for, they
//! would push each other out with every sample, and reading them would cost more than sampling.

/// Bytes that may be read: so many a second, and some seconds' worth at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoadBudget {
    bytes_per_s: u64,
    left_bytes: u64,
    at_ns: u64,
}

/// What an agent that was idle for a while may read at once, in seconds' worth.
const BURST_S: u64 = 32;
const NS_PER_S: u64 = 1_000_000_000;

impl LoadBudget {
    pub(crate) fn new(bytes_per_s: u64) -> Self {
        Self { bytes_per_s, left_bytes: bytes_per_s.saturating_mul(BURST_S), at_ns: 0 }
    }

    /// Takes this many bytes at this time; false when that is too much for now. One that is larger than all there can
    /// ever be is let through when all is there.
    pub(crate) fn take(&mut self, bytes: u64, now_ns: u64) -> bool {
        let most_bytes = self.bytes_per_s.saturating_mul(BURST_S);
        let passed_ns = u128::from(now_ns.saturating_sub(self.at_ns));
        let earned = passed_ns * u128::from(self.bytes_per_s) / u128::from(NS_PER_S);
        let earned = u64::try_from(earned).unwrap_or(u64::MAX);
        self.at_ns = self.at_ns.max(now_ns);
        self.left_bytes = self.left_bytes.saturating_add(earned).min(most_bytes);
        let is_granted = bytes.min(most_bytes) <= self.left_bytes;
        if is_granted {
            self.left_bytes = self.left_bytes.saturating_sub(bytes);
        }
        is_granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_earned_over_time_up_to_a_burst() {
        let mut budget = LoadBudget::new(10);
        let second = NS_PER_S;
        for (bytes, at_ns, expected) in [
            (320, 100 * second, true),
            (1, 100 * second, false),
            (10, 101 * second, true),
            (6, 101 * second + second / 2, false),
            (5, 101 * second + second / 2, true),
            (1, 50 * second, false),
            (1000, 132 * second, false),
            (1000, 133 * second + second / 2, true),
            (1, 133 * second + second / 2, false),
        ] {
            assert_eq!(budget.take(bytes, at_ns), expected, "{bytes} at {at_ns}");
        }
    }
}
