//! Writing: frames become locations, one per machine address as far as that can be told.

use std::{collections::HashMap, io::Write, sync::Arc};

use flate2::{Compression, write::GzEncoder};
use model::{Batch, Frame, FrameId, LabelSet, ProfileType};
use pprof::protos::{self, Message};

use super::strings::Strings;
use crate::file::{FileError, Format};

/// Writes all profiles of a batch as one, compressed with gzip. Labels become labels of the samples. Samples are
/// counted too when every profile knows its period.
pub fn write(batch: &Batch) -> Result<Vec<u8>, FileError> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let written = encoder.write_all(&Tables::new(batch).profile().encode_to_vec());
    written.and_then(|()| encoder.finish()).map_err(FileError::not_written(Format::Pprof))
}

/// The tables that samples refer to, filled as the samples need them.
struct Tables<'a> {
    batch: &'a Batch,
    strings: Strings,
    mappings: HashMap<(Arc<str>, Arc<str>), usize>,
    functions: HashMap<(Arc<str>, Arc<str>), u64>,
    locations: HashMap<&'a [FrameId], u64>,
    profile: protos::Profile,
}

impl<'a> Tables<'a> {
    fn new(batch: &'a Batch) -> Self {
        Self {
            batch,
            strings: Strings::new(),
            mappings: HashMap::new(),
            functions: HashMap::new(),
            locations: HashMap::new(),
            profile: protos::Profile::default(),
        }
    }

    fn profile(mut self) -> protos::Profile {
        let batch = self.batch;
        let counted = batch.profiles.iter().all(|profile| profile.period > 0) && !batch.profiles.is_empty();
        let cpu = self.value_type(ProfileType::Cpu.name(), ProfileType::Cpu.unit());
        if counted {
            let count = self.value_type("samples", "count");
            self.profile.sample_type.push(count);
        }
        self.profile.sample_type.push(cpu.clone());
        self.profile.default_sample_type = cpu.ty;
        self.profile.period_type = Some(cpu);
        let mut periods = batch.profiles.iter().map(|profile| profile.period);
        let period = periods.next().filter(|first| periods.all(|period| period == *first));
        self.profile.period = period.unwrap_or_default();
        let start_ns = batch.profiles.iter().map(|profile| profile.window.start_ns).min().unwrap_or_default();
        let end_ns = batch.profiles.iter().map(|profile| profile.window.end_ns).max().unwrap_or_default();
        self.profile.time_nanos = start_ns;
        self.profile.duration_nanos = end_ns.saturating_sub(start_ns);

        let stacks: Vec<Vec<u64>> = batch.stacks.iter().map(|stack| self.location_ids(stack)).collect();
        for profile in &batch.profiles {
            let labels = self.labels(&profile.labels);
            for sample in &profile.samples {
                let location_id = stacks.get(sample.stack.0 as usize).cloned().unwrap_or_default();
                let count = sample.value.checked_div(profile.period).unwrap_or_default();
                let value = if counted { vec![count, sample.value] } else { vec![sample.value] };
                self.profile.sample.push(protos::Sample { location_id, value, label: labels.clone() });
            }
        }
        self.profile.string_table = self.strings.into_table();
        self.profile
    }

    fn value_type(&mut self, kind: &str, unit: &str) -> protos::ValueType {
        protos::ValueType { ty: self.strings.index(kind), unit: self.strings.index(unit) }
    }

    fn labels(&mut self, labels: &LabelSet) -> Vec<protos::Label> {
        let strings = &mut self.strings;
        labels
            .iter()
            .map(|(key, value)| protos::Label {
                key: strings.index(key),
                str: strings.index(value),
                ..protos::Label::default()
            })
            .collect()
    }

    /// An inlined frame shares the location of the frame it was put into, which is the next towards the root.
    fn location_ids(&mut self, stack: &'a [FrameId]) -> Vec<u64> {
        let batch = self.batch;
        let frame = |id: &FrameId| batch.frames.get(id.0 as usize);
        let named = |id: &FrameId| frame(id).is_some_and(|frame| !frame.function.is_empty());
        let inlined = |id: &FrameId| frame(id).is_some_and(|frame| frame.inlined);
        // What has no name has an address, and a location has only one of those.
        let together = |callee: &FrameId, caller: &FrameId| inlined(callee) && named(callee) && named(caller);
        stack.chunk_by(together).map(|frames| self.location_id(frames)).collect()
    }

    fn location_id(&mut self, frames: &'a [FrameId]) -> u64 {
        if let Some(id) = self.locations.get(frames) {
            return *id;
        }
        let id = self.locations.len() as u64 + 1;
        self.locations.insert(frames, id);
        let outermost = frames.last().map(|id| self.batch.frame(*id)).unwrap_or_default();
        let named = frames.iter().map(|id| self.batch.frame(*id)).filter(|frame| !frame.function.is_empty());
        let line = named
            .map(|frame| protos::Line { function_id: self.function_id(&frame), line: i64::from(frame.line) })
            .collect();
        let mapping_id = self.mapping_id(&outermost, frames.len() > 1);
        self.profile.location.push(protos::Location {
            id,
            mapping_id,
            address: outermost.address,
            line,
            is_folded: false,
        });
        id
    }

    fn function_id(&mut self, frame: &Frame) -> u64 {
        let next = self.functions.len() as u64 + 1;
        let id = *self.functions.entry((frame.function.clone(), frame.file.clone())).or_insert(next);
        if id == next {
            let name = self.strings.index(&frame.function);
            let filename = self.strings.index(&frame.file);
            self.profile.function.push(protos::Function {
                id,
                name,
                system_name: name,
                filename,
                start_line: 0,
            });
        }
        id
    }

    /// The executable as a mapping from address 0, since our addresses are file addresses. 0 when there is none.
    fn mapping_id(&mut self, frame: &Frame, has_inlined: bool) -> u64 {
        if frame.executable.is_empty() {
            return 0;
        }
        let next = self.mappings.len();
        let at = *self.mappings.entry((frame.executable.clone(), frame.build_id.clone())).or_insert(next);
        if at == next {
            self.profile.mapping.push(protos::Mapping {
                id: at as u64 + 1,
                filename: self.strings.index(&frame.executable),
                build_id: self.strings.index(&frame.build_id),
                has_functions: true,
                ..protos::Mapping::default()
            });
        }
        if let Some(mapping) = self.profile.mapping.get_mut(at) {
            mapping.memory_limit = mapping.memory_limit.max(frame.address.saturating_add(1));
            mapping.has_functions &= !frame.function.is_empty();
            mapping.has_filenames |= !frame.file.is_empty();
            mapping.has_line_numbers |= frame.line > 0;
            mapping.has_inline_frames |= has_inlined;
        }
        at as u64 + 1
    }
}
