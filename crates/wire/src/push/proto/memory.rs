//! The messages of memory reports.

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(in super::super) struct MemoryGroup {
    #[prost(sfixed64, tag = "1")]
    pub(in super::super) at_ns: i64,
    #[prost(uint32, repeated, tag = "2")]
    pub(in super::super) label_keys: Vec<u32>,
    #[prost(uint32, repeated, tag = "3")]
    pub(in super::super) label_values: Vec<u32>,
    #[prost(uint32, tag = "4")]
    pub(in super::super) program: u32,
    #[prost(uint64, tag = "5")]
    pub(in super::super) processes: u64,
    #[prost(uint64, tag = "6")]
    pub(in super::super) compared: u64,
    #[prost(uint64, tag = "7")]
    pub(in super::super) unread: u64,
    #[prost(bool, tag = "8")]
    pub(in super::super) forked: bool,
    #[prost(uint32, tag = "9")]
    pub(in super::super) python_minor: u32,
    #[prost(uint32, tag = "10")]
    pub(in super::super) values: u32,
    #[prost(message, repeated, tag = "11")]
    pub(in super::super) mappings: Vec<MappingMemory>,
    #[prost(message, repeated, tag = "12")]
    pub(in super::super) pages: Vec<PageMemory>,
    #[prost(uint64, tag = "13")]
    pub(in super::super) pages_read_one_in: u64,
    #[prost(message, repeated, tag = "14")]
    pub(in super::super) owners: Vec<OwnerMemory>,
    #[prost(uint64, tag = "15")]
    pub(in super::super) owners_left_out: u64,
    #[prost(uint64, tag = "16")]
    pub(in super::super) arenas: u64,
    #[prost(uint64, tag = "17")]
    pub(in super::super) arena_bytes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(in super::super) struct MappingMemory {
    #[prost(uint32, tag = "1")]
    pub(in super::super) kind: u32,
    #[prost(uint64, tag = "2")]
    pub(in super::super) resident_bytes: u64,
    #[prost(uint64, tag = "3")]
    pub(in super::super) proportional_bytes: u64,
    #[prost(uint64, tag = "4")]
    pub(in super::super) own_bytes: u64,
    #[prost(uint64, tag = "5")]
    pub(in super::super) huge_bytes: u64,
    #[prost(uint64, tag = "6")]
    pub(in super::super) swapped_bytes: u64,
    #[prost(uint64, tag = "7")]
    pub(in super::super) merged_bytes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(in super::super) struct EqualMemory {
    #[prost(uint64, tag = "1")]
    pub(in super::super) processes: u64,
    #[prost(uint64, tag = "2")]
    pub(in super::super) bytes: u64,
    #[prost(uint64, tag = "3")]
    pub(in super::super) saved_bytes: u64,
    #[prost(uint64, tag = "4")]
    pub(in super::super) flat_saved_bytes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(in super::super) struct PageMemory {
    #[prost(uint32, tag = "1")]
    pub(in super::super) kind: u32,
    #[prost(message, optional, tag = "2")]
    pub(in super::super) zero: Option<EqualMemory>,
    #[prost(message, optional, tag = "3")]
    pub(in super::super) broken: Option<EqualMemory>,
    #[prost(message, optional, tag = "4")]
    pub(in super::super) elsewhere: Option<EqualMemory>,
    #[prost(uint64, tag = "5")]
    pub(in super::super) unique_bytes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(in super::super) struct OwnerMemory {
    #[prost(uint32, tag = "1")]
    pub(in super::super) module: u32,
    #[prost(uint32, tag = "2")]
    pub(in super::super) attribute: u32,
    #[prost(uint32, tag = "3")]
    pub(in super::super) kind: u32,
    #[prost(uint64, tag = "4")]
    pub(in super::super) own_bytes: u64,
    #[prost(message, optional, tag = "5")]
    pub(in super::super) loaded: Option<EqualMemory>,
    #[prost(message, optional, tag = "6")]
    pub(in super::super) dirtied: Option<EqualMemory>,
    #[prost(uint64, tag = "7")]
    pub(in super::super) collector_bytes: u64,
    #[prost(uint64, tag = "8")]
    pub(in super::super) unexplained_bytes: u64,
}
