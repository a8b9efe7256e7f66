//! The sampler: one interface over both backends.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::backend::bpf::Bpf;
use crate::backend::perf_ring::PerfRing;
use crate::backend::system_error;
use crate::config::{RuntimeConfig, TargetKey};
use crate::error::{BpfError, ConfigureError, SamplerError};
use crate::event::{Event, Losses};
use crate::facts::{self, Facts};
use crate::options::{Backend, SamplerOptions, Target, check_frequency};

/// Takes samples until dropped.
pub struct Sampler {
    source: Source,
    facts: Facts,
    fallback: Option<BpfError>,
    period_ns: u64,
    target: Target,
}

enum Source {
    Bpf(Box<Bpf>),
    PerfRing(Box<PerfRing>),
}

impl Sampler {
    /// Checks the options, attaches to every CPU and starts sampling. Takes about one sampling period.
    pub fn start(options: &SamplerOptions) -> Result<Self, SamplerError> {
        options.check()?;
        if !cfg!(target_arch = "x86_64") {
            return Err(SamplerError::Architecture);
        }
        if let Target::Processes(pids) = &options.target {
            pids.iter().try_for_each(|pid| check_exists(*pid))?;
        }
        let facts = facts::read(Path::new("/proc"), Path::new("/sys"));
        let perf_ring = || PerfRing::start(options, &facts).map(|ring| Source::PerfRing(Box::new(ring)));
        let (source, fallback) = match options.backend {
            Backend::PerfRing => (perf_ring()?, None),
            Backend::Bpf => {
                let bpf = Bpf::start(options, &facts).map_err(SamplerError::Bpf)?;
                (Source::Bpf(Box::new(bpf)), None)
            }
            Backend::Auto => match Bpf::start(options, &facts) {
                Ok(bpf) => (Source::Bpf(Box::new(bpf)), None),
                Err(error) => (perf_ring()?, Some(error)),
            },
        };
        let (period_ns, target) = (options.period_ns(), options.target.clone());
        Ok(Self { source, facts, fallback, period_ns, target })
    }

    /// The backend in use: never [`Backend::Auto`].
    #[must_use]
    pub fn backend(&self) -> Backend {
        match self.source {
            Source::Bpf(_) => Backend::Bpf,
            Source::PerfRing(_) => Backend::PerfRing,
        }
    }

    /// Why [`Backend::Auto`] did not choose BPF.
    #[must_use]
    pub fn fallback_reason(&self) -> Option<&BpfError> {
        self.fallback.as_ref()
    }

    /// Whether kernel code is sampled; an ordinary user may sample only user code.
    #[must_use]
    pub fn sees_kernel(&self) -> bool {
        match &self.source {
            Source::Bpf(_) => true,
            Source::PerfRing(ring) => ring.sees_kernel,
        }
    }

    /// Whether runtimes are read as configured; the perf ring cannot.
    #[must_use]
    pub fn reads_runtimes(&self) -> bool {
        matches!(self.source, Source::Bpf(_))
    }

    /// CPU time that one sample stands for.
    #[must_use]
    pub fn period_ns(&self) -> u64 {
        self.period_ns
    }

    /// Waits until a ring is half full or the timeout passes. Call it with a fraction of a second and then
    /// [`Self::drain`]: samples wake nobody one by one.
    pub fn poll(&self, timeout: Duration) -> io::Result<()> {
        let descriptors: Vec<_> = match &self.source {
            Source::Bpf(bpf) => bpf.descriptors().collect(),
            Source::PerfRing(ring) => ring.rings.descriptors().collect(),
        };
        wait(&descriptors, timeout)
    }

    /// Hands out at most `max` events that wait in the rings and returns how many. Events come in order of time as
    /// far as one drain can know; an event of another CPU may come a little late.
    pub fn drain(&mut self, max: usize, mut emit: impl FnMut(Event<'_>)) -> usize {
        match &mut self.source {
            Source::Bpf(bpf) => bpf.drain(max, &mut emit),
            Source::PerfRing(ring) => ring.drain(max, &mut emit),
        }
    }

    /// What was lost since the start.
    #[must_use]
    pub fn losses(&self) -> Losses {
        match &self.source {
            Source::Bpf(bpf) => bpf.losses(),
            Source::PerfRing(ring) => ring.losses(),
        }
    }

    /// Changes the rate from now on.
    pub fn set_frequency(&mut self, frequency_hz: u32) -> Result<(), SamplerError> {
        check_frequency(frequency_hz)?;
        let changed = match &mut self.source {
            Source::Bpf(bpf) => bpf.set_frequency(frequency_hz),
            Source::PerfRing(ring) => ring.set_frequency(frequency_hz),
        };
        changed.map_err(|source| system_error("PERF_EVENT_IOC_PERIOD", source, &self.facts))?;
        self.period_ns = crate::options::period_ns(frequency_hz);
        Ok(())
    }

    /// Says how to read the runtime of a process or image, from its next sample on; replaces what was said before.
    /// Accepted and ignored where [`Self::reads_runtimes`] is false.
    pub fn configure(&mut self, key: TargetKey, config: &RuntimeConfig) -> Result<(), ConfigureError> {
        match &mut self.source {
            Source::Bpf(bpf) => bpf.configure(key, config),
            Source::PerfRing(_) => config.check(),
        }
    }

    /// Takes back what [`Self::configure`] said, to make room. A key that is not there is no error.
    pub fn forget(&mut self, key: TargetKey) {
        if let Source::Bpf(bpf) = &mut self.source {
            bpf.forget(key);
        }
    }

    /// Samples another process and its descendants too.
    pub fn add_target(&mut self, pid: u32) -> Result<(), SamplerError> {
        if self.target == Target::Host {
            return Err(SamplerError::NoTargets);
        }
        check_exists(pid)?;
        match &mut self.source {
            Source::Bpf(bpf) => {
                bpf.add_target(pid);
                Ok(())
            }
            Source::PerfRing(ring) => ring.add_target(pid),
        }
        .map_err(|source| system_error("perf_event_open", source, &self.facts))
    }
}

/// Waits for input. A descriptor whose threads have all ended hangs up for ever and is left out.
fn wait(descriptors: &[BorrowedFd<'_>], timeout: Duration) -> io::Result<()> {
    let watched = descriptors.iter().map(|descriptor| PollFd::from_borrowed_fd(*descriptor, PollFlags::IN));
    let mut polled: Vec<PollFd<'_>> = watched.collect();
    let deadline = Instant::now() + timeout;
    loop {
        let left = Timespec::try_from(deadline.saturating_duration_since(Instant::now()))
            .map_err(io::Error::other)?;
        match poll(&mut polled, Some(&left)) {
            Ok(0) | Err(Errno::INTR) => return Ok(()),
            Ok(_) if polled.iter().any(|descriptor| descriptor.revents().contains(PollFlags::IN)) => {
                return Ok(());
            }
            Ok(_) => polled.retain(|descriptor| descriptor.revents().is_empty()),
            Err(error) => return Err(error.into()),
        }
    }
}

fn check_exists(pid: u32) -> Result<(), SamplerError> {
    let exists = Path::new("/proc").join(pid.to_string()).exists();
    if exists { Ok(()) } else { Err(SamplerError::NoSuchProcess { pid }) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_sampler_may_move_to_another_thread() {
        fn check<T: Send>() {}
        check::<Sampler>();
    }

    #[test]
    fn a_descriptor_that_hung_up_does_not_end_the_wait() {
        let (hung_up, writer) = io::pipe().unwrap();
        drop(writer);
        let started = Instant::now();
        wait(&[hung_up.as_fd()], Duration::from_millis(30)).unwrap();
        assert!(started.elapsed() >= Duration::from_millis(30));

        let (ready, mut writer) = io::pipe().unwrap();
        writer.write_all(b"x").unwrap();
        let started = Instant::now();
        wait(&[hung_up.as_fd(), ready.as_fd()], Duration::from_secs(60)).unwrap();
        assert!(started.elapsed() < Duration::from_secs(60));
    }
}
