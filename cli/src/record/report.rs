//! How a recording went, in words and as JSON.

use std::{fmt::Write, path::Path};

use agent::{Recording, Summary};
use serde_json::json;

use crate::{
    number::{grouped, percent},
    sources::Sources,
};

/// A line that says how many of all had the good outcome, and one with what became of the others.
struct Share {
    outcomes: fn(&Summary) -> &[(&'static str, u64)],
    good: &'static str,
    what: &'static str,
    otherwise: &'static str,
}

const SHARES: [Share; 3] = [
    Share {
        outcomes: |summary| &summary.python,
        good: "complete",
        what: "Python samples with all their Python frames",
        otherwise: "otherwise",
    },
    Share {
        outcomes: |summary| &summary.python_merges,
        good: "complete",
        what: "Python samples with Python and native frames in one stack",
        otherwise: "otherwise",
    },
    Share {
        outcomes: |summary| &summary.names,
        good: "named",
        what: "code addresses named",
        otherwise: "not named",
    },
];

/// In words.
pub(crate) fn text(summary: &Summary, sources: &Sources, total_ns: i64) -> String {
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
    for share in SHARES {
        share.add(&mut text, summary);
    }
    if let Some(sentence) = sources.sentence(total_ns) {
        let _ = writeln!(text, "{sentence}");
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
    let sources = Sources::of(&recording.batch).json();
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
        "python": counts(&summary.python),
        "python_merges": counts(&summary.python_merges),
        "addresses": counts(&summary.names),
        "label_sources_ns": sources,
        "lost_samples": summary.lost_samples,
        "beyond_limit": summary.beyond_limit,
        "output": output.map(|path| path.display().to_string()),
        "top": functions.collect::<Vec<_>>(),
    });
    format!("{report:#}\n")
}

impl Share {
    fn add(&self, text: &mut String, summary: &Summary) {
        let outcomes = (self.outcomes)(summary);
        let all: u64 = outcomes.iter().map(|(_, count)| count).sum();
        let (good, others): (Vec<_>, Vec<_>) =
            outcomes.iter().copied().partition(|(outcome, _)| *outcome == self.good);
        let good = good.iter().map(|(_, count)| count).sum();
        if all > 0 {
            let _ = writeln!(text, "{} of {} {}", percent(good, all), grouped(all), self.what);
            add_list(text, self.otherwise, &others);
        }
    }
}

fn add_list(text: &mut String, what: &str, outcomes: &[(&str, u64)]) {
    if !outcomes.is_empty() {
        let list: Vec<String> =
            outcomes.iter().map(|(outcome, count)| format!("{} {outcome}", grouped(*count))).collect();
        let _ = writeln!(text, "  {what}: {}", list.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            python: vec![("complete", 1196), ("no thread state", 4)],
            python_merges: vec![("complete", 1190), ("no Python", 4), ("native cut", 6)],
            names: vec![("named", 1990), ("no symbol table", 10)],
            lost_samples: 3,
            ..Summary::default()
        };
        let sources = Sources::from_iter([("comm", 40_000_000_000), ("sdk", 9_490_000_000)]);
        insta::assert_snapshot!(text(&summary, &sources, 49_490_000_000), @r"
        4,900 samples in 10.0 s at 99 Hz (bpf): 49.49 s of CPU
        99.6 % of 4,812 user samples unwound to the root
          cut short: 12 beyond copy, 7 jit
        99.7 % of 1,200 Python samples with all their Python frames
          otherwise: 4 no thread state
        99.2 % of 1,200 Python samples with Python and native frames in one stack
          otherwise: 4 no Python, 6 native cut
        99.5 % of 2,000 code addresses named
          not named: 10 no symbol table
        context known for 19.2 % of CPU: sdk 19.2 %; thread name only: 80.8 %
        3 samples were lost: the kernel had no room for them
        ");
    }
}
