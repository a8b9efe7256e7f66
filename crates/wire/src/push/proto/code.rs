//! The messages of execution evidence.

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(in super::super) struct CodeReport {
    #[prost(sfixed64, tag = "1")]
    pub(in super::super) at_ns: i64,
    #[prost(uint32, repeated, tag = "2")]
    pub(in super::super) label_keys: Vec<u32>,
    #[prost(uint32, repeated, tag = "3")]
    pub(in super::super) label_values: Vec<u32>,
    #[prost(uint32, tag = "4")]
    pub(in super::super) program: u32,
    #[prost(uint32, tag = "5")]
    pub(in super::super) runtime: u32,
    #[prost(uint32, tag = "6")]
    pub(in super::super) processes: u32,
    #[prost(uint32, tag = "7")]
    pub(in super::super) read: u32,
    #[prost(uint32, tag = "8")]
    pub(in super::super) refused: u32,
    #[prost(bool, tag = "9")]
    pub(in super::super) complete: bool,
    #[prost(message, repeated, tag = "10")]
    pub(in super::super) functions: Vec<CodeFunction>,
    #[prost(uint64, tag = "11")]
    pub(in super::super) left_out: u64,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(in super::super) struct CodeFunction {
    #[prost(uint32, tag = "1")]
    pub(in super::super) function: u32,
    #[prost(uint32, tag = "2")]
    pub(in super::super) file: u32,
    #[prost(uint32, tag = "3")]
    pub(in super::super) line: u32,
    #[prost(fixed64, tag = "4")]
    pub(in super::super) body_high: u64,
    #[prost(fixed64, tag = "5")]
    pub(in super::super) body_low: u64,
    #[prost(uint32, tag = "6")]
    pub(in super::super) bytes: u32,
    #[prost(enumeration = "ExecutionState", tag = "7")]
    pub(in super::super) state: i32,
    #[prost(bool, tag = "8")]
    pub(in super::super) import_only: bool,
    #[prost(uint32, repeated, tag = "9")]
    pub(in super::super) branch_lines: Vec<u32>,
    #[prost(uint32, repeated, tag = "10")]
    pub(in super::super) branch_columns: Vec<u32>,
    #[prost(uint32, repeated, tag = "11")]
    pub(in super::super) branch_outcomes: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(in super::super) enum ExecutionState {
    Unknown = 0,
    Unexecuted = 1,
    Executed = 2,
}
