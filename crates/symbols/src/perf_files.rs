//! Where perf maps are: in the `/tmp` that their process sees, under the pid that it knows itself by.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags, ResolveFlags};

use crate::PerfMap;

/// The perf maps of the processes asked about of late, read as far as they are written.
#[derive(Debug)]
pub(crate) struct PerfFiles {
    proc: PathBuf,
    known: Vec<Known>,
    entries_max: usize,
}

#[derive(Debug)]
struct Known {
    pid: u32,
    inode: u64,
    /// Bytes of the file taken in so far.
    length: u64,
    map: PerfMap,
}

/// Most maps held; the one used longest ago goes first.
const MAPS_MAX: usize = 16;

/// Most bytes taken in from one file at a time, and in all. A process that writes more is not read further.
const PART_BYTES_MAX: u64 = 1 << 20;
const FILE_BYTES_MAX: u64 = 64 << 20;

impl PerfFiles {
    pub(crate) fn new(proc: PathBuf, entries_max: usize) -> Self {
        Self { proc, known: Vec::new(), entries_max }
    }

    /// The perf map of a process as it is now, or as it was read before when the process has gone.
    pub(crate) fn get(&mut self, pid: u32) -> Option<&PerfMap> {
        let at = self.known.iter().position(|known| known.pid == pid);
        let mut known = at.map(|at| self.known.remove(at));
        if let Ok(file) = open(&self.proc, pid) {
            let others: usize = self.known.iter().map(|known| known.map.len()).sum();
            known = read(known, pid, &file, self.entries_max.saturating_sub(others)).ok();
        }
        self.known.truncate(MAPS_MAX - 1);
        self.known.insert(0, known?);
        self.known.first().map(|known| &known.map)
    }

    /// Entries of all maps that were beyond the limit.
    pub(crate) fn dropped(&self) -> u64 {
        self.known.iter().map(|known| known.map.dropped()).sum()
    }
}

/// Takes in what a file has beyond what is known of it; a file that was replaced or cut is read from its start.
fn read(known: Option<Known>, pid: u32, mut file: &File, entries_max: usize) -> io::Result<Known> {
    let metadata = file.metadata()?;
    let is_same = |known: &Known| known.inode == metadata.ino() && known.length <= metadata.len();
    let fresh = || Known { pid, inode: metadata.ino(), length: 0, map: PerfMap::default() };
    let mut known = known.filter(is_same).unwrap_or_else(fresh);
    let end = metadata.len().min(FILE_BYTES_MAX);
    file.seek(SeekFrom::Start(known.length))?;
    while known.length < end {
        let mut part = Vec::new();
        let read = file.take(PART_BYTES_MAX.min(end - known.length)).read_to_end(&mut part)?;
        if read == 0 {
            break;
        }
        known.map.extend(&part, entries_max);
        known.length += read as u64;
    }
    Ok(known)
}

/// Opens the map as its process would find it, without following a link out of the process's root and without
/// waiting on a pipe. It must belong to the process's user or to root.
fn open(proc: &Path, pid: u32) -> io::Result<File> {
    let process = proc.join(pid.to_string());
    let status = std::fs::read_to_string(process.join("status"))?;
    let name = format!("tmp/perf-{}.map", inner_pid(&status).unwrap_or(pid));
    let directory = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(process.join("root"), directory, Mode::empty())?;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let file = File::from(rustix::fs::openat2(&root, name, flags, Mode::empty(), resolve)?);
    let metadata = file.metadata()?;
    let owner = std::fs::metadata(&process)?.uid();
    if !metadata.is_file() || (metadata.uid() != owner && metadata.uid() != 0) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(file)
}

/// The pid in the innermost namespace: the last on the line `NSpid:`.
fn inner_pid(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    line.split_whitespace().last()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_innermost_pid_names_the_file() {
        assert_eq!(inner_pid("Name:\tx\nNSpid:\t1234\t17\t1\nFoo:\t2\n"), Some(1));
        assert_eq!(inner_pid("Name:\tx\n"), None);
    }

    #[test]
    fn a_growing_map_is_read_on_and_a_new_one_from_the_start() {
        let directory = tempfile::tempdir().unwrap();
        let process = directory.path().join("7");
        std::fs::create_dir_all(process.join("root/tmp")).unwrap();
        std::fs::write(process.join("status"), "NSpid:\t7\t3\n").unwrap();
        let path = process.join("root/tmp/perf-3.map");
        let mut files = PerfFiles::new(directory.path().into(), 100);
        assert!(files.get(7).is_none());

        let mut file = File::create(&path).unwrap();
        file.write_all(b"1000 10 one\n2000 10 tw").unwrap();
        let find =
            |files: &mut PerfFiles, address| files.get(7).unwrap().find(address).map(ToString::to_string);
        assert_eq!(find(&mut files, 0x2000), None);
        assert_eq!(find(&mut files, 0x1000), Some("one".into()));
        file.write_all(b"o\n").unwrap();
        assert_eq!(find(&mut files, 0x2000), Some("two".into()));

        std::fs::write(&path, "1000 8 new\n").unwrap();
        assert_eq!(find(&mut files, 0x1000), Some("new".into()));
        assert_eq!(find(&mut files, 0x2000), None);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(find(&mut files, 0x1000), Some("new".into()));

        std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        assert_eq!(find(&mut files, 0x1000), Some("new".into()));
    }
}
