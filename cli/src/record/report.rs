//! How a recording went, in words and as JSON.

use std::{fmt::Write, path::Path};

use agent::{Recording, Summary};
use serde_json::json;

/// In words.
pub(crate) fn text(summary: &Summary, total_ns: i64) -> String {
    let Summary { samples, user_samples, unwound, .. } = *summary;
    let seconds = summary.duration_ns as f64 / 1e9;
    let mut text = format!(
        "{} samples in {seconds:.1} s at {} Hz ({}): {:.2} s of CPU\n",
        grouped(samples),
        summary.rate_hz,
        summary.backend,
        total_ns as f64 / 1e9
    );
    if let Some(reason) = &summary.backend_reason {
        let _ = writeln!(text, "BPF was not used: {reason}");
    }
    if user_samples > 0 {
        let share = percent(unwound, user_samples);
        let _ = writeln!(text, "{share} of {} user samples unwound to the root", grouped(user_samples));
        add_list(&mut text, "cut short", &summary.cuts);
    }
    let named: u64 =
        summary.names.iter().filter(|(outcome, _)| *outcome == "named").map(|(_, count)| count).sum();
    let addresses: u64 = summary.names.iter().map(|(_, count)| count).sum();
    let unnamed: Vec<(&str, u64)> =
        summary.names.iter().filter(|(outcome, _)| *outcome != "named").copied().collect();
    if addresses > 0 {
        let _ =
            writeln!(text, "{} of {} code addresses named", percent(named, addresses), grouped(addresses));
        add_list(&mut text, "not named", &unnamed);
    }
    if summary.lost_samples > 0 {
        let _ = writeln!(
            text,
            "{} samples were lost: the kernel had no room for them",
            grouped(summary.lost_samples)
        );
    }
    if summary.beyond_limit > 0 {
        let _ = writeln!(text, "{} samples had no room for their stack", grouped(summary.beyond_limit));
    }
    text
}

/// As JSON, with the functions of the table.
pub(crate) fn json(recording: &Recording, output: Option<&Path>, rows: usize) -> String {
    let summary = &recording.summary;
    let counts = |outcomes: &[(&str, u64)]| -> serde_json::Map<String, serde_json::Value> {
        outcomes.iter().map(|(outcome, count)| ((*outcome).to_owned(), json!(count))).collect()
    };
    let top = calltree::top(&recording.batch);
    let functions = top.iter().take(rows).map(|row| {
        json!({
            "function": row.function.name.as_ref(),
            "executable": row.function.executable.as_ref(),
            "self_ns": row.self_value,
            "total_ns": row.total,
        })
    });
    let report = json!({
        "backend": summary.backend,
        "backend_reason": summary.backend_reason,
        "duration_ns": summary.duration_ns,
        "rate_hz": summary.rate_hz,
        "samples": summary.samples,
        "cpu_ns": recording.batch.total(),
        "user_samples": summary.user_samples,
        "unwound_to_root": summary.unwound,
        "cuts": counts(&summary.cuts),
        "addresses": counts(&summary.names),
        "lost_samples": summary.lost_samples,
        "beyond_limit": summary.beyond_limit,
        "output": output.map(|path| path.display().to_string()),
        "top": functions.collect::<Vec<_>>(),
    });
    format!("{report:#}\n")
}

fn add_list(text: &mut String, what: &str, outcomes: &[(&str, u64)]) {
    if !outcomes.is_empty() {
        let list: Vec<String> =
            outcomes.iter().map(|(outcome, count)| format!("{} {outcome}", grouped(*count))).collect();
        let _ = writeln!(text, "  {what}: {}", list.join(", "));
    }
}

/// One decimal, and never 100 unless it is all.
fn percent(part: u64, whole: u64) -> String {
    let tenths = (part as f64 / (whole as f64).max(1.0) * 1000.0).round() as u64;
    let tenths = if part < whole { tenths.min(999) } else { tenths };
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// `4812` is `4,812`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_to_read() {
        assert_eq!([0, 12, 999, 1000, 1_234_567].map(grouped), ["0", "12", "999", "1,000", "1,234,567"]);
        let percents = [percent(9999, 10_000), percent(1, 1), percent(0, 7), percent(1, 3)];
        assert_eq!(percents, ["99.9 %", "100.0 %", "0.0 %", "33.3 %"]);
    }

    #[test]
    fn a_report_names_every_reason() {
        let summary = Summary {
            backend: "bpf".into(),
            duration_ns: 10_000_000_000,
            rate_hz: 99,
            samples: 4900,
            user_samples: 4812,
            unwound: 4793,
            cuts: vec![("beyond copy", 12), ("jit", 7)],
            names: vec![("named", 1990), ("no symbol table", 10)],
            lost_samples: 3,
            ..Summary::default()
        };
        insta::assert_snapshot!(text(&summary, 49_490_000_000), @r"
        4,900 samples in 10.0 s at 99 Hz (bpf): 49.49 s of CPU
        99.6 % of 4,812 user samples unwound to the root
          cut short: 12 beyond copy, 7 jit
        99.5 % of 2,000 code addresses named
          not named: 10 no symbol table
        3 samples were lost: the kernel had no room for them
        ");
    }
}
