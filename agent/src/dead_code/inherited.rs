//! Marks that a process may have from the one that it was forked from: they say that a function ran, not where.

use std::{fs, path::Path};

use agent_python::{CodeUnit, ExecutionState, Interpreter, Memory};

use crate::process_memory::ProcessMemory;

/// The process that another was forked from, alive.
pub(super) struct Ancestor<'a> {
    pub(super) pid: u32,
    memory: ProcessMemory,
    interpreter: &'a Interpreter,
}

impl<'a> Ancestor<'a> {
    /// The parent, if it has the same interpreter at the same place. Without a fork its address would be another.
    pub(super) fn find(proc_root: &Path, pid: u32, interpreter: &'a Interpreter) -> Option<Self> {
        let parent = parent(&fs::read(proc_root.join(format!("{pid}/stat"))).ok()?)?;
        let memory = ProcessMemory::open(proc_root, parent).ok()?;
        memory.read(interpreter.code_type, &mut [0; 8]).ok()?;
        Some(Self { pid: parent, memory, interpreter })
    }

    /// True when the ancestor has the same code object.
    pub(super) fn has(&self, unit: &CodeUnit) -> bool {
        unit.sign_in(&self.memory, self.interpreter).is_some()
    }

    /// What the ancestor's mark adds to that of the child, after a semicolon.
    pub(super) fn note(&self, unit: &CodeUnit) -> Option<String> {
        (unit.mark.sign.state() == ExecutionState::Executed).then_some(())?;
        let Some(before) = unit.sign_in(&self.memory, self.interpreter) else {
            return Some(format!("; parent {} has no such code object", self.pid));
        };
        if unit.mark.sign.is_beyond(before) {
            return Some(format!("; ran here since the fork (parent {}: {before})", self.pid));
        }
        let is_inherited = before.state() == ExecutionState::Executed;
        is_inherited.then(|| format!("; inherited or here: parent {} has the mark too", self.pid))
    }
}

/// The parent's number in `/proc/PID/stat`: the second field after the name, which may hold anything.
fn parent(stat: &[u8]) -> Option<u32> {
    let after_name = stat.rsplit(|byte| *byte == b')').next()?;
    let field = after_name.split(|byte| *byte == b' ').nth(2)?;
    std::str::from_utf8(field).ok()?.parse().ok().filter(|pid| *pid > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_stands_after_the_name() {
        let cases: [(&[u8], Option<u32>); 4] = [
            (b"12 (python3) S 7 12 12", Some(7)),
            (b"12 (a) S 9 b) R 7 1", Some(7)),
            (b"12 (init) S 0 1", None),
            (b"", None),
        ];
        for (stat, expected) in cases {
            assert_eq!(parent(stat), expected);
        }
    }
}
