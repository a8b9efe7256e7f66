//! What conditions of real functions were: 3.13 alone keeps it.

use std::{collections::BTreeMap, path::Path};

use agent::{code_report::CodeReporter, dead_code};
use model::{CodeBranch, LabelSet, keys};
use serde_json::Value;

use testkit::with_each_interpreter;

use crate::program::Program;

const MINOR: u8 = 13;
const DAY_NS: i64 = 86_400_000_000_000;

type Conditions = BTreeMap<String, Vec<[u64; 3]>>;

fn numbers(branches: &[CodeBranch]) -> Vec<[u64; 3]> {
    let numbers = |branch: &CodeBranch| [branch.line, branch.column, branch.outcomes.bits()].map(u64::from);
    branches.iter().map(numbers).collect()
}

fn promised(said: &Value) -> Conditions {
    let number = |number: &Value| number.as_u64().unwrap();
    let rows = |rows: &Value| -> Vec<[u64; 3]> {
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| [number(&row[0]), number(&row[1]), number(&row[2])]).collect()
    };
    said.as_object().unwrap().iter().map(|(name, said)| (name.clone(), rows(said))).collect()
}

/// The conditions of functions that have any.
fn found<'a>(functions: impl Iterator<Item = (&'a str, &'a str, &'a [CodeBranch])>) -> Conditions {
    let own = functions.filter(|(file, _, branches)| file.starts_with("/srv/shop/") && !branches.is_empty());
    own.map(|(_, name, branches)| (name.to_owned(), numbers(branches))).collect()
}

#[test]
fn conditions_are_told_as_they_were() {
    with_each_interpreter(|minor, python| {
        let mut program = Program::start(python, "conditions.py");
        let promised = promised(&program.hear());
        let expected = if minor == MINOR { promised } else { Conditions::new() };
        let process = program.scan();
        let functions = process.functions.iter();
        let live = functions.map(|one| (&*one.file, &*one.function, one.branches.as_slice()));
        assert_eq!(found(live), expected);
        let row = dead_code::rows(std::slice::from_ref(&process))
            .into_iter()
            .find(|row| &*row.function == "often_true");
        assert_eq!(row.unwrap().branches.len(), usize::from(minor == MINOR));
    });
}

/// The conditions that a look brings.
fn told(reporter: &mut CodeReporter, program: &Program, at_ns: i64) -> Conditions {
    reporter.look(&[program.pid()], at_ns, &mut || false);
    let reports = reporter.tell(at_ns);
    let functions = reports.iter().flat_map(|report| &report.functions);
    found(functions.map(|one| (&*one.file, &*one.function, one.branches.as_slice())))
}

#[test]
fn agents_tell_conditions_and_what_they_turn_out_to_be() {
    with_each_interpreter(|minor, python| {
        let mut program = Program::start(python, "conditions.py");
        let mut promised = promised(&program.hear());
        let labels = LabelSet::new([(keys::SERVICE_NAME, "shop")]);
        let mut reporter = CodeReporter::new(Path::new("/proc"), "host", labels);
        let first = told(&mut reporter, &program, DAY_NS);
        if minor != MINOR {
            assert_eq!(first, Conditions::new());
            return;
        }
        assert_eq!((&first, told(&mut reporter, &program, DAY_NS + 1)), (&promised, Conditions::new()));
        program.ask("often_true");
        // It was the same for long, and is not any more.
        promised.retain(|name, _| name == "often_true");
        promised.insert("often_true".to_owned(), vec![[1, 7, 7]]);
        assert_eq!(told(&mut reporter, &program, DAY_NS + 2), promised);
        assert_eq!(reporter.tally().get("code_branches_total", "left out"), 3 * 8);
    });
}
