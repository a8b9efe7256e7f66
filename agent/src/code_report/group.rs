//! The functions of one group of processes: what of them was told today, and what is new.

use std::{collections::HashMap, sync::Arc};

use agent_python::{Body, CodeUnit};
use model::{CodeFunction, ExecutionState};

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
        self.rows.push(Row { told, is_told: false, now: None });
        self.by_place.insert(place, number);
        number
    }

    /// Adds what one process says of a function.
    pub(super) fn find(&mut self, number: usize, finding: Finding) {
        if let Some(row) = self.rows.get_mut(number) {
            row.now = Some(row.now.map_or(finding, |now| now.or(finding)));
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
        if self.is_told {
            let told = Finding { state: self.told.state, is_import_only: self.told.is_import_only };
            now = told.or(now);
            (now != told).then_some(())?;
        }
        self.is_told = true;
        (self.told.state, self.told.is_import_only) = (now.state, now.is_import_only);
        Some(self.told.clone())
    }
}

#[cfg(test)]
mod tests {
    use ExecutionState::{Executed, Unexecuted, Unknown};

    use super::*;

    fn row() -> Functions {
        let told = CodeFunction { function: "f".into(), ..CodeFunction::default() };
        Functions { rows: vec![Row { told, is_told: false, now: None }], by_place: HashMap::new() }
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
}
