//! What one address-space image runs, and what the kernel side must know to read it.

use std::sync::Arc;

use agent_bpf::{
    CustomLabels, GoLabels, GoLabelsForm, PythonLayout, PythonMode, PythonTarget, QueryText, RuntimeConfig,
};
use agent_python::{Binary, FrameMode, Interpreter, Marks, Memory, Refusal};
use agent_unwind::{CodeAddress, FileIdentity, ImageKey, Mapping, ProcFiles, ProcessFiles};
use object::ReadCache;

use crate::{
    context::{
        elf::Elf,
        go::LabelForm,
        thread_context::Offsets,
        tls::{Loaded, TlsLocation, TlsVariable},
    },
    tally::Tally,
};

use super::inspection::{Inspection, Inspections, python_mapping};

/// The runtimes of an image.
#[derive(Debug, Default)]
pub(crate) struct Image {
    /// CPython, proven in a process.
    pub(crate) python: Option<Python>,
    /// How the kernel side reads it, without what its processes publish themselves.
    pub(super) config: RuntimeConfig,
}

/// A CPython interpreter in an image.
#[derive(Debug)]
pub(crate) struct Python {
    pub(crate) interpreter: Interpreter,
    pub(crate) marks: Marks,
    binary: Arc<Binary>,
    /// The file that the interpreter is in, and a program that only starts it.
    files: [FileIdentity; 2],
}

/// What a look at a process came to.
pub(super) struct Look {
    pub(super) image: Image,
    /// Why its interpreter is not followed (yet).
    pub(super) refusal: Option<Refusal>,
}

/// One process to look at.
pub(super) struct Looking<'a> {
    pub(super) pid: u32,
    pub(super) key: ImageKey,
    pub(super) files: &'a ProcFiles,
    pub(super) memory: &'a dyn Memory,
    pub(super) tally: &'a mut Tally,
}

impl Image {
    /// True when processes of this image may publish who they are working for.
    pub(super) fn may_publish(&self) -> bool {
        self.python.is_some() || self.config.thread_context.is_some()
    }
}

impl Python {
    /// What merging has to know of a native frame.
    pub(crate) fn native_frame(&self, address: &CodeAddress) -> agent_python::NativeFrame {
        let CodeAddress::File { executable, address } = address else {
            return agent_python::NativeFrame::default();
        };
        let [interpreter, _] = self.files;
        agent_python::NativeFrame {
            is_eval: executable.identity == interpreter && self.binary.is_eval(*address),
            is_interpreter: self.files.contains(&executable.identity),
        }
    }
}

impl Looking<'_> {
    /// Looks at all code that the process has mapped.
    pub(super) fn look<'a>(
        &mut self,
        mappings: impl Iterator<Item = &'a Mapping> + Clone,
        inspections: &mut Inspections,
    ) -> Look {
        let mut look = Look { image: Image::default(), refusal: None };
        let mut offsets = Offsets::default();
        for mapping in mappings.clone() {
            let is_program = mapping.inode == self.key.inode;
            let Some(inspection) = inspections.of(self.pid, mapping, is_program, self.files) else {
                continue;
            };
            if !inspection.is_of_interest() {
                continue;
            }
            if let (Some(binary), None) = (&inspection.python, &look.image.python) {
                let is_musl = agent_python::is_musl(mappings.clone().map(python_mapping));
                let program = mappings.clone().find(|mapping| mapping.inode == self.key.inode);
                let attached = match is_musl {
                    true => Err(Refusal::Musl),
                    false => self.attach(binary, mapping, program.unwrap_or(mapping)),
                };
                match attached {
                    Ok(python) => look.image.add_python(python),
                    Err(refusal) => look.refusal = Some(refusal),
                }
            }
            self.add_native(&inspection, mapping, &mut offsets, &mut look.image.config);
        }
        self.tally.add(super::THREAD_CONTEXTS, "beyond limit", offsets.beyond_limit);
        self.tally.add(super::THREAD_CONTEXTS, "dynamic", offsets.dynamic);
        self.tally.add(super::THREAD_CONTEXTS, "unreadable", offsets.unreadable);
        if let Some(first) = offsets.known().first() {
            let offsets = [Some(*first), offsets.known().get(1).copied()];
            look.image.config.thread_context = Some(agent_bpf::ThreadContext { offsets });
        }
        look
    }

    fn attach(&self, binary: &Arc<Binary>, mapping: &Mapping, program: &Mapping) -> Result<Python, Refusal> {
        let bias = binary.bias(mapping.start, mapping.offset).ok_or(Refusal::Inconsistent)?;
        let interpreter = Interpreter::attach(binary, bias, self.memory)?;
        let identity = |mapping: &Mapping| {
            let metadata = self.files.open(self.pid, mapping).and_then(|file| file.metadata());
            metadata.map(|metadata| FileIdentity::from(&metadata)).map_err(|_| Refusal::Unreadable)
        };
        let interpreter_file = identity(mapping)?;
        let is_starter = program.path.rsplit('/').next().is_some_and(|name| name.starts_with("python"));
        let program_file = if is_starter { identity(program)? } else { interpreter_file };
        Ok(Python {
            marks: Marks::of(&interpreter.frames),
            interpreter,
            binary: binary.clone(),
            files: [interpreter_file, program_file],
        })
    }

    fn add_native(
        &self,
        inspection: &Inspection,
        mapping: &Mapping,
        offsets: &mut Offsets,
        config: &mut RuntimeConfig,
    ) {
        if let Some(go) = &inspection.go {
            config.go_labels = go_labels(go);
        }
        let needs_bias = inspection.thread_context.is_some()
            || inspection.custom_labels.is_some()
            || inspection.query_text.is_some();
        if !needs_bias {
            return;
        }
        let Some(bias) = self.bias(mapping) else { return };
        let loaded = Loaded { bias, is_main_executable: mapping.inode == self.key.inode };
        let locate =
            |variable: &TlsVariable| variable.locate(loaded, |address, into| self.memory.read(address, into));
        if let Some(variable) = &inspection.thread_context {
            offsets.add(locate(variable));
        }
        if let Some(Ok(TlsLocation::Offset(offset))) = inspection.custom_labels.as_ref().map(locate) {
            config.custom_labels = Some(CustomLabels { offset });
        }
        if let Some(address) = inspection.query_text {
            config.query_text = Some(QueryText { pointer_address: address.wrapping_add(bias) });
        }
    }

    fn bias(&self, mapping: &Mapping) -> Option<u64> {
        let cache = ReadCache::new(self.files.open(self.pid, mapping).ok()?);
        Elf::parse(&cache)?.bias(mapping.start, mapping.offset)
    }
}

impl Image {
    fn add_python(&mut self, python: Python) {
        let frames = &python.interpreter.frames;
        let mode = match frames.mode {
            FrameMode::FrameObject => PythonMode::FrameObject,
            FrameMode::CFrame => PythonMode::CFrame,
            FrameMode::Direct => PythonMode::Direct,
        };
        self.config.python = Some(PythonTarget {
            tss_key_address: python.interpreter.thread_key_address,
            code_type: python.interpreter.code_type,
            layout: PythonLayout {
                mode,
                tstate_frame: frames.tstate_frame,
                cframe_current: frames.cframe_current,
                cframe_previous: frames.cframe_previous,
                frame_code: frames.frame_code,
                frame_previous: frames.frame_previous,
                frame_instruction: frames.frame_instruction,
                frame_entry: frames.frame_entry,
                entry_is_owner: frames.entry_is_owner,
            },
        });
        self.python = Some(python);
    }
}

/// The same layout in the words of the kernel side; `None` for offsets that are none.
fn go_labels(layout: &crate::context::go::GoLayout) -> Option<GoLabels> {
    let form = match layout.form {
        LabelForm::Map => GoLabelsForm::Map,
        LabelForm::Slice => GoLabelsForm::Slice,
    };
    Some(GoLabels {
        g_offset: layout.g_offset,
        m: layout.m.try_into().ok()?,
        curg: layout.curg.try_into().ok()?,
        labels: layout.labels.try_into().ok()?,
        form,
    })
}
