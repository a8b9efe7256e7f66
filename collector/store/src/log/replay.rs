//! Reading the log back, whatever happened to it.

use std::{
    fs::{self, OpenOptions},
    ops::Range,
    path::Path,
};

use super::{HEADER_BYTES, MAGIC, MARKER, RECORD_HEADER_BYTES, VERSION, checksum, path_of};
use crate::StoreError;

/// What one log file was found to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogFile {
    /// Bytes of the file that count.
    pub(crate) bytes: u64,
    /// Records that read back.
    pub(crate) records: u64,
    /// Bytes of a torn tail that were cut off.
    pub(crate) torn_bytes: u64,
    /// Bytes that belong to no readable record although something follows them, or the file is not the last.
    pub(crate) corrupt_bytes: u64,
}

/// Gives every readable record to `each`; false from it marks the record corrupt. The tail of the `last` file may
/// be torn by a crash: nothing in it was acknowledged, so it is cut off.
pub(crate) fn replay(
    dir: &Path,
    number: u64,
    last: bool,
    each: &mut dyn FnMut(&[u8]) -> bool,
) -> Result<LogFile, StoreError> {
    let path = path_of(dir, number);
    let content = fs::read(&path).map_err(StoreError::file("read", &path))?;
    let mut found = LogFile { bytes: content.len() as u64, ..LogFile::default() };
    let mut at = check_header(&content, number)?;
    while at < content.len() {
        if let Some(payload) = record_at(&content, at) {
            at = payload.end;
            if each(content.get(payload.clone()).unwrap_or_default()) {
                found.records += 1;
            } else {
                tracing::error!(log = number, position = payload.start, "log record cannot be decoded");
                found.corrupt_bytes += payload.len() as u64;
            }
            continue;
        }
        match next_record(&content, at + 1) {
            Some(next) => {
                tracing::error!(
                    log = number,
                    position = at,
                    bytes = next - at,
                    "log is corrupt, reading on behind it"
                );
                found.corrupt_bytes += (next - at) as u64;
                at = next;
            }
            None => {
                cut_tail(&path, at, content.len(), last, &mut found)?;
                break;
            }
        }
    }
    Ok(found)
}

/// Where records begin. A file shorter than its header was being made during a crash and has none.
fn check_header(content: &[u8], number: u64) -> Result<usize, StoreError> {
    let Some((header, _)) = content.split_at_checked(HEADER_BYTES) else { return Ok(0) };
    let version = header.get(8..12).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes);
    if header.starts_with(MAGIC) && version > VERSION {
        let what = format!("log file {number:08}.log");
        return Err(StoreError::NewerVersion { what, found: version, supported: VERSION });
    }
    Ok(if header.starts_with(MAGIC) { HEADER_BYTES } else { 0 })
}

/// The payload of the record that starts at `at`, if it is whole and unharmed.
fn record_at(content: &[u8], at: usize) -> Option<Range<usize>> {
    let header = content.get(at..at + RECORD_HEADER_BYTES)?;
    if !header.starts_with(MARKER) {
        return None;
    }
    let length: [u8; 4] = header.get(4..8)?.try_into().ok()?;
    let expected = u32::from_le_bytes(header.get(8..12)?.try_into().ok()?);
    let start = at + RECORD_HEADER_BYTES;
    let payload = start..start.checked_add(u32::from_le_bytes(length) as usize)?;
    (checksum(length, content.get(payload.clone())?) == expected).then_some(payload)
}

fn next_record(content: &[u8], from: usize) -> Option<usize> {
    let tail = content.get(from..)?;
    let candidates = tail.windows(MARKER.len()).enumerate().filter(|(_, bytes)| bytes == MARKER);
    candidates.map(|(offset, _)| from + offset).find(|at| record_at(content, *at).is_some())
}

fn cut_tail(
    path: &Path,
    at: usize,
    length: usize,
    last: bool,
    found: &mut LogFile,
) -> Result<(), StoreError> {
    let bytes = (length - at) as u64;
    if !last {
        tracing::error!(log = %path.display(), position = at, bytes, "log is corrupt up to its end");
        found.corrupt_bytes += bytes;
        return Ok(());
    }
    tracing::warn!(log = %path.display(), position = at, bytes, "cut a torn tail off the log");
    let cut = || {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(at as u64)?;
        file.sync_all()
    };
    cut().map_err(StoreError::file("cut", path))?;
    found.torn_bytes += bytes;
    found.bytes = at as u64;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Log, encode, list};

    /// Writes three records, lets `harm` change the file, and reads back.
    fn check(harm: impl Fn(&mut Vec<u8>), last: bool, expected: &[&str], torn: bool, corrupt: bool) {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::create(dir.path(), 1).unwrap();
        for payload in ["one", "two", "three"] {
            let mut records = Vec::new();
            encode(payload.as_bytes(), &mut records);
            log.append(&records).unwrap();
        }
        let path = path_of(dir.path(), 1);
        let mut content = fs::read(&path).unwrap();
        harm(&mut content);
        fs::write(&path, &content).unwrap();

        let read_back = || {
            let mut read = Vec::new();
            let mut each = |payload: &[u8]| {
                read.push(String::from_utf8(payload.to_vec()).unwrap());
                true
            };
            let found = replay(dir.path(), 1, last, &mut each).unwrap();
            assert_eq!(read, expected);
            found
        };
        let found = read_back();
        assert_eq!((found.torn_bytes > 0, found.corrupt_bytes > 0), (torn, corrupt));
        assert_eq!(fs::metadata(&path).unwrap().len(), content.len() as u64 - found.torn_bytes);
        assert_eq!(read_back().torn_bytes, 0, "what was cut off is gone");
        assert_eq!(list(dir.path()).unwrap(), [1]);
    }

    #[test]
    fn whole_and_harmed_files_read_back() {
        let all = ["one", "two", "three"];
        check(|_| {}, true, &all, false, false);
        check(|content| content.extend([0; 100]), true, &all, true, false);
        check(|content| content.extend(b"\xF5rec garbage behind a marker"), true, &all, true, false);
        check(|content| content.truncate(content.len() - 2), true, &["one", "two"], true, false);
        check(|content| content.truncate(9), true, &[], true, false);
        check(|content| content.truncate(0), true, &[], false, false);
    }

    #[test]
    fn corruption_in_the_middle_is_told_apart_from_a_torn_tail() {
        check(|content| content[30] ^= 1, true, &["two", "three"], false, true);
        check(|content| content[2] ^= 1, true, &["one", "two", "three"], false, true);
        check(|content| content.truncate(content.len() - 2), false, &["one", "two"], false, true);
    }

    #[test]
    fn a_newer_log_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        Log::create(dir.path(), 7).unwrap();
        let path = path_of(dir.path(), 7);
        let mut content = fs::read(&path).unwrap();
        content[8] = 2;
        fs::write(&path, content).unwrap();
        let error = replay(dir.path(), 7, true, &mut |_| true).unwrap_err();
        assert!(error.to_string().starts_with("store was written by a newer version: log file 00000007.log"));
    }
}
