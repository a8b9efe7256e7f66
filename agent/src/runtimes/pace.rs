//! How often something is looked at again: often while it is new, then ever more rarely.

/// When to look next. After a while the waits double, so that a process that never becomes interesting costs next to
/// nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pace {
    next_ns: u64,
    wait_ns: u64,
    looks: u32,
}

const FIRST_WAIT_NS: u64 = 100_000_000;
const LONGEST_WAIT_NS: u64 = 10_000_000_000;
/// Looks before the waits begin to grow: as long as it takes a program to load itself.
const FIRST_LOOKS: u32 = 20;

impl Pace {
    /// True when it is time.
    pub(super) fn is_due(&self, now_ns: u64) -> bool {
        now_ns >= self.next_ns
    }

    /// It was looked at.
    pub(super) fn looked(&mut self, now_ns: u64) {
        self.looks = self.looks.saturating_add(1);
        let wait_ns = if self.looks > FIRST_LOOKS { self.wait_ns * 2 } else { self.wait_ns };
        self.wait_ns = wait_ns.clamp(FIRST_WAIT_NS, LONGEST_WAIT_NS);
        self.next_ns = now_ns.saturating_add(self.wait_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_short_at_first_then_double_up_to_a_limit() {
        let mut pace = Pace::default();
        let (mut now_ns, mut waits) = (1, Vec::new());
        for _ in 0..29 {
            assert!(pace.is_due(now_ns));
            pace.looked(now_ns);
            assert!(!pace.is_due(pace.next_ns - 1));
            waits.push((pace.next_ns - now_ns) / 1_000_000);
            now_ns = pace.next_ns;
        }
        assert_eq!(waits[..20], [100; 20]);
        assert_eq!(waits[20..], [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]);
    }
}
