//! The perf rings of all CPUs, read as one stream in order of time.

#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use linux_perf_event_reader::{
    BranchSampleFormat, Endianness, EventRecord, RawEventRecord, ReadFormat, RecordIdParseInfo,
    RecordParseInfo, RecordType, SampleFormat,
};

use crate::event::Event;
use crate::follow::Followed;
use crate::perf::{REGISTER_COUNT, REGISTER_MASK};
use crate::ring::Ring;
use crate::{backend, sideband};

/// The rings and what was counted while reading them.
pub(crate) struct Rings {
    rings: Vec<Ring>,
    format: RecordParseInfo,
    /// Records that the kernel dropped because a ring was full.
    pub(crate) lost: u64,
    /// Records that could not be read.
    pub(crate) undecodable: u64,
}

#[expect(clippy::large_enum_variant, reason = "nearly all records are samples, and none is stored")]
enum Read<'a> {
    Event(Event<'a>),
    Lost(u64),
    Other,
}

impl Rings {
    /// Rings whose events write records with these sample fields.
    pub(crate) fn new(rings: Vec<Ring>, sample_fields: u64) -> Self {
        Self { rings, format: format(sample_fields), lost: 0, undecodable: 0 }
    }

    /// Hands out events up to a time, oldest first, at most `max`. Returns how many. Where only some processes are
    /// followed, events of others are passed over.
    pub(crate) fn deliver(
        &mut self,
        until_ns: u64,
        max: usize,
        mut followed: Option<&mut Followed>,
        emit: &mut dyn FnMut(Event<'_>),
    ) -> usize {
        let mut count = 0;
        while count < max {
            let format = &self.format;
            let fronts = self.rings.iter_mut().filter_map(|ring| Some((ring.front_time_ns(format)?, ring)));
            let Some((time_ns, ring)) = fronts.min_by_key(|(time_ns, _)| *time_ns) else { break };
            if time_ns > until_ns {
                break;
            }
            match ring.record(format).map(|record| read(&record)) {
                Some(Ok(Read::Event(event))) => {
                    if followed.as_mut().is_none_or(|followed| followed.admits(&event)) {
                        emit(event);
                        count += 1;
                    }
                }
                Some(Ok(Read::Lost(records))) => self.lost += records,
                Some(Ok(Read::Other)) => {}
                Some(Err(_)) | None => self.undecodable += 1,
            }
            ring.consume();
        }
        count
    }

    /// The descriptors that become readable when a ring is half full.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.rings.iter().filter_map(|ring| ring.events().first()).map(AsFd::as_fd)
    }

    pub(crate) fn rings(&self) -> &[Ring] {
        &self.rings
    }

    pub(crate) fn rings_mut(&mut self) -> &mut [Ring] {
        &mut self.rings
    }
}

fn read<'a>(record: &RawEventRecord<'a>) -> io::Result<Read<'a>> {
    if record.record_type == RecordType::LOST_SAMPLES {
        let mut word = [0; 8];
        { record.data }.read_exact(&mut word)?;
        return Ok(Read::Lost(u64::from_ne_bytes(word)));
    }
    let parsed = record.parse()?;
    Ok(match parsed {
        EventRecord::Sample(sample) => Read::Event(Event::Sample(backend::perf_ring::read_sample(sample)?)),
        EventRecord::Lost(lost) => Read::Lost(lost.count),
        other => {
            let life = sideband::read(record.timestamp().unwrap_or(0), other);
            life.map_or(Read::Other, |life| Read::Event(Event::Life(life)))
        }
    })
}

/// The layout of records with these sample fields, the common ones among them: `{pid, tid} time {cpu}` lead every
/// sample and end every other record.
fn format(sample_fields: u64) -> RecordParseInfo {
    RecordParseInfo {
        endian: Endianness::NATIVE,
        sample_format: SampleFormat::from_bits_truncate(sample_fields),
        branch_sample_format: BranchSampleFormat::empty(),
        read_format: ReadFormat::empty(),
        common_data_offset_from_end: Some(24),
        sample_regs_user: REGISTER_MASK,
        user_regs_count: REGISTER_COUNT,
        sample_regs_intr: 0,
        intr_regs_count: 0,
        id_parse_info: RecordIdParseInfo {
            nonsample_record_id_offset_from_end: None,
            sample_record_id_offset_from_start: None,
        },
        nonsample_record_time_offset_from_end: Some(16),
        sample_record_time_offset_from_start: Some(8),
    }
}
