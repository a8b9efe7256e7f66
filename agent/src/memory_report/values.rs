//! The values of CPython processes: which file holds the interpreter, and what its modules hold.

use std::{
    collections::HashMap,
    fs::{self, File},
    rc::Rc,
};

use agent_python::{Binary, Mapping, ValueLimits, Values, Version, may_be_interpreter};

use super::{MemoryLimits, ValuesOutcome, process::Process};

/// Reads values; files and parents are looked at once.
#[derive(Default)]
pub(super) struct Inspector {
    files: HashMap<(u64, Vec<u8>), Inspected>,
    parents: HashMap<u32, Option<Rc<Values>>>,
}

/// What a file holds, or why it cannot be said.
type Inspected = Result<Option<Rc<Binary>>, String>;

/// What the values of one process are.
pub(super) struct Read {
    pub(super) outcome: ValuesOutcome,
    pub(super) python: Option<Version>,
    pub(super) values: Option<Rc<Values>>,
}

const OWNERS_MAX: usize = 1 << 18;
const SAMPLES_MAX: usize = 1 << 22;

impl Inspector {
    pub(super) fn read(
        &mut self,
        process: &Process,
        limits: MemoryLimits,
        is_over: &mut dyn FnMut() -> bool,
    ) -> Read {
        let (binary, bias) = match self.interpreter(process) {
            Ok(Some(found)) => found,
            Ok(None) => return Read { outcome: ValuesOutcome::None, python: None, values: None },
            Err(why) => return Read { outcome: ValuesOutcome::Refused(why), python: None, values: None },
        };
        let MemoryLimits { objects, sampled_one_in, .. } = limits;
        let limits = ValueLimits { objects, owners: OWNERS_MAX, samples: SAMPLES_MAX, sampled_one_in };
        let python = Some(binary.version);
        match Values::read(&binary, bias, &process.memory, limits, is_over) {
            Ok(values) => {
                let outcome = if values.is_cut { ValuesOutcome::Cut } else { ValuesOutcome::Walked };
                Read { outcome, python, values: Some(Rc::new(values)) }
            }
            Err(error) => Read { outcome: ValuesOutcome::Refused(error.to_string()), python, values: None },
        }
    }

    /// The values of a process that others were forked from.
    pub(super) fn parent(
        &mut self,
        parent: &Process,
        limits: MemoryLimits,
        is_over: &mut dyn FnMut() -> bool,
    ) -> Option<Rc<Values>> {
        if let Some(known) = self.parents.get(&parent.pid) {
            return known.clone();
        }
        let values = self.read(parent, limits, is_over).values;
        parent.memory.forget();
        self.parents.insert(parent.pid, values.clone());
        values
    }

    /// The interpreter of a process and where it is loaded.
    fn interpreter(&mut self, process: &Process) -> Result<Option<(Rc<Binary>, u64)>, String> {
        let maps = fs::read(process.root.join("maps")).map_err(|error| error.to_string())?;
        let program = process.executable.as_os_str().as_encoded_bytes();
        let mut refusal = None;
        for mapping in Mapping::parse_all(&maps) {
            if !may_be_interpreter(&mapping, mapping.path == program) {
                continue;
            }
            match self.binary(process, &mapping) {
                Ok(Some(binary)) => {
                    if let Some(bias) = binary.bias(mapping.start, mapping.file_offset) {
                        return Ok(Some((binary, bias)));
                    }
                }
                Ok(None) => {}
                Err(why) => refusal = Some(why),
            }
        }
        refusal.map_or(Ok(None), Err)
    }

    fn binary(&mut self, process: &Process, mapping: &Mapping<'_>) -> Inspected {
        let key = (mapping.inode, mapping.path.to_owned());
        if let Some(known) = self.files.get(&key) {
            return known.clone();
        }
        let path = process.root.join(format!("map_files/{:x}-{:x}", mapping.start, mapping.end));
        let path_in_root = String::from_utf8_lossy(mapping.path);
        let in_root = process.root.join("root").join(path_in_root.trim_start_matches('/'));
        let file = File::open(path).or_else(|_| File::open(in_root));
        let found = match file {
            Ok(file) => Binary::inspect(file).map(|found| found.map(Rc::new)).map_err(|why| why.to_string()),
            Err(error) => Err(format!("the interpreter's file could not be opened: {error}")),
        };
        self.files.insert(key, found.clone());
        found
    }
}
