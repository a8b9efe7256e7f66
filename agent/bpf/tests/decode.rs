//! Recorded samples decoded again, and bytes that are none.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "helpers of tests may do what tests may"
)]

use agent_bpf::{DecodeError, PYTHON_FRAMES_MAX, RawSample, VERSION, decode};
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

const PYTHON: u16 = 4;
const CONTEXT: u16 = 5;
const QUERY_TEXT: u16 = 6;

/// The first recorded sample with one more section.
fn with_section(kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut record = records()[0].to_vec();
    record.extend(kind.to_ne_bytes());
    record.extend([0, 0]);
    record.extend(u32::try_from(payload.len()).unwrap().to_ne_bytes());
    record.extend(payload);
    record.resize(record.len().next_multiple_of(8), 0);
    let size = u32::try_from(record.len()).unwrap();
    record[..4].copy_from_slice(&size.to_ne_bytes());
    record
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// What a sample with one more section says of runtimes, or why it is refused.
fn runtimes(kind: u16, payload: &[u8]) -> String {
    let record = with_section(kind, payload);
    match decode(&record) {
        Err(error) => error.to_string(),
        Ok(sample) => {
            let labels = sample.context.iter().flat_map(|context| context.labels());
            let labels: Vec<String> =
                labels.map(|(key, value)| [key, value].map(String::from_utf8_lossy).join("=")).collect();
            let parts = [
                sample.python.map(|python| format!("{python:?}")),
                sample.context.map(|context| format!("{context:?} {labels:?}")),
                sample.query_text.map(|text| format!("{text:?}")),
            ];
            parts.into_iter().flatten().collect::<Vec<String>>().join("\n")
        }
    }
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
fn python_frames_are_decoded() {
    let walked = words(&[1, 2, 0x1000, 0, 8, 0, 0, 0, 0x2000, 0, u32::MAX, u32::MAX, 1, 0]);
    insta::assert_snapshot!(runtimes(PYTHON, &walked), @"PythonStack { outcome: Truncated, frames: [PythonFrame { code: 4096, instruction: 8, is_entry: false }, PythonFrame { code: 8192, instruction: 18446744073709551615, is_entry: true }] }");
    insta::assert_snapshot!(runtimes(PYTHON, &words(&[2, 0])), @"PythonStack { outcome: NoThreadState, frames: [] }");
    insta::assert_snapshot!(runtimes(PYTHON, &words(&[5, 0])), @"the Python outcome of the record is 5, which has no meaning");
    insta::assert_snapshot!(runtimes(PYTHON, &words(&[0, 1, 0])), @"the record ends at byte 12, inside the Python frames");
    let most = u32::try_from(PYTHON_FRAMES_MAX).unwrap();
    insta::assert_snapshot!(runtimes(PYTHON, &words(&[0, most + 1])), @"the number of Python frames of the record is 257, which has no meaning");
}

#[test]
fn contexts_are_decoded() {
    let mut labels = words(&[2, 2, 0x5000, 0, 0, 1]);
    labels.extend([3, 0, 2, 0]);
    labels.extend(*b"keyvv");
    labels.extend([0, 0, 1, 0]);
    labels.extend(*b"w");
    insta::assert_snapshot!(runtimes(CONTEXT, &labels), @r#"RawContext { source: GoLabels, outcome: Found, address: 20480, length: 0, cut: 1, bytes: 14 } ["key=vv", "=w"]"#);
    insta::assert_snapshot!(runtimes(CONTEXT, &labels[..labels.len() - 1]), @"the record ends at byte 13, inside a label's value");
    insta::assert_snapshot!(runtimes(CONTEXT, &words(&[0, 2, 0x5000, 0, 40, 0])), @"RawContext { source: ContextVariable, outcome: Found, address: 20480, length: 40, cut: 0, bytes: 0 } []");
    insta::assert_snapshot!(runtimes(CONTEXT, &words(&[1, 5, 0, 0, 0, 0])), @"RawContext { source: ThreadContext, outcome: Torn, address: 0, length: 0, cut: 0, bytes: 0 } []");
    insta::assert_snapshot!(runtimes(CONTEXT, &words(&[4, 0, 0, 0, 0, 0])), @"the context's source of the record is 4, which has no meaning");
    insta::assert_snapshot!(runtimes(CONTEXT, &words(&[3, 7, 0, 0, 0, 0])), @"the context's outcome of the record is 7, which has no meaning");
}

#[test]
fn query_texts_are_decoded_and_never_shown() {
    let mut text = words(&[0, 6, 0, 6]);
    text.extend(*b"SELECT");
    insta::assert_snapshot!(runtimes(QUERY_TEXT, &text), @"RawText { outcome: Read, length: Some(6), head: 6, tail: 0 }");
    let record = with_section(QUERY_TEXT, &text);
    assert_eq!(decode(&record).unwrap().query_text.unwrap().head, b"SELECT");
    insta::assert_snapshot!(runtimes(QUERY_TEXT, &text[..20]), @"the record ends at byte 20, inside the text's head");
    insta::assert_snapshot!(runtimes(QUERY_TEXT, &words(&[0, 0, 0, u32::MAX])), @"RawText { outcome: Read, length: None, head: 0, tail: 0 }");
    insta::assert_snapshot!(runtimes(QUERY_TEXT, &words(&[3, 0, 0, 0])), @"the text's outcome of the record is 3, which has no meaning");
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
    fn arbitrary_sections_never_panic(kind in PYTHON..=QUERY_TEXT, start in 0_u32..8, rest in proptest::collection::vec(any::<u8>(), 0..200)) {
        runtimes(kind, &[start.to_ne_bytes().to_vec(), rest].concat());
    }

    #[test]
    fn small_sections_never_panic(kind in PYTHON..=QUERY_TEXT, numbers in proptest::collection::vec(0_u32..40, 0..40)) {
        runtimes(kind, &words(&numbers));
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
