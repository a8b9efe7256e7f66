//! What this kernel permits and what each permission gives, as rows for a person to read.

use std::fs::File;
use std::path::Path;

use aya::maps::MapType;
use aya::programs::ProgramType;
use aya::sys::{BpfHelper, is_helper_supported, is_map_supported, is_program_supported};

use crate::backend::bpf::{self, Bpf};
use crate::facts::{self, Facts, Privilege};
use crate::options::{Backend, SamplerOptions, Trigger};
use crate::perf::{self, Scope};

/// What this machine can do for sampling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The kernel's release, as `uname -r` prints it.
    pub kernel_release: String,
    /// The backend that [`Backend::Auto`] would choose; `None` where neither works.
    pub backend: Option<Backend>,
    /// One row per capability.
    pub rows: Vec<CapabilityRow>,
}

/// One capability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapabilityRow {
    /// What was looked at.
    pub what: &'static str,
    /// Whether it is there.
    pub state: CapabilityState,
    /// What was found.
    pub found: String,
    /// What it gives.
    pub gives: &'static str,
    /// What to do to get it; `None` where it is there.
    pub fix: Option<&'static str>,
}

/// Whether a capability is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CapabilityState {
    /// It is.
    Present,
    /// It is not, and sampling does without it.
    Limited,
    /// It is not, and sampling of the whole host needs it.
    Missing,
}

/// Tries everything that sampling uses, changing nothing.
#[must_use]
pub fn probe() -> Capabilities {
    let facts = facts::read(Path::new("/proc"), Path::new("/sys"));
    let (bpf, perf) = (try_bpf_sampler(&facts), try_event(Trigger::CpuClock));
    let backend = match (&bpf, &perf) {
        (Ok(_), _) => Some(Backend::Bpf),
        (Err(_), Ok(_)) => Some(Backend::PerfRing),
        (Err(_), Err(_)) => None,
    };
    let mut rows = tried_rows(bpf, perf);
    rows.extend(bpf_rows(&facts));
    rows.extend(privilege_rows(&facts));
    rows.extend(setting_rows(&facts));
    Capabilities { kernel_release: facts.kernel_release, backend, rows }
}

/// The rows about permissions that are not there.
pub(crate) fn missing_permissions(facts: &Facts) -> Vec<CapabilityRow> {
    let rows = privilege_rows(facts).into_iter().chain(setting_rows(facts));
    rows.filter(|row| row.state != CapabilityState::Present).collect()
}

/// What was really tried.
fn tried_rows(bpf: Result<String, String>, perf: Result<String, String>) -> Vec<CapabilityRow> {
    let limited = CapabilityState::Limited;
    let memory = File::open("/proc/1/mem").map(|_| "readable".to_owned()).map_err(|error| error.to_string());
    vec![
        row(
            "BPF sampler, loaded and attached",
            bpf,
            limited,
            "thread names, exact stack ends, address-space identity and less copying",
            "see the rows below; without it the perf ring is used",
        ),
        row(
            "perf software events on every CPU",
            perf,
            CapabilityState::Missing,
            "samples of the whole host",
            "grant CAP_PERFMON, or set kernel.perf_event_paranoid to 0 or less",
        ),
        row(
            "hardware cycle counter",
            try_event(Trigger::Cycles),
            limited,
            "sampling by cycles instead of the CPU clock",
            "use a machine or an instance type that exposes hardware counters",
        ),
        row(
            "memory of other processes",
            memory,
            limited,
            "names of interpreted functions, in-memory code such as the vdso",
            "grant CAP_SYS_PTRACE",
        ),
    ]
}

fn bpf_rows(facts: &Facts) -> Vec<CapabilityRow> {
    let answer = |supported: Result<bool, String>| match supported {
        Ok(true) => Ok("supported".to_owned()),
        Ok(false) => Err("not supported".to_owned()),
        Err(error) => Err(error),
    };
    let limited = CapabilityState::Limited;
    let program = is_program_supported(ProgramType::PerfEvent).map_err(|error| error.to_string());
    let ring = is_map_supported(MapType::RingBuf).map_err(|error| error.to_string());
    let helper = is_helper_supported(ProgramType::PerfEvent, BpfHelper::BPF_FUNC_task_pt_regs);
    let helper = helper.map_err(|error| error.to_string());
    let present =
        |present, yes: &str, no: &str| if present { Ok(yes.to_owned()) } else { Err(no.to_owned()) };
    let built = present(bpf::is_built(), "built in", "not built: clang was missing");
    let types =
        present(facts.type_information, "/sys/kernel/btf/vmlinux", "/sys/kernel/btf/vmlinux is missing");
    let namespace = present(facts.host_pid_namespace, "the host's", "a container's");
    vec![
        row("BPF program in this build", built, limited, "the BPF sampler", "install clang and build again"),
        row(
            "BPF programs on perf events",
            answer(program),
            limited,
            "the BPF sampler",
            "grant CAP_BPF and CAP_PERFMON",
        ),
        row("BPF ring buffer", answer(ring), limited, "the BPF sampler", "grant CAP_BPF; needs Linux 5.8"),
        row(
            "BPF user registers",
            answer(helper),
            limited,
            "the BPF sampler",
            "grant CAP_BPF; needs Linux 5.15",
        ),
        row("kernel type information", types, limited, "the BPF sampler", "needs CONFIG_DEBUG_INFO_BTF"),
        row("pid namespace", namespace, limited, "the BPF sampler", "run the container with --pid=host"),
    ]
}

/// The privileges of this process.
fn privilege_rows(facts: &Facts) -> Vec<CapabilityRow> {
    let limited = CapabilityState::Limited;
    let held =
        |privilege| if facts.holds(privilege) { Ok("held".to_owned()) } else { Err("not held".to_owned()) };
    let sysctl_suffices = facts.perf_event_paranoid.is_some_and(|paranoid| paranoid <= 0);
    vec![
        row(
            "CAP_PERFMON",
            held(Privilege::Perfmon),
            if sysctl_suffices { limited } else { CapabilityState::Missing },
            "samples of every process and the kernel",
            "run as root, or grant CAP_PERFMON (CAP_SYS_ADMIN before Linux 5.8)",
        ),
        row(
            "CAP_BPF",
            held(Privilege::Bpf),
            limited,
            "the BPF sampler",
            "run as root, or grant CAP_BPF (CAP_SYS_ADMIN before Linux 5.8)",
        ),
        row(
            "CAP_SYS_PTRACE",
            held(Privilege::SysPtrace),
            limited,
            "maps, files and memory of other users' processes",
            "run as root, or grant CAP_SYS_PTRACE",
        ),
    ]
}

/// Settings of the kernel and the container.
fn setting_rows(facts: &Facts) -> Vec<CapabilityRow> {
    let (missing, limited) = (CapabilityState::Missing, CapabilityState::Limited);
    let setting = |value: Option<i64>, fits: &dyn Fn(i64) -> bool| match value {
        Some(value) if fits(value) => Ok(value.to_string()),
        Some(value) => Err(value.to_string()),
        None => Err("unreadable".to_owned()),
    };
    let perfmon = facts.holds(Privilege::Perfmon);
    let shows_kernel_names = |restrict| match restrict {
        0 => {
            facts.holds(Privilege::Syslog) || facts.perf_event_paranoid.is_some_and(|paranoid| paranoid <= 1)
        }
        1 => facts.holds(Privilege::Syslog),
        _ => false,
    };
    let lockdown = facts.lockdown.clone().unwrap_or_else(|| "none".to_owned());
    let lockdown = if lockdown == "confidentiality" { Err(lockdown) } else { Ok(lockdown) };
    let seccomp =
        if facts.seccomp_filter && !perfmon { Err("a filter is active") } else { Ok("no obstacle") };
    vec![
        row(
            "kernel.perf_event_paranoid",
            setting(facts.perf_event_paranoid, &|value| perfmon || value <= 0),
            missing,
            "sampling without CAP_PERFMON: own processes at 2, the kernel too at 1, the whole host at 0",
            "sysctl kernel.perf_event_paranoid=0, or grant CAP_PERFMON",
        ),
        row(
            "kernel.unprivileged_bpf_disabled",
            setting(facts.unprivileged_bpf_disabled, &|_| facts.holds(Privilege::Bpf)),
            limited,
            "nothing more: the sampling program needs CAP_BPF and CAP_PERFMON whatever the value",
            "grant CAP_BPF and CAP_PERFMON",
        ),
        row(
            "kernel.kptr_restrict",
            setting(facts.kptr_restrict, &shows_kernel_names),
            limited,
            "names of kernel functions",
            "sysctl kernel.kptr_restrict=1 and grant CAP_SYSLOG",
        ),
        row(
            "kernel lockdown",
            lockdown,
            missing,
            "reading kernel stacks and user memory from BPF and perf",
            "boot without lockdown=confidentiality",
        ),
        row(
            "seccomp",
            seccomp.map(str::to_owned).map_err(str::to_owned),
            limited,
            "the bpf and perf_event_open calls inside a container",
            "run the container with CAP_PERFMON and CAP_BPF, or a seccomp profile that allows both calls",
        ),
    ]
}

fn row(
    what: &'static str,
    found: Result<String, String>,
    otherwise: CapabilityState,
    gives: &'static str,
    fix: &'static str,
) -> CapabilityRow {
    match found {
        Ok(found) => CapabilityRow { what, state: CapabilityState::Present, found, gives, fix: None },
        Err(found) => CapabilityRow { what, state: otherwise, found, gives, fix: Some(fix) },
    }
}

/// Loads the real program with small maps, attaches it to one CPU and lets go of it.
fn try_bpf_sampler(facts: &Facts) -> Result<String, String> {
    let options =
        SamplerOptions { frequency_hz: 1, ring_bytes: Some(128 << 10), ..SamplerOptions::default() };
    let cpus = [first_cpu()];
    let mut bpf = Bpf::load(&options, facts, &cpus).map_err(|error| error.to_string())?;
    bpf.attach(&SamplerOptions { frequency_hz: 999, ..options }, &cpus).map_err(|error| error.to_string())?;
    Ok("works".to_owned())
}

fn try_event(trigger: Trigger) -> Result<String, String> {
    let attributes = perf::trigger_attributes(&SamplerOptions { trigger, ..SamplerOptions::default() });
    let opened = perf::open(&attributes, Scope::Cpu, first_cpu());
    opened.map(|_| "works".to_owned()).map_err(|error| error.to_string())
}

fn first_cpu() -> u32 {
    aya::util::online_cpus().ok().and_then(|cpus| cpus.first().copied()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: u64 = 0x1ff_ffff_ffff;

    fn lacking(facts: &Facts) -> String {
        let rows = missing_permissions(facts).into_iter();
        rows.map(|row| format!("{:?} {}: {}", row.state, row.what, row.found)).collect::<Vec<_>>().join("\n")
    }

    fn facts(effective_capabilities: u64) -> Facts {
        Facts {
            effective_capabilities,
            perf_event_paranoid: Some(2),
            unprivileged_bpf_disabled: Some(2),
            kptr_restrict: Some(1),
            ..Facts::default()
        }
    }

    #[test]
    fn what_is_missing_depends_on_privileges_and_settings() {
        insta::assert_snapshot!(lacking(&facts(ROOT)), @"");
        insta::assert_snapshot!(lacking(&facts(0)), @r"
        Missing CAP_PERFMON: not held
        Limited CAP_BPF: not held
        Limited CAP_SYS_PTRACE: not held
        Missing kernel.perf_event_paranoid: 2
        Limited kernel.unprivileged_bpf_disabled: 2
        Limited kernel.kptr_restrict: 1
        ");
        let monitor = 1 << Privilege::Perfmon as u64 | 1 << Privilege::Bpf as u64;
        insta::assert_snapshot!(lacking(&facts(monitor)), @r"
        Limited CAP_SYS_PTRACE: not held
        Limited kernel.kptr_restrict: 1
        ");
        insta::assert_snapshot!(lacking(&facts(1 << Privilege::SysAdmin as u64)), @"Limited CAP_SYS_PTRACE: not held");
        let locked =
            Facts { lockdown: Some("confidentiality".to_owned()), kptr_restrict: Some(2), ..facts(ROOT) };
        insta::assert_snapshot!(lacking(&locked), @r"
        Limited kernel.kptr_restrict: 2
        Missing kernel lockdown: confidentiality
        ");
        let container = Facts { seccomp_filter: true, perf_event_paranoid: Some(-1), ..facts(0) };
        insta::assert_snapshot!(lacking(&container), @r"
        Limited CAP_PERFMON: not held
        Limited CAP_BPF: not held
        Limited CAP_SYS_PTRACE: not held
        Limited kernel.unprivileged_bpf_disabled: 2
        Limited kernel.kptr_restrict: 1
        Limited seccomp: a filter is active
        ");
    }

    #[test]
    fn refusal_names_what_is_missing_and_the_fix() {
        let source = std::io::Error::from_raw_os_error(libc::EACCES);
        let missing = missing_permissions(&facts(1 << Privilege::Bpf as u64 | 1 << Privilege::Syslog as u64));
        let error = crate::SamplerError::NotPermitted { source, missing };
        insta::assert_snapshot!(error.to_string().replace(". ", ".\n"), @r"
        the kernel does not permit sampling (Permission denied (os error 13)).
        CAP_PERFMON: not held; gives samples of every process and the kernel; run as root, or grant CAP_PERFMON (CAP_SYS_ADMIN before Linux 5.8).
        CAP_SYS_PTRACE: not held; gives maps, files and memory of other users' processes; run as root, or grant CAP_SYS_PTRACE.
        kernel.perf_event_paranoid: 2; gives sampling without CAP_PERFMON: own processes at 2, the kernel too at 1, the whole host at 0; sysctl kernel.perf_event_paranoid=0, or grant CAP_PERFMON
        ");
    }

    #[test]
    fn every_row_that_is_not_present_has_a_fix() {
        let capabilities = probe();
        assert!(!capabilities.kernel_release.is_empty());
        for row in &capabilities.rows {
            assert_eq!(row.fix.is_none(), row.state == CapabilityState::Present, "{row:?}");
            assert!(!row.found.is_empty(), "{row:?}");
        }
    }
}
