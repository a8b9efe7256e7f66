//! What a process's control group says: its container and its systemd unit.

/// Facts from `/proc/PID/cgroup`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cgroup {
    /// The container runtime's id.
    pub(crate) container_id: Option<String>,
    /// The systemd service without its `.service`.
    pub(crate) unit: Option<String>,
}

/// Reads the content of `/proc/PID/cgroup`, of either hierarchy version.
pub(crate) fn parse(text: &str) -> Cgroup {
    let mut found = Cgroup::default();
    for path in text.lines().filter_map(|line| line.splitn(3, ':').nth(2)) {
        for segment in path.rsplit('/') {
            found.container_id = found.container_id.or_else(|| container_id(segment));
            found.unit = found.unit.or_else(|| unit(segment));
        }
    }
    found
}

/// The id in one path segment: `docker-ID.scope`, `cri-containerd-ID.scope`, `crio-ID.scope`,
/// `libpod-ID.scope`, `slice:cri-containerd:ID` or the bare `ID` of 64 hexadecimal digits; on ECS a task id,
/// `32 digits-number`.
fn container_id(segment: &str) -> Option<String> {
    let segment = segment.strip_suffix(".scope").unwrap_or(segment);
    if segment.contains("conmon") {
        return None;
    }
    let last = segment.rsplit(['-', ':']).next()?;
    if is_hexadecimal(last, 64) {
        return Some(last.to_owned());
    }
    let (task, number) = segment.split_once('-')?;
    let is_task =
        is_hexadecimal(task, 32) && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_task.then(|| segment.to_owned())
}

fn is_hexadecimal(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The unit in one path segment. The manager of a user's session is a unit, but says nothing about what runs
/// in it.
fn unit(segment: &str) -> Option<String> {
    let name = segment.strip_suffix(".service")?;
    (!name.starts_with("user@")).then(|| name.replace("\\x2d", "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, container_id: Option<&str>, unit: Option<&str>) {
        let id = "0123456789abcdef".repeat(4);
        let found = parse(&text.replace("ID", &id));
        assert_eq!(found.container_id, container_id.map(|text| text.replace("ID", &id)), "{text}");
        assert_eq!(found.unit.as_deref(), unit, "{text}");
    }

    #[test]
    fn containers() {
        check("0::/system.slice/docker-ID.scope", Some("ID"), None);
        check("12:cpu,cpuacct:/docker/ID\n0::/", Some("ID"), None);
        check(
            "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-ID.scope",
            Some("ID"),
            None,
        );
        check(
            "0::/system.slice/containerd.service/kubepods-besteffort-pod1.slice:cri-containerd:ID",
            Some("ID"),
            Some("containerd"),
        );
        check("0::/kubepods/besteffort/pod2f0f/ID", Some("ID"), None);
        check("0::/kubepods.slice/crio-ID.scope/container", Some("ID"), None);
        check("0::/machine.slice/libpod-ID.scope/container", Some("ID"), None);
        check("0::/machine.slice/libpod-conmon-ID.scope", None, None);
        let task = "0123456789abcdef0123456789abcdef";
        check(&format!("1:cpu:/ecs/{task}/{task}-1234567"), Some(&format!("{task}-1234567")), None);
    }

    #[test]
    fn units() {
        check("0::/system.slice/nginx.service", None, Some("nginx"));
        check(
            "0::/system.slice/system-postgresql.slice/postgresql@15-main.service",
            None,
            Some("postgresql@15-main"),
        );
        check("1:name=systemd:/system.slice/a\\x2db.service/sub", None, Some("a-b"));
        check("0::/user.slice/user-0.slice/user@0.service/app.slice/web.service", None, Some("web"));
        check("0::/user.slice/user-0.slice/user@0.service/init.scope", None, None);
        check("0::/user.slice/user-0.slice/session-3.scope", None, None);
    }

    #[test]
    fn nothing_to_find() {
        check("", None, None);
        check("0::/", None, None);
        check("garbage\n::\n1:cpu", None, None);
    }
}
