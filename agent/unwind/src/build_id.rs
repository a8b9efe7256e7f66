//! Build ids: identity of an executable's content.

use std::{fs::File, io, ops::Range, os::unix::fs::FileExt, sync::Arc};

use twox_hash::XxHash3_128;

/// Bytes hashed at each end of a file without a build id. The ends hold the program headers, the names of symbols and
/// the section headers.
const END_BYTES: u64 = 1 << 20;

/// Pages hashed between the ends, at equal distances. With them even a huge file costs milliseconds, and a build that
/// moved or changed any sizeable part of the code has another identity.
const PAGES: u64 = 256;
const PAGE_BYTES: u64 = 4096;

/// Longest build id accepted from a note; real ones have 8 to 20 bytes.
const NOTE_BYTES_MAX: usize = 64;

/// A note's build id in lower-case hexadecimal, unless it is empty or too long to be one.
pub(crate) fn from_note(bytes: &[u8]) -> Option<Arc<str>> {
    (1..=NOTE_BYTES_MAX).contains(&bytes.len()).then(|| hexadecimal(bytes).into())
}

/// 128 bits over the content of a file without a build id.
pub(crate) fn from_content(file: &File, size: u64) -> io::Result<Arc<str>> {
    let mut hasher = XxHash3_128::with_seed(0);
    hasher.write(&size.to_le_bytes());
    let middle = END_BYTES.min(size)..size.saturating_sub(END_BYTES);
    hash_range(&mut hasher, file, 0..middle.start)?;
    let stride = (middle.end.saturating_sub(middle.start) / PAGES).max(PAGE_BYTES);
    for start in middle.clone().step_by(stride as usize) {
        hash_range(&mut hasher, file, start..middle.end.min(start + PAGE_BYTES))?;
    }
    hash_range(&mut hasher, file, middle.end.max(middle.start)..size)?;
    Ok(hexadecimal(&hasher.finish_128().to_be_bytes()).into())
}

fn hash_range(hasher: &mut XxHash3_128, file: &File, range: Range<u64>) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    let mut at = range.start;
    while at < range.end {
        let wanted = buffer.len().min((range.end - at) as usize);
        let read = match buffer.get_mut(..wanted) {
            Some(part) => file.read_at(part, at)?,
            None => 0,
        };
        if read == 0 {
            return Ok(());
        }
        hasher.write(buffer.get(..read).unwrap_or_default());
        at += read as u64;
    }
    Ok(())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn notes_become_hexadecimal() {
        assert_eq!(from_note(&[0x0a, 0xff]).as_deref(), Some("0aff"));
        assert_eq!(from_note(&[]), None);
        assert_eq!(from_note(&[0; 65]), None);
    }

    #[test]
    fn content_length_and_every_part_count() {
        let id = |bytes: &[u8]| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(bytes).unwrap();
            from_content(&file, bytes.len() as u64).unwrap()
        };
        let big = vec![7; 5 << 20];
        let mut other_tail = big.clone();
        *other_tail.last_mut().unwrap() = 8;
        let mut other_middle = big.clone();
        other_middle[2 << 20..][..16384].fill(8);
        let bigs = [id(&big), id(&other_tail), id(&other_middle), id(&big[1..])];
        let ids: Vec<_> = [id(b""), id(b"a"), id(b"b")].into_iter().chain(bigs).collect();
        for (at, one) in ids.iter().enumerate() {
            assert_eq!(one.len(), 32);
            assert!(ids[at + 1..].iter().all(|other| other != one));
        }
    }
}
