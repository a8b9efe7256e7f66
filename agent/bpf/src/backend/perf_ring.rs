//! Sampling through the kernel's perf ring alone.
//!
//! It cannot carry the thread's name, the image key, the thread pointer or the stack's top, and it reserves the
//! whole stack size in the ring for every sample. In exchange it needs no BPF, and a process may sample its own
//! user's processes without any privilege where `kernel.perf_event_paranoid` is 2 or less.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use linux_perf_event_reader::{CpuMode, RawData, Regs, SampleRecord};
use perf_event_open_sys::bindings::perf_event_attr;

use crate::backend::{enable_jittered, system_error};
use crate::error::SamplerError;
use crate::event::{Event, Losses};
use crate::facts::Facts;
use crate::follow::{self, Followed};
use crate::options::{SamplerOptions, Target, Trigger, period_ns};
use crate::perf::{self, FLAGS_REGISTER, GENERAL_REGISTERS, IP_REGISTER, Scope};
use crate::record::{Addresses, Mode, RawSample, StackEnd, UserRegisters, UserStack, UserState};
use crate::ring::Ring;
use crate::rings::Rings;

/// What every user may lock for one CPU's ring by default (`kernel.perf_event_mlock_kb`).
const UNPRIVILEGED_RING_BYTES: usize = 512 << 10;

/// Samples and life records in one ring per CPU.
pub(crate) struct PerfRing {
    pub(crate) rings: Rings,
    /// False when only an ordinary user's rights were left: then the targets' threads are sampled one by one, in
    /// user code only.
    pub(crate) sees_kernel: bool,
    /// The followed processes, when not the whole host is sampled.
    followed: Option<Followed>,
    attributes: perf_event_attr,
    cpus: Vec<u32>,
    trigger: Trigger,
}

impl PerfRing {
    pub(crate) fn start(options: &SamplerOptions, facts: &Facts) -> Result<Self, SamplerError> {
        let cpus = aya::util::online_cpus()
            .map_err(|(_, source)| SamplerError::System { call: "reading the online CPUs", source })?;
        let opened = match (Self::open_host(options, &cpus), &options.target) {
            (Err(failure), Target::Processes(pids)) if is_refusal(&failure.1) => {
                // An ordinary user may sample its own processes, but not the kernel on their behalf.
                Self::open_threads(options, &cpus, pids).map_err(|_| failure)
            }
            (opened, _) => opened,
        };
        opened.map_err(|(call, source)| system_error(call, source, facts))
    }

    /// Samples all CPUs; where there are targets, the others' samples are passed over here. That also catches
    /// threads too short-lived to use up a period of their own.
    fn open_host(options: &SamplerOptions, cpus: &[u32]) -> Result<Self, (&'static str, io::Error)> {
        let ring_bytes = options.ring_bytes_for(cpus.len()) / cpus.len().max(1);
        let ring_bytes = ring_bytes.max(UNPRIVILEGED_RING_BYTES).next_power_of_two();
        let attributes = perf::sample_attributes(options, u32::try_from(ring_bytes / 2).unwrap_or(u32::MAX));
        let perf_ring = Self::open(options, attributes, cpus, &[Scope::Cpu], ring_bytes)?;
        let events: Vec<&OwnedFd> = perf_ring.rings.rings().iter().flat_map(Ring::events).collect();
        enable_jittered(&events, options).map_err(|source| ("PERF_EVENT_IOC_ENABLE", source))?;
        Ok(perf_ring)
    }

    fn open_threads(
        options: &SamplerOptions,
        cpus: &[u32],
        pids: &[u32],
    ) -> Result<Self, (&'static str, io::Error)> {
        let ring_bytes = UNPRIVILEGED_RING_BYTES;
        let mut attributes =
            perf::sample_attributes(options, u32::try_from(ring_bytes / 2).unwrap_or(u32::MAX));
        attributes.set_exclude_kernel(1);
        // A thread's own clock starts with the thread, which is jitter enough.
        attributes.set_disabled(0);
        let scopes: Vec<Scope> = pids.iter().flat_map(|pid| thread_scopes(*pid)).collect();
        Self::open(options, attributes, cpus, &scopes, ring_bytes)
    }

    fn open(
        options: &SamplerOptions,
        attributes: perf_event_attr,
        cpus: &[u32],
        scopes: &[Scope],
        ring_bytes: usize,
    ) -> Result<Self, (&'static str, io::Error)> {
        let mut rings = Vec::new();
        for cpu in cpus {
            rings.push(open_ring(&attributes, scopes, *cpu, ring_bytes)?);
        }
        Ok(Self {
            rings: Rings::new(rings, perf::SAMPLE_FIELDS),
            sees_kernel: attributes.exclude_kernel() == 0,
            followed: Followed::of(&options.target, Path::new("/proc")),
            attributes,
            cpus: cpus.to_vec(),
            trigger: options.trigger,
        })
    }

    pub(crate) fn drain(&mut self, max: usize, emit: &mut dyn FnMut(Event<'_>)) -> usize {
        let count = self.rings.deliver(u64::MAX, max, self.followed.as_mut(), emit);
        if let Some(followed) = &mut self.followed {
            // There is no kernel table here to tell.
            followed.take_changes();
        }
        count
    }

    /// One ring carries samples and life records; samples are nearly all of its bytes, so losses count as theirs.
    pub(crate) fn losses(&self) -> Losses {
        Losses {
            samples: self.rings.lost,
            life_events: 0,
            undecodable: self.rings.undecodable,
            unfollowed: self.followed.as_ref().map_or(0, |followed| followed.unfollowed),
            unconfigured: 0,
        }
    }

    /// Samples another process and its descendants too.
    pub(crate) fn add_target(&mut self, pid: u32) -> io::Result<()> {
        self.followed.get_or_insert_default().add_family(Path::new("/proc"), pid);
        if self.sees_kernel {
            return Ok(());
        }
        let scopes = thread_scopes(pid);
        let mut rings = self.cpus.iter().zip(self.rings.rings_mut());
        rings.try_for_each(|(cpu, ring)| join_ring(ring, &self.attributes, &scopes, *cpu))
    }

    pub(crate) fn set_frequency(&mut self, frequency_hz: u32) -> io::Result<()> {
        let value = period_value(self.trigger, frequency_hz);
        self.attributes.__bindgen_anon_1.sample_period = value;
        self.rings.rings().iter().flat_map(Ring::events).try_for_each(|event| perf::set_period(event, value))
    }
}

/// What to give [`perf::set_period`]: the CPU clock has a period, the cycle counter a frequency.
pub(crate) fn period_value(trigger: Trigger, frequency_hz: u32) -> u64 {
    match trigger {
        Trigger::CpuClock => period_ns(frequency_hz),
        Trigger::Cycles => u64::from(frequency_hz),
    }
}

/// Reads a sample of the fields in [`perf::SAMPLE_FIELDS`].
pub(crate) fn read_sample(sample: SampleRecord<'_>) -> io::Result<RawSample<'_>> {
    let user = sample.user_regs.as_ref().map(|registers| {
        let registers = read_registers(registers);
        let stack = read_stack(registers.sp(), sample.user_stack);
        UserState { registers, thread_pointer: None, stack }
    });
    let mode = match (&user, sample.cpu_mode) {
        (None, _) => Mode::KernelThread,
        (Some(_), CpuMode::User) => Mode::User,
        (Some(_), _) => Mode::Kernel,
    };
    let missing = || io::Error::from(io::ErrorKind::InvalidData);
    let id = |id: Option<i32>| u32::try_from(id.unwrap_or(-1)).map_err(|_| missing());
    Ok(RawSample {
        time_ns: sample.timestamp.ok_or_else(missing)?,
        cpu: sample.cpu.ok_or_else(missing)?,
        pid: id(sample.pid)?,
        tid: id(sample.tid)?,
        mode,
        comm: None,
        image: None,
        kernel_stack: sample.callchain.map_or(Addresses::EMPTY, Addresses::from_callchain),
        user,
        python: None,
        context: None,
        query_text: None,
    })
}

fn read_registers(registers: &Regs<'_>) -> UserRegisters {
    let value = |idx| registers.get(idx).unwrap_or(0);
    UserRegisters {
        general: GENERAL_REGISTERS.map(value),
        ip: value(IP_REGISTER),
        flags: value(FLAGS_REGISTER),
    }
}

/// The copy starts at the stack pointer; only its first `copied` bytes were written.
fn read_stack(sp: u64, stack: Option<(RawData<'_>, u64)>) -> UserStack<'_> {
    let Some((RawData::Single(reserved), copied)) = stack else { return UserStack::empty(sp) };
    let copied = usize::try_from(copied).unwrap_or(usize::MAX);
    let bytes = reserved.get(..copied).unwrap_or(reserved);
    let end = if copied < reserved.len() { StackEnd::Fault } else { StackEnd::Cap };
    UserStack { address: sp, top: None, end, bytes }
}

/// The kernel refuses with either, depending on which check fails.
fn is_refusal(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EACCES | libc::EPERM))
}

fn thread_scopes(pid: u32) -> Vec<Scope> {
    follow::family_threads(Path::new("/proc"), pid).into_iter().map(Scope::Thread).collect()
}

fn open_ring(
    attributes: &perf_event_attr,
    scopes: &[Scope],
    cpu: u32,
    ring_bytes: usize,
) -> Result<Ring, (&'static str, io::Error)> {
    let (first, others) = scopes.split_first().ok_or(("perf_event_open", io::ErrorKind::NotFound.into()))?;
    let event = perf::open(attributes, *first, cpu).map_err(|source| ("perf_event_open", source))?;
    let mut ring = Ring::new(event, ring_bytes).map_err(|source| ("mapping a perf ring", source))?;
    join_ring(&mut ring, attributes, others, cpu).map_err(|source| ("perf_event_open", source))?;
    Ok(ring)
}

/// Adds events to a ring. A thread that ended meanwhile is no error.
fn join_ring(ring: &mut Ring, attributes: &perf_event_attr, scopes: &[Scope], cpu: u32) -> io::Result<()> {
    for scope in scopes {
        let event = match perf::open(attributes, *scope, cpu) {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => continue,
            event => event?,
        };
        if let Some(first) = ring.events().first() {
            perf::redirect(&event, first)?;
        }
        ring.keep(event);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Worker, repeat_until};

    /// Sampling one's own threads needs no privilege where `kernel.perf_event_paranoid` is 2 or less.
    #[test]
    fn own_threads_are_sampled_without_privileges() {
        let worker = Worker::computing();
        let me = std::process::id();
        let target = Target::Processes(vec![me]);
        let options = SamplerOptions { frequency_hz: 499, target, ..SamplerOptions::default() };
        let cpus = aya::util::online_cpus().unwrap();
        let mut perf_ring = match PerfRing::open_threads(&options, &cpus, &[me]) {
            Ok(perf_ring) => perf_ring,
            Err((call, error)) if is_refusal(&error) => {
                eprintln!("SKIPPED, not permitted here: {call}: {error}");
                return;
            }
            Err((call, error)) => panic!("{call}: {error}"),
        };
        assert!(!perf_ring.sees_kernel);
        let mut of_worker = 0;
        repeat_until(|| {
            perf_ring.drain(usize::MAX, &mut |event| {
                let Event::Sample(sample) = event else { return };
                if sample.pid != me {
                    // Snapshot tests beside this one run cargo.
                    return;
                }
                assert_eq!(sample.mode, Mode::User);
                let user = sample.user.unwrap();
                assert!(user.stack.word(user.registers.sp()).is_some());
                of_worker += usize::from(sample.tid == worker.tid);
            });
            of_worker >= 20
        });
    }
}
