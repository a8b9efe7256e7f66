//! The record of OTEP 4947: what a thread works on.

use std::{io, sync::Arc};

use model::LabelSet;
use thiserror::Error;

use crate::{
    Memory,
    memory::{read_array, read_bytes},
};

/// A record, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The trace, if the thread is in one.
    pub trace_id: Option<[u8; 16]>,
    /// The span, if the thread is in one.
    pub span_id: Option<[u8; 8]>,
    /// Names and values. Of two values for one key the last one counts; an empty value is none.
    pub labels: LabelSet,
    /// True when a key index has no name yet: what was published has to be read anew.
    pub has_unknown_keys: bool,
}

/// Why there are no labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum RecordError {
    /// The memory is gone.
    #[error("the record could not be read")]
    Unreadable,
    /// The record is being changed by its thread.
    #[error("the record is marked as not valid")]
    NotValid,
    /// Shorter than it says it is, or longer than one can be.
    #[error(
        "the record has {found} bytes where {expected} are expected; at most {RECORD_BYTES_MAX} are read"
    )]
    Size {
        /// How many bytes there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
}

impl From<io::Error> for RecordError {
    fn from(_: io::Error) -> Self {
        Self::Unreadable
    }
}

/// Longest record: header and attributes.
pub const RECORD_BYTES_MAX: usize = 640;

const HEADER_BYTES: usize = 28;

impl Record {
    /// Decodes a record. Bytes behind the size that it states are not part of it: a fixed-size copy has such.
    pub fn decode(bytes: &[u8], keys: &[Arc<str>]) -> Result<Self, RecordError> {
        let (header, attributes) = split(bytes)?;
        let mut pairs = Vec::new();
        let mut has_unknown_keys = false;
        let mut rest = attributes;
        while let [key, length, tail @ ..] = rest {
            let Some((value, next)) = tail.split_at_checked((*length).into()) else {
                let found = bytes.len().min(HEADER_BYTES + attributes.len());
                return Err(RecordError::Size { found, expected: found + usize::from(*length) - tail.len() });
            };
            match keys.get(usize::from(*key)).filter(|name| !name.is_empty()) {
                Some(name) => pairs.push((name.clone(), String::from_utf8_lossy(value))),
                None => has_unknown_keys = true,
            }
            rest = next;
        }
        let pairs = pairs.into_iter().map(|(key, value)| (key, Arc::<str>::from(value)));
        Ok(Self {
            trace_id: header.first_chunk().copied().filter(|id| *id != [0; 16]),
            span_id: header.get(16..).and_then(|rest| rest.first_chunk()).copied().filter(|id| *id != [0; 8]),
            labels: LabelSet::new(pairs),
            has_unknown_keys,
        })
    }

    /// Reads and decodes the record at an address. Our SDK's records never change, so the result holds for the process
    /// as long as it lives.
    pub fn read(memory: &dyn Memory, address: u64, keys: &[Arc<str>]) -> Result<Self, RecordError> {
        let header: [u8; HEADER_BYTES] = read_array(memory, address)?;
        let size = HEADER_BYTES + attribute_bytes(&header);
        if size > RECORD_BYTES_MAX {
            return Err(RecordError::Size { found: HEADER_BYTES, expected: size });
        }
        Self::decode(&read_bytes(memory, address, size)?, keys)
    }
}

fn attribute_bytes(header: &[u8; HEADER_BYTES]) -> usize {
    let [.., low, high] = header;
    u16::from_ne_bytes([*low, *high]).into()
}

/// Header and attributes of a valid record.
fn split(bytes: &[u8]) -> Result<(&[u8; HEADER_BYTES], &[u8]), RecordError> {
    let found = bytes.len();
    let (header, rest) = bytes
        .split_first_chunk::<HEADER_BYTES>()
        .ok_or(RecordError::Size { found, expected: HEADER_BYTES })?;
    let [.., valid, _flags, _, _] = header;
    if *valid != 1 {
        return Err(RecordError::NotValid);
    }
    let expected = HEADER_BYTES + attribute_bytes(header);
    let attributes = rest.get(..expected - HEADER_BYTES).filter(|_| expected <= RECORD_BYTES_MAX);
    Ok((header, attributes.ok_or(RecordError::Size { found, expected })?))
}

#[cfg(test)]
mod tests {
    use testkit::Random;

    use super::*;

    fn record(valid: u8, attributes: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 24];
        bytes.extend([valid, 0]);
        bytes.extend((attributes.len() as u16).to_ne_bytes());
        bytes.extend(attributes);
        bytes
    }

    fn keys() -> Vec<Arc<str>> {
        ["endpoint", "", "feature_flag.result.variant.new-feed"].map(Arc::from).to_vec()
    }

    #[test]
    fn labels_are_decoded() {
        let long = [&[0, 255][..], &[b'a'; 255], &[2, 255], &[b'b'; 255]].concat();
        let (a, b) = ("a".repeat(255), "b".repeat(255));
        let flag = "feature_flag.result.variant.new-feed";
        type Case<'a> = (&'a [u8], &'a [(&'a str, &'a str)], bool);
        let cases: [Case; 7] = [
            (b"", &[], false),
            (b"\0\x09GET /feed\x02\x02on", &[("endpoint", "GET /feed"), (flag, "on")], false),
            (b"\0\x01a\0\x01b", &[("endpoint", "b")], false),
            (b"\0\0", &[], false),
            (b"\0\x03a\xffb\x01\x01x\x09\x01y", &[("endpoint", "a\u{fffd}b")], true),
            (b"\0\x01a\x02", &[("endpoint", "a")], false),
            (&long, &[("endpoint", &a), (flag, &b)], false),
        ];
        for (attributes, expected, has_unknown_keys) in cases {
            let mut bytes = record(1, attributes);
            for _ in 0..2 {
                let found = Record::decode(&bytes, &keys()).unwrap();
                assert_eq!(found.labels, LabelSet::new(expected.iter().copied()));
                assert_eq!(found.has_unknown_keys, has_unknown_keys);
                assert_eq!((found.trace_id, found.span_id), (None, None));
                bytes.extend([0, 1, b'z']);
            }
        }
    }

    #[test]
    fn ids_are_kept() {
        let mut bytes = record(1, b"");
        bytes[..24].copy_from_slice(&[[7; 8], [7; 8], [9; 8]].concat());
        let found = Record::decode(&bytes, &[]).unwrap();
        assert_eq!((found.trace_id, found.span_id), (Some([7; 16]), Some([9; 8])));
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let size = |found, expected| Err(RecordError::Size { found, expected });
        let mut short = record(1, b"\0\x01a");
        short.pop();
        let cases = [
            (Vec::new(), size(0, 28)),
            (record(0, b""), Err(RecordError::NotValid)),
            (record(2, b""), Err(RecordError::NotValid)),
            (short, size(30, 31)),
            (record(1, b"\0\x05a"), size(31, 35)),
            (record(1, &[0; 613]), size(641, 641)),
        ];
        for (bytes, expected) in cases {
            assert_eq!(Record::decode(&bytes, &keys()).map(|record| record.labels), expected, "{bytes:?}");
        }
    }

    #[test]
    fn random_bytes_end() {
        let mut random = Random::new(4947);
        let mut decoded = 0;
        for _ in 0..20_000 {
            let length = random.below(40) as usize;
            let mut bytes = record(1, &vec![0; length]);
            bytes[28..].iter_mut().for_each(|byte| *byte = random.below(12) as u8);
            let cut = if random.chance(20) { random.below(60) as usize } else { usize::MAX };
            bytes.truncate(cut);
            decoded += usize::from(Record::decode(&bytes, &keys()).is_ok());
        }
        assert!(decoded > 100, "{decoded}");
    }
}
