//! speedscope's own file format, as <https://www.speedscope.app/file-format-schema.json> states it.
//!
//! All profiles of a batch become one `sampled` profile. Reading takes `sampled` and `evented` ones, in any unit of
//! time.

use std::collections::HashMap;

use model::{Batch, Frame, FrameId, FrameKind, Profile};
use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::{
    file::{FileError, Format},
    frame_text,
    reading::{self, Reading},
};

const SCHEMA: &str = "https://www.speedscope.app/file-format-schema.json";
const EXPORTER: &str = concat!("fewer@", env!("CARGO_PKG_VERSION"));
const FORMAT: Format = Format::Speedscope;

/// Writes a batch; `name` is what speedscope shows as its title.
pub fn write(batch: &Batch, name: &str) -> Result<Vec<u8>, FileError> {
    let mut values: HashMap<&[FrameId], i64> = HashMap::new();
    let mut order: Vec<&[FrameId]> = Vec::new();
    for sample in batch.profiles.iter().flat_map(|profile| &profile.samples) {
        let stack = batch.stack(sample.stack);
        let value = values.entry(stack).or_insert_with(|| {
            order.push(stack);
            0
        });
        *value = value.saturating_add(sample.value);
    }
    let weights: Vec<i64> = order.iter().filter_map(|stack| values.get(stack).copied()).collect();
    let total = weights.iter().fold(0_i64, |total, weight| total.saturating_add(*weight));
    let root_first = |stack: &&[FrameId]| stack.iter().rev().map(|id| u64::from(id.0)).collect();
    let profile = ProfileJson {
        kind: "sampled".to_owned(),
        name: name.to_owned(),
        unit: "nanoseconds".to_owned(),
        start_value: 0.into(),
        end_value: total.into(),
        samples: Some(order.iter().map(root_first).collect()),
        weights: Some(weights.into_iter().map(Number::from).collect()),
        events: None,
    };
    let file = FileJson {
        schema: SCHEMA.to_owned(),
        name: Some(name.to_owned()),
        exporter: Some(EXPORTER.to_owned()),
        active_profile_index: Some(0.into()),
        shared: Shared { frames: batch.frames.iter().map(frame_json).collect() },
        profiles: vec![profile],
    };
    serde_json::to_vec(&file).map_err(|error| FileError::damaged(FORMAT, error))
}

/// Reads a file; its profiles become one.
pub fn read(bytes: &[u8]) -> Result<Batch, FileError> {
    let bytes = reading::gunzip(FORMAT, bytes)?;
    let file: FileJson = serde_json::from_slice(&bytes).map_err(|error| FileError::damaged(FORMAT, error))?;
    if file.schema != SCHEMA {
        return Err(FileError::malformed(FORMAT, format!("its $schema is not {SCHEMA}")));
    }
    let mut reading = Reading::new(FORMAT);
    let frames: Vec<FrameId> =
        file.shared.frames.iter().map(|frame| reading.frame(frame_of(frame))).collect();
    for profile in &file.profiles {
        let scale = Scale::new(&profile.unit)?;
        match (profile.kind.as_str(), &profile.samples, &profile.weights, &profile.events) {
            ("sampled", Some(samples), Some(weights), _) => {
                sampled(&mut reading, &frames, samples, weights, scale)?
            }
            ("evented", _, _, Some(events)) => evented(&mut reading, &frames, events, scale)?,
            (kind, ..) => {
                let problem =
                    format!("profile `{}` of type `{kind}` lacks its samples or events", profile.name);
                return Err(FileError::malformed(FORMAT, problem));
            }
        }
    }
    reading.finish()
}

#[derive(Serialize, Deserialize)]
struct FileJson {
    #[serde(rename = "$schema", default)]
    schema: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exporter: Option<String>,
    #[serde(rename = "activeProfileIndex", skip_serializing_if = "Option::is_none")]
    active_profile_index: Option<Number>,
    shared: Shared,
    profiles: Vec<ProfileJson>,
}

#[derive(Serialize, Deserialize)]
struct Shared {
    frames: Vec<FrameJson>,
}

#[derive(Serialize, Deserialize)]
struct FrameJson {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
}

/// Both kinds of profile in one: which lists are there depends on `type`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProfileJson {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    unit: String,
    start_value: Number,
    end_value: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    samples: Option<Vec<Vec<u64>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weights: Option<Vec<Number>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Vec<Event>>,
}

#[derive(Serialize, Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    at: Number,
    frame: u64,
}

fn sampled(
    reading: &mut Reading,
    frames: &[FrameId],
    samples: &[Vec<u64>],
    weights: &[Number],
    scale: Scale,
) -> Result<(), FileError> {
    if samples.len() != weights.len() {
        let problem = format!("it has {} samples and {} weights", samples.len(), weights.len());
        return Err(FileError::malformed(FORMAT, problem));
    }
    for (sample, weight) in samples.iter().zip(weights) {
        let stack = sample.iter().rev().map(|index| frame_id(frames, *index)).collect::<Result<_, _>>()?;
        reading.sample(&Profile::default(), stack, scale.value(weight)?)?;
    }
    Ok(())
}

/// The time between two events belongs to the stack that is open.
fn evented(
    reading: &mut Reading,
    frames: &[FrameId],
    events: &[Event],
    scale: Scale,
) -> Result<(), FileError> {
    let mut open: Vec<FrameId> = Vec::new();
    let mut since_ns = None;
    for event in events {
        let at_ns = scale.value(&event.at)?;
        let passed_ns = since_ns.replace(at_ns).map_or(0, |since_ns| at_ns.saturating_sub(since_ns));
        if passed_ns != 0 && !open.is_empty() {
            reading.sample(&Profile::default(), open.iter().rev().copied().collect(), passed_ns)?;
        }
        let frame = frame_id(frames, event.frame)?;
        match event.kind.as_str() {
            "O" => open.push(frame),
            "C" if open.pop() == Some(frame) => {}
            _ => {
                return Err(FileError::malformed(FORMAT, "an event closes a frame that is not the open one"));
            }
        }
    }
    Ok(())
}

fn frame_id(frames: &[FrameId], index: u64) -> Result<FrameId, FileError> {
    let found = usize::try_from(index).ok().and_then(|index| frames.get(index)).copied();
    found.ok_or_else(|| FileError::malformed(FORMAT, format!("there is no frame {index}")))
}

/// Nanoseconds per unit.
#[derive(Clone, Copy)]
struct Scale(i64);

impl Scale {
    fn new(unit: &str) -> Result<Self, FileError> {
        match unit {
            // Plain counts are shown as they are.
            "nanoseconds" | "none" => Ok(Self(1)),
            "microseconds" => Ok(Self(1_000)),
            "milliseconds" => Ok(Self(1_000_000)),
            "seconds" => Ok(Self(1_000_000_000)),
            found => Err(FileError::NotCpu { format: FORMAT, found: found.to_owned() }),
        }
    }

    fn value(self, number: &Number) -> Result<i64, FileError> {
        let exact = number.as_i64().and_then(|value| value.checked_mul(self.0));
        let rounded = || number.as_f64().map(|value| (value * self.0 as f64).round());
        exact
            .or_else(|| rounded().filter(|value| value.abs() < 9e18).map(|value| value as i64))
            .ok_or_else(|| FileError::malformed(FORMAT, format!("{number} is not a length of time")))
    }
}

/// A frame without a source file says which executable it is of, so that speedscope colours by it.
fn frame_json(frame: &Frame) -> FrameJson {
    let place = if frame.file.is_empty() { &frame.executable } else { &frame.file };
    let line = (!frame.file.is_empty() && frame.line > 0).then_some(frame.line);
    let file = (!place.is_empty()).then(|| place.to_string());
    FrameJson { name: frame.display_name().to_string(), file, line }
}

fn frame_of(json: &FrameJson) -> Frame {
    let frame = frame_text::read(&json.name);
    let file = json.file.as_deref().unwrap_or_default();
    if frame_text::is_python(&json.name, file) {
        let line = json.line.unwrap_or_default();
        return Frame { kind: FrameKind::Python, file: file.into(), line, ..frame };
    }
    if let Some(line) = json.line {
        return Frame { file: file.into(), line, ..frame };
    }
    if file.is_empty() {
        return frame;
    }
    let kind = if file.starts_with("[kernel") { FrameKind::Kernel } else { frame.kind };
    Frame { kind, executable: file.into(), ..frame }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::*;
    use testkit::{batch_from_folded, random_batch, to_folded};

    use super::*;

    #[test]
    fn writes_what_the_schema_says() {
        let batch = batch_from_folded(
            "main@/bin/app;do_read@[kernel]_[k] 30
             run (app.py:7) 5",
        );
        assert_snapshot!(String::from_utf8(write(&batch, "CPU").unwrap()).unwrap(), @r#"{"$schema":"https://www.speedscope.app/file-format-schema.json","name":"CPU","exporter":"fewer@0.1.0","activeProfileIndex":0,"shared":{"frames":[{"name":"do_read","file":"[kernel]"},{"name":"main","file":"/bin/app"},{"name":"run","file":"app.py","line":7}]},"profiles":[{"type":"sampled","name":"CPU","unit":"nanoseconds","startValue":0,"endValue":35,"samples":[[1,0],[2]],"weights":[30,5]}]}"#);
    }

    #[test]
    fn kinds_and_places_read_back() {
        let text =
            "main@/bin/app;do_read@[kernel]_[k] 30\nmain@/bin/app;libc.so.6+0x1f0 2\nrun (app.py:7) 5\n";
        let back = read(&write(&batch_from_folded(text), "CPU").unwrap()).unwrap();
        assert_eq!(to_folded(&back), text);
    }

    fn file(profile: &str) -> String {
        format!(
            r#"{{"$schema":"{SCHEMA}","shared":{{"frames":[{{"name":"a"}},{{"name":"b","col":3}}]}},"profiles":[{profile}]}}"#
        )
    }

    #[test]
    fn reads_the_files_of_other_tools() {
        let evented = r#"{"type":"evented","name":"x","unit":"microseconds","startValue":0,"endValue":9,"events":[
            {"type":"O","at":1,"frame":0},{"type":"O","at":2.5,"frame":1},{"type":"C","at":4,"frame":1},
            {"type":"C","at":9,"frame":0}]}"#;
        assert_eq!(to_folded(&read(file(evented).as_bytes()).unwrap()), "a 6500\na;b 1500\n");
        let sampled = r#"{"type":"sampled","name":"x","unit":"seconds","startValue":0,"endValue":1,
            "samples":[[0],[0,1],[0]],"weights":[0.25,0.5,0.25]}"#;
        assert_eq!(to_folded(&read(file(sampled).as_bytes()).unwrap()), "a 500000000\na;b 500000000\n");
    }

    #[test]
    fn says_what_is_wrong() {
        let profile = |unit: &str, lists: &str| {
            file(&format!(
                r#"{{"type":"sampled","name":"x","unit":"{unit}","startValue":0,"endValue":1,{lists}}}"#
            ))
        };
        let cases = [
            (
                profile("bytes", r#""samples":[]"#),
                "the speedscope file measures bytes: only time on a CPU can be shown",
            ),
            (
                profile("none", r#""samples":[]"#),
                "this is not a whole speedscope file: profile `x` of type `sampled` lacks its samples or events",
            ),
            (
                profile("none", r#""samples":[[0]],"weights":[]"#),
                "this is not a whole speedscope file: it has 1 samples and 0 weights",
            ),
            (
                profile("none", r#""samples":[[2]],"weights":[1]"#),
                "this is not a whole speedscope file: there is no frame 2",
            ),
            (
                profile("none", r#""samples":[[1]],"weights":[-1]"#),
                "this is not a whole speedscope file: it has a sample with the value -1",
            ),
            (
                r#"{"shared":{"frames":[]},"profiles":[]}"#.to_owned(),
                "this is not a whole speedscope file: its $schema is not \
                 https://www.speedscope.app/file-format-schema.json",
            ),
            ("{".to_owned(), "the speedscope file is damaged: copy or record it again"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text.as_bytes()).unwrap_err().to_string(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_the_same(seed: u64) {
            let batch = random_batch(seed);
            let back = read(&write(&batch, "CPU").unwrap()).unwrap();
            prop_assert_eq!(back.total(), batch.total());
            let names = |batch: &Batch| crate::folded::lines(batch, |frame| frame.display_name().to_string());
            prop_assert_eq!(names(&back), names(&batch));
        }

        #[test]
        fn read_never_panics(seed: u64, at: prop::sample::Index, byte: u8) {
            let mut bytes = write(&random_batch(seed), "CPU").unwrap();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(batch) = read(&bytes) {
                prop_assert_eq!(batch.check(), Ok(()));
            }
        }
    }
}
