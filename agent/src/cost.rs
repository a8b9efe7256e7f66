//! Measures what the agent itself costs: CPU time of its threads, resident memory of its process.

use std::{
    fs, io,
    sync::{Mutex, PoisonError},
};

use rustix::{
    thread::gettid,
    time::{ClockId, clock_gettime},
};

use crate::processes::stat_field;

/// CPU time of the agent's threads. The process may hold other threads, a collector's for example.
#[derive(Debug, Default)]
pub(crate) struct CpuMeter(Mutex<Vec<i32>>);

impl CpuMeter {
    /// Counts the calling thread from now on.
    pub(crate) fn add_this_thread(&self) {
        let tid = gettid().as_raw_nonzero().get();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(tid);
    }

    /// CPU time of all threads together.
    pub(crate) fn cpu_ns(&self) -> u64 {
        let tids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stats =
            tids.iter().filter_map(|tid| fs::read_to_string(format!("/proc/self/task/{tid}/stat")).ok());
        let ticks: u64 = stats.filter_map(|stat| cpu_ticks(&stat)).sum();
        ticks * (1_000_000_000 / rustix::param::clock_ticks_per_second().max(1))
    }
}

/// User and system time in clock ticks, from the content of a `stat` file.
fn cpu_ticks(stat: &str) -> Option<u64> {
    Some(stat_field::<u64>(stat, 14)? + stat_field::<u64>(stat, 15)?)
}

/// Resident memory of this process.
pub(crate) fn rss_bytes() -> io::Result<u64> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    let pages =
        pages.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "statm has no second number"))?;
    Ok(pages * rustix::param::page_size() as u64)
}

/// `CLOCK_MONOTONIC`, on which the kernel's records are stamped.
pub(crate) fn monotonic_ns() -> u64 {
    clock_ns(ClockId::Monotonic)
}

/// Nanoseconds since the Unix epoch.
pub(crate) fn wall_ns() -> i64 {
    clock_ns(ClockId::Realtime) as i64
}

fn clock_ns(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    (time.tv_sec as u64).saturating_mul(1_000_000_000).saturating_add(time.tv_nsec as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_any_name() {
        assert_eq!(cpu_ticks("7 (a) b (c) R 1 2 3 4 5 6 7 8 9 10 30 12 0 0 20"), Some(42));
        assert_eq!(cpu_ticks("7 (a) R 1 2"), None);
        assert_eq!(cpu_ticks(""), None);
    }

    #[test]
    fn a_meter_adds_up_its_threads() {
        let meter = CpuMeter::default();
        assert_eq!(meter.cpu_ns(), 0);
        meter.add_this_thread();
        let mut sum = 0_u64;
        while clock_ns(ClockId::ThreadCPUTime) < 50_000_000 {
            sum = std::hint::black_box(sum + 1);
        }
        let once = meter.cpu_ns();
        meter.add_this_thread();
        assert!(once >= 30_000_000 && meter.cpu_ns() >= 2 * once);
        assert!(rss_bytes().unwrap() > 1 << 20);
    }
}
