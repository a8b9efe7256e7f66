//! The functions of one group of processes: what of them was told today, and what is new.

use std::{collections::HashMap, sync::Arc};

use agent_python::{Body, CodeUnit};
use model::{CodeBranch, CodeFunction, ExecutionState};

/// A group's functions.
#[derive(Debug, Default)]
pub(super) struct Functions {
    rows: Vec<Row>,
    by_place: HashMap<(Arc<str>, u32, Arc<str>), usize>,
}

/// One function, and what was found of it since this look began.
#[derive(Debug)]
struct Row {
    /// As it was told last.
    told: CodeFunction,
    is_told: bool,
    now: Option<Finding>,
    /// Conditions were found to be what they were not told to be.
    has_new_branches: bool,
}

/// What the processes say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) state: ExecutionState,
    /// It ran as importing runs code, or before the fork.
    pub(super) is_import_only: bool,
}

impl Finding {
    /// Life wins over doubt, and doubt over death; use wins over import.
    fn or(self, other: Self) -> Self {
        let is_import_only = match (self.state, other.state) {
            (ExecutionState::Executed, ExecutionState::Executed) => {
                self.is_import_only && other.is_import_only
            }
            (ExecutionState::Executed, _) => self.is_import_only,
            _ => other.is_import_only,
        };
        Self { state: self.state.max(other.state), is_import_only }
    }
}

impl Functions {
    /// The number of a code object's function. Copies of it, in one process or several, are one function.
    pub(super) fn number(&mut self, unit: &CodeUnit, body: Option<Body>) -> usize {
        let place = (unit.file.clone(), unit.line, unit.function.clone());
        if let Some(known) = self.by_place.get(&place) {
            return *known;
        }
        let number = self.rows.len();
        let told = CodeFunction {
            function: unit.function.clone(),
            file: unit.file.clone(),
            line: unit.line,
            body: body.map_or(0, |body| body.hash),
            bytes: body.map_or(0, |body| body.bytes),
            ..CodeFunction::default()
        };
        self.rows.push(Row { told, is_told: false, now: None, has_new_branches: false });
        self.by_place.insert(place, number);
        number
    }

    /// Adds what one process says of a function.
    pub(super) fn find(&mut self, number: usize, finding: Finding) {
        if let Some(row) = self.rows.get_mut(number) {
            row.now = Some(row.now.map_or(finding, |now| now.or(finding)));
        }
    }

    /// True when this is what a function does: another of its place and name has conditions of its own.
    pub(super) fn is_of(&self, number: usize, body: Option<Body>) -> bool {
        self.rows.get(number).zip(body).is_some_and(|(row, body)| row.told.body == body.hash)
    }

    /// Adds what one process says of a function's conditions.
    pub(super) fn find_branches(&mut self, number: usize, found: &[CodeBranch]) {
        if let Some(row) = self.rows.get_mut(number) {
            // All processes have the same ones, so that there is room.
            let (is_more, _) = CodeBranch::merge(&mut row.told.branches, found);
            row.has_new_branches |= is_more;
        }
    }

    /// Ends a look: functions that are new, and those of which more is known than was told.
    pub(super) fn tell(&mut self) -> Vec<CodeFunction> {
        self.rows.iter_mut().filter_map(Row::tell).collect()
    }
}

impl Row {
    fn tell(&mut self) -> Option<CodeFunction> {
        let mut now = self.now.take()?;
        let has_new_branches = std::mem::take(&mut self.has_new_branches);
        if self.is_told {
            let told = Finding { state: self.told.state, is_import_only: self.told.is_import_only };
            now = told.or(now);
            (now != told || has_new_branches).then_some(())?;
        }
        self.is_told = true;
        (self.told.state, self.told.is_import_only) = (now.state, now.is_import_only);
        Some(self.told.clone())
    }
}

#[cfg(test)]
mod tests {
    use ExecutionState::{Executed, Unexecuted, Unknown};
    use model::Outcomes;

    use super::*;

    fn row() -> Functions {
        let told = CodeFunction { function: "f".into(), ..CodeFunction::default() };
        let row = Row { told, is_told: false, now: None, has_new_branches: false };
        Functions { rows: vec![row], by_place: HashMap::new() }
    }

    #[test]
    fn a_look_tells_what_is_new() {
        type Said = (ExecutionState, bool);
        let mut functions = row();
        let looks: [(&[Said], Option<Said>); 7] = [
            (&[(Unexecuted, false), (Unknown, false)], Some((Unknown, false))),
            (&[(Unexecuted, false)], None),
            (&[], None),
            (&[(Executed, true), (Unexecuted, false)], Some((Executed, true))),
            (&[(Unexecuted, false)], None),
            (&[(Executed, true), (Executed, false)], Some((Executed, false))),
            (&[(Executed, true)], None),
        ];
        for (found, told) in looks {
            for (state, is_import_only) in found {
                functions.find(0, Finding { state: *state, is_import_only: *is_import_only });
            }
            let rows = functions.tell();
            let rows: Vec<_> = rows.iter().map(|row| (row.state, row.is_import_only)).collect();
            assert_eq!(rows, told.into_iter().collect::<Vec<_>>(), "{found:?}");
        }
    }

    #[test]
    fn conditions_that_turn_out_otherwise_are_told_again() {
        let mut functions = row();
        let executed = Finding { state: Executed, is_import_only: false };
        let looks = [(Outcomes::TRUE, true), (Outcomes::TRUE, false), (Outcomes::FALSE, true)];
        for (outcomes, is_told) in looks {
            functions.find(0, executed);
            functions.find_branches(0, &[CodeBranch { line: 2, column: 4, outcomes }]);
            assert_eq!(functions.tell().len(), usize::from(is_told), "{outcomes:?}");
        }
        functions.find(0, executed);
        assert_eq!(functions.tell(), []);
        assert!(functions.rows[0].told.branches[0].outcomes.has_varied());
        assert!(!functions.is_of(0, None) && functions.is_of(0, Some(Body { hash: 0, bytes: 4 })));
    }
}
