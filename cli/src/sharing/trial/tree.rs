//! The processes that a command started, from `/proc`.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
};

/// One process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    root: PathBuf,
    parent: u32,
    group: u32,
    /// When it started; another process with the same id started later.
    started: u64,
    executable: PathBuf,
}

const KB: u64 = 1024;
/// A socket that listens.
const LISTENS: &str = "0A";

/// Everything that descends from a process, itself included, and what left it but stayed in its process group.
pub(super) fn of(proc_root: &Path, leader: u32) -> Vec<Process> {
    let entries = fs::read_dir(proc_root).into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let all: Vec<Process> = pids.filter_map(|pid| Process::read(proc_root, pid)).collect();
    let mut inside: HashSet<u32> = HashSet::from([leader]);
    inside.extend(all.iter().filter(|process| process.group == leader).map(|process| process.pid));
    loop {
        let before = inside.len();
        let children =
            all.iter().filter(|process| inside.contains(&process.parent)).map(|process| process.pid);
        let children: Vec<u32> = children.collect();
        inside.extend(children);
        if inside.len() == before {
            break;
        }
    }
    all.into_iter().filter(|process| inside.contains(&process.pid)).collect()
}

/// The largest group with one parent and one program; of equal ones the last that was started.
pub(super) fn workers(tree: &[Process]) -> Vec<&Process> {
    let mut groups: BTreeMap<(u32, &Path), Vec<&Process>> = BTreeMap::new();
    for process in tree {
        groups.entry((process.parent, &process.executable)).or_default().push(process);
    }
    groups.into_values().max_by_key(Vec::len).unwrap_or_default()
}

/// The first address that any of them listens on and that is not loopback's.
pub(super) fn listens_beyond_loopback(proc_root: &Path, tree: &[Process]) -> Option<SocketAddr> {
    let inodes: HashSet<String> = tree.iter().flat_map(Process::sockets).collect();
    let net = |name: &str| {
        let leader = tree.first().map(|process| process.root.clone());
        fs::read_to_string(leader.unwrap_or_else(|| proc_root.join("self")).join("net").join(name))
    };
    ["tcp", "tcp6"]
        .into_iter()
        .filter_map(|name| net(name).ok())
        .flat_map(|table| table.lines().skip(1).filter_map(listener).collect::<Vec<_>>())
        .find(|(address, inode)| inodes.contains(inode) && !is_loopback(address.ip()))
        .map(|(address, _)| address)
}

/// A listening socket's address and inode, from a line of the kernel's table.
fn listener(line: &str) -> Option<(SocketAddr, String)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (address, port) = fields.get(1)?.split_once(':')?;
    if *fields.get(3)? != LISTENS {
        return None;
    }
    let words: Option<Vec<u32>> = address
        .as_bytes()
        .chunks(8)
        .map(|word| u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok())
        .collect();
    // Each word stands in the order of this machine.
    let bytes: Vec<u8> = words?.into_iter().flat_map(u32::to_ne_bytes).collect();
    let ip = match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(bytes) => IpAddr::V4(Ipv4Addr::from(bytes)),
        Err(_) => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.as_slice()).ok()?)),
    };
    let port = u16::from_str_radix(port, 16).ok()?;
    Some((SocketAddr::new(ip, port), (*fields.get(9)?).to_owned()))
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

impl Process {
    fn read(proc_root: &Path, pid: u32) -> Option<Self> {
        let root = proc_root.join(pid.to_string());
        let stat = fs::read_to_string(root.join("stat")).ok()?;
        // The name in parentheses may hold anything; the third field follows it.
        let rest: Vec<&str> = stat.rsplit(')').next()?.split_ascii_whitespace().collect();
        let field = |number: usize| rest.get(number - 3)?.parse::<u64>().ok();
        if rest.first() == Some(&"Z") {
            return None;
        }
        Some(Self {
            pid,
            parent: field(4)?.try_into().ok()?,
            group: field(5)?.try_into().ok()?,
            started: field(22)?,
            executable: fs::read_link(root.join("exe")).unwrap_or_default(),
            root,
        })
    }

    /// True while this very process runs.
    pub(super) fn is_alive(&self) -> bool {
        let proc_root = self.root.parent().unwrap_or(&self.root);
        Self::read(proc_root, self.pid).is_some_and(|now| now.started == self.started)
    }

    /// Its proportional share, and what no other process has; nothing when it cannot be read.
    pub(super) fn memory(&self) -> (u64, u64) {
        let text = fs::read_to_string(self.root.join("smaps_rollup")).unwrap_or_default();
        let sum = |names: &[&str]| {
            let lines = text.lines().filter_map(|line| line.split_once(':'));
            let values = lines.filter(|(name, _)| names.contains(name));
            values.filter_map(|(_, rest)| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok()).sum::<u64>()
                * KB
        };
        (sum(&["Pss"]), sum(&["Private_Clean", "Private_Dirty"]))
    }

    /// The inodes of its sockets.
    fn sockets(&self) -> Vec<String> {
        let files = fs::read_dir(self.root.join("fd")).into_iter().flatten().flatten();
        let targets = files.filter_map(|file| fs::read_link(file.path()).ok());
        let sockets = targets.filter_map(|target| {
            Some(target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
        });
        sockets.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn lines_of_the_kernels_table_are_read() {
        let row = |address: &str, state: &str| {
            format!(
                "   0: {address} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  0  0 4711 1 0"
            )
        };
        let cases = [
            (row("0100007F:1F90", "0A"), Some(("127.0.0.1:8080", true))),
            (row("00000000:1F90", "0A"), Some(("0.0.0.0:8080", false))),
            (row("00000000000000000000000001000000:0050", "0A"), Some(("[::1]:80", true))),
            (row("00000000000000000000000000000000:0050", "0A"), Some(("[::]:80", false))),
            (row("0100007F:1F90", "01"), None),
            ("nonsense".to_owned(), None),
        ];
        for (line, expected) in cases {
            let found = listener(&line).map(|(address, inode)| {
                assert_eq!(inode, "4711");
                (address.to_string(), is_loopback(address.ip()))
            });
            assert_eq!(found.as_ref().map(|(address, is)| (address.as_str(), *is)), expected, "{line}");
        }
    }

    #[test]
    fn this_process_is_in_its_own_tree_with_its_memory_and_sockets() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let tree = of(Path::new("/proc"), std::process::id());
        let own = tree.iter().find(|process| process.pid == std::process::id()).unwrap();
        let (proportional, own_bytes) = own.memory();
        assert!(own.is_alive() && proportional > 0 && own_bytes > 0 && !own.sockets().is_empty());
        assert_eq!(listens_beyond_loopback(Path::new("/proc"), &tree), None);
        drop(listener);
    }

    #[test]
    fn workers_are_the_largest_group() {
        let process = |pid: u32, parent: u32, name: &str| Process {
            pid,
            root: PathBuf::new(),
            parent,
            group: 1,
            started: 0,
            executable: name.into(),
        };
        let tree = [
            process(1, 0, "sh"),
            process(2, 1, "python"),
            process(3, 2, "python"),
            process(4, 2, "python"),
            process(5, 2, "helper"),
        ];
        assert_eq!(workers(&tree).iter().map(|worker| worker.pid).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(workers(&tree[..1]).len(), 1);
        assert!(workers(&[]).is_empty());
    }
}
