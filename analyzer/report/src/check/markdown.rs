//! The check for a person: the verdict first, then the evidence, then what to do.

use std::fmt::Write;

use crate::number::{counted, duration, percent, percent_range, signed_percent};

use super::{
    Change, CheckReport, Conclusion, FunctionRow, Measurement, ROWS_MAX, TouchedFunction,
    escape::{code, inline, names},
    production,
};

/// Functions that are listed beyond the table.
const MORE_ROWS_MAX: usize = 200;

/// Markdown for a terminal, a file or a job's summary. Names from the code are escaped, so that a function cannot mention
/// people or write markup.
pub fn markdown(report: &CheckReport) -> String {
    let mut text = format!("**{}**\n", headline(report));
    add_acknowledged(&mut text, report);
    add_functions(&mut text, report, "`--json` has them all");
    add_touched(&mut text, report);
    if let Some(production) = &report.production {
        let _ = writeln!(text, "\n{}", production::cost_today(production));
        production::add_table(&mut text, production);
    }
    if let Some(released) = &report.released {
        production::add_released(&mut text, released);
    }
    add_evidence(&mut text, report);
    add_next_steps(&mut text, report);
    text
}

/// The verdict in one line, without markup around it.
pub fn headline(report: &CheckReport) -> String {
    let Some(change) = &report.change else { return unmeasured(report) };
    let interval = interval(change, report.measurement.as_ref());
    let stake = report.production.as_ref().and_then(|production| production.at_stake.as_ref());
    let stake = stake.map(|range| format!(", {}", production::at_stake(range))).unwrap_or_default();
    let measured = format!("{} CPU per run ({interval}){stake}", signed_percent(change.value));
    let detectable = format!("a rise of {} would have been seen", percent(change.detectable));
    let margin = report.measurement.as_ref().map_or(0.0, |measurement| measurement.margin);
    match report.conclusion {
        Conclusion::Fail => format!("Fail: {measured}."),
        Conclusion::Pass if report.acknowledged.is_some() => format!("Pass, acknowledged: {measured}."),
        Conclusion::Pass if change.interval.1 < -margin => format!("Pass: {measured}, which is cheaper."),
        Conclusion::Pass => format!("Pass: no rise found, {measured}; {detectable}."),
        Conclusion::NoVerdict => {
            let reason = report.reason.as_deref().unwrap_or("the runs differ too much among themselves");
            format!("No verdict: {}. {measured}; only {detectable}.", inline(reason))
        }
    }
}

/// The verdict where nothing was run: of what the fleet measured, or why there is none.
fn unmeasured(report: &CheckReport) -> String {
    let released = report.released.as_ref().and_then(production::released_change);
    let reason = inline(report.reason.as_deref().unwrap_or("nothing was measured").trim_end_matches('.'));
    match (report.conclusion, released) {
        (Conclusion::Fail, Some(change)) => format!("Fail: {change}."),
        (Conclusion::Pass, Some(change)) => format!("Pass: {change}."),
        (Conclusion::NoVerdict, Some(change)) => format!("No verdict: {reason}. {change}."),
        (Conclusion::Pass, None) => format!("Pass: {reason}."),
        (Conclusion::Fail | Conclusion::NoVerdict, None) => format!("No verdict: {reason}."),
    }
}

pub(super) fn add_acknowledged(text: &mut String, report: &CheckReport) {
    let Some(acknowledged) = &report.acknowledged else { return };
    let _ = writeln!(
        text,
        "\nAcknowledged by {} until {}, up to {}: {}",
        names(std::slice::from_ref(&acknowledged.owner)),
        inline(&acknowledged.expires),
        signed_percent(acknowledged.at_most),
        inline(&acknowledged.reason),
    );
}

fn interval(change: &Change, measurement: Option<&Measurement>) -> String {
    let confidence = measurement.map_or(0.95, |measurement| measurement.confidence);
    format!("{} interval {}", percent(confidence).replace(".0", ""), percent_range(change.interval))
}

/// The first rows; `rest` says where the others are.
pub(super) fn add_functions(text: &mut String, report: &CheckReport, rest: &str) {
    if report.functions.is_empty() {
        return;
    }
    add_function_rows(text, report.functions.iter().take(ROWS_MAX));
    let beyond = report.functions.len().saturating_sub(ROWS_MAX);
    if beyond > 0 {
        let _ = writeln!(text, "\nAnd {beyond} more; {rest}.");
    }
}

/// What the table above has no room for.
pub(super) fn add_more_functions(text: &mut String, report: &CheckReport) {
    if report.functions.len() > ROWS_MAX {
        add_function_rows(text, report.functions.iter().skip(ROWS_MAX).take(MORE_ROWS_MAX));
    }
}

fn add_function_rows<'a>(text: &mut String, rows: impl Iterator<Item = &'a FunctionRow>) {
    text.push_str(
        "\n| function | where | CPU per run | change | own part | owners |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for row in rows {
        let _ = writeln!(
            text,
            "| {}{} | {} | {} → {} | {} to {} | {} | {} |",
            code(&row.function),
            if row.changed_line > 0 { ", changed here" } else { "" },
            place(&row.file, row.changed_line.max(row.line)),
            duration(row.baseline_ns),
            duration(row.candidate_ns),
            plus(row.interval_ns.0),
            plus(row.interval_ns.1),
            plus(row.self_difference_ns),
            names(&row.owners),
        );
    }
}

/// Changed functions that the table above does not have.
pub(super) fn add_touched(text: &mut String, report: &CheckReport) {
    let production = report.production.iter().flat_map(|production| &production.functions);
    let rows = report.functions.iter().map(|row| (&row.file, row.line)).take(ROWS_MAX);
    let listed: Vec<(&String, u32)> =
        rows.chain(production.map(|row| (&row.file, row.line)).take(ROWS_MAX)).collect();
    let is_listed = |touched: &TouchedFunction| listed.contains(&(&touched.file, touched.line));
    let others: Vec<&TouchedFunction> =
        report.touched.functions.iter().filter(|touched| !is_listed(touched)).collect();
    if others.is_empty() {
        return;
    }
    let is_measured = report.measurement.is_some();
    text.push_str(match is_measured {
        true => "\nAlso changed, without a difference beyond chance:\n\n",
        false if listed.is_empty() => "\nChanged:\n\n",
        false => "\nAlso changed:\n\n",
    });
    for touched in others.iter().take(ROWS_MAX) {
        let share = match touched.share {
            Some(share) => format!(": {} of the CPU", percent(share)),
            None if is_measured => ": not seen running".to_owned(),
            None => String::new(),
        };
        let owners =
            if touched.owners.is_empty() { String::new() } else { format!(", {}", names(&touched.owners)) };
        let _ = writeln!(
            text,
            "- {} ({}){share}{owners}",
            code(&touched.function),
            place(&touched.file, touched.line)
        );
    }
    if others.len() > ROWS_MAX {
        let _ = writeln!(text, "- and {} more", others.len() - ROWS_MAX);
    }
}

pub(super) fn add_evidence(text: &mut String, report: &CheckReport) {
    let revisions = &report.revisions;
    let short = |hash: &str| hash.get(..12).unwrap_or(hash).to_owned();
    let _ = write!(text, "\nBaseline {}", short(&revisions.baseline));
    if revisions.baseline != revisions.base {
        let _ = write!(text, " (merge base with {})", short(&revisions.base));
    }
    let _ = write!(text, ", candidate {}.", short(&revisions.head));
    if let Some(measurement) = &report.measurement {
        let _ = write!(
            text,
            " {}, in turn on this machine, of {}: median CPU per run {} → {}, by the kernel's account. ",
            counted(measurement.rounds, "pair") + " of runs",
            code(&measurement.command),
            duration(measurement.baseline_cpu_ns),
            duration(measurement.candidate_cpu_ns),
        );
        let _ = match &measurement.not_sampled {
            None => write!(text, "Functions are from {}.", counted(measurement.samples, "sample")),
            Some(reason) => {
                write!(text, "Functions were not sampled: {}.", inline(reason.trim_end_matches('.')))
            }
        };
        let _ = write!(
            text,
            " It fails when the whole interval lies above {}.",
            signed_percent(measurement.margin)
        );
    }
    text.push('\n');
    if let Some(production) = &report.production {
        production::add_evidence(text, production);
    }
    for note in &report.notes {
        let _ = writeln!(text, "\nNote: {}", inline(note));
    }
}

pub(super) fn add_next_steps(text: &mut String, report: &CheckReport) {
    match report.conclusion {
        Conclusion::Pass => {}
        Conclusion::NoVerdict if report.change.is_none() => {
            text.push_str("\nNext: remove the reason and check again. This is no failure.\n");
        }
        Conclusion::NoVerdict => text.push_str(
            "\nNext: give the runs more time (`--time`), a longer benchmark or a quieter machine; or ask for less \
             (`--must-show`). This is no failure.\n",
        ),
        Conclusion::Fail if report.change.is_none() => {
            text.push_str("\nNext: look at these commits and functions, or go back to the version before.\n");
        }
        Conclusion::Fail => {
            let at_most = report.change.as_ref().map_or(0.0, |change| change.interval.1);
            let first = report.functions.iter().find(|row| row.changed_line > 0);
            let look = match first {
                Some(row) => format!("look at {} first", code(&row.function)),
                None => "no changed function explains it: look at dependencies, settings and data".to_owned(),
            };
            let _ = write!(
                text,
                "\nNext: {look}; measure again after the fix with the same command. If the cost is worth it, add \
                 this to `.fewer/acknowledged.toml` in the change itself:\n\n\
                 ```toml\n[[acknowledged]]\nowner = \"@you\"\nreason = \"what it buys\"\n\
                 expires = \"YYYY-MM-DD\"\nat_most_percent = {:.1}\n```\n",
                (at_most * 1000.0).ceil() / 10.0
            );
        }
    }
}

/// A rise or fall of CPU time.
pub(super) fn plus(ns: f64) -> String {
    let text = duration(ns);
    if ns > 0.0 { format!("+{text}") } else { text }
}

/// A file and a line as code.
pub(super) fn place(file: &str, line: u32) -> String {
    match (file, line) {
        ("", _) => String::new(),
        (file, 0) => code(file),
        (file, line) => code(&format!("{file}:{line}")),
    }
}
