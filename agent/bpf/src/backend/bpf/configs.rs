//! The kernel's tables of runtime configurations. `src/bpf/config.bpf.h` is the other half of these layouts.

use std::io;

use aya::Pod;
use aya::maps::{HashMap, MapData, MapError};

use crate::config::{
    ContextVariable, GoLabels, GoLabelsForm, PythonMode, PythonTarget, RuntimeConfig, TargetKey,
    ThreadContext,
};
use crate::error::ConfigureError;
use crate::record::{ImageKey, join_kernel_device};

const PART_PYTHON: u32 = 1 << 0;
const PART_CONTEXT_VARIABLE: u32 = 1 << 1;
const PART_THREAD_CONTEXT: u32 = 1 << 2;
const PART_GO_LABELS: u32 = 1 << 3;
const PART_CUSTOM_LABELS: u32 = 1 << 4;
const PART_QUERY_TEXT: u32 = 1 << 5;

/// Both tables.
pub(super) struct Configs {
    pub(super) by_process: HashMap<MapData, u32, KernelConfig>,
    pub(super) by_image: HashMap<MapData, KernelImageKey, KernelConfig>,
    /// Configurations that found their table full.
    pub(super) refused: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct KernelImageKey {
    start_stack: u64,
    start_code: u64,
    exe_inode: u64,
    exe_device: u32,
    unused: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct KernelConfig {
    start_stack: u64,
    parts: u32,
    unused: u32,
    python: KernelPython,
    context_variable: KernelContextVariable,
    thread_context_offsets: [i64; 2],
    go_labels: KernelGoLabels,
    custom_labels_offset: i64,
    query_text_address: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct KernelPython {
    tss_key_address: u64,
    code_type: u64,
    mode: u32,
    frame_bytes: u32,
    tstate_frame: u32,
    cframe_current: u32,
    cframe_previous: u32,
    frame_code: u32,
    frame_previous: u32,
    frame_instruction: u32,
    frame_entry: u32,
    entry_is_owner: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct KernelContextVariable {
    address: u64,
    bytes_type: u64,
    bitmap_type: u64,
    array_type: u64,
    hash32: u32,
    tstate_context: u32,
    context_vars: u32,
    hamt_root: u32,
    bytes_data: u32,
    hamt_bitmap: u32,
    hamt_pairs: u32,
    hamt_children: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct KernelGoLabels {
    g_offset: i64,
    m: u32,
    curg: u32,
    labels: u32,
    form: u32,
}

// SAFETY: numbers only, and every byte belongs to a field.
unsafe impl Pod for KernelImageKey {}
// SAFETY: numbers only, and every byte belongs to a field.
unsafe impl Pod for KernelConfig {}

impl Configs {
    /// Writes or replaces a configuration.
    pub(super) fn insert(&mut self, key: TargetKey, config: &RuntimeConfig) -> Result<(), ConfigureError> {
        config.check()?;
        let written = match key {
            TargetKey::Process { pid, start_stack } => {
                self.by_process.insert(pid, KernelConfig { start_stack, ..config.into() }, 0)
            }
            TargetKey::Image(image) => {
                let config = KernelConfig { start_stack: image.start_stack, ..config.into() };
                self.by_image.insert(KernelImageKey::from(image), config, 0)
            }
        };
        let error = written.map_err(system_error);
        if matches!(error, Err(ConfigureError::Full)) {
            self.refused += 1;
        }
        error
    }

    /// Removes a configuration, if it is there and of this image.
    pub(super) fn remove(&mut self, key: TargetKey) {
        let removed = match key {
            TargetKey::Process { pid, start_stack } => match self.by_process.get(&pid, 0) {
                Ok(config) if config.start_stack == start_stack => self.by_process.remove(&pid),
                _ => Ok(()),
            },
            TargetKey::Image(image) => self.by_image.remove(&KernelImageKey::from(image)),
        };
        if let Err(error) = removed {
            tracing::debug!(?key, %error, "table of runtime configurations");
        }
    }
}

fn system_error(error: MapError) -> ConfigureError {
    let source = match error {
        MapError::SyscallError(error) => error.io_error,
        other => io::Error::other(other),
    };
    // The kernel's word for a full table.
    let is_full = source.raw_os_error() == Some(libc::E2BIG);
    if is_full { ConfigureError::Full } else { ConfigureError::Kernel { source } }
}

impl From<ImageKey> for KernelImageKey {
    fn from(image: ImageKey) -> Self {
        Self {
            start_stack: image.start_stack,
            start_code: image.start_code,
            exe_inode: image.exe_inode,
            exe_device: join_kernel_device(image.exe_device),
            unused: 0,
        }
    }
}

impl From<&RuntimeConfig> for KernelConfig {
    fn from(config: &RuntimeConfig) -> Self {
        let part = |present: bool, part: u32| if present { part } else { 0 };
        Self {
            start_stack: 0,
            parts: part(config.python.is_some(), PART_PYTHON)
                | part(config.context_variable.is_some(), PART_CONTEXT_VARIABLE)
                | part(config.thread_context.is_some(), PART_THREAD_CONTEXT)
                | part(config.go_labels.is_some(), PART_GO_LABELS)
                | part(config.custom_labels.is_some(), PART_CUSTOM_LABELS)
                | part(config.query_text.is_some(), PART_QUERY_TEXT),
            unused: 0,
            python: config.python.map(KernelPython::from).unwrap_or_default(),
            context_variable: config.context_variable.map(KernelContextVariable::from).unwrap_or_default(),
            thread_context_offsets: config.thread_context.map(kernel_offsets).unwrap_or_default(),
            go_labels: config.go_labels.map(KernelGoLabels::from).unwrap_or_default(),
            custom_labels_offset: config.custom_labels.map_or(0, |labels| labels.offset),
            query_text_address: config.query_text.map_or(0, |text| text.pointer_address),
        }
    }
}

/// The C library's own data begins at the thread pointer, so 0 can stand for none.
fn kernel_offsets(context: ThreadContext) -> [i64; 2] {
    context.offsets.map(Option::unwrap_or_default)
}

impl From<PythonTarget> for KernelPython {
    fn from(python: PythonTarget) -> Self {
        let layout = python.layout;
        Self {
            tss_key_address: python.tss_key_address,
            code_type: python.code_type,
            mode: match layout.mode {
                PythonMode::FrameObject => 0,
                PythonMode::CFrame => 1,
                PythonMode::Direct => 2,
            },
            frame_bytes: layout.frame_bytes().into(),
            tstate_frame: layout.tstate_frame.into(),
            cframe_current: layout.cframe_current.into(),
            cframe_previous: layout.cframe_previous.into(),
            frame_code: layout.frame_code.into(),
            frame_previous: layout.frame_previous.into(),
            frame_instruction: layout.frame_instruction.into(),
            frame_entry: layout.frame_entry.into(),
            entry_is_owner: layout.entry_is_owner.into(),
        }
    }
}

impl From<ContextVariable> for KernelContextVariable {
    fn from(variable: ContextVariable) -> Self {
        Self {
            address: variable.address,
            bytes_type: variable.bytes_type,
            bitmap_type: variable.bitmap_type,
            array_type: variable.array_type,
            hash32: variable.hash32,
            tstate_context: variable.tstate_context.into(),
            context_vars: variable.context_vars.into(),
            hamt_root: variable.hamt_root.into(),
            bytes_data: variable.bytes_data.into(),
            hamt_bitmap: variable.hamt_bitmap.into(),
            hamt_pairs: variable.hamt_pairs.into(),
            hamt_children: variable.hamt_children.into(),
        }
    }
}

impl From<GoLabels> for KernelGoLabels {
    fn from(labels: GoLabels) -> Self {
        Self {
            g_offset: labels.g_offset,
            m: labels.m.into(),
            curg: labels.curg.into(),
            labels: labels.labels.into(),
            form: match labels.form {
                GoLabelsForm::Map => 0,
                GoLabelsForm::Slice => 1,
            },
        }
    }
}
