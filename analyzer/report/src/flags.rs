//! The answer of `fewer flags`.

use std::fmt::Write;

use serde::Serialize;

use crate::number::{counted, duration, percent, signed};

/// What flags cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FlagReport {
    /// Name and version of this form; fields are only added to it.
    pub schema: &'static str,
    /// Costs by flag, variant and endpoint; the most cores first.
    pub costs: Vec<FlagRow>,
    /// Pairs of flags that cost more, or less, together than each by itself.
    pub interactions: Vec<InteractionRow>,
    /// Flags that had one variant only.
    pub constant: Vec<ConstantFlag>,
    /// How servers are counted, in words.
    pub sizing: String,
    /// Limits that were hit, and what could not be compared.
    pub notes: Vec<String>,
}

/// One variant of a flag against its baseline, in one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FlagRow {
    /// The flag's key.
    pub flag: String,
    /// The variant.
    pub variant: String,
    /// What it is compared with.
    pub baseline_variant: String,
    /// In requests of this endpoint.
    pub endpoint: String,
    /// CPU per request under the baseline, in nanoseconds.
    pub baseline_ns: f64,
    /// The same under the variant.
    pub variant_ns: f64,
    /// How much more the variant costs per request.
    pub difference_ns: f64,
    /// Its 95 % interval.
    pub interval_ns: (f64, f64),
    /// The smallest difference that would have been seen four times in five.
    pub detectable_ns: f64,
    /// The p-value, adjusted for how many costs were looked at (Benjamini and Hochberg).
    pub adjusted_p_value: f64,
    /// Cores that the variant takes now, and its interval.
    pub cores: f64,
    /// Interval of `cores`.
    pub cores_interval: (f64, f64),
    /// Share of the endpoint's requests that have the variant now.
    pub exposure: f64,
    /// Cores if all of these requests had the variant; if none had, it would be `cores` less than now.
    pub cores_at_full: f64,
    /// Interval of `cores_at_full`.
    pub cores_at_full_interval: (f64, f64),
    /// Servers that `cores` is worth.
    pub servers: f64,
    /// Servers that one core is worth.
    pub servers_per_core: f64,
    /// Servers that `cores_at_full` is worth.
    pub servers_at_full: f64,
    /// The label whose values are the units of evidence, or `window`.
    pub unit: String,
    /// How many took part.
    pub units: u64,
    /// True when a unit is compared with itself.
    pub is_within_units: bool,
    /// True when programs say that requests were split at random; otherwise who got the variant may explain its cost.
    pub is_random: bool,
    /// Probability that requests have the variants as unevenly as they do, if they were split as programs drew them; null
    /// where nothing was drawn.
    pub sample_ratio_p_value: Option<f64>,
    /// True when the split is not the one that was drawn: then no effect should be read.
    pub sample_ratio_mismatch: bool,
}

/// Two flags at once, in one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct InteractionRow {
    /// The first flag and its variant.
    pub first: (String, String),
    /// The second flag and its variant.
    pub second: (String, String),
    /// In requests of this endpoint.
    pub endpoint: String,
    /// What both cost together more than each by itself, in nanoseconds per request.
    pub extra_ns: f64,
    /// Its 95 % interval.
    pub interval_ns: (f64, f64),
    /// Hosts that served all four combinations.
    pub units: u64,
}

/// A flag that never varies.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ConstantFlag {
    /// Its key.
    pub flag: String,
    /// The one variant.
    pub variant: String,
    /// Evaluations that had it; 0 when only labels tell.
    pub evaluations: u64,
}

/// Rows of the table that a person is shown.
const ROWS_MAX: usize = 40;

/// The report for a person.
pub fn text(report: &FlagReport) -> String {
    let mut text = String::new();
    if report.costs.is_empty() {
        text.push_str("No flag has two variants to compare here.\n");
    }
    for row in report.costs.iter().take(ROWS_MAX) {
        let verdict = match row.adjusted_p_value <= 0.05 {
            _ if row.sample_ratio_mismatch => {
                "requests are not split as they were drawn, so no effect can be read".to_owned()
            }
            true => format!("{} per request", plus(row.difference_ns)),
            false => format!("no difference found, {} would have been", duration(row.detectable_ns)),
        };
        let _ = writeln!(
            text,
            "{} = {} (against {}) in {}: {verdict}",
            row.flag, row.variant, row.baseline_variant, row.endpoint
        );
        let _ = writeln!(
            text,
            "  {} → {}, 95 % interval {} to {}; now, at {} of the requests, {} cores ({} to {})",
            duration(row.baseline_ns),
            duration(row.variant_ns),
            plus(row.interval_ns.0),
            plus(row.interval_ns.1),
            percent(row.exposure),
            signed(row.cores),
            signed(row.cores_interval.0),
            signed(row.cores_interval.1),
        );
        let _ = writeln!(
            text,
            "  at 0 % {} cores against now, at 100 % {} cores ({} to {}) against none, or {} servers",
            signed(-row.cores),
            signed(row.cores_at_full),
            signed(row.cores_at_full_interval.0),
            signed(row.cores_at_full_interval.1),
            signed(row.servers_at_full),
        );
        let _ = writeln!(text, "  {}; {}", evidence(row), cause(row));
    }
    if report.costs.len() > ROWS_MAX {
        let _ = writeln!(text, "And {} more; --json has them all.", report.costs.len() - ROWS_MAX);
    }
    report.interactions.iter().for_each(|row| add_interaction(&mut text, row));
    for flag in &report.constant {
        let seen = match flag.evaluations {
            0 => "in every request with it".to_owned(),
            count => format!("in all of {}", counted(count, "evaluation")),
        };
        let _ = writeln!(text, "{} never varies: {} {seen}", flag.flag, flag.variant);
    }
    let _ = writeln!(text, "{}", report.sizing);
    for note in &report.notes {
        let _ = writeln!(text, "{note}");
    }
    text
}

/// The report as JSON, for programs.
pub fn json(report: &FlagReport) -> String {
    serde_json::to_string_pretty(report).unwrap_or_default() + "\n"
}

fn add_interaction(text: &mut String, row: &InteractionRow) {
    let ((first, first_variant), (second, second_variant)) = (&row.first, &row.second);
    let (low, high) = row.interval_ns;
    let _ = writeln!(
        text,
        "{first} = {first_variant} with {second} = {second_variant} in {}: {} per request beyond each by itself ({} to \
         {}), over {}",
        row.endpoint,
        plus(row.extra_ns),
        plus(low),
        plus(high),
        counted(row.units, "host"),
    );
}

fn plus(ns: f64) -> String {
    let text = duration(ns);
    if ns > 0.0 { format!("+{text}") } else { text }
}

fn evidence(row: &FlagRow) -> String {
    match (row.unit.as_str(), row.is_within_units) {
        ("window", _) => {
            format!("one host, {} of it: this says nothing about other hosts", counted(row.units, "stretch"))
        }
        (unit, true) => format!("within {} by {unit}", counted(row.units, "unit")),
        (unit, false) => format!("between {} by {unit}", counted(row.units, "unit")),
    }
}

fn cause(row: &FlagRow) -> &'static str {
    match row.is_random {
        true if row.sample_ratio_mismatch => {
            "drawn at random, but something else tells the variants apart too"
        }
        true => "requests were split at random",
        false => "observational: who gets the variant may explain it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_to_read() {
        let row = FlagRow {
            flag: "new_ranker".into(),
            variant: "on".into(),
            baseline_variant: "off".into(),
            endpoint: "GET /feed".into(),
            baseline_ns: 4e6,
            variant_ns: 5.2e6,
            difference_ns: 1.2e6,
            interval_ns: (1.0e6, 1.4e6),
            detectable_ns: 0.3e6,
            adjusted_p_value: 1e-4,
            cores: 0.6,
            cores_interval: (0.5, 0.7),
            exposure: 0.5,
            cores_at_full: 1.2,
            cores_at_full_interval: (1.0, 1.4),
            servers: 0.0375,
            servers_per_core: 0.0625,
            servers_at_full: 0.075,
            unit: "host.name".into(),
            units: 8,
            is_within_units: true,
            is_random: true,
            sample_ratio_p_value: Some(0.3),
            sample_ratio_mismatch: false,
        };
        let unclear = FlagRow {
            adjusted_p_value: 0.4,
            unit: "window".into(),
            units: 1,
            is_random: false,
            ..row.clone()
        };
        let mismatched =
            FlagRow { sample_ratio_p_value: Some(1e-9), sample_ratio_mismatch: true, ..row.clone() };
        let together = InteractionRow {
            first: ("new_ranker".into(), "on".into()),
            second: ("dark".into(), "blue".into()),
            endpoint: "GET /feed".into(),
            extra_ns: 0.2e6,
            interval_ns: (0.1e6, 0.3e6),
            units: 8,
        };
        let report = FlagReport {
            schema: "fewer.flags/1",
            costs: vec![row, unclear, mismatched],
            interactions: vec![together],
            constant: vec![
                ConstantFlag { flag: "old_search".into(), variant: "off".into(), evaluations: 1200 },
                ConstantFlag { flag: "x".into(), variant: "on".into(), evaluations: 0 },
            ],
            sizing: "Servers: 16 cores at 50 %, one region.".into(),
            notes: vec!["3 more flags were not looked at.".into()],
        };
        insta::assert_snapshot!(text(&report));
        assert!(text(&FlagReport::default()).starts_with("No flag"));
    }
}
