//! Work beside the sampling, slow enough to stay within its share of the budget (I10).

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

use crate::{cost, processes::ProcessOptions};

/// How processes are looked at now and then.
#[derive(Clone, Debug)]
pub(crate) struct LookOptions {
    /// How processes are read and labelled.
    pub(crate) processes: ProcessOptions,
    /// Time from the start of one look to that of the next.
    pub(crate) interval: Duration,
    /// CPU time per time that a look may take.
    pub(crate) cpus: f64,
}

/// Keeps a look within its share of CPU time, by pausing in between.
pub(crate) struct Pace<'a> {
    cpus: f64,
    started_ns: u64,
    started_cpu_ns: u64,
    until_ns: u64,
    end: &'a AtomicBool,
}

/// The first look comes when the agent's own start is over.
const FIRST_AFTER: Duration = Duration::from_secs(60);
/// How long a thread sleeps at once; it is told to end in between.
const NAP: Duration = Duration::from_millis(200);
/// What a look may take of its interval; what was not reached by then is counted.
const LOOK_SHARE: f64 = 0.8;
/// So much is used at once before there is a pause.
const BURST: Duration = Duration::from_millis(20);

/// Looks once in every interval, until it is told to end.
pub(crate) fn every(interval: Duration, end: &AtomicBool, mut look: impl FnMut()) {
    let mut due = cost::monotonic_ns() + FIRST_AFTER.min(interval).as_nanos() as u64;
    while !end.load(Ordering::Relaxed) {
        let now = cost::monotonic_ns();
        if now < due {
            thread::sleep(NAP.min(Duration::from_nanos(due - now)));
            continue;
        }
        due = now + interval.as_nanos() as u64;
        look();
        agent_bpf::give_memory_back();
    }
}

impl<'a> Pace<'a> {
    /// Begins a look of this thread, which may take so much CPU time per time and ends early when told.
    pub(crate) fn new(options: &LookOptions, end: &'a AtomicBool) -> Self {
        let started_ns = cost::monotonic_ns();
        let until_ns = started_ns + options.interval.mul_f64(LOOK_SHARE).as_nanos() as u64;
        Self { cpus: options.cpus, started_ns, started_cpu_ns: thread_cpu_ns(), until_ns, end }
    }

    /// True when there is no time left. Waits while more was used than may be.
    pub(crate) fn is_over(&mut self) -> bool {
        loop {
            let now_ns = cost::monotonic_ns();
            if self.end.load(Ordering::Relaxed) || now_ns >= self.until_ns {
                return true;
            }
            let used_ns = thread_cpu_ns().saturating_sub(self.started_cpu_ns);
            let earned_ns = (now_ns.saturating_sub(self.started_ns) as f64 * self.cpus) as u64;
            if used_ns <= earned_ns + BURST.as_nanos() as u64 {
                return false;
            }
            thread::sleep(NAP);
        }
    }
}

fn thread_cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    (time.tv_sec as u64).saturating_mul(1_000_000_000).saturating_add(time.tv_nsec as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_pauses_for_its_share_and_ends_when_told() {
        let end = AtomicBool::new(false);
        let processes = ProcessOptions {
            proc_root: "/proc".into(),
            host_name: "host".into(),
            extra_labels: model::LabelSet::default(),
        };
        let options = LookOptions { processes, interval: Duration::from_secs(3600), cpus: 0.5 };
        let mut pace = Pace::new(&options, &end);
        while thread_cpu_ns() < pace.started_cpu_ns + 100_000_000 {
            assert!(!pace.is_over());
        }
        let (used, elapsed) = (100_000_000, cost::monotonic_ns() - pace.started_ns);
        assert!(elapsed as f64 * 0.5 + BURST.as_nanos() as f64 + 5e6 >= f64::from(used), "{elapsed}");
        end.store(true, Ordering::Relaxed);
        assert!(pace.is_over());
    }
}
