//! The two ways to take samples.

pub(crate) mod bpf;
pub(crate) mod perf_ring;

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use crate::error::SamplerError;
use crate::facts::Facts;
use crate::options::SamplerOptions;
use crate::perf;
use crate::probe;

/// Starts each CPU's clock at a moment of its own within one period, so that the CPUs are not sampled in step.
pub(crate) fn enable_jittered(events: &[&OwnedFd], options: &SamplerOptions) -> io::Result<()> {
    let mut starts: Vec<(u64, &OwnedFd)> = Vec::with_capacity(events.len());
    let mut state = options.phase_seed;
    for event in events {
        starts.push((next_random(&mut state) % options.period_ns(), event));
    }
    starts.sort_by_key(|(start_ns, _)| *start_ns);
    let mut now_ns = 0;
    for (start_ns, event) in starts {
        std::thread::sleep(Duration::from_nanos(start_ns - now_ns));
        now_ns = start_ns;
        perf::enable(event)?;
    }
    Ok(())
}

/// The error for a refused or failed system call, with what is missing where permission is.
pub(crate) fn system_error(call: &'static str, source: io::Error, facts: &Facts) -> SamplerError {
    match source.raw_os_error() {
        Some(libc::EACCES | libc::EPERM) => {
            SamplerError::NotPermitted { source, missing: probe::missing_permissions(facts) }
        }
        Some(libc::ENOENT | libc::EOPNOTSUPP | libc::ENODEV) if call == "perf_event_open" => {
            SamplerError::NoSuchEvent { source }
        }
        _ => SamplerError::System { call, source },
    }
}

/// The next number of the splitmix64 sequence.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
