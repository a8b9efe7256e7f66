//! Which functions of live Python processes have run, and which have not: read from outside, without a collector, and
//! without stopping, writing to or slowing a process (I10).
//!
//! [`scan`] reads one process; [`rows`] puts processes together by function. What a process inherited from the one it
//! was forked from is told apart where that one still lives.

mod flags;
mod inherited;
mod origin;
mod owners;
pub(crate) mod present;
mod rows;
pub(crate) mod target;

use std::{collections::HashMap, io, path::Path, sync::Arc};

use agent_python::{
    Bodies, CodeUnit, Evidence, Hidden, Interpreter, Memory, Refusal, Scan, ScanCounters, Sign,
};
use model::CodeBranch;

pub use agent_python::ExecutionState;
pub use flags::{Flag, flags};
pub use origin::Origin;
pub use owners::{Owners, is_like};
pub use rows::{Row, rows};

use crate::memory_report::process::Process as Cached;
use inherited::Ancestor;
use present::{Present, PresentMemory};
use target::Target;

/// What one process's code objects say.
#[derive(Clone, Debug)]
pub struct Process {
    /// The process.
    pub pid: u32,
    /// Its interpreter's release, such as `3.11` or `3.12.1`.
    pub version: String,
    /// The process that it was forked from, if that lives and its marks could be compared.
    pub ancestor: Option<u32>,
    /// Its functions.
    pub functions: Vec<Function>,
    /// How the scan went.
    pub counters: Counters,
}

/// One function of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Qualified name; before 3.11 the name alone where no more is known.
    pub function: Arc<str>,
    /// The file, as the process has it.
    pub file: Arc<str>,
    /// First line.
    pub line: u32,
    /// Whether it ran.
    pub state: ExecutionState,
    /// How that is known.
    pub evidence: String,
    /// Hash of what it does, wherever it stands; 0 where that was not or could not be read.
    pub body: u128,
    /// Memory of its code.
    pub bytes: u32,
    /// Its conditions that were asked; none where the version keeps no outcomes of them.
    pub branches: Vec<CodeBranch>,
}

/// What was read, and what was not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// What the scan counted.
    pub scan: ScanCounters,
    /// Memory that was left alone because it is in swap, or because there is too much.
    pub skipped_bytes: u64,
}

/// Why a process cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DeadCodeError {
    /// There is no such process, or it may not be looked at.
    #[error("process {pid}: cannot read {what}: {source}; it must run, and be yours or you root")]
    Unreadable {
        /// The process.
        pid: u32,
        /// The file of `/proc`.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// It has no CPython in it.
    #[error(
        "process {pid} runs no CPython 3; native programs are judged by the samples of a fleet: fewer dead-code --service NAME"
    )]
    NoInterpreter {
        /// The process.
        pid: u32,
    },
    /// Its interpreter is one whose marks are not known.
    #[error("process {pid}: refused ({}): {refusal}", refusal.name())]
    Refused {
        /// The process.
        pid: u32,
        /// Why.
        refusal: Refusal,
    },
    /// It ended or began another program while it was read; what was read is not the whole.
    #[error("process {pid} ended while it was read")]
    Ended {
        /// The process.
        pid: u32,
    },
}

/// What is read of functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// Names and marks.
    Marks,
    /// Also what conditions of the program's own functions were.
    Branches,
    /// Also what all of them do and what they take.
    Bodies,
}

/// Memory that is looked at between two calls of `progress`.
const STEP_BYTES: u64 = 4 << 20;

/// Reads one process. `progress` hears how many bytes of how many are done.
pub fn scan(
    proc_root: &Path,
    pid: u32,
    extent: Extent,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Process, DeadCodeError> {
    let target = Target::attach(proc_root, pid)?;
    let memory = present::find(proc_root, pid)?;
    let unreadable = |what| move |source| DeadCodeError::Unreadable { pid, what, source };
    let fresh = PresentMemory::open(proc_root, pid).map_err(unreadable("mem"))?;
    let cached = Cached::open(proc_root, pid).map_err(|_| DeadCodeError::Ended { pid })?;
    let evidence = look(&target, &memory, [&fresh, &cached.memory], &mut |done, total| {
        progress(done, total);
        true
    });
    if !target.is_alive() {
        return Err(DeadCodeError::Ended { pid });
    }
    let evidence = evidence.ok_or(DeadCodeError::Ended { pid })?;
    let evidence = evidence.map_err(|refusal| DeadCodeError::Refused { pid, refusal })?;
    let ancestor = Ancestor::find(proc_root, pid, &target.interpreter);
    let ancestor = ancestor.filter(|ancestor| evidence.units.iter().any(|unit| ancestor.has(unit)));
    let mut bodies = Bodies::new(&cached.memory, &target.interpreter);
    let mut asked = match extent {
        Extent::Marks => HashMap::new(),
        Extent::Branches | Extent::Bodies => branches(&fresh, &target.interpreter, &evidence.units),
    };
    let mut function = |unit: &CodeUnit| {
        let inherited = ancestor.as_ref().and_then(|ancestor| ancestor.note(unit));
        let branches = asked.remove(&unit.address).unwrap_or_default();
        let wants_body = extent == Extent::Bodies || !branches.is_empty();
        let body = if wants_body { bodies.read(unit) } else { None };
        Function {
            function: unit.function.clone(),
            file: unit.file.clone(),
            line: unit.line,
            state: unit.mark.sign.state(),
            evidence: evidence_text(unit.mark.sign, unit.mark.is_generator) + &inherited.unwrap_or_default(),
            body: body.map_or(0, |body| body.hash),
            bytes: body.map_or(0, |body| body.bytes),
            branches,
        }
    };
    Ok(Process {
        pid,
        version: target.interpreter.version.to_string(),
        functions: evidence.units.iter().map(&mut function).collect(),
        ancestor: ancestor.map(|ancestor| ancestor.pid),
        counters: Counters { scan: evidence.counters, skipped_bytes: memory.skipped_bytes },
    })
}

/// The conditions of the program's own functions that ran, by the addresses of their code.
fn branches(
    memory: &dyn Memory,
    interpreter: &Interpreter,
    units: &[CodeUnit],
) -> HashMap<u64, Vec<CodeBranch>> {
    let mut found = HashMap::new();
    let ran = units.iter().filter(|unit| {
        unit.mark.sign.state() == ExecutionState::Executed && Origin::of(&unit.file) == Origin::Application
    });
    for unit in ran {
        match agent_python::branches(memory, interpreter, &unit.place(interpreter), &unit.function) {
            Ok(branches) if branches.asked.is_empty() => {}
            Ok(branches) => _ = found.insert(unit.address, branches.asked),
            Err(Hidden::Gone | Hidden::Rewritten) => {}
            Err(Hidden::NotKept | Hidden::Compiled) => return HashMap::new(),
        }
    }
    found
}

/// Looks at memory step by step. `go_on` hears how many bytes of how many are done, and says whether to go on; `None`
/// when it did not. Of both memories the second may keep what it read.
pub(crate) fn look(
    target: &Target,
    memory: &Present,
    [fresh, cache]: [&dyn Memory; 2],
    go_on: &mut dyn FnMut(u64, u64) -> bool,
) -> Option<Result<Evidence, Refusal>> {
    let total: u64 = memory.ranges.iter().map(|range| range.end - range.start).sum();
    let mut scan = Scan::new(fresh, &target.interpreter).with_cache(cache);
    if let Some(function_type) = target.function_type {
        scan = scan.with_function_type(function_type);
    }
    let mut done = 0;
    for range in &memory.ranges {
        for start in (range.start..range.end).step_by(STEP_BYTES as usize) {
            let end = range.end.min(start + STEP_BYTES);
            scan.look(start..end);
            done += end - start;
            go_on(done, total).then_some(())?;
        }
    }
    Some(scan.finish())
}

fn evidence_text(sign: Sign, is_generator: bool) -> String {
    match sign.state() {
        // Making a generator or coroutine runs nothing of it.
        ExecutionState::Unexecuted if is_generator => format!("{sign}; may have been made, not begun"),
        _ => sign.to_string(),
    }
}
