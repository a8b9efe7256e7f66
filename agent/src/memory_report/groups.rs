//! Groups of processes: one executable, one parent.

use std::{collections::BTreeMap, fs, path::Path, path::PathBuf};

use super::process::Stat;

/// An executable and a parent.
pub(crate) type GroupKey = (PathBuf, u32);

/// One executable's processes with one parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// The executable and the parent, which is what makes them one.
    pub(crate) key: GroupKey,
    /// In the order of their ids.
    pub(crate) pids: Vec<u32>,
    /// Where the stack of the first begins, which names its address space.
    pub(crate) start_stack: u64,
    /// What they have resident together, shared or not.
    pub(crate) resident_bytes: u64,
}

/// What was left out of a look at all processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// Groups beyond the limit.
    pub(crate) groups: u64,
    /// Processes that may not be looked at, or went meanwhile.
    pub(crate) processes: u64,
}

/// Smaller groups decide nothing.
const RESIDENT_BYTES_MIN: u64 = 16 << 20;
const PAGE_BYTES: u64 = 4096;

/// The largest groups but this process's own, at most so many.
pub(crate) fn largest(proc_root: &Path, own_pid: u32, groups_max: usize) -> (Vec<Group>, LeftOut) {
    let mut left_out = LeftOut::default();
    let mut groups: BTreeMap<GroupKey, Group> = BTreeMap::new();
    let entries = fs::read_dir(proc_root).into_iter().flatten().flatten();
    let mut pids: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).collect();
    pids.sort_unstable();
    for pid in pids.into_iter().filter(|pid| *pid != own_pid) {
        let root = proc_root.join(pid.to_string());
        let Some(resident_bytes) = resident_bytes(&root) else {
            left_out.processes += 1;
            continue;
        };
        // The kernel's own have no memory.
        if resident_bytes == 0 {
            continue;
        }
        let (Ok(executable), Ok(stat)) = (fs::read_link(root.join("exe")), Stat::read(&root)) else {
            left_out.processes += 1;
            continue;
        };
        let key = (executable, stat.parent);
        let group = groups.entry(key.clone()).or_insert(Group {
            key,
            pids: Vec::new(),
            start_stack: stat.layout[1],
            resident_bytes: 0,
        });
        group.pids.push(pid);
        group.resident_bytes += resident_bytes;
    }
    let mut groups: Vec<Group> =
        groups.into_values().filter(|group| group.resident_bytes >= RESIDENT_BYTES_MIN).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.resident_bytes));
    left_out.groups = groups.len().saturating_sub(groups_max) as u64;
    groups.truncate(groups_max);
    (groups, left_out)
}

/// What a process has resident, shared or not.
pub(crate) fn resident_bytes(root: &Path) -> Option<u64> {
    let statm = fs::read_to_string(root.join("statm")).ok()?;
    Some(statm.split(' ').nth(1)?.parse::<u64>().ok()? * PAGE_BYTES)
}

/// What runs a process, from its command line: the first words without options, each without its folder. Words that
/// may hold secrets are left out.
pub(crate) fn program(command: &str) -> String {
    let is_plain = |word: &&str| {
        !word.starts_with('-')
            && word.len() <= WORD_BYTES_MAX
            && !word.contains(['=', '@', '?', '&', '\'', '"'])
    };
    let base = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let words: Vec<String> =
        command.split_ascii_whitespace().filter(is_plain).take(WORDS).map(base).collect();
    words.join(" ")
}

const WORDS: usize = 3;
const WORD_BYTES_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn write(root: &Path, pid: u32, parent: u32, executable: &str, pages: u64) {
        let folder = root.join(pid.to_string());
        fs::create_dir(&folder).unwrap();
        symlink(executable, folder.join("exe")).unwrap();
        fs::write(folder.join("statm"), format!("9999 {pages} 0 0 0 0 0\n")).unwrap();
        let numbers: Vec<String> = (5..=52).map(|number| number.to_string()).collect();
        fs::write(folder.join("stat"), format!("{pid} (a) S {parent} {}", numbers.join(" "))).unwrap();
    }

    #[test]
    fn processes_of_one_program_and_parent_are_one_group() {
        let root = tempfile::tempdir().unwrap();
        for (pid, parent, executable, pages) in [
            (10, 1, "/usr/bin/python3", 5000),
            (11, 10, "/usr/bin/python3", 5000),
            (12, 10, "/usr/bin/python3", 6000),
            (13, 10, "/usr/bin/cat", 1),
            (14, 1, "/usr/bin/agent", 90_000),
            (15, 2, "/usr/bin/kernel", 0),
        ] {
            write(root.path(), pid, parent, executable, pages);
        }
        fs::create_dir(root.path().join("16")).unwrap();
        let (groups, left_out) = largest(root.path(), 14, 1);
        assert_eq!((groups.len(), left_out), (1, LeftOut { groups: 1, processes: 1 }));
        assert_eq!((groups[0].pids.as_slice(), groups[0].start_stack), ([11, 12].as_slice(), 28));
        assert_eq!(groups[0].resident_bytes, 11_000 * PAGE_BYTES);
    }

    #[test]
    fn programs_are_told_without_options_and_secrets() {
        let cases = [
            ("/usr/bin/python3 /venv/bin/gunicorn -w 4 app:wsgi --token abc", "python3 gunicorn 4"),
            ("gunicorn: worker [app:wsgi]", "gunicorn: worker [app:wsgi]"),
            ("python3 -m celery -A app worker", "python3 celery app"),
            ("app password=1 https://me:secret@db/x run", "app run"),
            ("", ""),
        ];
        for (command, expected) in cases {
            assert_eq!(program(command), expected);
        }
    }
}
