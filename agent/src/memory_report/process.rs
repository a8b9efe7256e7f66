//! One process: who it is, whether it is still the same, and whose fork it is.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::{Outcome, memory::CachedMemory};

/// A process that can be read.
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) root: PathBuf,
    pub(crate) stat: Stat,
    pub(crate) command: String,
    pub(crate) executable: PathBuf,
    pub(crate) memory: CachedMemory,
}

/// What the kernel says of a process in one line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) parent: u32,
    /// When it started; another process with the same id started later.
    pub(crate) started: u64,
    /// Where code, stack and heap begin. A fork has its parent's; a new program has its own.
    pub(crate) layout: [u64; 3],
}

const COMMAND_BYTES_MAX: usize = 4096;

impl Process {
    pub(crate) fn open(proc_root: &Path, pid: u32) -> Result<Self, Outcome> {
        let root = proc_root.join(pid.to_string());
        let stat = Stat::read(&root).map_err(|error| outcome(&error))?;
        let open = |name: &str| File::open(root.join(name)).map_err(|error| outcome(&error));
        let (memory, pagemap) = (open("mem")?, open("pagemap")?);
        let executable = fs::read_link(root.join("exe")).map_err(|error| outcome(&error))?;
        let mut command = fs::read(root.join("cmdline")).unwrap_or_default();
        command.truncate(COMMAND_BYTES_MAX);
        let command = String::from_utf8_lossy(&command).replace('\0', " ").trim().to_owned();
        Ok(Self { pid, root, stat, command, executable, memory: CachedMemory::new(memory, pagemap) })
    }

    /// True while the process that was opened runs, and runs the same program.
    pub(crate) fn is_same(&self) -> bool {
        let executable = fs::read_link(self.root.join("exe"));
        Stat::read(&self.root).is_ok_and(|stat| stat.is_same(&self.stat))
            && executable.is_ok_and(|executable| executable == self.executable)
    }

    /// True when both began as one process: addresses mean the same in both.
    pub(crate) fn is_fork_of(&self, other: &Self) -> bool {
        self.stat.layout == other.stat.layout
            && self.stat.layout != [0; 3]
            && self.executable == other.executable
    }
}

impl Stat {
    pub(crate) fn read(root: &Path) -> io::Result<Self> {
        let text = fs::read(root.join("stat"))?;
        Self::parse(&text).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// True when both are of one process that runs one program, whoever its parent is by now.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.started == other.started && self.layout == other.layout
    }

    /// The name in parentheses may hold anything; the third field follows it.
    fn parse(text: &[u8]) -> Option<Self> {
        let rest = text.rsplit(|byte| *byte == b')').next()?;
        let rest = std::str::from_utf8(rest).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            parent: field(4)?.try_into().ok()?,
            started: field(22)?,
            layout: [field(26)?, field(28)?, field(47)?],
        })
    }
}

pub(super) fn outcome(error: &io::Error) -> Outcome {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Outcome::NotPermitted,
        _ => Outcome::Gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_line_is_read() {
        let numbers: Vec<String> = (5..=52).map(|number| number.to_string()).collect();
        let line = format!("7 (a) b (c) S 4 {}", numbers.join(" "));
        let expected = Stat { parent: 4, started: 22, layout: [26, 28, 47] };
        assert_eq!(Stat::parse(line.as_bytes()), Some(expected));
        for bad in ["", "7 (a", "7 (a) S x", "7 (a) S 1 2 3"] {
            assert_eq!(Stat::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn what_may_not_be_read_is_told_from_what_is_gone() {
        let cases = [
            (io::ErrorKind::PermissionDenied, Outcome::NotPermitted),
            (io::ErrorKind::NotFound, Outcome::Gone),
            (io::ErrorKind::InvalidData, Outcome::Gone),
        ];
        for (kind, expected) in cases {
            assert_eq!(outcome(&kind.into()), expected);
        }
        let own = Process::open(Path::new("/proc"), std::process::id()).unwrap_or_else(|_| unreachable!());
        assert!(own.is_same() && own.is_fork_of(&own));
        assert_eq!(Process::open(Path::new("/proc"), 0x7fff_fff0).err(), Some(Outcome::Gone));
    }
}
