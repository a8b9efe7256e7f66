//! Reading: ours and other tools' files, within bounds.

use std::{collections::HashMap, sync::Arc};

use model::{Batch, Frame, FrameId, FrameKind, LabelSet, Profile, Window, keys};
use pprof::protos::{self, Message};

use crate::{
    fields,
    file::{FileError, Format},
    frame_text,
    reading::{self, Reading},
};

const FORMAT: Format = Format::Pprof;

/// Entries of any one list of the file.
const ENTRIES_MAX: u64 = 4 << 20;

/// Reads a profile of CPU time, compressed with gzip or not. Labels of samples become labels of profiles.
pub fn read(bytes: &[u8]) -> Result<Batch, FileError> {
    let bytes = reading::gunzip(FORMAT, bytes)?;
    let counts =
        fields::count::<7>(&bytes).ok_or_else(|| malformed("it does not hold a protobuf message"))?;
    if counts.iter().any(|field| field.times > ENTRIES_MAX) {
        return Err(FileError::Limit { format: FORMAT, unit: "entries in one list", limit: ENTRIES_MAX });
    }
    let file = protos::Profile::decode(&*bytes).map_err(|error| FileError::damaged(FORMAT, error))?;
    if file.sample_type.is_empty() {
        return Err(malformed("it does not say what its samples measure"));
    }
    let texts = Texts(file.string_table.iter().map(|text| Arc::from(text.as_str())).collect());
    let measure = Measure::new(&file, &texts)?;
    let mut reading = Reading::new(FORMAT);
    let locations = locations(&file, &texts, &mut reading)?;
    let end_ns = file.time_nanos.saturating_add(file.duration_nanos.max(0));
    let window = Window { start_ns: file.time_nanos, end_ns };
    for sample in &file.sample {
        let mut stack = Vec::with_capacity(sample.location_id.len());
        for id in &sample.location_id {
            let frames = locations.get(id);
            stack.extend_from_slice(frames.ok_or_else(|| malformed(format!("there is no location {id}")))?);
        }
        let labels = labels(&sample.label, &texts)?;
        let profile = Profile { labels, window, period: measure.period_ns, ..Profile::default() };
        reading.sample(&profile, stack, measure.value_ns(sample)?)?;
    }
    reading.finish()
}

struct Texts(Vec<Arc<str>>);

impl Texts {
    fn get(&self, index: i64) -> Result<Arc<str>, FileError> {
        let text = usize::try_from(index).ok().and_then(|index| self.0.get(index));
        text.cloned().ok_or_else(|| malformed(format!("there is no text {index}")))
    }
}

/// Which of a sample's values is CPU time, and what makes it nanoseconds.
struct Measure {
    at: usize,
    factor: i64,
    period_ns: i64,
}

impl Measure {
    /// Takes CPU time; else counts samples that are a known CPU time apart.
    fn new(file: &protos::Profile, texts: &Texts) -> Result<Self, FileError> {
        let named =
            |kind: &protos::ValueType| Ok::<_, FileError>((texts.get(kind.ty)?, texts.get(kind.unit)?));
        let types = file.sample_type.iter().map(named).collect::<Result<Vec<_>, _>>()?;
        let period_type = file.period_type.as_ref().map(named).transpose()?;
        let period_ns = period_type
            .filter(|(kind, _)| &**kind == "cpu")
            .and_then(|(_, unit)| file.period.checked_mul(nanoseconds(&unit)?))
            .filter(|period_ns| *period_ns > 0);
        let cpu = types.iter().enumerate().find_map(|(at, (kind, unit))| {
            let factor = nanoseconds(unit).filter(|_| &**kind == "cpu")?;
            Some(Self { at, factor, period_ns: period_ns.unwrap_or_default() })
        });
        let counted = || {
            let at = types.iter().position(|(_, unit)| &**unit == "count")?;
            Some(Self { at, factor: period_ns?, period_ns: period_ns? })
        };
        cpu.or_else(counted).ok_or_else(|| {
            let found: Vec<String> = types.iter().map(|(kind, unit)| format!("{kind} in {unit}")).collect();
            FileError::NotCpu { format: FORMAT, found: found.join(", ") }
        })
    }

    fn value_ns(&self, sample: &protos::Sample) -> Result<i64, FileError> {
        let value = sample.value.get(self.at).and_then(|value| value.checked_mul(self.factor));
        value.ok_or_else(|| malformed("a sample lacks its value, or it is out of range"))
    }
}

fn nanoseconds(unit: &str) -> Option<i64> {
    match unit {
        "nanoseconds" | "ns" => Some(1),
        "microseconds" | "us" => Some(1_000),
        "milliseconds" | "ms" => Some(1_000_000),
        "seconds" | "s" => Some(1_000_000_000),
        _ => None,
    }
}

/// The frames of every location, leaf first.
fn locations(
    file: &protos::Profile,
    texts: &Texts,
    reading: &mut Reading,
) -> Result<HashMap<u64, Vec<FrameId>>, FileError> {
    let functions: HashMap<u64, &protos::Function> =
        file.function.iter().map(|function| (function.id, function)).collect();
    let mappings: HashMap<u64, &protos::Mapping> =
        file.mapping.iter().map(|mapping| (mapping.id, mapping)).collect();
    let mut locations = HashMap::with_capacity(file.location.len());
    for location in &file.location {
        let mapping = mappings.get(&location.mapping_id).copied();
        let mut frames = Vec::with_capacity(location.line.len().max(1));
        for (index, line) in location.line.iter().enumerate() {
            let function = functions.get(&line.function_id).copied();
            let function =
                function.ok_or_else(|| malformed(format!("there is no function {}", line.function_id)))?;
            let mut frame = named(function, texts)?;
            frame.line = u32::try_from(line.line).unwrap_or_default();
            frame.inlined = index + 1 < location.line.len();
            frames.push(reading.frame(placed(frame, mapping, texts)?));
        }
        if frames.is_empty() {
            let base = mapping.map_or(0, |mapping| mapping.memory_start.wrapping_sub(mapping.file_offset));
            let frame = Frame { address: location.address.wrapping_sub(base), ..Frame::default() };
            frames.push(reading.frame(placed(frame, mapping, texts)?));
        }
        locations.insert(location.id, frames);
    }
    Ok(locations)
}

fn named(function: &protos::Function, texts: &Texts) -> Result<Frame, FileError> {
    let (name, system_name) = (texts.get(function.name)?, texts.get(function.system_name)?);
    let name = if name.is_empty() { system_name } else { name };
    let file = texts.get(function.filename)?;
    let marker = frame_text::is_marker(&name) || name.is_empty();
    let kind = match () {
        () if marker => FrameKind::Marker,
        () if frame_text::is_python(&name, &file) => FrameKind::Python,
        () => FrameKind::Native,
    };
    let function = if name.is_empty() { "[unknown]".into() } else { name };
    Ok(Frame { kind, function, file, ..Frame::default() })
}

fn placed(frame: Frame, mapping: Option<&protos::Mapping>, texts: &Texts) -> Result<Frame, FileError> {
    let Some(mapping) = mapping else { return Ok(frame) };
    let executable = texts.get(mapping.filename)?;
    let kind = match frame.kind {
        _ if executable.starts_with("[kernel") => FrameKind::Kernel,
        // Compilers write `<artificial>` and the like for what they made up.
        FrameKind::Python if !frame.file.ends_with(".py") => FrameKind::Native,
        kind => kind,
    };
    Ok(Frame { kind, executable, build_id: texts.get(mapping.build_id)?, ..frame })
}

fn labels(labels: &[protos::Label], texts: &Texts) -> Result<LabelSet, FileError> {
    let mut pairs = Vec::with_capacity(labels.len());
    for label in labels {
        let text = texts.get(label.str)?;
        let value = if label.str == 0 { label.num.to_string().into() } else { text };
        pairs.push((keys::canonical(&texts.get(label.key)?).into_owned(), value));
    }
    Ok(LabelSet::new(pairs))
}

fn malformed(problem: impl Into<String>) -> FileError {
    FileError::malformed(FORMAT, problem)
}
