//! How much a push may hold.

use super::{PushError, proto};
use crate::fields;

/// Bounds on one push. The defaults are far above what one host gathers in a window, and keep the memory that a hostile
/// body can cause to a few hundred megabytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the body.
    pub body_bytes: u64,
    /// Bytes of the message inside it.
    pub decompressed_bytes: u64,
    /// Distinct texts.
    pub strings: u64,
    /// Bytes of one text.
    pub string_bytes: u64,
    /// Distinct frames.
    pub frames: u64,
    /// Distinct stacks.
    pub stacks: u64,
    /// Frames of one stack.
    pub stack_depth: u64,
    /// Profiles.
    pub profiles: u64,
    /// Counts of requests.
    pub requests: u64,
    /// Counts of evaluated flags.
    pub evaluations: u64,
    /// Groups of processes with their memory.
    pub memory: u64,
    /// Bytes of what is said of them.
    pub memory_bytes: u64,
    /// Groups of processes with their code.
    pub code: u64,
    /// Bytes of what is said of them.
    pub code_bytes: u64,
    /// Functions of all of them together.
    pub code_functions: u64,
    /// Labels of one profile or count.
    pub labels: u64,
    /// Bytes of one label's name or value.
    pub label_bytes: u64,
    /// Bytes of the agent's report.
    pub report_bytes: u64,
    /// Sum over all samples, and over each kind of count. It keeps sums of many pushes from overflowing.
    pub total: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 16 << 20,
            decompressed_bytes: 64 << 20,
            strings: 1 << 20,
            string_bytes: 64 << 10,
            frames: 1 << 20,
            stacks: 1 << 20,
            stack_depth: 4096,
            profiles: 64 << 10,
            requests: 64 << 10,
            evaluations: 64 << 10,
            memory: 256,
            memory_bytes: 4 << 20,
            code: 256,
            code_bytes: 16 << 20,
            code_functions: 1 << 18,
            labels: 64,
            label_bytes: 4096,
            report_bytes: 256 << 10,
            total: 1 << 53,
        }
    }
}

const SEND_LESS: &str = "send shorter windows or fewer profiles in one push";
const CUT_STACKS: &str = "cut deep stacks in the agent and mark them as truncated";
const SEND_LATER: &str = "send some of it with the next push";
const CUT_TEXTS: &str = "shorten it in the agent";

/// Counts of the repeated fields of a message that is not decoded yet.
pub(super) fn check_counts(message: &[u8], limits: &Limits) -> Result<(), PushError> {
    let Some(fields) = fields::count::<12>(message) else {
        return Err(PushError::Malformed {
            field: "body",
            problem: "does not hold a protobuf message",
            fix: "check the sender against push.proto",
        });
    };
    let [_, _, _, strings, frames, stacks, profiles, report, requests, evaluations, memory, code] = fields;
    check_lists([strings, frames, stacks, profiles, requests, evaluations].map(|field| field.times), limits)?;
    at_most("strings", strings.longest_bytes, "bytes in one text", limits.string_bytes, CUT_TEXTS)?;
    let one = "send one report per push and drop its longest facts";
    at_most("report", report.times.saturating_mul(report.longest_bytes), "bytes", limits.report_bytes, one)?;
    at_most("memory", memory.times, "groups", limits.memory, SEND_LESS)?;
    at_most("memory", memory.bytes, "bytes", limits.memory_bytes, SEND_LESS)?;
    at_most("code", code.times, "groups", limits.code, SEND_LATER)?;
    at_most("code", code.bytes, "bytes", limits.code_bytes, SEND_LATER)
}

/// Everything else that is limited in a message.
pub(super) fn check_message(message: &proto::Push, limits: &Limits) -> Result<(), PushError> {
    let lists = [
        message.strings.len(),
        message.frames.len(),
        message.stacks.len(),
        message.profiles.len(),
        message.requests.len(),
        message.evaluations.len(),
    ];
    check_lists(lists.map(|count| count as u64), limits)?;
    for text in &message.strings {
        at_most("strings", text.len() as u64, "bytes in one text", limits.string_bytes, CUT_TEXTS)?;
    }
    for stack in &message.stacks {
        let depth = stack.frames.len() as u64;
        at_most("stacks.frames", depth, "frames in one stack", limits.stack_depth, CUT_STACKS)?;
    }
    for profile in &message.profiles {
        let labels = [&profile.label_keys, &profile.label_values];
        check_labels(["profiles.label_keys", "profiles.label_values"], labels, message, limits)?;
    }
    let values = message.profiles.iter().flat_map(|profile| &profile.sample_values);
    check_sum("profiles.sample_values", values.map(|value| value.unsigned_abs()), limits)?;
    check_request_counts(message, limits)?;
    check_memory(message, limits)?;
    check_code(message, limits)?;
    let report_bytes = message.report.as_ref().map_or(0, prost::Message::encoded_len) as u64;
    at_most("report", report_bytes, "bytes", limits.report_bytes, "drop its longest facts")
}

fn check_request_counts(message: &proto::Push, limits: &Limits) -> Result<(), PushError> {
    for counts in &message.requests {
        let labels = [&counts.label_keys, &counts.label_values];
        check_labels(["requests.label_keys", "requests.label_values"], labels, message, limits)?;
    }
    for evaluations in &message.evaluations {
        let labels = [&evaluations.label_keys, &evaluations.label_values];
        check_labels(["evaluations.label_keys", "evaluations.label_values"], labels, message, limits)?;
        let texts = [evaluations.flag, evaluations.variant, evaluations.reason];
        check_texts("evaluations.flag", &texts, message, limits)?;
    }
    let requests = || message.requests.iter();
    check_sum("requests.requests", requests().map(|counts| counts.requests), limits)?;
    check_sum("requests.measured", requests().map(|counts| counts.measured), limits)?;
    check_sum("requests.cpu_ns", requests().map(|counts| counts.cpu_ns), limits)?;
    let instructions = requests().filter_map(|counts| counts.instructions);
    check_sum("requests.instructions", instructions, limits)?;
    check_sum("requests.client_errors", requests().map(|counts| counts.client_errors), limits)?;
    check_sum("requests.server_errors", requests().map(|counts| counts.server_errors), limits)?;
    check_sum("evaluations.count", message.evaluations.iter().map(|one| one.count), limits)
}

/// Number, size and texts of the groups of processes.
fn check_memory(message: &proto::Push, limits: &Limits) -> Result<(), PushError> {
    at_most("memory", message.memory.len() as u64, "groups", limits.memory, SEND_LESS)?;
    let bytes = message.memory.iter().map(prost::Message::encoded_len).sum::<usize>() as u64;
    at_most("memory", bytes, "bytes", limits.memory_bytes, SEND_LESS)?;
    for group in &message.memory {
        let labels = [&group.label_keys, &group.label_values];
        check_labels(["memory.label_keys", "memory.label_values"], labels, message, limits)?;
        check_texts("memory.program", &[group.program, group.values], message, limits)?;
        let owners = group.owners.iter().flat_map(|owner| [owner.module, owner.attribute, owner.kind]);
        let kinds = group.mappings.iter().map(|mapping| mapping.kind);
        let kinds = kinds.chain(group.pages.iter().map(|pages| pages.kind));
        check_texts("memory.owners", &owners.chain(kinds).collect::<Vec<_>>(), message, limits)?;
    }
    Ok(())
}

/// Number, size and texts of the groups of processes with their code.
fn check_code(message: &proto::Push, limits: &Limits) -> Result<(), PushError> {
    at_most("code", message.code.len() as u64, "groups", limits.code, SEND_LATER)?;
    let bytes = message.code.iter().map(prost::Message::encoded_len).sum::<usize>() as u64;
    at_most("code", bytes, "bytes", limits.code_bytes, SEND_LATER)?;
    let functions = message.code.iter().map(|report| report.functions.len() as u64).sum();
    at_most("code.functions", functions, "functions", limits.code_functions, SEND_LATER)?;
    for report in &message.code {
        let labels = [&report.label_keys, &report.label_values];
        check_labels(["code.label_keys", "code.label_values"], labels, message, limits)?;
        check_texts("code.program", &[report.program, report.runtime], message, limits)?;
        for function in &report.functions {
            check_texts("code.functions", &[function.function, function.file], message, limits)?;
        }
    }
    Ok(())
}

/// Number and length of the labels of one profile or count.
fn check_labels(
    fields: [&'static str; 2],
    indexes: [&Vec<u32>; 2],
    message: &proto::Push,
    limits: &Limits,
) -> Result<(), PushError> {
    let ([keys_field, values_field], [keys, values]) = (fields, indexes);
    at_most(
        keys_field,
        keys.len() as u64,
        "labels on one profile",
        limits.labels,
        "drop the labels you do not need",
    )?;
    check_texts(values_field, keys, message, limits)?;
    check_texts(values_field, values, message, limits)
}

fn check_texts(
    field: &'static str,
    indexes: &[u32],
    message: &proto::Push,
    limits: &Limits,
) -> Result<(), PushError> {
    let bytes = |index: &u32| message.strings.get(*index as usize).map_or(0, String::len) as u64;
    let longest = indexes.iter().map(bytes).max().unwrap_or(0);
    at_most(field, longest, "bytes in one label", limits.label_bytes, CUT_TEXTS)
}

fn check_sum(
    field: &'static str,
    values: impl Iterator<Item = u64>,
    limits: &Limits,
) -> Result<(), PushError> {
    at_most(field, values.fold(0, u64::saturating_add), "as their sum", limits.total, SEND_LESS)
}

/// Whether so many bytes are accepted.
pub(super) fn check_size(field: &'static str, bytes: usize, limit: u64) -> Result<(), PushError> {
    at_most(field, bytes as u64, "bytes", limit, SEND_LESS)
}

fn check_lists(counts: [u64; 6], limits: &Limits) -> Result<(), PushError> {
    let [strings, frames, stacks, profiles, requests, evaluations] = counts;
    at_most("strings", strings, "texts", limits.strings, SEND_LESS)?;
    at_most("frames", frames, "frames", limits.frames, SEND_LESS)?;
    at_most("stacks", stacks, "stacks", limits.stacks, SEND_LESS)?;
    at_most("profiles", profiles, "profiles", limits.profiles, SEND_LESS)?;
    at_most("requests", requests, "counts", limits.requests, SEND_LESS)?;
    at_most("evaluations", evaluations, "counts", limits.evaluations, SEND_LESS)
}

fn at_most(
    field: &'static str,
    found: u64,
    unit: &'static str,
    limit: u64,
    fix: &'static str,
) -> Result<(), PushError> {
    if found <= limit { Ok(()) } else { Err(PushError::Limit { field, found, unit, limit, fix }) }
}
