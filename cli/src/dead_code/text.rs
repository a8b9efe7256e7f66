//! The result for a person: what has not executed, by file.

use std::fmt::Write;

use agent::dead_code::{ExecutionState, Flag, Process, Row};
use analyzer::dead_code::branches::SteadyFlag;

use super::{
    Findings,
    conditions::{self, Conditions},
    selection::{Hidden, Selection},
};
use crate::number::grouped;

/// Longer names are cut, so that states and evidence stay in their columns.
const NAME_WIDTH: usize = 48;

/// Places of a flag's checks that are listed.
const PLACES_SHOWN: usize = 5;

pub(super) fn report(
    findings: &Findings,
    rows: &[Row],
    selection: &Selection<'_>,
    is_since_baseline: bool,
) -> String {
    let mut text = String::new();
    for process in &findings.processes {
        text += &about(process);
    }
    let count = |state| rows.iter().filter(|row| row.state == state).count() as u64;
    let [executed, unexecuted, unknown] =
        [ExecutionState::Executed, ExecutionState::Unexecuted, ExecutionState::Unknown].map(count);
    if is_since_baseline {
        let _ = writeln!(text, "{} functions executed since the baseline", grouped(executed));
    } else {
        let _ = writeln!(
            text,
            "{} functions: {} executed, {} unexecuted, {} unknown",
            grouped(rows.len() as u64),
            grouped(executed),
            grouped(unexecuted),
            grouped(unknown)
        );
    }
    text += &not_shown(&selection.hidden);
    let is_listed = |row: &&Row| is_since_baseline || row.state != ExecutionState::Executed;
    text += &table(rows.iter().filter(is_listed));
    text += &constant_flags(&findings.flags);
    text += &conditions(rows, findings.steady.as_deref());
    text
}

fn about(process: &Process) -> String {
    let Process { pid, version, functions, counters, ancestor } = process;
    let mut text = format!(
        "process {pid}: CPython {version}, {} code objects in {} MB",
        grouped(functions.len() as u64),
        counters.scan.bytes >> 20
    );
    if let Some(parent) = ancestor {
        let _ = write!(text, ", forked from {parent}");
    }
    let notes = [
        (counters.scan.changed, "changed while they were read"),
        (counters.scan.beyond_limit, "beyond the limit"),
        (counters.skipped_bytes, "bytes in swap or beyond the limit left alone"),
        (counters.scan.unreadable_bytes, "bytes gone before they could be read"),
    ];
    for (count, what) in notes.into_iter().filter(|(count, _)| *count > 0) {
        let _ = write!(text, "; {} {what}", grouped(count));
    }
    text + "\n"
}

fn not_shown(hidden: &Hidden) -> String {
    let Hidden { packages, standard_library, bodies } = *hidden;
    if packages + standard_library + bodies == 0 {
        return String::new();
    }
    format!(
        "not shown (--all): {} of packages, {} of the standard library, {} bodies\n",
        grouped(packages),
        grouped(standard_library),
        grouped(bodies)
    )
}

fn table<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let mut text = String::new();
    let mut file = None;
    for row in rows {
        if file != Some(&row.file) {
            file = Some(&row.file);
            let _ = writeln!(text, "\n{}", printable(&row.file));
        }
        let function = cut(&printable(&row.function));
        let state = row.state.name();
        let _ = writeln!(text, "{:>7}  {function:NAME_WIDTH$}  {state:10}  {}", row.line, row.evidence);
    }
    text
}

/// At most a share of 3 / n of evaluations has another outcome (95 %): the rule of three.
fn constant_flags(flags: &[(u32, Flag)]) -> String {
    let mut text = String::new();
    for (pid, flag) in flags {
        let Some(variant) = flag.only_variant() else { continue };
        if text.is_empty() {
            text += "\nflags that never varied: what checks them may run for nothing\n";
        }
        let evaluations = flag.evaluations();
        let bound = 300.0 / evaluations.max(3) as f64;
        let _ = writeln!(
            text,
            "  {} is always {} in process {pid}: {} evaluations, another outcome in at most {bound:.2} % (95 %)",
            printable(&flag.flag),
            printable(variant),
            grouped(evaluations)
        );
    }
    text
}

/// What conditions were, and those of them that ask for flags.
fn conditions(rows: &[Row], steady: Option<&[SteadyFlag]>) -> String {
    let counted = conditions::count(rows).zip(steady);
    let Some((Conditions { same, varied, rare }, steady)) = counted else { return String::new() };
    let mut text = format!(
        "\nconditions by their last 16 outcomes: {} the same, {} varied, {} asked too rarely to say",
        grouped(same),
        grouped(varied),
        grouped(rare)
    );
    text +=
        if steady.is_empty() { "; no check of a flag is among the first\n" } else { "; checks of flags:\n" };
    for flag in steady {
        let places: Vec<String> =
            flag.places.iter().take(PLACES_SHOWN).map(|(path, line)| format!("{path}:{line}")).collect();
        let more = flag.places.len().saturating_sub(PLACES_SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let state = if flag.is_on { "on" } else { "off" };
        let _ = writeln!(
            text,
            "  {} was {state} each time: {}{more}",
            printable(&flag.flag),
            printable(&places.join(", "))
        );
    }
    text
}

/// Names come from the process: none of them may drive the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

fn cut(text: &str) -> String {
    if text.chars().count() <= NAME_WIDTH {
        return text.to_owned();
    }
    text.chars().take(NAME_WIDTH - 1).chain(['\u{2026}']).collect()
}
