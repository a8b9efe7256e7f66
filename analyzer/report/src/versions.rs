//! The answer of `fewer regressions --versions`.

use std::fmt::Write;

use serde::Serialize;

use crate::{
    number::{counted, duration, percent, percent_range, signed, signed_percent},
    regressions::Suspect,
};

/// Versions against the ones before them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct VersionReport {
    /// Name and version of this form; fields are only added to it.
    pub schema: &'static str,
    /// By service, version and endpoint.
    pub rows: Vec<VersionRow>,
    /// How servers are counted, in words.
    pub sizing: String,
    /// What could not be compared, and why.
    pub notes: Vec<String>,
}

/// What a comparison of versions says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionVerdict {
    /// It costs more.
    Dearer,
    /// It costs less.
    Cheaper,
    /// No change beyond what is detectable.
    NoChange,
    /// The data cannot tell.
    #[default]
    NoVerdict,
}

/// One version against the one before it, in one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct VersionRow {
    /// The service.
    pub service: String,
    /// The version before.
    pub baseline: String,
    /// The version.
    pub version: String,
    /// The endpoint.
    pub endpoint: String,
    /// When it had arrived, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The same for a person.
    pub at: String,
    /// How long each was looked at, in seconds.
    pub seconds: f64,
    /// What it says.
    pub verdict: VersionVerdict,
    /// Why there is no verdict; empty when there is one.
    pub reason: String,
    /// CPU per request before, in nanoseconds.
    pub before_ns: f64,
    /// CPU per request of the version.
    pub after_ns: f64,
    /// 95 % interval of the relative change.
    pub interval: (f64, f64),
    /// The smallest relative change that would have been seen four times in five.
    pub detectable: f64,
    /// The p-value, adjusted for all rows (Benjamini and Yekutieli).
    pub adjusted_p_value: f64,
    /// The label whose values are the units of evidence, or `window` where one host ran both versions side by side.
    pub unit: String,
    /// Units that took part.
    pub units: u64,
    /// Cores that the version takes more.
    pub cores: f64,
    /// Their 95 % interval.
    pub cores_interval: (f64, f64),
    /// Servers that the cores are worth.
    pub servers: f64,
    /// Their 95 % interval.
    pub servers_interval: (f64, f64),
    /// Of a rise, the functions that it is in, the narrowest first.
    pub suspects: Vec<Suspect>,
    /// Of a rise, the flag that carries it.
    pub flag: String,
    /// The flag's variant.
    pub flag_variant: String,
}

/// The report for a person.
pub fn text(report: &VersionReport) -> String {
    let mut text = match report.rows.is_empty() {
        true => "No version to compare.\n".to_owned(),
        false => rows(&report.rows),
    };
    let _ = writeln!(text, "\n{}", report.sizing);
    for note in &report.notes {
        let _ = writeln!(text, "{note}");
    }
    text
}

/// The rows for a person, a heading for each pair of versions.
pub fn rows(rows: &[VersionRow]) -> String {
    let mut text = String::new();
    let pair = |row: &VersionRow| (row.service.clone(), row.baseline.clone(), row.version.clone());
    for of_pair in rows.chunk_by(|one, next| pair(one) == pair(next)) {
        let Some(first) = of_pair.first() else { continue };
        let service = if first.service.is_empty() { String::new() } else { format!("{} ", first.service) };
        let _ = writeln!(
            text,
            "{service}{} against {}, {} each, from {}:",
            first.version,
            first.baseline,
            length(first.seconds),
            first.at
        );
        for row in of_pair {
            let _ = writeln!(text, "  {}", sentence(row));
        }
    }
    text
}

fn sentence(row: &VersionRow) -> String {
    let change = signed_percent(row.after_ns / row.before_ns.max(f64::MIN_POSITIVE) - 1.0);
    let measured = format!(
        "{} → {} per request, {change} ({}), over {}",
        duration(row.before_ns),
        duration(row.after_ns),
        percent_range(row.interval),
        units(row)
    );
    let (low, high) = row.servers_interval;
    let cost = format!(
        "{} cores, {} servers ({} to {})",
        signed(row.cores),
        signed(row.servers),
        signed(low),
        signed(high)
    );
    match row.verdict {
        VersionVerdict::Dearer => format!("{}: dearer: {measured}; {cost}{}", row.endpoint, brought_by(row)),
        VersionVerdict::Cheaper => format!("{}: cheaper: {measured}; {cost}", row.endpoint),
        VersionVerdict::NoChange => format!(
            "{}: no change: {measured}; {} would have been seen",
            row.endpoint,
            percent(row.detectable)
        ),
        VersionVerdict::NoVerdict => format!("{}: no verdict: {}", row.endpoint, row.reason),
    }
}

fn units(row: &VersionRow) -> String {
    match row.unit.as_str() {
        "window" => format!("{} of one host", counted(row.units, "window")),
        "host.name" => counted(row.units, "host"),
        label => counted(row.units, label),
    }
}

/// What is known of where a rise is from, on lines of their own.
fn brought_by(row: &VersionRow) -> String {
    let mut text = String::new();
    for one in &row.suspects {
        let place = if one.place.is_empty() { String::new() } else { format!(" ({})", one.place) };
        let (before, after) = (duration(one.before_ns), duration(one.after_ns));
        let _ = write!(text, "\n    in {}{place}: {before} → {after} per request", one.function);
    }
    if !row.flag.is_empty() {
        let _ = write!(text, "\n    with flag {}={}", row.flag, row.flag_variant);
    }
    text
}

fn length(seconds: f64) -> String {
    match seconds {
        _ if seconds >= 7_200.0 => format!("{:.0} hours", seconds / 3_600.0),
        _ if seconds >= 120.0 => format!("{:.0} minutes", seconds / 60.0),
        _ => format!("{seconds:.0} seconds"),
    }
}

/// The report as JSON, for programs.
pub fn json(report: &VersionReport) -> String {
    serde_json::to_string_pretty(report).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_to_read() {
        let row = |endpoint: &str, verdict, after_ns| VersionRow {
            service: "feed".into(),
            baseline: "1.7.9".into(),
            version: "1.8.0".into(),
            endpoint: endpoint.into(),
            at: "2026-01-31T11:00:00Z".into(),
            seconds: 5_400.0,
            verdict,
            before_ns: 4e6,
            after_ns,
            interval: (after_ns / 4e6 - 1.02, after_ns / 4e6 - 0.98),
            detectable: 0.03,
            unit: "host.name".into(),
            units: 12,
            cores: 0.5,
            cores_interval: (0.4, 0.6),
            servers: 0.06,
            servers_interval: (0.05, 0.07),
            ..VersionRow::default()
        };
        let rows = vec![
            VersionRow {
                suspects: vec![Suspect {
                    function: "freshness".into(),
                    place: "photos/ranking.py".into(),
                    before_ns: 0.0,
                    after_ns: 3.5e5,
                }],
                flag: "new_ranker".into(),
                flag_variant: "on".into(),
                ..row("GET /feed", VersionVerdict::Dearer, 4.4e6)
            },
            row("GET /login", VersionVerdict::NoChange, 4.0e6),
            VersionRow {
                reason: "two hosts served it, four are needed".into(),
                ..row("GET /rare", VersionVerdict::NoVerdict, 4.0e6)
            },
            VersionRow { version: "1.8.1".into(), ..row("GET /feed", VersionVerdict::Cheaper, 3.6e6) },
        ];
        let report = VersionReport {
            schema: "fewer.versions/1",
            rows,
            sizing: "Servers: 16 cores.".into(),
            notes: vec!["Service photos has no label service.version.".into()],
        };
        insta::assert_snapshot!(text(&report));
        assert!(text(&VersionReport::default()).starts_with("No version to compare."));
    }
}
