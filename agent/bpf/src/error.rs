//! Why sampling could not start.

use std::io;

use crate::config::{CONFIGS_MAX, FRAME_BYTES_MAX};
use crate::options::{FREQUENCY_HZ, RING_BYTES, STACK_BYTES, TARGETS_MAX};
use crate::probe::CapabilityRow;

/// Why a sampler could not start or be changed.
#[derive(Debug, thiserror::Error)]
pub enum SamplerError {
    /// The rate is out of range.
    #[error("frequency_hz is {frequency_hz}; choose {} to {}", FREQUENCY_HZ.start(), FREQUENCY_HZ.end())]
    FrequencyHz {
        /// The rate asked for.
        frequency_hz: u32,
    },
    /// The stack size is out of range.
    #[error(
        "stack_bytes is {stack_bytes}; choose a multiple of 4096 from {} to {}",
        STACK_BYTES.start(),
        STACK_BYTES.end()
    )]
    StackBytes {
        /// The size asked for.
        stack_bytes: u32,
    },
    /// The ring size is out of range.
    #[error("ring_bytes is {ring_bytes}; choose {} to {}", RING_BYTES.start(), RING_BYTES.end())]
    RingBytes {
        /// The size asked for.
        ring_bytes: usize,
    },
    /// There are no targets, or too many.
    #[error("{count} target processes were given; give 1 to {TARGETS_MAX}")]
    TargetCount {
        /// How many were given.
        count: usize,
    },
    /// A target does not exist.
    #[error("process {pid} does not exist; give the pid of a running process")]
    NoSuchProcess {
        /// The pid asked for.
        pid: u32,
    },
    /// The sampler samples the whole host, so there is no target to add.
    #[error("the sampler covers the whole host; start it with target processes to add one")]
    NoTargets,
    /// Registers and stacks are read for x86-64 only.
    #[error("sampling needs x86-64; this is {}", std::env::consts::ARCH)]
    Architecture,
    /// The BPF program was asked for and cannot run here.
    #[error("the BPF sampler cannot run: {0}; choose the perf ring or automatic backend")]
    Bpf(#[source] BpfError),
    /// The kernel refuses sampling; each row names what is missing and what it would give.
    #[error("the kernel does not permit sampling ({source}). {}", missing_text(missing))]
    NotPermitted {
        /// What the kernel said.
        source: io::Error,
        /// What is missing.
        missing: Vec<CapabilityRow>,
    },
    /// The machine has no such event, such as a cycle counter in a virtual machine.
    #[error("this machine cannot count the trigger event: {source}; choose the CPU clock")]
    NoSuchEvent {
        /// What the kernel said.
        source: io::Error,
    },
    /// A system call failed for another reason.
    #[error("{call} failed: {source}")]
    System {
        /// The call.
        call: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

/// Why the BPF program cannot run.
#[derive(Debug, thiserror::Error)]
pub enum BpfError {
    /// clang was missing when this was built.
    #[error("this build has no BPF program, because clang was missing; install clang and build again")]
    NotBuilt,
    /// The kernel publishes no type information.
    #[error("/sys/kernel/btf/vmlinux is missing; the kernel needs CONFIG_DEBUG_INFO_BTF")]
    NoTypeInformation,
    /// The kernel loads such programs only for privileged processes.
    #[error(
        "CAP_BPF or CAP_PERFMON is not held; run as root, or grant both (CAP_SYS_ADMIN before Linux 5.8)"
    )]
    NotPermitted,
    /// Pids in the kernel's records would not be those of `/proc`.
    #[error(
        "this process is not in the host's pid namespace; run the container with the host's (`--pid=host`)"
    )]
    PidNamespace,
    /// The object, a map or the program did not load.
    #[error("loading failed: {reason}")]
    Load {
        /// The reason, with the end of the verifier's log.
        reason: String,
    },
    /// The program did not attach to a CPU's clock.
    #[error("{call} failed: {source}")]
    Attach {
        /// The call.
        call: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

/// Why the sampling program could not be told of a process's runtime.
#[derive(Debug, thiserror::Error)]
pub enum ConfigureError {
    /// The table is full. It is counted as [`crate::Losses::unconfigured`].
    #[error("the table holds {CONFIGS_MAX} configurations already; forget those of processes that ended")]
    Full,
    /// The context is found through the interpreter.
    #[error("context_variable needs python, whose thread state leads to the context; give both")]
    ContextWithoutPython,
    /// A frame's field is out of reach.
    #[error(
        "{field} of the Python layout is {offset}; fields of a frame lie at most {} bytes from its start",
        FRAME_BYTES_MAX - 8
    )]
    FrameOffset {
        /// The field.
        field: &'static str,
        /// The offset given.
        offset: u16,
    },
    /// The kernel refused for another reason.
    #[error("writing the table of configurations failed: {source}")]
    Kernel {
        /// What the kernel said.
        source: io::Error,
    },
}

fn missing_text(missing: &[CapabilityRow]) -> String {
    let rows = missing.iter().map(|row| {
        let fix = row.fix.unwrap_or_default();
        format!("{}: {}; gives {}; {fix}", row.what, row.found, row.gives)
    });
    rows.collect::<Vec<_>>().join(". ")
}
