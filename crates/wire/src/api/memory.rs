//! What agents found in their hosts' memory. All sizes are in bytes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /api/v1/memory`: the newest reports of each host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MemoryReports {
    /// By host, the newest of each first.
    pub reports: Vec<MemoryReport>,
    /// How many there are in all.
    pub reports_total: u64,
}

/// What one agent found on its host at one time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct MemoryReport {
    /// The host's name.
    pub host: String,
    /// When the last of its groups was looked at, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The largest groups of processes.
    pub groups: Vec<MemoryGroup>,
}

/// Processes of one executable with one parent: the workers of a service, as a rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct MemoryGroup {
    /// Their service.
    pub service: String,
    /// Labels of the first of them, without its id.
    pub labels: std::collections::BTreeMap<String, String>,
    /// The first words of the command that runs them, without options.
    pub program: String,
    /// How many there are.
    pub processes: u64,
    /// How many were compared with each other; `pages` and `owners` are theirs alone.
    pub compared: u64,
    /// How many could not be read.
    pub unread: u64,
    /// True when they were forked from a process that still runs.
    pub forked: bool,
    /// Minor version of their CPython; 0 for other programs.
    pub python_minor: u32,
    /// What became of their values: `walked`, `cut` at a limit, `none`, or why not.
    pub values: String,
    /// All their memory.
    pub total: MemorySizes,
    /// The same by the kind of mapping.
    pub mappings: Vec<MappingMemory>,
    /// Private pages, by the kind of mapping.
    pub pages: Vec<PageMemory>,
    /// One of so many private pages was read.
    pub pages_read_one_in: u64,
    /// Values, by owner; those that could save most first.
    pub owners: Vec<OwnerMemory>,
    /// Owners left out.
    pub owners_left_out: u64,
    /// Heaps that the C library keeps for further threads.
    pub arenas: u64,
    /// What of them is resident.
    pub arena_bytes: u64,
}

/// Memory by how many have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct MemorySizes {
    /// Resident: shared or not.
    pub resident: u64,
    /// Its proportional share.
    pub proportional: u64,
    /// No other process has it.
    pub own: u64,
    /// In huge pages.
    pub huge: u64,
    /// Swapped out.
    pub swapped: u64,
    /// Merged by the kernel's own search for equal pages.
    pub merged: u64,
}

/// Memory with equal content in several processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct EqualMemory {
    /// How many processes hold it.
    pub processes: u64,
    /// In all of them together.
    pub bytes: u64,
    /// What would be left over if each content were there once.
    pub saved: u64,
    /// Of that, what reading writes nothing to.
    pub flat_saved: u64,
}

/// One kind of mapping.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MappingMemory {
    /// `heap`, `anonymous`, `stack`, `file data`, `file`, `shared memory` or `other`.
    pub kind: String,
    /// How much there is.
    pub size: MemorySizes,
}

/// Private pages of one kind of mapping.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct PageMemory {
    /// What the mapping is for.
    pub kind: String,
    /// Nothing but zeros.
    pub zero: EqualMemory,
    /// Shared at the fork and still equal, but private: copy-on-write was broken.
    pub broken: EqualMemory,
    /// Equal elsewhere.
    pub elsewhere: EqualMemory,
    /// Like no other.
    pub unique: u64,
}

/// What processes hold by one attribute of a module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct OwnerMemory {
    /// The module.
    pub module: String,
    /// Its attribute; empty for the module's code.
    pub attribute: String,
    /// The type of its value.
    pub kind: String,
    /// What they hold by it that no other process has.
    pub own: u64,
    /// Equal content that each made for itself.
    pub loaded: EqualMemory,
    /// Equal content from before the fork, private since.
    pub dirtied: EqualMemory,
    /// Of `dirtied`, what the collector alone made private.
    pub collector: u64,
    /// Of `dirtied`, what either the collector or reading made private: nothing tells which.
    pub unexplained: u64,
}
