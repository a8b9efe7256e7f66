//! Recorded perf records read again, and live ones recorded.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use linux_perf_event_reader::{RawData, RawEventRecord, RecordType};

use super::{Read, Rings, format, read};
use crate::backend::perf_ring::PerfRing;
use crate::event::{Event, LifeChange};
use crate::facts;
use crate::options::{SamplerOptions, Target};
use crate::perf::SAMPLE_FIELDS;
use crate::record::Mode;
use crate::testing::{Worker, may_sample, recording, repeat_until, save_recording};

const HEADER_BYTES: usize = 8;

/// What a record says, without what differs from run to run.
fn summary(record: &RawEventRecord<'_>) -> Option<String> {
    Some(match read(record).unwrap() {
        Read::Event(Event::Sample(sample)) => {
            let user = sample.user.as_ref().map(|user| {
                let holds_sp = user.stack.word(user.registers.sp()).is_some();
                format!("{} bytes, {:?}, holds sp: {holds_sp}", user.stack.bytes.len(), user.stack.end)
            });
            let frames = sample.kernel_stack.iter().count();
            format!("sample in {:?} mode, {frames} kernel frames, stack: {user:?}", sample.mode)
        }
        Read::Event(Event::Life(life)) => match life.change {
            LifeChange::Fork { parent_pid } => {
                format!("fork, child other than parent: {}", life.pid != parent_pid)
            }
            LifeChange::Exec { comm } => format!("exec of {comm:?}"),
            LifeChange::Map(map) => {
                format!("map of {:#x} bytes of {}", map.length, String::from_utf8_lossy(&map.path))
            }
            LifeChange::Exit => "exit".to_owned(),
        },
        Read::Lost(count) => format!("lost {count}"),
        Read::Other => return None,
    })
}

/// The records of a recording: each one a header of kind (4 bytes), misc (2) and size (2), then its body.
fn records(bytes: &[u8]) -> Vec<RawEventRecord<'_>> {
    let mut records = Vec::new();
    let mut rest = bytes;
    while rest.len() >= HEADER_BYTES {
        let size = usize::from(u16::from_ne_bytes([rest[6], rest[7]]));
        let record_type = RecordType(u32::from_ne_bytes(rest[..4].try_into().unwrap()));
        let misc = u16::from_ne_bytes([rest[4], rest[5]]);
        let body = RawData::Single(&rest[HEADER_BYTES..size]);
        records.push(RawEventRecord::new(record_type, misc, body, format(SAMPLE_FIELDS)));
        rest = &rest[size..];
    }
    records
}

#[test]
fn recorded_perf_records_are_read() {
    let bytes = recording("perf.bin");
    let summaries: Vec<String> = records(&bytes).iter().filter_map(summary).collect();
    insta::assert_snapshot!(summaries.join("\n"));
}

#[test]
fn lost_records_are_counted() {
    let body = 7_u64.to_ne_bytes();
    for (record_type, body) in
        [(RecordType::LOST_SAMPLES, body.to_vec()), (RecordType::LOST, [1_u64.to_ne_bytes(), body].concat())]
    {
        let record = RawEventRecord::new(record_type, 0, RawData::Single(&body), format(SAMPLE_FIELDS));
        assert_eq!(summary(&record).as_deref(), Some("lost 7"));
    }
}

/// Reads live records of our own threads and one child. With `FEWER_RECORD` set it keeps some for the test above.
#[test]
fn every_perf_record_can_be_read() {
    if !may_sample() {
        return;
    }
    let (computing, calling) = (Worker::computing(), Worker::calling());
    let options = SamplerOptions {
        frequency_hz: 499,
        stack_bytes: 8 << 10,
        target: Target::Processes(vec![std::process::id()]),
        ..SamplerOptions::default()
    };
    let facts = facts::read(Path::new("/proc"), Path::new("/sys"));
    let mut perf_ring = PerfRing::start(&options, &facts).unwrap();
    let mut child = Command::new("/bin/true");
    let pid = {
        let mut child = child.arg0("true").env_clear().current_dir("/").spawn().unwrap();
        child.wait().unwrap();
        child.id()
    };
    let mut samples: [Option<Vec<u8>>; 2] = [const { None }; 2];
    let mut life = Vec::new();
    repeat_until(|| {
        each_record(&mut perf_ring.rings, |record| {
            let bytes = record_bytes(record);
            match read(record).unwrap() {
                Read::Event(Event::Sample(sample))
                    if sample.tid == computing.tid && sample.mode == Mode::User =>
                {
                    samples[0] = Some(bytes);
                }
                Read::Event(Event::Sample(sample))
                    if sample.tid == calling.tid && sample.mode == Mode::Kernel =>
                {
                    samples[1] = Some(bytes);
                }
                Read::Event(Event::Life(event)) if event.pid == pid => life.push(bytes),
                _ => {}
            }
        });
        samples.iter().all(Option::is_some) && life.len() >= 5
    });
    let all: Vec<u8> = life.into_iter().chain(samples.into_iter().flatten()).flatten().collect();
    save_recording("perf.bin", &all);
}

fn each_record(rings: &mut Rings, mut visit: impl FnMut(&RawEventRecord<'_>)) {
    let format = rings.format;
    for ring in &mut rings.rings {
        while ring.front_time_ns(&format).is_some() {
            visit(&ring.record(&format).unwrap());
            ring.consume();
        }
    }
}

fn record_bytes(record: &RawEventRecord<'_>) -> Vec<u8> {
    let body = record.data.as_slice();
    let size = u16::try_from(HEADER_BYTES + body.len()).unwrap();
    let kind = record.record_type.0.to_ne_bytes();
    [&kind[..], &record.misc.to_ne_bytes(), &size.to_ne_bytes(), &body].concat()
}
