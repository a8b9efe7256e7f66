//! The files of processes: where mappings, executables and the vdso are read from.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags};

use crate::{Executable, FileIdentity, Mapping};

/// Where an unwinder finds what it reads. The files come in through here (I7).
pub trait ProcessFiles {
    /// The text of `/proc/PID/maps`, at most `limit` bytes of it.
    fn maps(&self, pid: u32, limit: usize) -> io::Result<Vec<u8>>;
    /// Where the process's main stack starts now, which a new program changes; 0 when that may not be known.
    fn start_stack(&self, pid: u32) -> io::Result<u64>;
    /// The file behind a mapping of a process.
    fn open(&self, pid: u32, mapping: &Mapping) -> io::Result<File>;
    /// The image of the vdso, which is the same in every process.
    fn vdso(&self) -> io::Result<Vec<u8>>;
}

/// The files of this host's processes, under `/proc` as a rule.
#[derive(Clone, Debug)]
pub struct ProcFiles {
    root: PathBuf,
}

/// Most bytes that a vdso may have; it has about eight thousand.
const VDSO_BYTES_MAX: u64 = 1 << 20;

impl ProcFiles {
    /// Files under this directory, `/proc` as a rule.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Opens an executable for symbolizing: through a mapping of it, through the root of process `pid`, or on the
    /// host. What opens is used only if it is still the same file.
    pub fn open_executable(&self, executable: &Executable, pid: u32) -> io::Result<File> {
        let at = executable.mapped_at;
        let candidates = [
            self.map_file(at.pid, at.start, at.end),
            self.in_root_of(pid, &executable.path),
            self.in_root_of(at.pid, &executable.path),
            PathBuf::from(executable.path.as_ref()),
        ];
        let is_same = |file: &File| {
            file.metadata().is_ok_and(|metadata| FileIdentity::from(&metadata) == executable.identity)
        };
        candidates.iter().filter_map(|path| open_regular(path).ok()).find(is_same).ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, "no process or path leads to the file any more")
        })
    }

    fn map_file(&self, pid: u32, start: u64, end: u64) -> PathBuf {
        self.root.join(format!("{pid}/map_files/{start:x}-{end:x}"))
    }

    fn in_root_of(&self, pid: u32, path: &str) -> PathBuf {
        self.root.join(format!("{pid}/root")).join(path.trim_start_matches('/'))
    }
}

impl ProcessFiles for ProcFiles {
    fn maps(&self, pid: u32, limit: usize) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        File::open(self.root.join(format!("{pid}/maps")))?.take(limit as u64).read_to_end(&mut text)?;
        Ok(text)
    }

    fn start_stack(&self, pid: u32) -> io::Result<u64> {
        let stat = std::fs::read(self.root.join(format!("{pid}/stat")))?;
        // The name in parentheses may hold anything; the stack's start is the 26th field after it.
        let after_name = stat.rsplit(|byte| *byte == b')').next().unwrap_or_default();
        let field = after_name.split(|byte| *byte == b' ').nth(26).unwrap_or_default();
        let text = std::str::from_utf8(field).unwrap_or_default();
        text.parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "stat has no start of stack"))
    }

    fn open(&self, pid: u32, mapping: &Mapping) -> io::Result<File> {
        let exact = self.map_file(pid, mapping.start, mapping.end);
        if let Ok(file) = open_regular(&exact) {
            return Ok(file);
        }
        // Without the privilege for map_files, or when a guard page split the mapping since, the path has to do;
        // the inode tells whether another file has taken it over.
        let candidates = [self.in_root_of(pid, &mapping.path), PathBuf::from(mapping.path.as_ref())];
        let is_same = |file: &File| {
            file.metadata().is_ok_and(|metadata| FileIdentity::from(&metadata).inode == mapping.inode)
        };
        candidates
            .iter()
            .filter_map(|path| open_regular(path).ok())
            .find(is_same)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the mapped file cannot be opened"))
    }

    fn vdso(&self) -> io::Result<Vec<u8>> {
        let pid = std::process::id();
        let maps = crate::parse_maps(&self.maps(pid, 1 << 22)?, usize::MAX);
        let absent = || io::Error::new(io::ErrorKind::NotFound, "this kernel gives processes no vdso");
        let mapping = maps.mappings.iter().find(|mapping| mapping.path.as_ref() == Executable::VDSO);
        let mapping = mapping.ok_or_else(absent)?;
        let mut image = vec![0; mapping.end.saturating_sub(mapping.start).min(VDSO_BYTES_MAX) as usize];
        File::open(self.root.join("self/mem"))?.read_exact_at(&mut image, mapping.start)?;
        Ok(image)
    }
}

/// Opens a file only if it is a plain one, without waiting: a pipe can stand where the file was.
fn open_regular(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(file)
}
