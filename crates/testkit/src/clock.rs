//! Time that moves only when a test says so.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

/// A clock that tests move. Copies share one time.
#[derive(Clone, Debug)]
pub struct FakeClock(Arc<AtomicI64>);

impl FakeClock {
    /// A clock that stands at `now_ns`, nanoseconds since the Unix epoch.
    pub fn new(now_ns: i64) -> Self {
        Self(Arc::new(AtomicI64::new(now_ns)))
    }

    /// The time now.
    pub fn now_ns(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Moves the clock; backwards when `by_ns` is negative, as real clocks sometimes do.
    pub fn advance(&self, by_ns: i64) {
        self.0.fetch_add(by_ns, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_share_one_time() {
        let clock = FakeClock::new(100);
        let copy = clock.clone();
        clock.advance(50);
        copy.advance(-10);
        assert_eq!((clock.now_ns(), copy.now_ns()), (140, 140));
    }
}
