//! Reading a push: outside input, so the order is that of cost. Sizes first, then counts, then the message, then
//! what it says.

use std::{
    collections::{BTreeMap, HashSet},
    hash::Hash,
    io::Read,
    sync::Arc,
};

use model::{
    AgentId, AgentReport, Batch, FlagEvaluations, Frame, FrameId, FrameKind, LabelSet, Measure, Profile,
    ProfileType, PushKey, RequestCounts, Sample, StackId, Window,
};
use prost::Message;

use super::{Limits, Push, PushError, VERSION, code, limits, memory, proto};

/// The largest window that RFC 8878 asks every decoder to support: 8 MiB. It bounds memory before the first byte.
const WINDOW_LOG_MAX: u32 = 23;

const FOLLOW_DOCUMENT: &str = "check the sender against push.proto";
const UPDATE_COLLECTOR: &str = "update the collector before its agents";

/// Reads the body of a push.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Push, PushError> {
    limits::check_size("body", bytes.len(), limits.body_bytes)?;
    let (version, frame) = bytes.split_first().ok_or(PushError::Empty)?;
    match *version {
        VERSION => {}
        0 => return Err(malformed("body", "starts with a zero byte, which is no format version")),
        version => return Err(PushError::UnsupportedVersion { version, newest: VERSION }),
    }
    let message = decompress(frame, limits.decompressed_bytes)?;
    limits::check_counts(&message, limits)?;
    let message = proto::Push::decode(message.as_slice()).map_err(PushError::Protobuf)?;
    limits::check_message(&message, limits)?;
    push(message)
}

fn decompress(frame: &[u8], limit: u64) -> Result<Vec<u8>, PushError> {
    let mut decoder = zstd::Decoder::with_buffer(frame).map_err(PushError::Compression)?.single_frame();
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(PushError::Compression)?;
    let mut message = Vec::new();
    (&mut decoder).take(limit.saturating_add(1)).read_to_end(&mut message).map_err(PushError::Compression)?;
    limits::check_size("body", message.len(), limit)?;
    if !decoder.finish().is_empty() {
        return Err(malformed("body", "goes on after its zstd frame"));
    }
    Ok(message)
}

fn push(message: proto::Push) -> Result<Push, PushError> {
    let agent = <[u8; 16]>::try_from(message.agent_id.as_slice())
        .map_err(|_| malformed("agent_id", "is not 16 bytes long"))?;
    if message.sequence == 0 {
        return Err(malformed("sequence", "is 0; the first push has 1"));
    }
    let key = PushKey { agent: AgentId(u128::from_be_bytes(agent)), sequence: message.sequence };
    if message.strings.first().is_some_and(|text| !text.is_empty()) {
        return Err(malformed("strings", "does not start with the empty text"));
    }
    distinct("strings", &message.strings)?;
    distinct("frames", &message.frames)?;
    distinct("stacks", &message.stacks)?;
    let texts = Texts(message.strings.into_iter().map(Arc::from).collect());
    let batch = Batch {
        frames: message.frames.iter().map(|message| frame(message, &texts)).collect::<Result<_, _>>()?,
        stacks: message
            .stacks
            .into_iter()
            .map(|stack| stack.frames.into_iter().map(FrameId).collect())
            .collect(),
        profiles: message
            .profiles
            .iter()
            .map(|message| profile(message, &texts))
            .collect::<Result<_, _>>()?,
        requests: message
            .requests
            .iter()
            .map(|message| requests(message, &texts))
            .collect::<Result<_, _>>()?,
        evaluations: message
            .evaluations
            .iter()
            .map(|message| evaluations(message, &texts))
            .collect::<Result<_, _>>()?,
    };
    batch.check().map_err(PushError::Batch)?;
    let memory = message.memory.iter().map(|group| memory::group(group, &texts)).collect::<Result<_, _>>()?;
    let code = message.code.iter().map(|report| code::report(report, &texts)).collect::<Result<_, _>>()?;
    Ok(Push { key, batch, report: message.report.map(report), memory, code })
}

fn distinct<T: Eq + Hash>(field: &'static str, items: &[T]) -> Result<(), PushError> {
    let mut seen = HashSet::with_capacity(items.len());
    if items.iter().all(|item| seen.insert(item)) {
        Ok(())
    } else {
        Err(malformed(field, "has an entry twice"))
    }
}

/// The texts of the message, by index.
pub(super) struct Texts(Vec<Arc<str>>);

impl Texts {
    pub(super) fn get(&self, index: u32, field: &'static str) -> Result<Arc<str>, PushError> {
        match self.0.get(index as usize) {
            Some(text) => Ok(text.clone()),
            None if index == 0 => Ok(Arc::default()),
            None => Err(malformed(field, "refers to a text that is not in `strings`")),
        }
    }
}

fn frame(message: &proto::Frame, texts: &Texts) -> Result<Frame, PushError> {
    let kind = match proto::FrameKind::try_from(message.kind) {
        Ok(proto::FrameKind::Native) => FrameKind::Native,
        Ok(proto::FrameKind::Kernel) => FrameKind::Kernel,
        Ok(proto::FrameKind::Jit) => FrameKind::Jit,
        Ok(proto::FrameKind::Python) => FrameKind::Python,
        Ok(proto::FrameKind::Marker) => FrameKind::Marker,
        Err(_) => return Err(unknown("frames.kind")),
    };
    let function = texts.get(message.function, "frames.function")?;
    if !function.is_empty() && message.address != 0 {
        return Err(malformed("frames.address", "is kept although the function is named"));
    }
    Ok(Frame {
        kind,
        function,
        file: texts.get(message.file, "frames.file")?,
        line: message.line,
        executable: texts.get(message.executable, "frames.executable")?,
        build_id: texts.get(message.build_id, "frames.build_id")?,
        address: message.address,
        inlined: message.inlined,
    })
}

fn profile(message: &proto::Profile, texts: &Texts) -> Result<Profile, PushError> {
    let kind = match proto::ProfileType::try_from(message.r#type) {
        Ok(proto::ProfileType::Cpu) => ProfileType::Cpu,
        Ok(proto::ProfileType::Unspecified) => return Err(malformed("profiles.type", "is not given")),
        Err(_) => return Err(unknown("profiles.type")),
    };
    let labels = labels(
        [&message.label_keys, &message.label_values],
        texts,
        ["profiles.label_keys", "profiles.label_values"],
    )?;
    if message.sample_stacks.len() != message.sample_values.len() {
        return Err(malformed("profiles.sample_values", "is not as long as `sample_stacks`"));
    }
    if message.period < 0 {
        return Err(malformed("profiles.period", "is below zero"));
    }
    Ok(Profile {
        kind,
        labels,
        window: Window { start_ns: message.start_ns, end_ns: message.end_ns },
        period: message.period,
        samples: samples(message),
    })
}

/// The samples in the order of their stacks, each stack once.
fn samples(message: &proto::Profile) -> Vec<Sample> {
    let pairs = message.sample_stacks.iter().zip(&message.sample_values);
    let mut samples: Vec<Sample> =
        pairs.map(|(stack, value)| Sample { stack: StackId(*stack), value: *value }).collect();
    if !samples.is_sorted_by(|left, right| left.stack < right.stack) {
        // Negative values stay visible to the check that follows: the lowest comes first and is kept apart.
        samples.sort_unstable();
        samples.dedup_by(|next, kept| {
            let same = next.stack == kept.stack && kept.value >= 0;
            if same {
                kept.value = kept.value.saturating_add(next.value);
            }
            same
        });
    }
    samples
}

fn requests(message: &proto::RequestCounts, texts: &Texts) -> Result<RequestCounts, PushError> {
    let labels = labels(
        [&message.label_keys, &message.label_values],
        texts,
        ["requests.label_keys", "requests.label_values"],
    )?;
    Ok(RequestCounts {
        window: window(message.start_ns, message.end_ns, "requests.end_ns")?,
        labels,
        requests: message.requests,
        measured: message.measured,
        cpu_ns: message.cpu_ns,
        instructions: message.instructions,
        client_errors: message.client_errors,
        server_errors: message.server_errors,
    })
}

fn evaluations(message: &proto::FlagEvaluations, texts: &Texts) -> Result<FlagEvaluations, PushError> {
    let labels = labels(
        [&message.label_keys, &message.label_values],
        texts,
        ["evaluations.label_keys", "evaluations.label_values"],
    )?;
    let flag = texts.get(message.flag, "evaluations.flag")?;
    if flag.is_empty() {
        return Err(malformed("evaluations.flag", "is empty"));
    }
    Ok(FlagEvaluations {
        window: window(message.start_ns, message.end_ns, "evaluations.end_ns")?,
        labels,
        flag,
        variant: texts.get(message.variant, "evaluations.variant")?,
        reason: texts.get(message.reason, "evaluations.reason")?,
        count: message.count,
    })
}

/// The label set of two lists of indexes, keys and values, that the given fields have.
pub(super) fn labels(
    [keys, values]: [&Vec<u32>; 2],
    texts: &Texts,
    [keys_field, values_field]: [&'static str; 2],
) -> Result<LabelSet, PushError> {
    if keys.len() != values.len() {
        return Err(malformed(values_field, "is not as long as `label_keys`"));
    }
    let pairs = keys.iter().zip(values);
    let pairs =
        pairs.map(|(key, value)| Ok((texts.get(*key, keys_field)?, texts.get(*value, values_field)?)));
    Ok(LabelSet::new(pairs.collect::<Result<Vec<_>, PushError>>()?))
}

fn window(start_ns: i64, end_ns: i64, field: &'static str) -> Result<Window, PushError> {
    if end_ns < start_ns {
        return Err(malformed(field, "is before `start_ns`"));
    }
    Ok(Window { start_ns, end_ns })
}

fn report(message: proto::AgentReport) -> AgentReport {
    let counters = message.counters.into_iter().map(|(name, count)| (name, Measure::Counter(count)));
    let gauges = message.gauges.into_iter().filter(|(_, value)| value.is_finite());
    let gauges = gauges.map(|(name, value)| (name, Measure::Gauge(value)));
    let facts: BTreeMap<Arc<str>, Arc<str>> =
        message.facts.into_iter().map(|(name, fact)| (name.into(), fact.into())).collect();
    AgentReport {
        at_ns: message.at_ns,
        facts,
        measures: counters.chain(gauges).map(|(name, measure)| (name.into(), measure)).collect(),
    }
}

pub(super) fn malformed(field: &'static str, problem: &'static str) -> PushError {
    PushError::Malformed { field, problem, fix: FOLLOW_DOCUMENT }
}

pub(super) fn unknown(field: &'static str) -> PushError {
    PushError::Malformed { field, problem: "has a value this reader does not know", fix: UPDATE_COLLECTOR }
}
