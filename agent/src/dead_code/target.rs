//! A live process with an interpreter whose layout was proven in it.

use std::{fs::File, path::Path, thread, time::Duration};

use agent_python::{Binary, Interpreter, Mapping, Memory, Refusal, is_musl, may_be_interpreter};
use agent_unwind::{ProcFiles, ProcessFiles};
use object::{Object, ObjectSymbol, ReadCache};

use super::DeadCodeError;
use crate::{process_memory::ProcessMemory, runtimes::python_mapping};

/// A process that can be read.
pub(crate) struct Target {
    pub(crate) memory: ProcessMemory,
    pub(crate) interpreter: Interpreter,
    /// Address of the type of functions, where the file exports it.
    pub(crate) function_type: Option<u64>,
}

const MAPS_BYTES: usize = 16 << 20;
const MAPPINGS_MAX: usize = 1 << 16;
/// Most symbols looked at; CPython exports 2,000.
const SYMBOLS_MAX: usize = 1 << 16;
/// An interpreter that starts, or a thread that changes hands, is tried again so often.
const ATTEMPTS: usize = 20;
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(25);

impl Target {
    /// Finds the interpreter of a process and proves its layout.
    pub(crate) fn attach(proc_root: &Path, pid: u32) -> Result<Self, DeadCodeError> {
        let files = ProcFiles::new(proc_root);
        let unreadable = |what| move |source| DeadCodeError::Unreadable { pid, what, source };
        let memory = ProcessMemory::open(proc_root, pid).map_err(unreadable("mem"))?;
        let mut result = Err(DeadCodeError::NoInterpreter { pid });
        for attempt in 0..ATTEMPTS {
            let maps = files.maps(pid, MAPS_BYTES).map_err(unreadable("maps"))?;
            result = find(&files, proc_root, pid, &maps, &memory);
            let is_temporary = matches!(&result, Err(DeadCodeError::Refused { refusal, .. })
                if refusal.is_temporary());
            if !is_temporary || attempt + 1 == ATTEMPTS {
                break;
            }
            thread::sleep(ATTEMPT_INTERVAL);
        }
        result.map(|(interpreter, function_type)| Self { memory, interpreter, function_type })
    }

    /// False once the process has ended or runs another program: then nothing can be read.
    pub(crate) fn is_alive(&self) -> bool {
        self.memory.read(self.interpreter.code_type, &mut [0; 8]).is_ok()
    }
}

fn find(
    files: &ProcFiles,
    proc_root: &Path,
    pid: u32,
    maps: &[u8],
    memory: &dyn Memory,
) -> Result<(Interpreter, Option<u64>), DeadCodeError> {
    let refused = |refusal| DeadCodeError::Refused { pid, refusal };
    let program = std::fs::read_link(proc_root.join(format!("{pid}/exe"))).unwrap_or_default();
    let mut result = Err(DeadCodeError::NoInterpreter { pid });
    for mapping in agent_unwind::parse_maps(maps, MAPPINGS_MAX).mappings {
        let python = python_mapping(&mapping);
        if !may_be_interpreter(&python, Path::new(mapping.path.as_ref()) == program) {
            continue;
        }
        let Ok(file) = files.open(pid, &mapping) else { continue };
        let binary = match Binary::inspect(file) {
            Ok(Some(binary)) => binary,
            Ok(None) => continue,
            Err(refusal) => {
                result = Err(refused(refusal));
                continue;
            }
        };
        if is_musl(Mapping::parse_all(maps)) {
            return Err(refused(Refusal::Musl));
        }
        let Some(bias) = binary.bias(mapping.start, mapping.offset) else {
            result = Err(refused(Refusal::Inconsistent));
            continue;
        };
        match Interpreter::attach(&binary, bias, memory) {
            Ok(interpreter) => {
                let file = files.open(pid, &mapping).ok();
                let function_type = file.and_then(function_type).map(|address| address.wrapping_add(bias));
                return Ok((interpreter, function_type));
            }
            Err(refusal) => result = Err(refused(refusal)),
        }
    }
    result
}

/// The file address of the type of functions, which every interpreter exports for its extension modules.
fn function_type(file: File) -> Option<u64> {
    let cache = ReadCache::new(file);
    let file = object::File::parse(&cache).ok()?;
    let named = |symbol: &object::Symbol<'_, '_, _>| symbol.name_bytes() == Ok(b"PyFunction_Type");
    file.dynamic_symbols().take(SYMBOLS_MAX).find(named).map(|symbol| symbol.address())
}
