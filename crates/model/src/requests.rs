//! What programs count of their own requests: exact where samples are estimates.

use std::sync::Arc;

use crate::{LabelSet, Window};

/// Requests that ended in one window with one label set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestCounts {
    /// When they ended.
    pub window: Window,
    /// Labels of the process, the endpoint, and the flags that were evaluated until the end of the request.
    pub labels: LabelSet,
    /// How many.
    pub requests: u64,
    /// Of how many the program measured its own CPU.
    pub measured: u64,
    /// CPU of the measured requests, in nanoseconds.
    pub cpu_ns: u64,
    /// Instructions of the measured requests, where all of them were counted.
    pub instructions: Option<u64>,
    /// How many ended with an error of the client, such as a status of 4xx.
    pub client_errors: u64,
    /// How many ended with an error of the server, such as a status of 5xx.
    pub server_errors: u64,
}

impl RequestCounts {
    /// Adds the counts of another; window and labels stay.
    pub fn add(&mut self, other: &RequestCounts) {
        self.instructions = match (self.instructions, other.instructions) {
            (Some(one), Some(more)) => Some(one.saturating_add(more)),
            // A side that measured nothing takes nothing from what the other side knows.
            (known, None) if other.measured == 0 => known,
            (None, known) if self.measured == 0 => known,
            _ => None,
        };
        for (sum, more) in [
            (&mut self.requests, other.requests),
            (&mut self.measured, other.measured),
            (&mut self.cpu_ns, other.cpu_ns),
            (&mut self.client_errors, other.client_errors),
            (&mut self.server_errors, other.server_errors),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}

impl RequestCounts {
    /// Takes away the counts of requests that are among these; window and labels stay.
    pub fn subtract(&mut self, part: &RequestCounts) {
        self.instructions = match (self.instructions, part.instructions) {
            (Some(all), Some(part)) => Some(all.saturating_sub(part)),
            (known, None) if part.measured == 0 => known,
            _ => None,
        };
        for (rest, part) in [
            (&mut self.requests, part.requests),
            (&mut self.measured, part.measured),
            (&mut self.cpu_ns, part.cpu_ns),
            (&mut self.client_errors, part.client_errors),
            (&mut self.server_errors, part.server_errors),
        ] {
            *rest = rest.saturating_sub(part);
        }
    }
}

/// How often processes with one label set got one variant of one feature flag, for one reason, in one window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlagEvaluations {
    /// When.
    pub window: Window,
    /// Labels of the process.
    pub labels: LabelSet,
    /// The flag's key.
    pub flag: Arc<str>,
    /// The variant it had.
    pub variant: Arc<str>,
    /// Why, by OpenFeature's names: `static`, `split`, `targeting_match` …; empty when it is not known.
    pub reason: Arc<str>,
    /// How often.
    pub count: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(measured: u64, instructions: Option<u64>) -> RequestCounts {
        RequestCounts { requests: 10, measured, instructions, ..RequestCounts::default() }
    }

    #[test]
    fn instructions_stay_known_while_every_measured_request_has_them() {
        let check = |one: RequestCounts, other: RequestCounts, expected: Option<u64>| {
            let (mut left, mut right) = (one.clone(), other.clone());
            left.add(&other);
            right.add(&one);
            assert_eq!((left.instructions, right.instructions), (expected, expected));
            assert_eq!((left.requests, left.measured), (20, one.measured + other.measured));
        };
        check(counts(1, Some(5)), counts(2, Some(7)), Some(12));
        check(counts(1, Some(5)), counts(0, None), Some(5));
        check(counts(1, Some(5)), counts(2, None), None);
        check(counts(0, None), counts(0, None), None);
    }
}
