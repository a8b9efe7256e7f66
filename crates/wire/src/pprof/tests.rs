//! pprof files written and read.

use std::io::Read;

use insta::assert_snapshot;
use model::{Batch, Frame};
use pprof::protos::{self, Message};
use proptest::prelude::*;
use testkit::{batch_from_folded, random_batch, to_folded};

use super::*;
use crate::folded;

fn message(file: &[u8]) -> protos::Profile {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(file).read_to_end(&mut plain).unwrap();
    protos::Profile::decode(plain.as_slice()).unwrap()
}

/// The file as a person would read it.
fn describe(profile: &protos::Profile) -> String {
    let text = |index: i64| profile.string_table[index as usize].as_str();
    let kind = |kind: &protos::ValueType| format!("{}/{}", text(kind.ty), text(kind.unit));
    let mut lines = vec![
        profile.sample_type.iter().map(kind).collect::<Vec<_>>().join(" "),
        format!("period {} {}", profile.period, kind(profile.period_type.as_ref().unwrap())),
        format!("from {} for {}", profile.time_nanos, profile.duration_nanos),
    ];
    for mapping in &profile.mapping {
        let (file, id) = (text(mapping.filename), text(mapping.build_id));
        lines.push(format!("mapping {} {file} `{id}` functions: {}", mapping.id, mapping.has_functions));
    }
    for location in &profile.location {
        let functions: Vec<String> = location
            .line
            .iter()
            .map(|line| {
                let function = &profile.function[line.function_id as usize - 1];
                format!("{} ({}:{})", text(function.name), text(function.filename), line.line)
            })
            .collect();
        let (id, mapping, address) = (location.id, location.mapping_id, location.address);
        lines.push(format!("location {id} in {mapping} at {address:#x}: {}", functions.join(" < ")));
    }
    for sample in &profile.sample {
        let labels: Vec<String> =
            sample.label.iter().map(|label| format!("{}={}", text(label.key), text(label.str))).collect();
        lines.push(format!("sample {:?} {:?} {}", sample.location_id, sample.value, labels.join(" ")));
    }
    lines.join("\n")
}

fn rich() -> Batch {
    let mut batch = batch_from_folded(
        "# window=0..10 period=10 service.name=feed endpoint=/p
         main@/bin/app;grow_[i];push_[i] 60
         main@/bin/app;libc.so.6+0x1f0;do_read@[kernel]_[k] 30
         # window=10..20 period=10 service.name=cron
         run (app.py:7) 10",
    );
    for frame in &mut batch.frames {
        if frame.inlined {
            *frame =
                Frame { file: "src/vec.rs".into(), line: 9, executable: "/bin/app".into(), ..frame.clone() };
        }
        if frame.function.is_empty() {
            *frame = Frame { build_id: "ab12".into(), ..frame.clone() };
        }
    }
    batch
}

#[test]
fn inlined_frames_share_a_location() {
    assert_snapshot!(describe(&message(&write(&rich()).unwrap())), @"
    samples/count cpu/nanoseconds
    period 10 cpu/nanoseconds
    from 0 for 20
    mapping 1 /bin/app `` functions: true
    mapping 2 [kernel] `` functions: true
    mapping 3 libc.so.6 `ab12` functions: false
    location 1 in 1 at 0x0: push (src/vec.rs:9) < grow (src/vec.rs:9) < main (:0)
    location 2 in 2 at 0x0: do_read (:0)
    location 3 in 3 at 0x1f0: 
    location 4 in 1 at 0x0: main (:0)
    location 5 in 0 at 0x0: run (app.py:7)
    sample [1] [6, 60] endpoint=/p service.name=feed
    sample [2, 3, 4] [3, 30] endpoint=/p service.name=feed
    sample [5] [1, 10] service.name=cron
    ");
}

#[test]
fn without_a_period_nothing_is_counted() {
    let written = message(&write(&batch_from_folded("main 5")).unwrap());
    assert_eq!(written.sample_type.len(), 1);
    assert_eq!(written.sample[0].value, [5]);
}

#[test]
fn what_is_written_reads_back() {
    let batch = rich();
    let back = read(&write(&batch).unwrap()).unwrap();
    assert_eq!(to_folded(&back), to_folded(&batch));
    let frames = |batch: &Batch| batch.frames.iter().cloned().collect::<std::collections::BTreeSet<Frame>>();
    assert_eq!(frames(&back), frames(&batch));
    let labels =
        |batch: &Batch| batch.profiles.iter().map(|profile| profile.labels.clone()).collect::<Vec<_>>();
    assert_eq!(labels(&back), labels(&batch));
    assert_eq!((back.profiles[0].period, back.profiles[0].window.end_ns), (10, 20));
}

fn foreign() -> protos::Profile {
    let texts = ["", "samples", "count", "cpu", "milliseconds", "main", "/bin/app", "thread", "wall"];
    let value_type = |ty, unit| protos::ValueType { ty, unit };
    protos::Profile {
        sample_type: vec![value_type(1, 2)],
        period_type: Some(value_type(3, 4)),
        period: 10,
        string_table: texts.map(str::to_owned).to_vec(),
        mapping: vec![protos::Mapping {
            id: 77,
            memory_start: 0x1000,
            file_offset: 0x200,
            filename: 6,
            ..Default::default()
        }],
        function: vec![protos::Function { id: 5, system_name: 5, ..Default::default() }],
        location: vec![
            protos::Location { id: 9, mapping_id: 77, address: 0x1010, ..Default::default() },
            protos::Location {
                id: 8,
                line: vec![protos::Line { function_id: 5, line: 3 }],
                ..Default::default()
            },
        ],
        sample: vec![protos::Sample {
            location_id: vec![9, 8],
            value: vec![3],
            label: vec![protos::Label { key: 7, num: 42, ..Default::default() }],
        }],
        ..Default::default()
    }
}

#[test]
fn reads_the_files_of_other_tools() {
    let batch = read(&foreign().encode_to_vec()).unwrap();
    assert_eq!(to_folded(&batch), "main;/bin/app+0x210 30000000\n");
    assert_eq!(batch.profiles[0].labels.get("thread"), Some("42"));
    assert_eq!(batch.profiles[0].period, 10_000_000);
}

type Change = fn(&mut protos::Profile);

#[test]
fn says_what_is_wrong() {
    let cases: [Change; 9] = [
        |file| file.sample_type.clear(),
        |file| file.sample_type[0] = protos::ValueType { ty: 8, unit: 4 },
        |file| file.period = 0,
        |file| file.sample_type[0].ty = -1,
        |file| file.sample[0].location_id = vec![1],
        |file| file.location[1].line[0].function_id = 1,
        |file| file.sample[0].value = vec![],
        |file| file.sample[0].value = vec![-3],
        |file| file.sample[0].label[0].key = 99,
    ];
    let mut explained: Vec<String> = Vec::new();
    for change in cases {
        let mut file = foreign();
        change(&mut file);
        explained.push(read(&file.encode_to_vec()).unwrap_err().to_string());
    }
    for bytes in [&b"no message"[..], b"\x1f\x8bgarbage", b"\x32\x01\xff", &[0x22, 0].repeat((4 << 20) + 1)] {
        explained.push(read(bytes).unwrap_err().to_string());
    }
    assert_snapshot!(explained.join("\n"), @"
    this is not a whole pprof file: it does not say what its samples measure
    the pprof file measures wall in milliseconds: only time on a CPU can be shown
    the pprof file measures samples in count: only time on a CPU can be shown
    this is not a whole pprof file: there is no text -1
    this is not a whole pprof file: there is no location 1
    this is not a whole pprof file: there is no function 1
    this is not a whole pprof file: a sample lacks its value, or it is out of range
    this is not a whole pprof file: it has a sample with the value -30000000
    this is not a whole pprof file: there is no text 99
    this is not a whole pprof file: it does not hold a protobuf message
    the pprof file is damaged: copy or record it again
    the pprof file is damaged: copy or record it again
    the pprof file has more than 4194304 entries in one list: record for a shorter time or fewer processes
    ");
}

#[test]
fn stacks_cannot_multiply() {
    let mut file = foreign();
    file.location[1].line = vec![protos::Line { function_id: 5, line: 3 }; 8000];
    file.sample = vec![protos::Sample { location_id: vec![8], value: vec![1], ..Default::default() }; 5_000];
    let error = read(&file.encode_to_vec()).unwrap_err();
    assert!(error.to_string().contains("frames in all its stacks"), "{error}");
}

proptest! {
    #[test]
    fn random_batches_read_back(seed: u64) {
        let batch = random_batch(seed);
        let back = read(&write(&batch).unwrap()).unwrap();
        let lines = |batch: &Batch| folded::lines(batch, |frame| frame.display_name().to_string());
        prop_assert_eq!(lines(&back), lines(&batch));
        prop_assert_eq!(back.total(), batch.total());
    }

    #[test]
    fn read_never_panics(seed: u64, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = message(&write(&random_batch(seed)).unwrap()).encode_to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(batch) = read(&bytes) {
            prop_assert_eq!(batch.check(), Ok(()));
        }
    }

    #[test]
    fn read_never_panics_on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
    }
}
