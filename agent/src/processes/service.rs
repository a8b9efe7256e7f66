//! The name of a service: the first of what its owner says, what runs it, and what it is.

use super::{cgroup::Cgroup, environ::Environment};

/// OpenTelemetry's name; else, in a container, the name of the workload or the container's host name where
/// somebody chose one; else, outside containers, the systemd unit; else the program.
pub(super) fn name(environment: &Environment, cgroup: &Cgroup, program: String) -> String {
    let from_surroundings = match &cgroup.container_id {
        Some(id) => environment.host_name.as_deref().and_then(|host| container_name(host, id, environment)),
        None => cgroup.unit.clone(),
    };
    environment.service_name.clone().or(from_surroundings).unwrap_or(program)
}

/// A kernel thread goes by its family, in brackets as `ps` shows it: `kworker/3:1H-kblockd` is `[kworker]`.
pub(super) fn kernel_thread(comm: &str) -> String {
    let family = comm.split(['/', ':']).next().unwrap_or(comm);
    format!("[{family}]")
}

/// A container runtime takes the id's start as the host name unless told another.
fn container_name(host: &str, id: &str, environment: &Environment) -> Option<String> {
    if environment.in_kubernetes {
        return Some(workload(host).to_owned());
    }
    (!id.starts_with(host)).then(|| host.to_owned())
}

/// The workload of a pod: its name without the parts that Kubernetes appends, an ordinal or generated
/// letters.
fn workload(pod: &str) -> &str {
    let Some((rest, last)) = pod.rsplit_once('-') else { return pod };
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return rest;
    }
    if last.len() != 5 || !is_generated(last) {
        return pod;
    }
    match rest.rsplit_once('-') {
        Some((deployment, template)) if (8..=10).contains(&template.len()) && is_generated(template) => {
            deployment
        }
        _ => rest,
    }
}

/// Kubernetes generates names without vowels and without letters and digits that look alike.
fn is_generated(text: &str) -> bool {
    text.bytes().all(|byte| b"bcdfghjklmnpqrstvwxz2456789".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef";

    /// The name for a service name, a host name, Kubernetes or not, a container or not, and a unit.
    fn check(otel: &str, host: &str, in_kubernetes: bool, cgroup: (&str, &str), expected: &str) {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let environment = Environment {
            service_name: some(otel),
            host_name: some(host),
            in_kubernetes,
            ..Environment::default()
        };
        let cgroup = Cgroup { container_id: some(cgroup.0), unit: some(cgroup.1) };
        assert_eq!(name(&environment, &cgroup, "program".into()), expected);
    }

    #[test]
    fn the_owner_then_the_surroundings_then_the_program() {
        check("feed", "pod-0", true, (ID, "containerd"), "feed");
        check("", "feed-7d9f8b6c5d-x2x4q", true, (ID, "containerd"), "feed");
        check("", "feed", false, (ID, ""), "feed");
        check("", "0123456789ab", false, (ID, "containerd"), "program");
        check("", "", false, (ID, "containerd"), "program");
        check("", "laptop", false, ("", "nginx"), "nginx");
        check("", "laptop", false, ("", ""), "program");
    }

    #[test]
    fn pods_lose_what_kubernetes_appended() {
        let pods = ["db-0", "agent-x2x4q", "photo-feed-7d9f8b6c5d-x2x4q", "web", "web-later", "a-b-c"];
        assert_eq!(pods.map(workload), ["db", "agent", "photo-feed", "web", "web-later", "a-b-c"]);
    }

    #[test]
    fn kernel_threads_go_by_their_family() {
        let comms = ["kworker/3:1H-kblockd", "ksoftirqd/0", "rcu_preempt", "irq/29-nvme", "swapper/1"];
        let expected = ["[kworker]", "[ksoftirqd]", "[rcu_preempt]", "[irq]", "[swapper]"];
        assert_eq!(comms.map(kernel_thread), expected);
    }
}
