//! The spool: encoded pushes wait on disk, in order, until the collector has acknowledged them.
//!
//! A push is written with its key inside, so a resend is byte for byte the same. The files are named by
//! sequence number; a restart finds what waited. At its bound the oldest push is dropped and counted.

mod identity;

use std::{
    collections::VecDeque,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use model::{AgentId, PushKey};

use identity::Identity;

/// How a spool is opened.
#[derive(Clone, Debug)]
pub struct SpoolOptions {
    /// Its directory, created when absent.
    pub directory: PathBuf,
    /// Most bytes that wait in it.
    pub limit_bytes: u64,
    /// Names this boot of the machine. Sequence numbers are continued only within one boot: a copied disk
    /// image starts a life of its own, and nothing has to be synced to disk before it is used.
    pub boot_id: String,
    /// Used as the agent's id when the sequence numbers of an earlier one cannot be continued.
    pub fresh_id: AgentId,
}

/// Why the spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The directory or a file in it cannot be read or written.
    #[error("spool: cannot {action} {path}: {source}; choose another directory with --spool-dir")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another agent uses the directory.
    #[error("spool: another agent is using {path}; stop it or choose another directory with --spool-dir")]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// One push is larger than the whole spool.
    #[error("spool: a push of {bytes} bytes is larger than the limit of {limit_bytes}; raise --spool-mb")]
    TooLarge {
        /// Size of the push.
        bytes: u64,
        /// Size of the spool.
        limit_bytes: u64,
    },
}

/// One push that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its sequence number, which names its file.
    pub sequence: u64,
    /// Its size.
    pub bytes: u64,
}

/// What a spool holds and what it has let go of since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpoolUsage {
    /// Pushes that wait.
    pub pushes: u64,
    /// Bytes that wait.
    pub bytes: u64,
    /// Pushes dropped at the bound.
    pub dropped: u64,
    /// Pushes set aside because the collector refused them.
    pub set_aside: u64,
}

/// An open spool. The directory is locked while it lives.
#[derive(Debug)]
pub struct Spool {
    directory: PathBuf,
    limit_bytes: u64,
    identity: Identity,
    waiting: VecDeque<Waiting>,
    usage: SpoolUsage,
    _lock: File,
}

/// Refused pushes that are kept for a person to look at; older ones go.
const MAX_SET_ASIDE: usize = 8;
const EXTENSION: &str = "push";

impl Spool {
    /// Opens the directory, finds what waits, and continues the sequence or starts a new one.
    pub fn open(options: SpoolOptions) -> Result<Self, SpoolError> {
        let SpoolOptions { directory, limit_bytes, boot_id, fresh_id } = options;
        fs::create_dir_all(&directory).map_err(failed("create", &directory))?;
        let lock = lock(&directory)?;
        let mut waiting = files(&directory).map_err(failed("list", &directory))?;
        waiting.make_contiguous().sort_unstable_by_key(|push| push.sequence);
        let newest = waiting.back().map_or(0, |push| push.sequence);
        let identity = Identity::read(&directory, &boot_id)
            .filter(|identity| identity.sequence >= newest)
            .unwrap_or(Identity { agent: fresh_id, sequence: newest, boot_id });
        let usage = SpoolUsage {
            pushes: waiting.len() as u64,
            bytes: waiting.iter().map(|push| push.bytes).sum(),
            ..SpoolUsage::default()
        };
        let mut spool = Self { directory, limit_bytes, identity, waiting, usage, _lock: lock };
        spool.make_room(0);
        Ok(spool)
    }

    /// Puts a push at the end. `encode` is given the key that the push must carry.
    pub fn append(&mut self, encode: impl FnOnce(PushKey) -> Vec<u8>) -> Result<PushKey, SpoolError> {
        let key = PushKey { agent: self.identity.agent, sequence: self.identity.sequence + 1 };
        let encoded = encode(key);
        let bytes = encoded.len() as u64;
        if bytes > self.limit_bytes {
            self.usage.dropped += 1;
            return Err(SpoolError::TooLarge { bytes, limit_bytes: self.limit_bytes });
        }
        self.make_room(bytes);
        // The number is used up on disk before the push appears: a crash in between leaves a gap, never a
        // second push with the same number.
        self.identity.sequence = key.sequence;
        self.identity.write(&self.directory).map_err(failed("write to", &self.directory))?;
        let path = self.path(key.sequence);
        write_whole(&path, &encoded).map_err(failed("write", &path))?;
        self.waiting.push_back(Waiting { sequence: key.sequence, bytes });
        self.usage.pushes += 1;
        self.usage.bytes += bytes;
        Ok(key)
    }

    /// The push that has waited longest.
    pub fn oldest(&self) -> Option<Waiting> {
        self.waiting.front().copied()
    }

    /// Where the bytes of a waiting push are.
    pub fn path(&self, sequence: u64) -> PathBuf {
        self.directory.join(format!("{sequence:020}.{EXTENSION}"))
    }

    /// Forgets a push that was acknowledged, or that has gone from the disk.
    pub fn remove(&mut self, sequence: u64) {
        if self.forget(sequence) {
            delete(&self.path(sequence));
        }
    }

    /// Takes a push that the collector refuses out of the way of the others, and keeps the last few of these.
    pub fn set_aside(&mut self, sequence: u64) {
        if !self.forget(sequence) {
            return;
        }
        self.usage.set_aside += 1;
        let folder = self.directory.join("rejected");
        let target = folder.join(format!("{sequence:020}.{EXTENSION}"));
        let moved = fs::create_dir_all(&folder).and_then(|()| fs::rename(self.path(sequence), target));
        if let Err(error) = moved {
            tracing::warn!(%error, sequence, "cannot keep the refused push");
            delete(&self.path(sequence));
        }
        let mut kept = files(&folder).unwrap_or_default();
        kept.make_contiguous().sort_unstable_by_key(|push| push.sequence);
        for old in kept.iter().take(kept.len().saturating_sub(MAX_SET_ASIDE)) {
            delete(&folder.join(format!("{:020}.{EXTENSION}", old.sequence)));
        }
    }

    /// What it holds and what it has let go of.
    pub fn usage(&self) -> SpoolUsage {
        self.usage
    }

    fn make_room(&mut self, bytes: u64) {
        while self.usage.bytes + bytes > self.limit_bytes {
            let Some(oldest) = self.oldest() else { return };
            self.remove(oldest.sequence);
            self.usage.dropped += 1;
        }
    }

    fn forget(&mut self, sequence: u64) -> bool {
        let Some(at) = self.waiting.iter().position(|push| push.sequence == sequence) else { return false };
        if let Some(push) = self.waiting.remove(at) {
            self.usage.pushes -= 1;
            self.usage.bytes -= push.bytes;
        }
        true
    }
}

fn lock(directory: &Path) -> Result<File, SpoolError> {
    let path = directory.join("lock");
    let file = File::create(&path).map_err(failed("create", &path))?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(SpoolError::InUse { path: directory.to_owned() }),
        Err(error) => Err(failed("lock", &path)(error.into())),
    }
}

/// The pushes in a folder, in no order. Half-written files have another extension and are removed.
fn files(folder: &Path) -> io::Result<VecDeque<Waiting>> {
    let mut found = VecDeque::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        let sequence = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        match (extension, sequence) {
            (Some(EXTENSION), Some(sequence)) => {
                found.push_back(Waiting { sequence, bytes: entry.metadata()?.len() });
            }
            (Some("part"), _) => delete(&path),
            _ => {}
        }
    }
    Ok(found)
}

/// Writes a file so that it is either absent or whole.
fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    let written = fs::write(&part, content).and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        delete(&part);
    }
    written
}

fn delete(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::debug!(%error, path = %path.display(), "cannot delete");
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SpoolError + use<> {
    let path = path.to_owned();
    move |source| SpoolError::Io { action, path, source }
}

#[cfg(test)]
mod tests;
