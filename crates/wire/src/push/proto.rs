//! The messages of `proto/fewer/push/v1/push.proto`, written out so that building needs no protobuf compiler. A test
//! below holds them against the document.

mod code;
mod memory;

pub(super) use code::{CodeFunction, CodeReport, ExecutionState};
pub(super) use memory::{EqualMemory, MappingMemory, MemoryGroup, OwnerMemory, PageMemory};

use std::collections::BTreeMap;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Push {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) agent_id: Vec<u8>,
    #[prost(fixed64, tag = "2")]
    pub(super) sequence: u64,
    #[prost(string, repeated, tag = "3")]
    pub(super) strings: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    pub(super) frames: Vec<Frame>,
    #[prost(message, repeated, tag = "5")]
    pub(super) stacks: Vec<Stack>,
    #[prost(message, repeated, tag = "6")]
    pub(super) profiles: Vec<Profile>,
    #[prost(message, optional, tag = "7")]
    pub(super) report: Option<AgentReport>,
    #[prost(message, repeated, tag = "8")]
    pub(super) requests: Vec<RequestCounts>,
    #[prost(message, repeated, tag = "9")]
    pub(super) evaluations: Vec<FlagEvaluations>,
    #[prost(message, repeated, tag = "10")]
    pub(super) memory: Vec<MemoryGroup>,
    #[prost(message, repeated, tag = "11")]
    pub(super) code: Vec<CodeReport>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub(super) struct Frame {
    #[prost(enumeration = "FrameKind", tag = "1")]
    pub(super) kind: i32,
    #[prost(uint32, tag = "2")]
    pub(super) function: u32,
    #[prost(uint32, tag = "3")]
    pub(super) file: u32,
    #[prost(uint32, tag = "4")]
    pub(super) line: u32,
    #[prost(uint32, tag = "5")]
    pub(super) executable: u32,
    #[prost(uint32, tag = "6")]
    pub(super) build_id: u32,
    #[prost(uint64, tag = "7")]
    pub(super) address: u64,
    #[prost(bool, tag = "8")]
    pub(super) inlined: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub(super) struct Stack {
    #[prost(uint32, repeated, tag = "1")]
    pub(super) frames: Vec<u32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Profile {
    #[prost(enumeration = "ProfileType", tag = "1")]
    pub(super) r#type: i32,
    #[prost(sfixed64, tag = "2")]
    pub(super) start_ns: i64,
    #[prost(sfixed64, tag = "3")]
    pub(super) end_ns: i64,
    #[prost(int64, tag = "4")]
    pub(super) period: i64,
    #[prost(uint32, repeated, tag = "5")]
    pub(super) label_keys: Vec<u32>,
    #[prost(uint32, repeated, tag = "6")]
    pub(super) label_values: Vec<u32>,
    #[prost(uint32, repeated, tag = "7")]
    pub(super) sample_stacks: Vec<u32>,
    #[prost(int64, repeated, tag = "8")]
    pub(super) sample_values: Vec<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RequestCounts {
    #[prost(sfixed64, tag = "1")]
    pub(super) start_ns: i64,
    #[prost(sfixed64, tag = "2")]
    pub(super) end_ns: i64,
    #[prost(uint32, repeated, tag = "3")]
    pub(super) label_keys: Vec<u32>,
    #[prost(uint32, repeated, tag = "4")]
    pub(super) label_values: Vec<u32>,
    #[prost(uint64, tag = "5")]
    pub(super) requests: u64,
    #[prost(uint64, tag = "6")]
    pub(super) measured: u64,
    #[prost(uint64, tag = "7")]
    pub(super) cpu_ns: u64,
    #[prost(uint64, optional, tag = "8")]
    pub(super) instructions: Option<u64>,
    #[prost(uint64, tag = "9")]
    pub(super) client_errors: u64,
    #[prost(uint64, tag = "10")]
    pub(super) server_errors: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct FlagEvaluations {
    #[prost(sfixed64, tag = "1")]
    pub(super) start_ns: i64,
    #[prost(sfixed64, tag = "2")]
    pub(super) end_ns: i64,
    #[prost(uint32, repeated, tag = "3")]
    pub(super) label_keys: Vec<u32>,
    #[prost(uint32, repeated, tag = "4")]
    pub(super) label_values: Vec<u32>,
    #[prost(uint32, tag = "5")]
    pub(super) flag: u32,
    #[prost(uint32, tag = "6")]
    pub(super) variant: u32,
    #[prost(uint32, tag = "7")]
    pub(super) reason: u32,
    #[prost(uint64, tag = "8")]
    pub(super) count: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AgentReport {
    #[prost(sfixed64, tag = "1")]
    pub(super) at_ns: i64,
    #[prost(btree_map = "string, string", tag = "2")]
    pub(super) facts: BTreeMap<String, String>,
    #[prost(btree_map = "string, uint64", tag = "3")]
    pub(super) counters: BTreeMap<String, u64>,
    #[prost(btree_map = "string, double", tag = "4")]
    pub(super) gauges: BTreeMap<String, f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(super) enum FrameKind {
    Native = 0,
    Kernel = 1,
    Jit = 2,
    Python = 3,
    Marker = 4,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(super) enum ProfileType {
    Unspecified = 0,
    Cpu = 1,
}

#[cfg(test)]
mod tests;
