//! Says that something is wrong once, and then once a minute while it lasts.

use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_secs(60);

/// Remembers when it last complained.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Complaint {
    last: Option<Instant>,
}

impl Complaint {
    /// True when it is time to say it.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let due = self.last.is_none_or(|last| now.duration_since(last) >= EVERY);
        if due {
            self.last = Some(now);
        }
        due
    }

    /// The trouble is over; true when there was any.
    pub(super) fn end(&mut self) -> bool {
        self.last.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_once_and_then_every_minute() {
        let mut complaint = Complaint::default();
        let start = Instant::now();
        let seconds = [0, 1, 59, 60, 61, 120];
        let due = seconds.map(|second| complaint.is_due(start + Duration::from_secs(second)));
        assert_eq!(due, [true, false, false, true, false, true]);
        assert_eq!([complaint.end(), complaint.end()], [true, false]);
        assert!(complaint.is_due(start));
    }
}
