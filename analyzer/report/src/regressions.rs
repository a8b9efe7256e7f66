//! The answer of `fewer regressions`.

use std::fmt::Write;

use serde::Serialize;

use crate::number::{counted, duration, percent_range, signed, signed_percent};

/// What got dearer, and what was looked at to find it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RegressionReport {
    /// Name and version of this form; fields are only added to it.
    pub schema: &'static str,
    /// The most cores first.
    pub findings: Vec<Finding>,
    /// How many fell at each stage.
    pub funnel: Funnel,
    /// How servers are counted, in words.
    pub sizing: String,
    /// Limits that were hit.
    pub notes: Vec<String>,
}

/// A lasting rise of CPU per request.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Finding {
    /// Endpoints that rose together, the one with the most cores first.
    pub endpoints: Vec<String>,
    /// When, in milliseconds since the Unix epoch; and the same as text.
    pub at_ms: i64,
    /// The same for a person.
    pub at: String,
    /// CPU per request before, in nanoseconds, in the first endpoint.
    pub before_ns: f64,
    /// CPU per request behind it.
    pub after_ns: f64,
    /// 95 % interval of the relative rise.
    pub interval: (f64, f64),
    /// The p-value, adjusted for all series (Benjamini and Yekutieli).
    pub adjusted_p_value: f64,
    /// The label whose values are the units of evidence, or `window` where one host is all there is.
    pub unit: String,
    /// How many.
    pub units: u64,
    /// Cores that all its endpoints take more.
    pub cores: f64,
    /// Servers that the cores are worth.
    pub servers: f64,
    /// Functions whose own cost rose with it, the largest rise first.
    pub suspects: Vec<Suspect>,
}

/// A function that may be why.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Suspect {
    /// Its name.
    pub function: String,
    /// Where it is.
    pub place: String,
    /// Own CPU per request before, in nanoseconds.
    pub before_ns: f64,
    /// Own CPU per request behind it.
    pub after_ns: f64,
}

/// Where series and steps fell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Funnel {
    /// Series that were looked at.
    pub series: u64,
    /// Steps down.
    pub improvements: u64,
    /// Steps up below the floor.
    pub small: u64,
    /// Rises that are over.
    pub went_away: u64,
    /// Rises that come every day.
    pub season: u64,
    /// Rises that a change of the mix of hosts makes.
    pub population_shift: u64,
    /// Functions whose cost only moved.
    pub cost_shift: u64,
    /// Rises that chance may have made, with so many series looked at.
    pub not_significant: u64,
    /// Rises that were merged with another of the same cause.
    pub duplicates: u64,
    /// What is left.
    pub findings: u64,
}

/// The report for a person.
pub fn text(report: &RegressionReport) -> String {
    let mut text = match report.findings.len() {
        0 => "No regression found.\n".to_owned(),
        count => format!("{}.\n", counted(count as u64, "regression")),
    };
    for finding in &report.findings {
        let rise = finding.after_ns / finding.before_ns.max(f64::MIN_POSITIVE) - 1.0;
        let _ = writeln!(
            text,
            "\n{} since {}: {} CPU per request (95 % interval {})",
            finding.endpoints.join(", "),
            finding.at,
            signed_percent(rise),
            percent_range(finding.interval),
        );
        let _ = writeln!(
            text,
            "  {} → {}; {} cores, {} servers; {}",
            duration(finding.before_ns),
            duration(finding.after_ns),
            signed(finding.cores),
            signed(finding.servers),
            match finding.unit.as_str() {
                "window" => format!(
                    "one host, {} of it: this says nothing about other hosts",
                    counted(finding.units, "window")
                ),
                unit => format!("over {} by {unit}", counted(finding.units, "unit")),
            },
        );
        for suspect in &finding.suspects {
            let _ = writeln!(
                text,
                "  suspect {} ({}): own CPU {} → {} per request",
                suspect.function,
                suspect.place,
                duration(suspect.before_ns),
                duration(suspect.after_ns)
            );
        }
    }
    let funnel = &report.funnel;
    let _ = writeln!(
        text,
        "\n{} looked at; steps that fell: {} cheaper, {} small, {} over, {} season, {} mix of hosts, {} chance, {} \
         the same cause; {} only moved.\n{}",
        counted(funnel.series, "endpoint"),
        funnel.improvements,
        funnel.small,
        funnel.went_away,
        funnel.season,
        funnel.population_shift,
        funnel.not_significant,
        funnel.duplicates,
        counted(funnel.cost_shift, "function"),
        report.sizing,
    );
    for note in &report.notes {
        let _ = writeln!(text, "{note}");
    }
    text
}

/// The report as JSON, for programs.
pub fn json(report: &RegressionReport) -> String {
    serde_json::to_string_pretty(report).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regressions_to_read() {
        let finding = Finding {
            endpoints: vec!["GET /feed".into(), "GET /home".into()],
            at: "2026-01-31T11:00:00Z".into(),
            before_ns: 4e6,
            after_ns: 5e6,
            interval: (0.22, 0.28),
            unit: "host.name".into(),
            units: 10,
            cores: 1.5,
            servers: 0.19,
            suspects: vec![Suspect {
                function: "rank".into(),
                place: "feed/rank.py".into(),
                before_ns: 1e6,
                after_ns: 2e6,
            }],
            ..Finding::default()
        };
        let funnel = Funnel { series: 12, improvements: 1, season: 2, findings: 1, ..Funnel::default() };
        let report = RegressionReport {
            findings: vec![finding],
            funnel,
            sizing: "Servers: 16 cores.".into(),
            ..Default::default()
        };
        insta::assert_snapshot!(text(&report));
        assert!(text(&RegressionReport::default()).starts_with("No regression found."));
    }
}
