//! What silence in so many independent blocks is worth.

/// Confidence of all bounds here.
const MISSED: f64 = 0.05;

/// The greatest chance per block of running that `silent_blocks` without a run leave (95 %): 1 - 0.05^(1/n), about 3/n,
/// the rule of three. `None` without a block.
pub fn rate_at_most(silent_blocks: u64) -> Option<f64> {
    (silent_blocks > 0).then(|| 1.0 - MISSED.powf(1.0 / silent_blocks as f64))
}

/// The greatest share of the CPU that a function without a sample among `samples` can have (95 %): removing it saves at
/// most that.
pub fn cpu_share_at_most(samples: u64) -> Option<f64> {
    rate_at_most(samples)
}

/// Calls of `call_s` seconds each that sampling at `rate_hz` needs to see one with 95 %: 3 / (rate * time).
pub fn calls_to_be_sampled(rate_hz: f64, call_s: f64) -> f64 {
    3.0 / (rate_hz * call_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_bounds_the_rate() {
        let cases = [(1, 0.95), (10, 0.258_865), (60, 0.048_703), (3000, 0.000_998)];
        for (blocks, expected) in cases {
            let found = rate_at_most(blocks).unwrap();
            assert!((found - expected).abs() < 1e-6, "{blocks}: {found}");
            assert!(found <= 3.0 / blocks as f64);
        }
        assert_eq!(rate_at_most(0), None);
        assert_eq!(cpu_share_at_most(60), rate_at_most(60));
    }

    #[test]
    fn short_calls_are_hard_to_sample() {
        assert_eq!(calls_to_be_sampled(99.0, 10e-6).round(), 3030.0);
        assert_eq!(calls_to_be_sampled(19.0, 10e-6).round(), 15_789.0);
    }
}
