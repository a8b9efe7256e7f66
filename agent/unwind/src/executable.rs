//! Executables: files with code, known by what the file is.

use std::{
    fs::Metadata,
    hash::{Hash, Hasher},
    os::unix::fs::MetadataExt,
    sync::Arc,
};

/// Number of an executable, unique for the life of its unwinder and never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExecutableId(pub u64);

/// What the file system says a file is. Size and time of change are part of it because an inode number is used
/// again soon after its file is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileIdentity {
    /// The file system.
    pub device: u64,
    /// The file in it.
    pub inode: u64,
    /// Its length in bytes.
    pub size: u64,
    /// When its content changed, in nanoseconds since the Unix epoch.
    pub modified_ns: i64,
}

impl From<&Metadata> for FileIdentity {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified_ns: metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec()),
        }
    }
}

/// A process that had the file mapped, and where: the way to a file that has no path any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MappedAt {
    /// The process, as the host numbers it.
    pub pid: u32,
    /// First runtime address of the mapping.
    pub start: u64,
    /// First runtime address after it.
    pub end: u64,
}

/// One file with code. Two are equal when they are the same file.
#[derive(Clone, Debug)]
pub struct Executable {
    /// Its number.
    pub id: ExecutableId,
    /// The path as the first process seen had it; `[vdso]` for the kernel's own.
    pub path: Arc<str>,
    /// Lower-case hexadecimal: the build id that the linker wrote, else a hash of the content. Empty only for a
    /// file that could not be read, whose "file addresses" then are file offsets.
    pub build_id: Arc<str>,
    /// Which file it is; all zero for the vdso and for a file that could not be read.
    pub identity: FileIdentity,
    /// Who had it mapped when it was first seen.
    pub mapped_at: MappedAt,
}

impl Executable {
    /// Path of the kernel's code in every process.
    pub const VDSO: &'static str = "[vdso]";
}

impl PartialEq for Executable {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Executable {}

impl Hash for Executable {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}
