//! What groups of processes hold in memory: sizes, counts and names, never contents (I14).

use std::sync::Arc;

use crate::LabelSet;

/// Memory by how many have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemorySize {
    /// Resident: shared or not.
    pub resident_bytes: u64,
    /// Its proportional share.
    pub proportional_bytes: u64,
    /// No other process has it.
    pub own_bytes: u64,
    /// In huge pages.
    pub huge_bytes: u64,
    /// Swapped out, and not looked at.
    pub swapped_bytes: u64,
    /// Merged by the kernel's own search for equal pages.
    pub merged_bytes: u64,
}

/// Memory with equal content in several processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EqualMemory {
    /// How many processes hold it.
    pub processes: u64,
    /// Bytes in all of them together.
    pub bytes: u64,
    /// What would be left over if each content were there once.
    pub saved_bytes: u64,
    /// Of that, what reading writes nothing to.
    pub flat_saved_bytes: u64,
}

/// One kind of mapping, in all processes of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MappingMemory {
    /// What the mapping is for.
    pub kind: Arc<str>,
    /// How much there is.
    pub size: MemorySize,
}

/// Private pages of one kind of mapping, by their content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageMemory {
    /// What the mapping is for.
    pub kind: Arc<str>,
    /// Nothing but zeros.
    pub zero: EqualMemory,
    /// Shared at the fork and still equal, but private.
    pub broken: EqualMemory,
    /// Equal elsewhere.
    pub elsewhere: EqualMemory,
    /// Like no other.
    pub unique_bytes: u64,
}

/// What processes hold by one attribute of a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnerMemory {
    /// The module.
    pub module: Arc<str>,
    /// Its attribute; empty for the module's code.
    pub attribute: Arc<str>,
    /// The type of its value.
    pub kind: Arc<str>,
    /// What they hold by it that no other process has, equal or not.
    pub own_bytes: u64,
    /// Equal content that each made for itself.
    pub loaded: EqualMemory,
    /// Equal content from before the fork, private since.
    pub dirtied: EqualMemory,
    /// Of `dirtied`, what the collector alone made private.
    pub collector_bytes: u64,
    /// Of `dirtied`, what either the collector or reading made private: nothing tells which.
    pub unexplained_bytes: u64,
}

/// Processes of one executable with one parent: the workers of a service, as a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryGroup {
    /// When it was looked at, in nanoseconds since the Unix epoch.
    pub at_ns: i64,
    /// Labels of the first of them, without its id.
    pub labels: LabelSet,
    /// What runs them: the first words of the command line of the parent or of the first process, without options.
    pub program: Arc<str>,
    /// How many there are.
    pub processes: u64,
    /// How many were compared with each other; pages and owners are theirs alone.
    pub compared: u64,
    /// How many could not be read.
    pub unread: u64,
    /// True when they were forked from a process that still runs.
    pub is_forked: bool,
    /// Minor version of their CPython; 0 for other programs.
    pub python_minor: u32,
    /// What became of their values: `walked`, `cut`, `none`, or why not.
    pub values: Arc<str>,
    /// All their memory, by the kind of mapping.
    pub mappings: Vec<MappingMemory>,
    /// Private pages, by the kind of mapping.
    pub pages: Vec<PageMemory>,
    /// One of so many private pages was read.
    pub pages_read_one_in: u64,
    /// Values, by owner; those that hold most.
    pub owners: Vec<OwnerMemory>,
    /// Owners left out.
    pub owners_left_out: u64,
    /// Heaps that the C library keeps for further threads.
    pub arenas: u64,
    /// What of them is resident.
    pub arena_bytes: u64,
}

impl MemoryGroup {
    /// All its memory.
    pub fn total(&self) -> MemorySize {
        self.mappings.iter().fold(MemorySize::default(), |sum, mapping| sum.plus(mapping.size))
    }
}

impl MemorySize {
    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            resident_bytes: self.resident_bytes.saturating_add(other.resident_bytes),
            proportional_bytes: self.proportional_bytes.saturating_add(other.proportional_bytes),
            own_bytes: self.own_bytes.saturating_add(other.own_bytes),
            huge_bytes: self.huge_bytes.saturating_add(other.huge_bytes),
            swapped_bytes: self.swapped_bytes.saturating_add(other.swapped_bytes),
            merged_bytes: self.merged_bytes.saturating_add(other.merged_bytes),
        }
    }
}
