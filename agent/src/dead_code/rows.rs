//! Functions of several processes put together: one row for each.

use std::{collections::BTreeMap, sync::Arc};

use agent_python::ExecutionState;
use model::CodeBranch;

use super::{Function, Process};

/// One function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Qualified name; before 3.11 the name alone where no more is known.
    pub function: Arc<str>,
    /// The file, as the processes have it.
    pub file: Arc<str>,
    /// First line.
    pub line: u32,
    /// Executed if it ran anywhere; unexecuted only if no copy of it ran and each could say so.
    pub state: ExecutionState,
    /// How that is known.
    pub evidence: String,
    /// Hash of what it does, wherever it stands; 0 where copies differ or none could be read.
    pub body: u128,
    /// Memory of its code in each process.
    pub bytes: u32,
    /// Its conditions that were asked in any of them; none where copies differ.
    pub branches: Vec<CodeBranch>,
}

/// What is the same function in all processes. Copies of one function in a process, such as those of a module that was
/// loaded twice, are one function too.
type Key = (Arc<str>, u32, Arc<str>);

#[derive(Default)]
struct Copies<'a> {
    executed: Vec<(u32, &'a Function)>,
    unexecuted: Vec<(u32, &'a Function)>,
    unknown: Vec<(u32, &'a Function)>,
}

/// One row for each function, in order of file and line.
pub fn rows(processes: &[Process]) -> Vec<Row> {
    let mut by_key: BTreeMap<Key, Copies<'_>> = BTreeMap::new();
    for process in processes {
        for function in &process.functions {
            let key = (function.file.clone(), function.line, function.function.clone());
            let copies = by_key.entry(key).or_default();
            let state = match function.state {
                ExecutionState::Executed => &mut copies.executed,
                ExecutionState::Unexecuted => &mut copies.unexecuted,
                ExecutionState::Unknown => &mut copies.unknown,
            };
            state.push((process.pid, function));
        }
    }
    let is_alone = processes.len() == 1;
    by_key.into_iter().map(|(key, copies)| copies.row(key, is_alone)).collect()
}

impl Copies<'_> {
    fn row(&self, (file, line, function): Key, is_alone: bool) -> Row {
        let Self { executed, unexecuted, unknown } = self;
        let (state, deciding) = if !executed.is_empty() {
            (ExecutionState::Executed, executed)
        } else if !unknown.is_empty() {
            (ExecutionState::Unknown, unknown)
        } else {
            (ExecutionState::Unexecuted, unexecuted)
        };
        let count = executed.len() + unexecuted.len() + unknown.len();
        let mut evidence = deciding.first().map(|(_, first)| first.evidence.clone()).unwrap_or_default();
        if is_alone && count > 1 {
            evidence = format!("{} of {count} copies: {evidence}", deciding.len());
        } else if !is_alone {
            let pid = deciding.first().map(|(pid, _)| *pid).unwrap_or_default();
            let word = match state {
                ExecutionState::Executed => "ran in",
                ExecutionState::Unexecuted => "did not run in",
                ExecutionState::Unknown => "cannot be told in",
            };
            evidence = format!("{word} {} of {count} copies, pid {pid}: {evidence}", deciding.len());
        }
        let all = || executed.iter().chain(unexecuted).chain(unknown).map(|(_, function)| *function);
        let body = all().find(|function| function.body != 0).map_or(0, |function| function.body);
        let is_one = all().all(|function| [0, body].contains(&function.body));
        let bytes = all().map(|function| function.bytes).max().unwrap_or_default();
        let mut branches = Vec::new();
        for function in all().filter(|_| is_one) {
            CodeBranch::merge(&mut branches, &function.branches);
        }
        Row { function, file, line, state, evidence, body: if is_one { body } else { 0 }, bytes, branches }
    }
}

#[cfg(test)]
mod tests {
    use ExecutionState::{Executed, Unexecuted, Unknown};
    use model::Outcomes;

    use super::*;
    use crate::dead_code::Counters;

    fn process(pid: u32, states: &[ExecutionState]) -> Process {
        let function = |state: &ExecutionState| Function {
            function: "f".into(),
            file: "a.py".into(),
            line: 1,
            state: *state,
            evidence: format!("{state:?}"),
            body: 5,
            bytes: 100,
            branches: vec![CodeBranch { line: pid, column: 4, outcomes: Outcomes::TRUE }],
        };
        Process {
            pid,
            version: "3.11".to_owned(),
            ancestor: None,
            functions: states.iter().map(function).collect(),
            counters: Counters::default(),
        }
    }

    #[test]
    fn doubt_and_life_win() {
        let cases: [(&[&[ExecutionState]], ExecutionState, &str); 6] = [
            (&[&[Unexecuted]], Unexecuted, "Unexecuted"),
            (&[&[Unexecuted, Executed]], Executed, "1 of 2 copies: Executed"),
            (&[&[Unexecuted, Unknown]], Unknown, "1 of 2 copies: Unknown"),
            (&[&[Unexecuted], &[Executed]], Executed, "ran in 1 of 2 copies, pid 2: Executed"),
            (&[&[Unexecuted], &[Unexecuted]], Unexecuted, "did not run in 2 of 2 copies, pid 1: Unexecuted"),
            (&[&[Unknown], &[]], Unknown, "cannot be told in 1 of 1 copies, pid 1: Unknown"),
        ];
        for (states, state, evidence) in cases {
            let processes: Vec<Process> =
                (1..).zip(states).map(|(pid, states)| process(pid, states)).collect();
            let rows = rows(&processes);
            assert_eq!((rows.len(), rows[0].state, rows[0].evidence.as_str()), (1, state, evidence));
            assert_eq!((rows[0].body, rows[0].bytes), (5, 100));
        }
    }

    #[test]
    fn copies_that_do_different_things_have_no_body() {
        let mut processes = [process(1, &[Executed]), process(2, &[Executed]), process(3, &[Unknown])];
        processes[2].functions[0].body = 0;
        assert_eq!(rows(&processes)[0].body, 5);
        assert_eq!(rows(&processes)[0].branches.iter().map(|one| one.line).collect::<Vec<_>>(), [1, 2, 3]);
        processes[1].functions[0].body = 6;
        assert_eq!((rows(&processes)[0].body, rows(&processes)[0].branches.len()), (0, 0));
    }
}
