//! What the sampling program must know of a process to read its runtime: addresses and offsets, found by others.
//!
//! Offsets are in bytes from the start of the struct named first; addresses are of the sampled process. Nothing here
//! is guessed or checked against a process: wrong values give outcomes such as a wrong type, never wrong frames.

use crate::error::ConfigureError;
use crate::record::ImageKey;

/// Room for configurations by process and, separately, by image.
pub const CONFIGS_MAX: usize = 2048;
/// A Python frame's fields lie within this many bytes.
pub(crate) const FRAME_BYTES_MAX: u16 = 128;

/// What a configuration holds for. An entry for the process wins over one for its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetKey {
    /// One process, until it executes another program.
    Process {
        /// The process.
        pid: u32,
        /// [`ImageKey::start_stack`] of its image, so that neither a successor with its pid nor a new program is
        /// taken for it.
        start_stack: u64,
    },
    /// Every process with this address-space image: forked children are configured before their first instruction.
    Image(ImageKey),
}

/// How to read the runtimes of a process. What is `None` is not looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuntimeConfig {
    /// The CPython interpreter.
    pub python: Option<PythonTarget>,
    /// A request record in a Python `ContextVar`; needs `python`.
    pub context_variable: Option<ContextVariable>,
    /// OpenTelemetry thread context.
    pub thread_context: Option<ThreadContext>,
    /// Go's pprof labels.
    pub go_labels: Option<GoLabels>,
    /// Labels of the custom-labels library, version 1.
    pub custom_labels: Option<CustomLabels>,
    /// The text of the running query.
    pub query_text: Option<QueryText>,
}

/// A CPython interpreter (GIL builds on glibc).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PythonTarget {
    /// Address of `autoTSSkey` in `_PyRuntime`: a `u32` that says whether the key exists, then the `u32` key.
    pub tss_key_address: u64,
    /// Address of `PyCode_Type`, which the type of every frame's code must be.
    pub code_type: u64,
    /// The offsets.
    pub layout: PythonLayout,
}

/// Offsets in an interpreter's structs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PythonLayout {
    /// How the thread state leads to the leaf frame.
    pub mode: PythonMode,
    /// Thread state: pointer to the leaf frame, or to the control frame.
    pub tstate_frame: u16,
    /// Control frame: pointer to the leaf frame. Other modes ignore it.
    pub cframe_current: u16,
    /// Control frame: pointer to the one before. Other modes ignore it.
    pub cframe_previous: u16,
    /// Frame: pointer to the code object.
    pub frame_code: u16,
    /// Frame: pointer to the caller's frame.
    pub frame_previous: u16,
    /// Frame: the instruction, an `i32` in frame objects and a pointer in the other modes.
    pub frame_instruction: u16,
    /// Frame: the byte that marks entries from C; 0 when there is none.
    pub frame_entry: u16,
    /// Whether that byte is the frame's owner, whose value 3 marks a shim, and not a flag.
    pub entry_is_owner: bool,
}

/// How a thread state leads to its leaf frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PythonMode {
    /// To a frame object (3.8 to 3.10).
    FrameObject,
    /// Through a control frame on the C stack (3.11 and 3.12).
    CFrame,
    /// To an interpreter frame (3.13).
    Direct,
}

/// A `ContextVar` whose value is a `bytes` object, and the trie that contexts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextVariable {
    /// Address of the variable, the key looked for.
    pub address: u64,
    /// Its hash, folded to the 32 bits that the trie uses.
    pub hash32: u32,
    /// Thread state: pointer to the current context.
    pub tstate_context: u16,
    /// Context: pointer to its trie.
    pub context_vars: u16,
    /// Trie: pointer to its root node.
    pub hamt_root: u16,
    /// Address of the type `bytes`.
    pub bytes_type: u64,
    /// Address of the type of bitmap nodes.
    pub bitmap_type: u64,
    /// Address of the type of array nodes. A node of neither type is taken for a collision node.
    pub array_type: u64,
    /// `bytes`: the first byte of its data.
    pub bytes_data: u16,
    /// Bitmap node: the bitmap, a `u32`.
    pub hamt_bitmap: u16,
    /// Bitmap and collision node: pairs of pointers to key and value.
    pub hamt_pairs: u16,
    /// Array node: 32 pointers to children.
    pub hamt_children: u16,
}

/// OpenTelemetry thread context (OTEP 4947) in static thread-local storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadContext {
    /// Offsets from the thread pointer to pointers to a record; the first that is not null counts. No variable has
    /// offset 0.
    pub offsets: [Option<i64>; 2],
}

/// Go's pprof labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoLabels {
    /// Offset of the pointer to the running `g` from the thread pointer.
    pub g_offset: i64,
    /// `g`: pointer to its `m`.
    pub m: u16,
    /// `m`: pointer to the current `g`.
    pub curg: u16,
    /// `g`: pointer to its labels.
    pub labels: u16,
    /// What the labels are.
    pub form: GoLabelsForm,
}

/// What Go's labels are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GoLabelsForm {
    /// A map (before Go 1.24).
    Map,
    /// A slice of pairs of strings.
    Slice,
}

/// Labels of the custom-labels library, version 1, in static thread-local storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustomLabels {
    /// Offset of `custom_labels_current_set` from the thread pointer.
    pub offset: i64,
}

/// The text of the running query, such as PostgreSQL's `debug_query_string`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryText {
    /// Address of a pointer to a C string; null while nothing runs.
    pub pointer_address: u64,
}

impl RuntimeConfig {
    pub(crate) fn check(&self) -> Result<(), ConfigureError> {
        if self.context_variable.is_some() && self.python.is_none() {
            return Err(ConfigureError::ContextWithoutPython);
        }
        self.python.map_or(Ok(()), |python| python.layout.check())
    }
}

impl PythonLayout {
    fn check(&self) -> Result<(), ConfigureError> {
        let fields = [
            ("frame_code", self.frame_code),
            ("frame_previous", self.frame_previous),
            ("frame_instruction", self.frame_instruction),
            ("frame_entry", self.frame_entry),
        ];
        match fields.into_iter().find(|(_, offset)| *offset > FRAME_BYTES_MAX - 8) {
            Some((field, offset)) => Err(ConfigureError::FrameOffset { field, offset }),
            None => Ok(()),
        }
    }

    /// Bytes of a frame up to the end of the last field that is read.
    pub(crate) fn frame_bytes(&self) -> u16 {
        let instruction_bytes = if self.mode == PythonMode::FrameObject { 4 } else { 8 };
        let ends = [
            self.frame_code + 8,
            self.frame_previous + 8,
            self.frame_instruction + instruction_bytes,
            self.frame_entry + 1,
        ];
        ends.into_iter().max().unwrap_or(FRAME_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: PythonLayout = PythonLayout {
        mode: PythonMode::FrameObject,
        tstate_frame: 24,
        cframe_current: 0,
        cframe_previous: 0,
        frame_code: 32,
        frame_previous: 24,
        frame_instruction: 104,
        frame_entry: 0,
        entry_is_owner: false,
    };
    const VARIABLE: ContextVariable = ContextVariable {
        address: 1,
        hash32: 2,
        tstate_context: 240,
        context_vars: 24,
        hamt_root: 16,
        bytes_type: 3,
        bitmap_type: 4,
        array_type: 5,
        bytes_data: 32,
        hamt_bitmap: 24,
        hamt_pairs: 32,
        hamt_children: 16,
    };

    fn python(layout: PythonLayout) -> Option<PythonTarget> {
        Some(PythonTarget { tss_key_address: 1, code_type: 2, layout })
    }

    #[test]
    fn impossible_configurations_are_refused() {
        let check = |config: RuntimeConfig| config.check().map_err(|error| error.to_string());
        let config = RuntimeConfig { context_variable: Some(VARIABLE), ..RuntimeConfig::default() };
        insta::assert_snapshot!(check(config.clone()).unwrap_err(), @"context_variable needs python, whose thread state leads to the context; give both");
        assert_eq!(check(RuntimeConfig { python: python(LAYOUT), ..config }), Ok(()));
        let far = PythonLayout { frame_instruction: 121, ..LAYOUT };
        let config = RuntimeConfig { python: python(far), ..RuntimeConfig::default() };
        insta::assert_snapshot!(check(config).unwrap_err(), @"frame_instruction of the Python layout is 121; fields of a frame lie at most 120 bytes from its start");
    }

    #[test]
    fn only_what_is_needed_of_a_frame_is_read() {
        let interpreter_frame = PythonLayout {
            mode: PythonMode::Direct,
            frame_instruction: 56,
            frame_entry: 70,
            frame_code: 0,
            ..LAYOUT
        };
        assert_eq!((LAYOUT.frame_bytes(), interpreter_frame.frame_bytes()), (108, 71));
    }
}
