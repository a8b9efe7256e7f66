//! The check for a person: the verdict first, then the evidence, then what to do.

use std::fmt::Write;

use crate::number::{counted, duration, percent, percent_range, signed_percent};

use super::{Change, CheckReport, Conclusion, FunctionRow, Measurement, ROWS_MAX, TouchedFunction};

/// Markdown for a pull request or a terminal. Names from the code are escaped, so that a function cannot mention people
/// or write markup.
pub fn markdown(report: &CheckReport) -> String {
    let mut text = format!("**{}**\n", verdict(report));
    if let Some(acknowledged) = &report.acknowledged {
        let _ = writeln!(
            text,
            "\nAcknowledged by {} until {}, up to {}: {}",
            plain(&acknowledged.owner),
            acknowledged.expires,
            signed_percent(acknowledged.at_most),
            plain(&acknowledged.reason),
        );
    }
    add_functions(&mut text, report);
    add_touched(&mut text, report);
    add_evidence(&mut text, report);
    add_next_steps(&mut text, report);
    text
}

/// The headline.
fn verdict(report: &CheckReport) -> String {
    let Some(change) = &report.change else {
        let reason = report.reason.as_deref().unwrap_or("nothing was measured");
        return match report.conclusion {
            Conclusion::Pass => format!("Pass: {reason}."),
            Conclusion::Fail | Conclusion::NoVerdict => format!("No verdict: {reason}."),
        };
    };
    let interval = interval(change, report.measurement.as_ref());
    let measured = format!("{} CPU per run ({interval})", signed_percent(change.value));
    let detectable = format!("a rise of {} would have been seen", percent(change.detectable));
    let margin = report.measurement.as_ref().map_or(0.0, |measurement| measurement.margin);
    match report.conclusion {
        Conclusion::Fail => format!("Fail: {measured}."),
        Conclusion::Pass if report.acknowledged.is_some() => format!("Pass, acknowledged: {measured}."),
        Conclusion::Pass if change.interval.1 < -margin => format!("Pass: {measured}, which is cheaper."),
        Conclusion::Pass => format!("Pass: no rise found, {measured}; {detectable}."),
        Conclusion::NoVerdict => {
            let reason = report.reason.as_deref().unwrap_or("the runs differ too much among themselves");
            format!("No verdict: {reason}. {measured}; only {detectable}.")
        }
    }
}

fn interval(change: &Change, measurement: Option<&Measurement>) -> String {
    let confidence = measurement.map_or(0.95, |measurement| measurement.confidence);
    format!("{} interval {}", percent(confidence).replace(".0", ""), percent_range(change.interval))
}

fn add_functions(text: &mut String, report: &CheckReport) {
    if report.functions.is_empty() {
        return;
    }
    text.push_str(
        "\n| function | where | CPU per run | change | own part | owners |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for row in report.functions.iter().take(ROWS_MAX) {
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
            own_part(row),
            names(&row.owners),
        );
    }
    let beyond = report.functions.len().saturating_sub(ROWS_MAX);
    if beyond > 0 {
        let _ = writeln!(text, "\nAnd {beyond} more; `--json` has them all.");
    }
}

/// Changed functions that the table above does not have.
fn add_touched(text: &mut String, report: &CheckReport) {
    let is_listed = |touched: &TouchedFunction| {
        let mut rows = report.functions.iter().take(ROWS_MAX);
        rows.any(|row| row.file == touched.file && row.line == touched.line)
    };
    let others: Vec<&TouchedFunction> =
        report.touched.functions.iter().filter(|touched| !is_listed(touched)).collect();
    if others.is_empty() {
        return;
    }
    let _ = writeln!(text, "\nAlso changed, without a difference beyond chance:\n");
    for touched in others.iter().take(ROWS_MAX) {
        let share = match touched.share {
            Some(share) => format!("{} of the CPU", percent(share)),
            None => "not seen running".to_owned(),
        };
        let owners =
            if touched.owners.is_empty() { String::new() } else { format!(", {}", names(&touched.owners)) };
        let _ = writeln!(
            text,
            "- {} ({}): {share}{owners}",
            code(&touched.function),
            place(&touched.file, touched.line)
        );
    }
    if others.len() > ROWS_MAX {
        let _ = writeln!(text, "- and {} more", others.len() - ROWS_MAX);
    }
}

fn add_evidence(text: &mut String, report: &CheckReport) {
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
            Some(reason) => write!(text, "Functions were not sampled: {}.", reason.trim_end_matches('.')),
        };
        let _ = write!(
            text,
            " It fails when the whole interval lies above {}.",
            signed_percent(measurement.margin)
        );
    }
    text.push('\n');
    for note in &report.notes {
        let _ = writeln!(text, "\n{}", plain(note));
    }
}

fn add_next_steps(text: &mut String, report: &CheckReport) {
    match report.conclusion {
        Conclusion::Pass => {}
        Conclusion::NoVerdict if report.change.is_none() => {
            text.push_str("\nNext: remove the reason and check again. This is no failure.\n");
        }
        Conclusion::NoVerdict => text.push_str(
            "\nNext: give the runs more time (`--time`), a longer benchmark or a quieter machine; or ask for less \
             (`--must-show`). This is no failure.\n",
        ),
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

fn own_part(row: &FunctionRow) -> String {
    plus(row.self_difference_ns)
}

fn plus(ns: f64) -> String {
    let text = duration(ns);
    if ns > 0.0 { format!("+{text}") } else { text }
}

fn place(file: &str, line: u32) -> String {
    match (file, line) {
        ("", _) => String::new(),
        (file, 0) => code(file),
        (file, line) => code(&format!("{file}:{line}")),
    }
}

fn names(owners: &[String]) -> String {
    owners.iter().map(|owner| plain(owner)).collect::<Vec<_>>().join(" ")
}

/// In backticks, which no forge looks into.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'").replace('|', "\\|").replace(['\n', '\r'], " "))
}

/// Text that is no markup.
fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('|', "\\|").replace(['\n', '\r'], " ")
}
