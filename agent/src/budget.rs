//! The budget: what the agent may cost, and how it steps down before it costs more (invariant I10).
//!
//! The agent's own CPU time is averaged over the last minute. Above the ceiling the sampling rate is halved,
//! down to 1 Hz; after a minute below half of the ceiling it is doubled again, up to the rate that was asked
//! for. Memory near its ceiling empties caches, once a minute at most, because filling them again costs CPU
//! time. The first half minute is not judged by CPU time: executables are read for the first time then. What
//! the kernel spends on taking samples is not in the agent's time; it is proportional to the rate.

use std::collections::VecDeque;

/// What the agent may cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ceilings {
    /// CPU time per time, in CPUs: 0.01 is one hundredth of one CPU.
    pub cpus: f64,
    /// Resident memory; `None` where the process holds more than the agent.
    pub rss_bytes: Option<u64>,
}

/// What the agent cost in one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// CPU time of the agent's threads.
    pub cpu_ns: u64,
    /// Length of the window.
    pub elapsed_ns: u64,
    /// Resident memory at its end.
    pub rss_bytes: u64,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The sampling rate from now on.
    pub rate_hz: u32,
    /// Caches must give memory back.
    pub trim: bool,
}

/// Watches the cost and decides on the rate.
#[derive(Clone, Debug)]
pub struct Governor {
    ceilings: Ceilings,
    full_rate_hz: u32,
    rate_hz: u32,
    recent: VecDeque<Cost>,
    unjudged_windows: u32,
    windows_until_trim: usize,
}

/// Windows that are averaged: a minute of ten seconds each.
const WINDOWS: usize = 6;
/// After this many windows an excess is believed.
const WINDOWS_TO_STEP_DOWN: usize = 3;
const START_WINDOWS: u32 = 3;
/// The default ceiling, as a share of all CPUs: samples, and so the agent's work, grow with the number of
/// CPUs.
const CPU_SHARE: f64 = 0.01;
const RSS_BYTES: u64 = 64 << 20;
/// Caches are emptied above this share of the ceiling, in eighths: a window may add that much before the next look.
const TRIM_EIGHTHS: u64 = 7;

impl Ceilings {
    /// One hundredth of the host's CPUs and 64 MB.
    pub fn of_host(cpu_count: usize) -> Self {
        Self { cpus: CPU_SHARE * cpu_count.max(1) as f64, rss_bytes: Some(RSS_BYTES) }
    }
}

impl Governor {
    /// Starts at the rate that was asked for.
    pub fn new(ceilings: Ceilings, rate_hz: u32) -> Self {
        let recent = VecDeque::with_capacity(WINDOWS);
        Self {
            ceilings,
            full_rate_hz: rate_hz,
            rate_hz,
            recent,
            unjudged_windows: START_WINDOWS,
            windows_until_trim: 0,
        }
    }

    /// Takes a window's cost into account.
    pub fn observe(&mut self, cost: Cost) -> Verdict {
        let trim = self.must_trim(cost);
        if self.unjudged_windows > 0 {
            self.unjudged_windows -= 1;
            return Verdict { rate_hz: self.rate_hz, trim };
        }
        if self.recent.len() == WINDOWS {
            self.recent.pop_front();
        }
        self.recent.push_back(cost);
        let cpus = self.recent_cpus();
        let is_too_busy = cpus > self.ceilings.cpus && self.recent.len() >= WINDOWS_TO_STEP_DOWN;
        if is_too_busy {
            self.set_rate((self.rate_hz / 2).max(1));
        } else if self.recent.len() == WINDOWS && cpus < self.ceilings.cpus / 2.0 {
            self.set_rate(self.rate_hz.saturating_mul(2).min(self.full_rate_hz));
        }
        Verdict { rate_hz: self.rate_hz, trim }
    }

    /// CPU time per time over the windows observed at this rate.
    fn recent_cpus(&self) -> f64 {
        let cpu_ns: u64 = self.recent.iter().map(|cost| cost.cpu_ns).sum();
        let elapsed_ns: u64 = self.recent.iter().map(|cost| cost.elapsed_ns).sum();
        cpu_ns as f64 / (elapsed_ns as f64).max(1.0)
    }

    fn must_trim(&mut self, cost: Cost) -> bool {
        self.windows_until_trim = self.windows_until_trim.saturating_sub(1);
        let is_near = |ceiling: u64| cost.rss_bytes > ceiling / 8 * TRIM_EIGHTHS;
        let is_too_large = self.ceilings.rss_bytes.is_some_and(is_near);
        let trim = is_too_large && self.windows_until_trim == 0;
        if trim {
            self.windows_until_trim = WINDOWS;
        }
        trim
    }

    /// What was observed at another rate says nothing about this one.
    fn set_rate(&mut self, rate_hz: u32) {
        if rate_hz != self.rate_hz {
            self.rate_hz = rate_hz;
            self.recent.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CEILINGS: Ceilings = Ceilings { cpus: 0.02, rss_bytes: Some(64) };

    /// Rates after each window that cost this many thousandths of a CPU.
    fn rates(rate_hz: u32, thousandths: impl IntoIterator<Item = u64>) -> Vec<u32> {
        let mut governor = Governor::new(CEILINGS, rate_hz);
        let cost =
            |thousandths| Cost { cpu_ns: thousandths * 10_000_000, elapsed_ns: 10_000_000_000, rss_bytes: 1 };
        thousandths.into_iter().map(|thousandths| governor.observe(cost(thousandths)).rate_hz).collect()
    }

    #[test]
    fn within_the_ceiling_the_rate_stays() {
        assert_eq!(rates(19, [19; 20]), [19; 20]);
    }

    #[test]
    fn the_start_and_a_single_burst_are_forgiven() {
        assert_eq!(rates(19, [500, 500, 500, 1, 1, 1]), [19; 6]);
        assert_eq!(rates(19, [0, 0, 0, 1, 1, 1, 1, 90, 1, 1]), [19; 10]);
    }

    #[test]
    fn a_lasting_excess_steps_down_to_one_hertz() {
        assert_eq!(rates(19, [100; 18]), [19, 19, 19, 19, 19, 9, 9, 9, 4, 4, 4, 2, 2, 2, 1, 1, 1, 1]);
    }

    #[test]
    fn a_lasting_calm_steps_back_up() {
        let costs = [vec![100; 9], vec![1; 18]].concat();
        let rates = rates(19, costs);
        assert_eq!(rates[8..], [4, 4, 4, 4, 4, 4, 8, 8, 8, 8, 8, 8, 16, 16, 16, 16, 16, 16, 19]);
    }

    #[test]
    fn too_much_memory_trims_at_once_and_then_once_a_minute() {
        let cost = Cost { rss_bytes: 57, elapsed_ns: 1, cpu_ns: 0 };
        let trims = |ceilings| {
            let mut governor = Governor::new(ceilings, 19);
            (0..14).filter(|_| governor.observe(cost).trim).count()
        };
        assert_eq!((trims(CEILINGS), trims(Ceilings { rss_bytes: None, ..CEILINGS })), (3, 0));
        assert!(Governor::new(CEILINGS, 19).observe(cost).trim);
    }
}
