//! Writing a push.

use std::{alloc::Layout, collections::HashMap};

use model::{
    AgentReport, Batch, CodeReport, FlagEvaluations, Frame, FrameKind, LabelSet, Measure, MemoryGroup,
    Profile, ProfileType, PushKey, RequestCounts,
};
use prost::Message;

use super::{Limits, PushError, VERSION, code, limits, memory, proto};

const COMPRESSION_LEVEL: i32 = 3;

/// What an agent found by looking at groups of processes, sent along with a push.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reports<'a> {
    /// What they hold in memory.
    pub memory: &'a [MemoryGroup],
    /// What code they hold, and which of it has run.
    pub code: &'a [CodeReport],
}

/// The body of a push.
pub fn encode(key: PushKey, batch: &Batch, report: Option<&AgentReport>) -> Vec<u8> {
    encode_with(key, batch, report, Reports::default())
}

/// The same with what was found in groups of processes.
pub fn encode_with(
    key: PushKey,
    batch: &Batch,
    report: Option<&AgentReport>,
    reports: Reports<'_>,
) -> Vec<u8> {
    compress(&message(key, batch, report, reports))
}

/// The body of a push that a reader with these limits will not refuse, or why it would.
pub fn encode_within(
    key: PushKey,
    batch: &Batch,
    report: Option<&AgentReport>,
    limits: &Limits,
) -> Result<Vec<u8>, PushError> {
    batch.check().map_err(PushError::Batch)?;
    let message = message(key, batch, report, Reports::default());
    limits::check_size("body", message.encoded_len(), limits.decompressed_bytes)?;
    limits::check_message(&message, limits)?;
    let body = compress(&message);
    limits::check_size("body", body.len(), limits.body_bytes)?;
    Ok(body)
}

fn compress(message: &proto::Push) -> Vec<u8> {
    let message = message.encode_to_vec();
    let frame = zstd::bulk::compress(&message, COMPRESSION_LEVEL)
        // The buffer is sized for the worst case, so only missing memory can stop this.
        .unwrap_or_else(|_| std::alloc::handle_alloc_error(Layout::for_value(message.as_slice())));
    let mut body = Vec::with_capacity(1 + frame.len());
    body.push(VERSION);
    body.extend(frame);
    body
}

fn message(key: PushKey, batch: &Batch, report: Option<&AgentReport>, reports: Reports<'_>) -> proto::Push {
    let mut texts = Texts::default();
    texts.index("");
    let frames = batch.frames.iter().map(|frame| frame_message(frame, &mut texts)).collect();
    let profiles = batch.profiles.iter().map(|profile| profile_message(profile, &mut texts)).collect();
    let stacks =
        batch.stacks.iter().map(|stack| proto::Stack { frames: stack.iter().map(|id| id.0).collect() });
    let requests = batch.requests.iter().map(|counts| requests_message(counts, &mut texts)).collect();
    let evaluations = batch.evaluations.iter().map(|one| evaluations_message(one, &mut texts)).collect();
    let memory = reports.memory.iter().map(|group| memory::message(group, &mut texts)).collect();
    let code = reports.code.iter().map(|report| code::message(report, &mut texts)).collect();
    proto::Push {
        agent_id: key.agent.0.to_be_bytes().to_vec(),
        sequence: key.sequence,
        strings: texts.in_order,
        frames,
        stacks: stacks.collect(),
        profiles,
        report: report.map(report_message),
        requests,
        evaluations,
        memory,
        code,
    }
}

/// Texts of one message, each once.
#[derive(Default)]
pub(super) struct Texts<'a> {
    known: HashMap<&'a str, u32>,
    in_order: Vec<String>,
}

impl<'a> Texts<'a> {
    pub(super) fn index(&mut self, text: &'a str) -> u32 {
        let next = self.in_order.len() as u32;
        let index = *self.known.entry(text).or_insert(next);
        if index == next {
            self.in_order.push(text.to_owned());
        }
        index
    }
}

fn frame_message<'a>(frame: &'a Frame, texts: &mut Texts<'a>) -> proto::Frame {
    let kind = match frame.kind {
        FrameKind::Native => proto::FrameKind::Native,
        FrameKind::Kernel => proto::FrameKind::Kernel,
        FrameKind::Jit => proto::FrameKind::Jit,
        FrameKind::Python => proto::FrameKind::Python,
        FrameKind::Marker => proto::FrameKind::Marker,
    };
    proto::Frame {
        kind: kind.into(),
        function: texts.index(&frame.function),
        file: texts.index(&frame.file),
        line: frame.line,
        executable: texts.index(&frame.executable),
        build_id: texts.index(&frame.build_id),
        address: frame.address,
        inlined: frame.inlined,
    }
}

fn profile_message<'a>(profile: &'a Profile, texts: &mut Texts<'a>) -> proto::Profile {
    let kind = match profile.kind {
        ProfileType::Cpu => proto::ProfileType::Cpu,
    };
    let (label_keys, label_values) = label_indexes(&profile.labels, texts);
    let (sample_stacks, sample_values) =
        profile.samples.iter().map(|sample| (sample.stack.0, sample.value)).unzip();
    proto::Profile {
        r#type: kind.into(),
        start_ns: profile.window.start_ns,
        end_ns: profile.window.end_ns,
        period: profile.period,
        label_keys,
        label_values,
        sample_stacks,
        sample_values,
    }
}

fn requests_message<'a>(counts: &'a RequestCounts, texts: &mut Texts<'a>) -> proto::RequestCounts {
    let (label_keys, label_values) = label_indexes(&counts.labels, texts);
    proto::RequestCounts {
        start_ns: counts.window.start_ns,
        end_ns: counts.window.end_ns,
        label_keys,
        label_values,
        requests: counts.requests,
        measured: counts.measured,
        cpu_ns: counts.cpu_ns,
        instructions: counts.instructions,
        client_errors: counts.client_errors,
        server_errors: counts.server_errors,
    }
}

fn evaluations_message<'a>(
    evaluations: &'a FlagEvaluations,
    texts: &mut Texts<'a>,
) -> proto::FlagEvaluations {
    let (label_keys, label_values) = label_indexes(&evaluations.labels, texts);
    proto::FlagEvaluations {
        start_ns: evaluations.window.start_ns,
        end_ns: evaluations.window.end_ns,
        label_keys,
        label_values,
        flag: texts.index(&evaluations.flag),
        variant: texts.index(&evaluations.variant),
        reason: texts.index(&evaluations.reason),
        count: evaluations.count,
    }
}

pub(super) fn label_indexes<'a>(labels: &'a LabelSet, texts: &mut Texts<'a>) -> (Vec<u32>, Vec<u32>) {
    labels.iter().map(|(key, value)| (texts.index(key), texts.index(value))).unzip()
}

fn report_message(report: &AgentReport) -> proto::AgentReport {
    let mut message = proto::AgentReport { at_ns: report.at_ns, ..Default::default() };
    for (name, fact) in &report.facts {
        message.facts.insert(name.to_string(), fact.to_string());
    }
    for (name, measure) in &report.measures {
        match measure {
            Measure::Counter(count) => _ = message.counters.insert(name.to_string(), *count),
            Measure::Gauge(value) if value.is_finite() => _ = message.gauges.insert(name.to_string(), *value),
            // A gauge without a number says nothing, and JSON cannot carry it.
            Measure::Gauge(_) => {}
        }
    }
    message
}
