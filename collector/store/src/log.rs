//! The write-ahead log: pushes as they were received, in files that are only ever appended to.
//!
//! A file is named by its number, `00000001.log`, and starts with a header of 16 bytes: eight bytes of magic, the
//! format version and zeros. Then come records: a marker of four bytes, the payload's length, the CRC-32 of length
//! and payload, all little endian, and the payload. The marker makes it possible to find the next record
//! behind a damaged one.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::StoreError;

mod replay;

pub(crate) use replay::replay;

/// Format version written by this program.
pub(crate) const VERSION: u32 = 1;
const MAGIC: &[u8; 8] = b"FEWERLOG";
const MARKER: &[u8; 4] = b"\xF5rec";
const HEADER_BYTES: usize = 16;
const RECORD_HEADER_BYTES: usize = 12;

/// The file that records are appended to.
#[derive(Debug)]
pub(crate) struct Log {
    dir: PathBuf,
    number: u64,
    file: File,
    /// Bytes known to be on the disk.
    synced_bytes: u64,
}

impl Log {
    /// Starts a new file.
    pub(crate) fn create(dir: &Path, number: u64) -> Result<Self, StoreError> {
        let path = path_of(dir, number);
        let created = || -> io::Result<File> {
            let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
            let mut header = [0; HEADER_BYTES];
            let (magic, rest) = header.split_at_mut(MAGIC.len());
            magic.copy_from_slice(MAGIC);
            rest.get_mut(..4).unwrap_or_default().copy_from_slice(&VERSION.to_le_bytes());
            file.write_all(&header)?;
            file.sync_all()?;
            File::open(dir)?.sync_all()?;
            Ok(file)
        };
        let file = created().map_err(StoreError::file("create log file", &path))?;
        Ok(Self { dir: dir.to_owned(), number, file, synced_bytes: HEADER_BYTES as u64 })
    }

    /// Bytes in this file.
    pub(crate) fn bytes(&self) -> u64 {
        self.synced_bytes
    }

    /// Writes records and returns when all are on the disk. After an error none of them counts as written, and
    /// the next call starts a new file: what a failed sync left in this one is not to be trusted.
    pub(crate) fn append(&mut self, records: &[u8]) -> Result<(), StoreError> {
        let written = self.file.write_all(records).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            let failed = StoreError::file("write", path_of(&self.dir, self.number))(error);
            // A torn tail in a file that is not the last would read as corruption, so it is cut off.
            let cut = self.file.set_len(self.synced_bytes).and_then(|()| self.file.sync_all());
            if let Err(error) = cut {
                tracing::warn!(log = self.number, %error, "could not cut a failed write off the log");
            }
            self.rotate()?;
            return Err(failed);
        }
        self.synced_bytes += records.len() as u64;
        Ok(())
    }

    /// Goes on in a new file and returns its number.
    pub(crate) fn rotate(&mut self) -> Result<u64, StoreError> {
        let mut next = self.number + 1;
        while path_of(&self.dir, next).exists() {
            next += 1;
        }
        *self = Self::create(&self.dir, next)?;
        Ok(self.number)
    }
}

/// Adds one record to a group that [`Log::append`] will write.
pub(crate) fn encode(payload: &[u8], records: &mut Vec<u8>) {
    let length = (payload.len() as u32).to_le_bytes();
    records.extend_from_slice(MARKER);
    records.extend_from_slice(&length);
    records.extend_from_slice(&checksum(length, payload).to_le_bytes());
    records.extend_from_slice(payload);
}

/// Where the file with this number is.
pub(crate) fn path_of(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:08}.log"))
}

/// The numbers of all log files, in order.
pub(crate) fn list(dir: &Path) -> Result<Vec<u64>, StoreError> {
    let entries = fs::read_dir(dir).map_err(StoreError::file("list", dir))?;
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry.map_err(StoreError::file("list", dir))?.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_suffix(".log"))
            .and_then(|stem| stem.parse::<u64>().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(payload);
    hasher.finalize()
}
