//! An interpreter in a live process: a [`Binary`] whose layout was proven there.

use std::io;

use crate::{
    Binary, CodeLayout, FrameLayout, FrameMode, Mapping, Memory, Refusal, Version, debug_offsets,
    layout::{self, Layout, OBJECT_TYPE},
    memory::{read_bytes, read_u32, read_u64},
    threads::{self, Thread},
};

/// Everything that walking and naming frames in one address-space image needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// The release.
    pub version: Version,
    /// Address of the runtime's thread key: four bytes that are 1 once the key exists, then the key in four bytes.
    pub thread_key_address: u64,
    /// Address of the type of code objects.
    pub code_type: u64,
    /// Address of the type of strings.
    pub unicode_type: u64,
    /// How to walk frames.
    pub frames: FrameLayout,
    /// How to name code objects.
    pub code: CodeLayout,
}

/// The process runs on while it is looked at, so a failed proof is tried again.
const ATTEMPTS: usize = 3;
/// Where the type is in an object that a free-threaded or reference-tracing build made.
const MOVED_TYPE: u64 = 24;

/// True for mappings whose file is worth a look: a library or program that is called after Python, or the program
/// itself (`is_program`), which may have an interpreter inside.
pub fn may_be_interpreter(mapping: &Mapping<'_>, is_program: bool) -> bool {
    let name = mapping.file_name();
    let is_named = name.starts_with(b"libpython") || name.starts_with(b"python");
    mapping.inode != 0 && mapping.executable && (is_program || is_named)
}

/// True when a process runs on musl, whose thread storage has another layout: [`Refusal::Musl`].
pub fn is_musl<'a>(mut mappings: impl Iterator<Item = Mapping<'a>>) -> bool {
    mappings.any(|mapping| mapping.file_name().starts_with(b"ld-musl-"))
}

impl Interpreter {
    /// Proves in a process that the layout of this version holds: types, the list of threads, each thread's own
    /// storage, and the code objects of the frames that are on a stack now. `bias` comes from [`Binary::bias`].
    pub fn attach(binary: &Binary, bias: u64, memory: &dyn Memory) -> Result<Self, Refusal> {
        let layout = layout::of_minor(binary.version.minor).ok_or(Refusal::Version)?;
        let address = |file_address: u64| bias.wrapping_add(file_address);
        let runtime = address(binary.symbols.runtime);
        let layout = published_layout(memory, runtime, binary.version.minor, layout)?;
        check_types(memory, address(binary.symbols.code_type), address(binary.symbols.type_type))?;
        let interpreter = Self {
            version: binary.version,
            thread_key_address: runtime.wrapping_add(layout.runtime.thread_key.into()),
            code_type: address(binary.symbols.code_type),
            unicode_type: address(binary.symbols.unicode_type),
            frames: layout.frames,
            code: layout.code,
        };
        let mut result = Err(Refusal::NotReady);
        for _ in 0..ATTEMPTS {
            result = interpreter.prove(memory, runtime, &layout);
            if result.is_ok() {
                break;
            }
        }
        result.map(|()| interpreter)
    }

    fn prove(&self, memory: &dyn Memory, runtime: u64, layout: &Layout) -> Result<(), Refusal> {
        let unreadable = |_: io::Error| Refusal::Unreadable;
        match read_u32(memory, self.thread_key_address).map_err(unreadable)? {
            0 => return Err(Refusal::NotReady),
            1 => {}
            _ => return Err(Refusal::Inconsistent),
        }
        let key = read_u32(memory, self.thread_key_address.wrapping_add(4)).map_err(unreadable)?;
        if key >= threads::KEYS_MAX {
            return Err(Refusal::Inconsistent);
        }
        let threads = threads::list(memory, runtime, &layout.runtime).map_err(unreadable)?;
        let threads = threads.ok_or(Refusal::Inconsistent)?;
        if threads.is_empty() {
            return Err(Refusal::NotReady);
        }
        let is_stored = |thread: &&Thread| {
            threads::stored_state(memory, thread.pointer, key).is_ok_and(|state| state == thread.state)
        };
        let stored: Vec<&Thread> = threads.iter().filter(is_stored).collect();
        if stored.is_empty() {
            return Err(Refusal::ThreadStorage);
        }
        let mut seen = Err(Refusal::NotReady);
        for thread in stored {
            match self.newest_code(memory, thread.state) {
                Ok(Some(code)) if self.is_code(memory, code) => return Ok(()),
                Ok(None) => {}
                Ok(Some(_)) | Err(_) => seen = Err(Refusal::Inconsistent),
            }
        }
        seen
    }

    /// The code object of a thread's newest frame that is not a shim.
    fn newest_code(&self, memory: &dyn Memory, state: u64) -> io::Result<Option<u64>> {
        let at = |base: u64, offset: u16| read_u64(memory, base.wrapping_add(offset.into()));
        let layout = &self.frames;
        let mut frame = at(state, layout.tstate_frame)?;
        if layout.mode == FrameMode::CFrame {
            frame = at(frame, layout.cframe_current)?;
        }
        if frame != 0 && layout.entry_is_shim() {
            let mut owner = [0];
            memory.read(frame.wrapping_add(layout.frame_entry.into()), &mut owner)?;
            if owner == [FrameLayout::OWNER_C_STACK] {
                frame = at(frame, layout.frame_previous)?;
            }
        }
        if frame == 0 { Ok(None) } else { at(frame, layout.frame_code).map(Some) }
    }

    /// True for a code object whose names are strings.
    fn is_code(&self, memory: &dyn Memory, code: u64) -> bool {
        let type_of = |object: u64| read_u64(memory, object.wrapping_add(OBJECT_TYPE.into())).ok();
        let field = |offset: u16| read_u64(memory, code.wrapping_add(offset.into())).ok();
        type_of(code) == Some(self.code_type)
            && field(self.code.name).and_then(type_of) == Some(self.unicode_type)
            && field(self.code.file).and_then(type_of) == Some(self.unicode_type)
    }
}

/// The layout that the process publishes of itself, where its version does.
fn published_layout(memory: &dyn Memory, runtime: u64, minor: u8, table: Layout) -> Result<Layout, Refusal> {
    if table.frames.mode != FrameMode::Direct {
        return Ok(table);
    }
    let bytes = read_bytes(memory, runtime, debug_offsets::BYTES).map_err(|_| Refusal::Unreadable)?;
    debug_offsets::apply(&bytes, minor, table)
}

/// The type of types stands where an object's type is expected, in a type that every build has.
fn check_types(memory: &dyn Memory, code_type: u64, type_type: u64) -> Result<(), Refusal> {
    let at = |offset: u64| read_u64(memory, code_type.wrapping_add(offset)).map_err(|_| Refusal::Unreadable);
    if at(OBJECT_TYPE.into())? == type_type {
        return Ok(());
    }
    Err(if at(MOVED_TYPE)? == type_type { Refusal::TraceReferences } else { Refusal::Inconsistent })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_chosen_by_name_or_as_the_program() {
        let cases: [(&[u8], bool, bool); 6] = [
            (b"/usr/lib/libpython3.11.so.1.0", false, true),
            (b"/usr/bin/python3.11 (deleted)", false, true),
            (b"/usr/bin/uwsgi", true, true),
            (b"/usr/lib/libc.so.6", false, false),
            (b"/opt/python3/lib/libz.so", false, false),
            (b"", false, false),
        ];
        for (path, is_program, expected) in cases {
            let mapping = Mapping { executable: true, inode: 1, path, ..Mapping::default() };
            assert_eq!(may_be_interpreter(&mapping, is_program), expected, "{path:?}");
        }
        let musl = Mapping { path: b"/lib/ld-musl-x86_64.so.1", ..Mapping::default() };
        assert!(is_musl([musl].into_iter()));
    }
}
