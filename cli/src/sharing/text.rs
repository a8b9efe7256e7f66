//! The comparison for a person.

use agent::memory_report::{MemoryReport, Outcome, ValuesOutcome};
use analyzer_detect::sharing::Opportunity;

use super::{Findings, MB};

/// Processes shown one by one.
const PROCESSES_SHOWN: usize = 16;
const OWNER_WIDTH: usize = 44;
const KIND_WIDTH: usize = 22;

pub(super) fn page(findings: &Findings) -> String {
    let report = &findings.report;
    let mut page = format!("{:>8}  {:>8}  {:>8}  {:>8}  command\n", "pid", "rss MB", "pss MB", "uss MB");
    for process in
        report.processes.iter().filter(|process| process.outcome == Outcome::Read).take(PROCESSES_SHOWN)
    {
        let total = process.total();
        let [rss, pss, uss] = [total.resident_bytes, total.proportional_bytes, total.own_bytes].map(mb);
        page += &format!("{:>8}  {rss:>8}  {pss:>8}  {uss:>8}  {}\n", process.pid, cut(&process.command, 60));
    }
    if report.processes.len() > PROCESSES_SHOWN {
        page += &format!("          and {} more\n", report.processes.len() - PROCESSES_SHOWN);
    }
    for complaint in complaints(report) {
        page += &format!("{complaint}\n");
    }
    page.push('\n');
    if findings.opportunities.is_empty() {
        return page + "nothing worth sharing was found\n";
    }
    page += &format!(
        "{:OWNER_WIDTH$}  {:KIND_WIDTH$}  {:>14}  {:>9}  {:>8}  {:>11}  {:>17}\n",
        "owner", "kind", "mb_per_process", "processes", "mb_saved", "mb_retained", "at least, at most"
    );
    page += &findings.opportunities.iter().map(row).collect::<String>();
    let mut changes: Vec<&str> =
        findings.opportunities.iter().filter_map(|row| row.change.as_deref()).collect();
    changes.sort_unstable();
    changes.dedup();
    changes.into_iter().fold(page, |page, change| page + &format!("\nto write:\n{change}\n"))
}

fn row(row: &Opportunity) -> String {
    let or_unknown = |bytes: Option<u64>| bytes.map_or_else(|| "?".to_owned(), mb);
    format!(
        "{:OWNER_WIDTH$}  {:KIND_WIDTH$}  {:>14}  {:>9}  {:>8}  {:>11}  {:>17}\n    {}\n    risk: {}\n",
        cut(&row.owner, OWNER_WIDTH),
        cut(&row.kind, KIND_WIDTH),
        mb(row.bytes_per_process),
        row.processes,
        or_unknown(row.saved_bytes),
        or_unknown(row.retained_bytes),
        format!("{}, {}", mb(row.retained_range.0), mb(row.retained_range.1)),
        row.advice,
        row.risk
    )
}

/// What could not be read, or not wholly.
pub(super) fn complaints(report: &MemoryReport) -> Vec<String> {
    let mut found = Vec::new();
    for process in &report.processes {
        let pid = process.pid;
        match process.outcome {
            Outcome::Gone => found.push(format!("process {pid} is gone")),
            Outcome::NotPermitted => found.push(format!(
                "process {pid} may not be read; run as root, as its user, or with CAP_SYS_PTRACE"
            )),
            Outcome::Read => {}
        }
        match &process.values {
            ValuesOutcome::Refused(why) => {
                found.push(format!("process {pid}: only pages were compared: {why}"))
            }
            ValuesOutcome::Cut => {
                found.push(format!("process {pid}: too much for the limits; its values are at least these"));
            }
            ValuesOutcome::None | ValuesOutcome::Walked => {}
        }
        let swapped = process.total().swapped_bytes;
        if swapped > 0 {
            found.push(format!("process {pid}: {} MB are swapped out and were left there", mb(swapped)));
        }
    }
    if report.pages_read_one_in > 1 {
        found.push(format!(
            "one in {} private pages was read; equal pages at other addresses are at least these",
            report.pages_read_one_in
        ));
    }
    found
}

fn mb(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / MB)
}

/// At most so many characters of a line that anyone may have written.
fn cut(text: &str, characters_max: usize) -> String {
    text.chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .take(characters_max)
        .collect()
}
