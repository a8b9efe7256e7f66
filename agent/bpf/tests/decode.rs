//! Recorded samples decoded again, and bytes that are none.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "helpers of tests may do what tests may"
)]

use agent_bpf::{DecodeError, RawSample, VERSION, decode};
use proptest::prelude::*;

/// One sample of each kind, written by the tests of `backend/bpf` from threads of our own.
const RECORDING: &[u8] = include_bytes!("data/bpf.bin");

/// The records of the recording; each begins with its size.
fn records() -> Vec<&'static [u8]> {
    let mut records = Vec::new();
    let mut rest = RECORDING;
    while let Some(size) = rest.first_chunk::<4>() {
        let (record, after) = rest.split_at(u32::from_ne_bytes(*size) as usize);
        records.push(record);
        rest = after;
    }
    records
}

/// What a sample says, without what differs from run to run.
fn summary(sample: &RawSample<'_>) -> String {
    let user = sample.user.as_ref().map(|user| {
        let stack = &user.stack;
        let top_distance = stack.top.map(|top| top > stack.address);
        format!(
            "{} bytes of stack, {:?}, top above: {top_distance:?}, holds sp: {}, thread pointer: {}",
            stack.bytes.len(),
            stack.end,
            stack.word(user.registers.sp()).is_some(),
            user.thread_pointer.is_some_and(|pointer| pointer != 0),
        )
    });
    let image =
        sample.image.is_some_and(|image| image.start_stack > image.start_code && image.exe_inode != 0);
    format!(
        "{:?} mode in {:?}, image: {image}, {} kernel frames, {user:?}",
        sample.mode,
        sample.comm,
        sample.kernel_stack.iter().count()
    )
}

#[test]
fn recorded_samples_are_decoded() {
    let summaries: Vec<String> =
        records().into_iter().map(|record| summary(&decode(record).unwrap())).collect();
    insta::assert_snapshot!(summaries.join("\n"));
}

#[test]
fn an_unknown_section_is_skipped() {
    let mut record = records()[0].to_vec();
    let known = summary(&decode(&record).unwrap());
    // Kind 999, five bytes of payload, padded to eight.
    record.extend([0xe7, 0x03, 0, 0, 5, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0]);
    let size = u32::try_from(record.len()).unwrap();
    record[..4].copy_from_slice(&size.to_ne_bytes());
    assert_eq!(summary(&decode(&record).unwrap()), known);
}

#[test]
fn another_version_is_refused() {
    let mut record = records()[0].to_vec();
    record[4..6].copy_from_slice(&(VERSION + 1).to_ne_bytes());
    assert_eq!(decode(&record).unwrap_err(), DecodeError::Version { found: VERSION + 1, header_bytes: 80 });
}

#[test]
fn every_cut_is_an_error_and_none_panics() {
    for record in records() {
        for length in 0..record.len() {
            let error = decode(&record[..length]).expect_err("the record is cut");
            assert!(matches!(error, DecodeError::Short { .. }), "{error}");
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        if let Ok(sample) = decode(&bytes) {
            summary(&sample);
        }
    }

    #[test]
    fn changed_records_never_panic(idx in 0_usize..4, changes in proptest::collection::vec((0_usize..700, any::<u8>()), 1..8)) {
        let mut record = records()[idx].to_vec();
        for (position, value) in changes {
            let position = position % record.len();
            record[position] = value;
        }
        if let Ok(sample) = decode(&record) {
            summary(&sample);
        }
    }
}
