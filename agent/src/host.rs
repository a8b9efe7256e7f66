//! Facts about the host that an agent reports of itself.

use std::{collections::BTreeMap, fs, io, sync::Arc};

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// What the host is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Host {
    /// Its name, which becomes the label `host.name`.
    pub(crate) name: String,
    /// How many CPUs are online.
    pub(crate) cpu_count: usize,
    /// Facts in words, by name.
    pub(crate) facts: BTreeMap<Arc<str>, Arc<str>>,
}

/// Asks the system.
pub(crate) fn read() -> Host {
    let wanted = RefreshKind::nothing()
        .with_cpu(CpuRefreshKind::nothing())
        .with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(wanted).ok();
    let cpu_count = system.as_ref().map_or(1, |system| system.cpus().len().max(1));
    let name = System::host_name().unwrap_or_else(|_| "unknown".to_owned());
    let cpu_model =
        system.as_ref().and_then(|system| system.cpus().first()).map(|cpu| cpu.brand().to_owned());
    let facts = [
        ("host.name", Some(name.clone())),
        ("host.arch", Some(System::cpu_arch())),
        ("host.cpu.count", Some(cpu_count.to_string())),
        ("host.cpu.model", cpu_model),
        ("host.memory.bytes", system.as_ref().map(|system| system.total_memory().to_string())),
        ("os.kernel", System::kernel_version().ok()),
        ("os.description", System::long_os_version().ok()),
        ("agent.version", Some(env!("CARGO_PKG_VERSION").to_owned())),
    ];
    let known = facts.into_iter().filter_map(|(key, value)| Some((key.into(), value?.trim().into())));
    Host { name, cpu_count, facts: known.filter(|(_, value): &(_, Arc<str>)| !value.is_empty()).collect() }
}

/// Names this boot of the machine.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_has_a_name_cpus_and_a_kernel() {
        let host = read();
        assert!(!host.name.is_empty());
        assert!(host.cpu_count >= 1);
        assert_eq!(host.facts.get("host.name").map(AsRef::as_ref), Some(host.name.as_str()));
        assert!(host.facts.contains_key("os.kernel"));
        assert_eq!(boot_id().unwrap(), boot_id().unwrap());
    }
}
