//! Where the fields are, by minor version. Within one minor version these do not move; whether a build follows the
//! table is proven against each live process all the same.

/// How the chain of frames begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameMode {
    /// 3.8 to 3.10: the thread state points at a frame object; one native evaluation per frame.
    FrameObject,
    /// 3.11 and 3.12: the thread state points at a record on the native stack, which points at the frame.
    CFrame,
    /// 3.13: the thread state points at the frame.
    Direct,
}

/// Offsets for walking frames: all that the kernel side needs besides addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameLayout {
    /// How the chain begins.
    pub mode: FrameMode,
    /// Thread state: frame, record or current frame, by mode.
    pub tstate_frame: u16,
    /// Record on the native stack: current frame. Only in mode `CFrame`.
    pub cframe_current: u16,
    /// Record on the native stack: the record before. Only in mode `CFrame`.
    pub cframe_previous: u16,
    /// Frame: code object.
    pub frame_code: u16,
    /// Frame: the caller's frame.
    pub frame_previous: u16,
    /// Frame: index of the last instruction (i32, 3.8 to 3.10) or pointer to an instruction.
    pub frame_instruction: u16,
    /// Frame: the byte that marks where a native evaluation begins; 0 when there is none.
    pub frame_entry: u16,
    /// True when that byte is the frame's owner and the mark is [`FrameLayout::OWNER_C_STACK`] (3.12 and later: the
    /// marked frame is a shim without code of its own); false when any value but 0 is the mark.
    pub entry_is_owner: bool,
    /// Thread state: pointer to the current context.
    pub tstate_context: u16,
}

impl FrameLayout {
    /// Owner of the shim frames of 3.12 and 3.13.
    pub const OWNER_C_STACK: u8 = 3;

    /// True when the marked frame is a Python function of its own, false when it is a shim to drop.
    pub fn entry_is_shim(&self) -> bool {
        self.entry_is_owner
    }
}

/// What a frame's instruction field says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InstructionForm {
    /// 3.8 and 3.9: index of the last instruction in bytes; -1 before the first.
    Bytes,
    /// 3.10: the same in units of two bytes.
    Units,
    /// 3.11 and later: pointer to the instruction that runs, in a caller to its call; in 3.11 and 3.12 one unit before
    /// the code until the first instruction runs.
    Pointer,
}

/// How a code object maps instructions to lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineTable {
    /// 3.8 and 3.9.
    Lnotab,
    /// 3.10.
    Ranges,
    /// 3.11 and later.
    Locations,
}

/// Offsets for naming a code object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CodeLayout {
    /// First line of the function.
    pub first_line: u16,
    /// Pointer to the file's name.
    pub file: u16,
    /// Pointer to the qualified name (3.11 and later) or the name.
    pub name: u16,
    /// Pointer to the `bytes` object of the line table.
    pub line_table: u16,
    /// The first instruction, inside the object (3.11 and later), or the pointer to the `bytes` object of the code.
    pub code: u16,
    /// Data of an ASCII string.
    pub ascii_data: u16,
    /// Data of any other compact string.
    pub compact_data: u16,
    /// What a frame's instruction field says.
    pub instruction: InstructionForm,
    /// The form of the line table.
    pub lines: LineTable,
}

/// Offsets for finding threads: used only to prove the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RuntimeLayout {
    pub(crate) interpreters_head: u16,
    /// A flag of four bytes, then the key of four bytes.
    pub(crate) thread_key: u16,
    pub(crate) interpreter_next: u16,
    pub(crate) threads_head: u16,
    pub(crate) tstate_next: u16,
    pub(crate) tstate_interpreter: u16,
    pub(crate) tstate_thread_id: u16,
}

/// Everything known of one minor version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) frames: FrameLayout,
    pub(crate) code: CodeLayout,
    pub(crate) runtime: RuntimeLayout,
}

/// An object's type.
pub(crate) const OBJECT_TYPE: u16 = 8;
/// Number of items of an object that varies in size.
pub(crate) const OBJECT_SIZE: u16 = 16;
/// Data of a `bytes` object.
pub(crate) const BYTES_DATA: u16 = 32;

/// True when an object's first word is a count of references: when freed, it has an address or nothing there.
pub(crate) fn is_count(references: u64) -> bool {
    (1..=REFERENCES_MAX).contains(&references)
}

/// What never dies has this; nothing has more.
const REFERENCES_MAX: u64 = u32::MAX as u64;

/// The table of a minor version.
pub(crate) fn of_minor(minor: u8) -> Option<Layout> {
    match minor {
        8 => Some(Layout { runtime: RuntimeLayout { thread_key: 1392, ..RUNTIME_9 }, ..FRAME_OBJECTS }),
        9 => Some(FRAME_OBJECTS),
        10 => Some(Layout {
            frames: FrameLayout { frame_instruction: 96, ..FRAME_OBJECTS.frames },
            code: CodeLayout {
                instruction: InstructionForm::Units,
                lines: LineTable::Ranges,
                ..FRAME_OBJECTS.code
            },
            ..FRAME_OBJECTS
        }),
        11 => Some(VERSION_11),
        12 => Some(VERSION_12),
        13 => Some(VERSION_13),
        _ => None,
    }
}

const FRAME_OBJECTS: Layout = Layout {
    frames: FrameLayout {
        mode: FrameMode::FrameObject,
        tstate_frame: 24,
        cframe_current: 0,
        cframe_previous: 0,
        frame_code: 32,
        frame_previous: 24,
        frame_instruction: 104,
        frame_entry: 0,
        entry_is_owner: false,
        tstate_context: 240,
    },
    code: CodeLayout {
        first_line: 40,
        file: 104,
        name: 112,
        line_table: 120,
        code: 48,
        ascii_data: 48,
        compact_data: 72,
        instruction: InstructionForm::Bytes,
        lines: LineTable::Lnotab,
    },
    runtime: RUNTIME_9,
};

const RUNTIME_9: RuntimeLayout = RuntimeLayout {
    interpreters_head: 32,
    thread_key: 584,
    interpreter_next: 0,
    threads_head: 8,
    tstate_next: 8,
    tstate_interpreter: 16,
    tstate_thread_id: 176,
};

const VERSION_11: Layout = Layout {
    frames: FrameLayout {
        mode: FrameMode::CFrame,
        tstate_frame: 56,
        cframe_current: 8,
        cframe_previous: 16,
        frame_code: 32,
        frame_previous: 48,
        frame_instruction: 56,
        frame_entry: 68,
        entry_is_owner: false,
        tstate_context: 224,
    },
    code: CodeLayout {
        first_line: 72,
        file: 112,
        name: 128,
        line_table: 136,
        code: 184,
        ascii_data: 48,
        compact_data: 72,
        instruction: InstructionForm::Pointer,
        lines: LineTable::Locations,
    },
    runtime: RuntimeLayout {
        interpreters_head: 40,
        thread_key: 592,
        threads_head: 16,
        tstate_thread_id: 152,
        ..RUNTIME_9
    },
};

const VERSION_12: Layout = Layout {
    frames: FrameLayout {
        cframe_current: 0,
        cframe_previous: 8,
        frame_code: 0,
        frame_previous: 8,
        frame_entry: 70,
        entry_is_owner: true,
        tstate_context: 208,
        ..VERSION_11.frames
    },
    code: CodeLayout { first_line: 68, code: 192, ascii_data: 40, compact_data: 56, ..VERSION_11.code },
    runtime: RuntimeLayout {
        thread_key: 1544,
        threads_head: 72,
        tstate_thread_id: 136,
        ..VERSION_11.runtime
    },
};

const VERSION_13: Layout = Layout {
    frames: FrameLayout {
        mode: FrameMode::Direct,
        tstate_frame: 72,
        cframe_current: 0,
        cframe_previous: 0,
        ..VERSION_12.frames
    },
    code: CodeLayout { code: 200, ..VERSION_12.code },
    runtime: RuntimeLayout {
        interpreters_head: 632,
        thread_key: 2160,
        interpreter_next: 7264,
        threads_head: 7344,
        tstate_thread_id: 152,
        ..RUNTIME_9
    },
};
