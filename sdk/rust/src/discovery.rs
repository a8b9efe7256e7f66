//! The discovery mapping `FEWER_CTX`: how a profiler outside learns what the key indexes mean and where the counters are.
//!
//! A header as in OTEP 4719 (signature, version, payload size, time of publication, payload address) and its ProcessContext
//! message, encoded by hand because it has five field kinds only. The time is zero while the payload changes.

use std::ffi::CStr;

use crate::{
    page::{self, Page},
    system::{NamedMemory, boot_ns},
    thread_context,
};

const MAX_PAYLOAD_BYTES: usize = 65_536;
const PAYLOAD_OFFSET: usize = 64;
const PUBLISHED_AT_OFFSET: usize = 16;
/// Whole pages of 4 kB that hold header and payload.
const MAPPING_BYTES: usize = 17 * 4096;
const MAX_RESOURCE_BYTES: usize = 8192;
const MAX_SERVICE_NAME_BYTES: usize = 255;

const SCHEMA: i64 = 1;
const THREAD_LOCAL_SCHEMA: &str = "tlsdesc_v1_dev";

/// A name under which the same thing is published.
struct Title {
    name: &'static CStr,
    signature: &'static [u8; 8],
    version: u32,
}

const FEWER: Title = Title { name: c"FEWER_CTX", signature: b"FEWERCTX", version: 1 };
const OTEL: Title = Title { name: c"OTEL_CTX", signature: b"OTEL_CTX", version: 2 };

/// The mappings of this process.
#[derive(Default)]
pub(crate) struct Publisher {
    mappings: Vec<(&'static Title, NamedMemory)>,
    is_open: bool,
    /// Why nothing is published, or not all.
    pub(crate) problem: Option<String>,
}

impl Publisher {
    /// Leaves the parent's mappings alone in a forked child: they are not there, and touching them would be the end.
    pub(crate) fn forget(&mut self) {
        self.mappings.clear();
        self.is_open = false;
    }

    /// Publishes the present state, in place of the one before.
    pub(crate) fn publish(&mut self, page: &Page, keys: &[String], instructions: bool) {
        if !self.is_open {
            self.is_open = true;
            self.open(&FEWER);
            if is_set("FEWER_OTEL_CTX") && !otel_is_published() {
                self.open(&OTEL);
            }
        }
        let attributes = attributes(page, keys, instructions);
        for (title, memory) in &mut self.mappings {
            let written = attributes.len() <= MAX_PAYLOAD_BYTES && publish(title, memory, &attributes);
            if !written {
                self.problem = Some(format!(
                    "discovery: {} bytes, over {MAX_PAYLOAD_BYTES}: shorten OTEL_RESOURCE_ATTRIBUTES",
                    attributes.len()
                ));
            }
        }
    }

    fn open(&mut self, title: &'static Title) {
        match NamedMemory::new(title.name, MAPPING_BYTES) {
            Ok(memory) => self.mappings.push((title, memory)),
            Err(error) => self.problem = Some(format!("discovery: no memory file to publish in: {error}")),
        }
    }
}

fn publish(title: &Title, memory: &mut NamedMemory, payload: &[u8]) -> bool {
    let payload_address = memory.address() + PAYLOAD_OFFSET as u64;
    let mut header = title.signature.to_vec();
    header.extend(title.version.to_ne_bytes());
    header.extend((payload.len() as u32).to_ne_bytes());
    header.extend([0; 8]);
    header.extend(payload_address.to_ne_bytes());
    let written = memory.write(PUBLISHED_AT_OFFSET, &[0; 8])
        && memory.write(PAYLOAD_OFFSET, payload)
        && memory.write(0, &header)
        && memory.write(PUBLISHED_AT_OFFSET, &boot_ns().max(1).to_ne_bytes());
    memory.name();
    written
}

fn attributes(page: &Page, keys: &[String], instructions: bool) -> Vec<u8> {
    let mut resource = Vec::new();
    for (key, value) in described(|name| std::env::var(name).ok()) {
        field(&mut resource, 1, &key_value(&key, &text(&value)));
    }
    let mut message = Vec::new();
    field(&mut message, 1, &resource);
    let measures: &[&str] = if instructions { &["cpu_ns", "instructions"] } else { &["cpu_ns"] };
    let evaluations = page.address() + page::EVALUATIONS_OFFSET as u64;
    let mut values = vec![
        ("fewer.schema", int(SCHEMA)),
        ("threadlocal.attribute_key_map", array(keys.iter().map(String::as_str))),
        ("fewer.counters_addr", int(page.address() as i64)),
        ("fewer.counters_slots", int(page::SLOTS as i64)),
        ("fewer.counters_schema", int(page::SCHEMA)),
        ("fewer.counters_slot_bytes", int(page::SLOT_BYTES as i64)),
        ("fewer.evaluations_addr", int(evaluations as i64)),
        ("fewer.evaluations_slots", int(page::EVALUATIONS as i64)),
        ("fewer.measures", array(measures.iter().copied())),
    ];
    if thread_context::SUPPORTED {
        values.push(("threadlocal.schema_version", text(THREAD_LOCAL_SCHEMA)));
    }
    for (key, value) in values {
        field(&mut message, 2, &key_value(key, &value));
    }
    message
}

/// The service's own description, from the variables that OpenTelemetry defines, and ours.
fn described(variable: impl Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let all = variable("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let all = all.get(..all.floor_char_boundary(MAX_RESOURCE_BYTES)).unwrap_or_default();
    for pair in all.split(',') {
        if let Some((key, value)) = pair.split_once('=').filter(|(key, _)| !key.trim().is_empty()) {
            pairs.push((key.trim().to_owned(), value.trim().to_owned()));
        }
    }
    if let Some(name) = variable("OTEL_SERVICE_NAME").filter(|name| !name.is_empty()) {
        let name =
            name.get(..name.floor_char_boundary(MAX_SERVICE_NAME_BYTES)).unwrap_or_default().to_owned();
        pairs.retain(|(key, _)| key != "service.name");
        pairs.push(("service.name".to_owned(), name));
    }
    for (key, value) in [
        ("telemetry.sdk.name", "fewer"),
        ("telemetry.sdk.language", "rust"),
        ("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
        ("process.runtime.name", "rust"),
    ] {
        pairs.push((key.to_owned(), value.to_owned()));
    }
    pairs
}

/// At most one OTEL_CTX may exist in a process.
fn otel_is_published() -> bool {
    std::fs::read_to_string("/proc/self/maps").is_ok_and(|maps| maps.contains("OTEL_CTX"))
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty() && value != "0")
}

/// KeyValue { string key = 1; AnyValue value = 2; }
fn key_value(key: &str, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    field(&mut out, 1, key.as_bytes());
    field(&mut out, 2, value);
    out
}

/// AnyValue { string_value = 1 }
fn text(value: &str) -> Vec<u8> {
    let mut out = Vec::new();
    field(&mut out, 1, value.as_bytes());
    out
}

/// AnyValue { int_value = 3 }
fn int(value: i64) -> Vec<u8> {
    let mut out = vec![3 << 3];
    varint(&mut out, value as u64);
    out
}

/// AnyValue { array_value = 5 { repeated AnyValue values = 1 } }
fn array<'a>(values: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let mut inner = Vec::new();
    values.for_each(|value| field(&mut inner, 1, &text(value)));
    let mut out = Vec::new();
    field(&mut out, 5, &inner);
    out
}

fn field(out: &mut Vec<u8>, number: u8, data: &[u8]) {
    out.push(number << 3 | 2);
    varint(out, data.len() as u64);
    out.extend(data);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
