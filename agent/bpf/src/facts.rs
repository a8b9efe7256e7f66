//! What the kernel says about permissions, read from `/proc` and `/sys`.

use std::fs;
use std::path::Path;

/// The inode of the host's own pid namespace, fixed by the kernel.
const HOST_PID_NAMESPACE: &str = "pid:[4026531836]";

/// Kernel settings and privileges that bear on sampling. `None` where the file is missing or unreadable.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) kernel_release: String,
    pub(crate) effective_capabilities: u64,
    pub(crate) perf_event_paranoid: Option<i64>,
    pub(crate) unprivileged_bpf_disabled: Option<i64>,
    pub(crate) kptr_restrict: Option<i64>,
    pub(crate) lockdown: Option<String>,
    pub(crate) seccomp_filter: bool,
    pub(crate) host_pid_namespace: bool,
    pub(crate) type_information: bool,
}

/// A Linux capability that sampling can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Privilege {
    SysPtrace = 19,
    SysAdmin = 21,
    Syslog = 34,
    Perfmon = 38,
    Bpf = 39,
}

/// Reads the facts from the mount points of proc and sysfs.
pub(crate) fn read(proc: &Path, sys: &Path) -> Facts {
    let text = |path: &Path| fs::read_to_string(path).map(|text| text.trim().to_owned()).ok();
    let number = |name: &str| text(&proc.join("sys/kernel").join(name)).and_then(|text| text.parse().ok());
    let status = text(&proc.join("self/status")).unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim_start_matches(':').trim().to_owned())
    };
    let namespace = fs::read_link(proc.join("self/ns/pid")).unwrap_or_default();
    Facts {
        kernel_release: text(&proc.join("sys/kernel/osrelease")).unwrap_or_default(),
        effective_capabilities: field("CapEff")
            .and_then(|hex| u64::from_str_radix(&hex, 16).ok())
            .unwrap_or(0),
        perf_event_paranoid: number("perf_event_paranoid"),
        unprivileged_bpf_disabled: number("unprivileged_bpf_disabled"),
        kptr_restrict: number("kptr_restrict"),
        lockdown: text(&sys.join("kernel/security/lockdown")).and_then(|line| selected(&line)),
        seccomp_filter: field("Seccomp").is_some_and(|mode| mode == "2"),
        host_pid_namespace: namespace.as_os_str() == HOST_PID_NAMESPACE,
        type_information: sys.join("kernel/btf/vmlinux").exists(),
    }
}

impl Facts {
    /// Whether the privilege, or `CAP_SYS_ADMIN` where it includes it, is held.
    pub(crate) fn holds(&self, privilege: Privilege) -> bool {
        let held = |privilege: Privilege| self.effective_capabilities >> (privilege as u32) & 1 == 1;
        let admin_includes = matches!(privilege, Privilege::Bpf | Privilege::Perfmon | Privilege::Syslog);
        held(privilege) || (admin_includes && held(Privilege::SysAdmin))
    }
}

/// The word in brackets of `none [integrity] confidentiality`.
fn selected(line: &str) -> Option<String> {
    let (_, rest) = line.split_once('[')?;
    rest.split_once(']').map(|(word, _)| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_from_files() {
        let folder = tempfile::tempdir().unwrap();
        let (proc, sys) = (folder.path().join("proc"), folder.path().join("sys"));
        let write = |path: std::path::PathBuf, text: &str| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(proc.join("self/status"), "Name:\tfewer\nCapEff:\t000000c000080000\nSeccomp:\t2\n");
        write(proc.join("sys/kernel/osrelease"), "6.1.0\n");
        write(proc.join("sys/kernel/perf_event_paranoid"), "-1\n");
        write(sys.join("kernel/security/lockdown"), "none [integrity] confidentiality\n");
        let facts = read(&proc, &sys);
        assert_eq!(facts.kernel_release, "6.1.0");
        assert_eq!((facts.perf_event_paranoid, facts.kptr_restrict), (Some(-1), None));
        assert_eq!(facts.lockdown.as_deref(), Some("integrity"));
        assert_eq!(
            (facts.seccomp_filter, facts.host_pid_namespace, facts.type_information),
            (true, false, false)
        );
        let held = [
            Privilege::SysPtrace,
            Privilege::SysAdmin,
            Privilege::Syslog,
            Privilege::Perfmon,
            Privilege::Bpf,
        ]
        .map(|privilege| facts.holds(privilege));
        assert_eq!(held, [true, false, false, true, true]);
    }
}
