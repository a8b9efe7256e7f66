//! How often something is looked at again: soon at first, then ever more rarely.

/// When to look next. The waits double, so that a process that never becomes interesting costs next to nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pace {
    next_ns: u64,
    wait_ns: u64,
}

const FIRST_WAIT_NS: u64 = 100_000_000;
const LONGEST_WAIT_NS: u64 = 10_000_000_000;

impl Pace {
    /// True when it is time.
    pub(super) fn is_due(&self, now_ns: u64) -> bool {
        now_ns >= self.next_ns
    }

    /// It was looked at.
    pub(super) fn looked(&mut self, now_ns: u64) {
        self.wait_ns = (self.wait_ns * 2).clamp(FIRST_WAIT_NS, LONGEST_WAIT_NS);
        self.next_ns = now_ns.saturating_add(self.wait_ns);
    }

    /// Something about it has changed: begin again with short waits.
    pub(super) fn hurry(&mut self, now_ns: u64) {
        if self.wait_ns > FIRST_WAIT_NS {
            *self = Self { next_ns: now_ns, wait_ns: 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_begin_again_in_a_hurry() {
        let mut pace = Pace::default();
        let (mut now_ns, mut waits) = (1, Vec::new());
        for _ in 0..9 {
            assert!(pace.is_due(now_ns));
            pace.looked(now_ns);
            assert!(!pace.is_due(pace.next_ns - 1));
            waits.push((pace.next_ns - now_ns) / 1_000_000);
            now_ns = pace.next_ns;
        }
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        pace.hurry(now_ns - 1);
        assert!(pace.is_due(now_ns - 1));
        pace.looked(now_ns);
        pace.hurry(now_ns);
        assert!(!pace.is_due(now_ns), "once in the shortest wait is enough");
    }
}
