//! Sampling through the BPF program in `src/bpf`.

mod configs;
#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use aya::maps::{HashMap, MapData, PerCpuArray, RingBuf};
use aya::programs::{PerfEvent, ProgramError};
use aya::{Ebpf, EbpfError, EbpfLoader, VerifierLogLevel};

use crate::backend::bpf::configs::Configs;
use crate::backend::enable_jittered;
use crate::backend::perf_ring::period_value;
use crate::config::{RuntimeConfig, TargetKey};
use crate::error::{BpfError, ConfigureError};
use crate::event::{Event, Losses};
use crate::facts::{Facts, Privilege};
use crate::follow::{Change, Followed};
use crate::options::{SamplerOptions, Target, Trigger};
use crate::perf::{self, Scope};
use crate::record::decode;
use crate::ring::Ring;
use crate::rings::Rings;

#[cfg(bpf_object)]
static OBJECT: Option<&[u8]> = Some(aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/sampler.bpf.o")));
#[cfg(not(bpf_object))]
static OBJECT: Option<&[u8]> = None;

const COUNTER_LOST: u32 = 0;
const COUNTER_UNFOLLOWED: u32 = 1;
const PAGE_BYTES: u32 = 4096;
/// One CPU's ring of life records.
const LIFE_RING_BYTES: usize = 128 << 10;
/// Lines of the verifier's log that say why it refused.
const LOG_LINES: usize = 4;

/// A loaded and attached program, and the rings it and the kernel write to.
pub(crate) struct Bpf {
    ring: RingBuf<MapData>,
    counters: PerCpuArray<MapData, u64>,
    kernel_followed: HashMap<MapData, u32, u8>,
    configs: Configs,
    /// The followed processes, when not the whole host is sampled.
    followed: Option<Followed>,
    life: Rings,
    undecodable: u64,
    trigger: Trigger,
    events: Vec<OwnedFd>,
    program: Ebpf,
}

/// Whether this build carries the program.
pub(crate) fn is_built() -> bool {
    OBJECT.is_some()
}

impl Bpf {
    pub(crate) fn start(options: &SamplerOptions, facts: &Facts) -> Result<Self, BpfError> {
        let cpus = online_cpus()?;
        let mut bpf = Self::load(options, facts, &cpus)?;
        bpf.life = open_life_rings(&cpus)?;
        // Only now, so that no fork falls between this look at `/proc` and the records.
        bpf.followed = Followed::of(&options.target, Path::new("/proc"));
        bpf.tell_kernel();
        bpf.attach(options, &cpus)?;
        Ok(bpf)
    }

    /// Loads the program without attaching it.
    pub(crate) fn load(options: &SamplerOptions, facts: &Facts, cpus: &[u32]) -> Result<Self, BpfError> {
        let object = OBJECT.ok_or(BpfError::NotBuilt)?;
        if !facts.holds(Privilege::Bpf) || !facts.holds(Privilege::Perfmon) {
            return Err(BpfError::NotPermitted);
        }
        if !facts.type_information {
            return Err(BpfError::NoTypeInformation);
        }
        if !facts.host_pid_namespace {
            return Err(BpfError::PidNamespace);
        }
        // The verifier's log is slow to write, so it is asked for only to explain a refusal.
        let mut program = load_object(object, options, cpus, VerifierLogLevel::DISABLE)
            .or_else(|_| load_object(object, options, cpus, VerifierLogLevel::default()))
            .map_err(|error| BpfError::Load { reason: load_reason(&error) })?;
        Ok(Self {
            ring: map(&mut program, "ring", RingBuf::try_from)?,
            counters: map(&mut program, "counters", PerCpuArray::try_from)?,
            kernel_followed: map(&mut program, "followed", HashMap::try_from)?,
            configs: Configs {
                by_process: map(&mut program, "process_configs", HashMap::try_from)?,
                by_image: map(&mut program, "image_configs", HashMap::try_from)?,
                refused: 0,
            },
            followed: None,
            life: Rings::new(Vec::new(), perf::COMMON_FIELDS),
            undecodable: 0,
            trigger: options.trigger,
            events: Vec::new(),
            program,
        })
    }

    /// Attaches the program to the CPUs and starts their clocks.
    pub(crate) fn attach(&mut self, options: &SamplerOptions, cpus: &[u32]) -> Result<(), BpfError> {
        let attach = |call| move |source| BpfError::Attach { call, source };
        let program =
            perf_event(&mut self.program).map_err(|error| BpfError::Load { reason: error.to_string() })?;
        let program = program.fd().map_err(|error| BpfError::Load { reason: error.to_string() })?;
        let attributes = perf::trigger_attributes(options);
        for cpu in cpus {
            let event = perf::open(&attributes, Scope::Cpu, *cpu).map_err(attach("perf_event_open"))?;
            perf::attach_program(&event, program).map_err(attach("PERF_EVENT_IOC_SET_BPF"))?;
            self.events.push(event);
        }
        let events: Vec<&OwnedFd> = self.events.iter().collect();
        enable_jittered(&events, options).map_err(attach("PERF_EVENT_IOC_ENABLE"))
    }

    pub(crate) fn drain(&mut self, max: usize, emit: &mut dyn FnMut(Event<'_>)) -> usize {
        let mut count = 0;
        while count < max {
            let Some(record) = self.ring.next() else { break };
            let Ok(sample) = decode(&record) else {
                self.undecodable += 1;
                continue;
            };
            count += self.life.deliver(sample.time_ns, max - count, self.followed.as_mut(), emit);
            if let Some(followed) = &mut self.followed {
                // The program follows children by their parents; what it sampled is followed here too.
                followed.learn(sample.pid);
            }
            emit(Event::Sample(sample));
            count += 1;
        }
        count += self.life.deliver(u64::MAX, max.saturating_sub(count), self.followed.as_mut(), emit);
        self.tell_kernel();
        count
    }

    pub(crate) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        std::iter::once(self.ring.as_fd()).chain(self.life.descriptors())
    }

    pub(crate) fn losses(&self) -> Losses {
        let counter = |idx: u32| -> u64 {
            self.counters.get(&idx, 0).map(|values| values.iter().sum()).unwrap_or_default()
        };
        Losses {
            samples: counter(COUNTER_LOST),
            life_events: self.life.lost,
            undecodable: self.undecodable + self.life.undecodable,
            unfollowed: counter(COUNTER_UNFOLLOWED) + self.followed.as_ref().map_or(0, |set| set.unfollowed),
            unconfigured: self.configs.refused,
        }
    }

    pub(crate) fn set_frequency(&mut self, frequency_hz: u32) -> io::Result<()> {
        let value = period_value(self.trigger, frequency_hz);
        self.events.iter().try_for_each(|event| perf::set_period(event, value))
    }

    pub(crate) fn configure(&mut self, key: TargetKey, config: &RuntimeConfig) -> Result<(), ConfigureError> {
        self.configs.insert(key, config)
    }

    pub(crate) fn forget(&mut self, key: TargetKey) {
        self.configs.remove(key);
    }

    /// Follows a process and what descends from it now and later.
    pub(crate) fn add_target(&mut self, pid: u32) {
        self.followed.get_or_insert_default().add_family(Path::new("/proc"), pid);
        self.tell_kernel();
    }

    /// Brings the kernel's table up to date. A full table or a pid that left it already is no error: the program
    /// walks up the parents then, and counts.
    fn tell_kernel(&mut self) {
        for change in self.followed.as_mut().map(Followed::take_changes).unwrap_or_default() {
            let result = match change {
                Change::Added(pid) => self.kernel_followed.insert(pid, 1, 0),
                Change::Removed(pid) => self.kernel_followed.remove(&pid),
            };
            if let Err(error) = result {
                tracing::debug!(?change, %error, "table of followed processes");
            }
        }
    }

    /// Instructions that the verifier walked through.
    #[cfg(test)]
    pub(crate) fn verified_instructions(&mut self) -> Option<u32> {
        perf_event(&mut self.program).ok()?.info().ok()?.verified_instruction_count()
    }
}

fn online_cpus() -> Result<Vec<u32>, BpfError> {
    aya::util::online_cpus().map_err(|(call, source)| BpfError::Attach { call, source })
}

fn load_object(
    object: &[u8],
    options: &SamplerOptions,
    cpus: &[u32],
    log: VerifierLogLevel,
) -> Result<Ebpf, EbpfError> {
    let stack_pages: u32 = options.stack_bytes / PAGE_BYTES;
    let only_targets = u32::from(options.target != Target::Host);
    let ring_bytes = options.ring_bytes_for(cpus.len());
    let wakeup_bytes = (ring_bytes / 2) as u64;
    // CPUs that come online later are not sampled, so they need no area.
    let scratch_areas = cpus.iter().max().map_or(1, |cpu| cpu + 1);
    let mut loaded = EbpfLoader::new()
        .verifier_log_level(log)
        .override_global("stack_pages_max", &stack_pages, true)
        .override_global("only_targets", &only_targets, true)
        .override_global("wakeup_bytes", &wakeup_bytes, true)
        .map_max_entries("ring", u32::try_from(ring_bytes).unwrap_or(u32::MAX))
        .map_max_entries("scratch", scratch_areas)
        .load(object)?;
    perf_event(&mut loaded)?.load()?;
    Ok(loaded)
}

fn perf_event(loaded: &mut Ebpf) -> Result<&mut PerfEvent, ProgramError> {
    loaded.program_mut("sample").ok_or(ProgramError::NotLoaded)?.try_into()
}

fn map<M, E: std::fmt::Display>(
    program: &mut Ebpf,
    name: &str,
    convert: impl FnOnce(aya::maps::Map) -> Result<M, E>,
) -> Result<M, BpfError> {
    let map = program.take_map(name).ok_or_else(|| BpfError::Load { reason: format!("no map {name}") })?;
    convert(map).map_err(|error| BpfError::Load { reason: error.to_string() })
}

fn open_life_rings(cpus: &[u32]) -> Result<Rings, BpfError> {
    let attributes = perf::life_attributes(u32::try_from(LIFE_RING_BYTES / 2).unwrap_or(u32::MAX));
    let open = |cpu: &u32| Ring::new(perf::open(&attributes, Scope::Cpu, *cpu)?, LIFE_RING_BYTES);
    let rings = cpus.iter().map(open).collect::<io::Result<Vec<Ring>>>();
    let rings = rings.map_err(|source| BpfError::Attach { call: "opening the life records", source })?;
    Ok(Rings::new(rings, perf::COMMON_FIELDS))
}

/// The whole chain of reasons. The verifier's log is long and its end says why.
fn load_reason(error: &EbpfError) -> String {
    let mut reasons = Vec::new();
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        let mut lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if lines.len() > LOG_LINES {
            lines.drain(1..=lines.len() - LOG_LINES);
        }
        reasons.push(lines.join(" | "));
        next = error.source();
    }
    // Some errors repeat their source in their own text.
    reasons.dedup_by(|later, earlier| earlier.contains(later.as_str()));
    reasons.join(": ")
}
