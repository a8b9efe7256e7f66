//! The report for a person.

use std::fmt::Write;

use super::{EndpointRow, Finding, RegressionReport};
use crate::number::{counted, duration, percent, percent_range, signed, signed_percent, three_digits};

/// Endpoints whose smallest detectable effect is listed.
const ENDPOINTS_MAX: usize = 10;

/// The report for a person.
pub fn text(report: &RegressionReport) -> String {
    let mut text = match report.findings.len() {
        0 => "No regression found.\n".to_owned(),
        count => format!("{}.\n", counted(count as u64, "regression")),
    };
    report.findings.iter().for_each(|finding| add_finding(&mut text, finding));
    for row in &report.pending {
        let what = if row.function.is_empty() { &row.endpoint } else { &row.function };
        let _ = writeln!(
            text,
            "\nPending: {} in {} since {}: {} → {} per request, {} servers if it lasts; the next windows decide.",
            what,
            row.endpoint,
            row.at,
            duration(row.before_ns),
            duration(row.after_ns),
            signed(row.servers)
        );
    }
    if !report.versions.is_empty() {
        text.push('\n');
        text.push_str(&crate::versions::rows(&report.versions));
    }
    add_shown(&mut text, &report.endpoints);
    add_funnel(&mut text, report);
    let _ = writeln!(text, "{}", report.sizing);
    for note in &report.notes {
        let _ = writeln!(text, "{note}");
    }
    text
}

fn add_finding(text: &mut String, finding: &Finding) {
    let reference = if finding.is_new { finding.endpoint_ns } else { finding.before_ns };
    let rise = (finding.after_ns - finding.before_ns) / reference.max(f64::MIN_POSITIVE);
    let what = match (finding.function.as_str(), finding.is_own) {
        ("", _) => String::new(),
        (function, true) => format!("own code of {function} ({}) ", finding.place),
        (function, false) => format!("{function} ({}) ", finding.place),
    };
    let of = if finding.is_new { "of the request's CPU, new" } else { "CPU per request" };
    let _ = writeln!(
        text,
        "\n{} since {}: {what}{} {of} (95 % interval {})",
        finding.endpoints.join(", "),
        finding.at,
        signed_percent(rise),
        percent_range(finding.interval),
    );
    let (low, high) = finding.servers_interval;
    let _ = writeln!(
        text,
        "  {} → {}; {} cores, {} servers ({} to {}); {}",
        duration(finding.before_ns),
        duration(finding.after_ns),
        signed(finding.cores),
        signed(finding.servers),
        three_digits(low),
        three_digits(high),
        evidence(finding),
    );
    if !finding.version.is_empty() {
        let _ = writeln!(text, "  came with version {}", finding.version);
    }
    if !finding.flag.is_empty() {
        let _ = writeln!(text, "  by flag {} = {}", finding.flag, finding.flag_variant);
    }
    for suspect in finding.suspects.iter().filter(|suspect| suspect.function != finding.function) {
        let _ = writeln!(
            text,
            "  with it {} ({}): {} → {} per request",
            suspect.function,
            suspect.place,
            duration(suspect.before_ns),
            duration(suspect.after_ns)
        );
    }
}

fn evidence(finding: &Finding) -> String {
    let among = match finding.group.as_str() {
        "" => String::new(),
        group => format!(", only in {group}"),
    };
    match finding.unit.as_str() {
        "window" => format!(
            "{}, too few for a verdict about the fleet{among}: this says nothing about other hosts",
            counted(finding.units, "host")
        ),
        unit => format!("over {} by {unit}{among}", counted(finding.units, "unit")),
    }
}

/// What "no change" means, endpoint by endpoint.
fn add_shown(text: &mut String, endpoints: &[EndpointRow]) {
    let known = endpoints.iter().filter_map(|row| Some((row, row.detectable?)));
    let mut known: Vec<(&EndpointRow, f64)> = known.collect();
    known.sort_by(|left, right| left.1.total_cmp(&right.1));
    if !known.is_empty() {
        let each = known.iter().take(ENDPOINTS_MAX);
        let each: Vec<String> =
            each.map(|(row, detectable)| format!("{} {}", row.endpoint, percent(*detectable))).collect();
        let more = match known.len().saturating_sub(ENDPOINTS_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let _ = writeln!(text, "\nSmallest rise that would have been seen: {}{more}.", each.join(", "));
    }
    let unknown = endpoints.len() - known.len();
    if unknown > 0 {
        let _ = writeln!(
            text,
            "{}{} on too few hosts to say what would have been seen; a fleet verdict needs four.",
            if known.is_empty() { "\n" } else { "" },
            counted(unknown as u64, "endpoint")
        );
    }
}

fn add_funnel(text: &mut String, report: &RegressionReport) {
    let funnel = &report.funnel;
    let left_out = match (funnel.rare, funnel.cut) {
        (0, 0) => String::new(),
        (rare, 0) => format!(" ({rare} more with too few samples)"),
        (rare, cut) => format!(" ({rare} more with too few samples, {cut} cut)"),
    };
    let _ = writeln!(
        text,
        "\n{} series looked at{left_out}: {} with gaps, {} quiet, {} without a step up.\nSteps that fell: {} cheaper, {} \
         small, {} over, {} season, {} mix of hosts, {} chance, {} only moved, {} around another, {} the same cause, {} \
         pending.",
        funnel.series,
        funnel.unsound,
        funnel.quiet,
        funnel.no_step,
        funnel.improvements,
        funnel.small,
        funnel.went_away,
        funnel.season,
        funnel.population_shift,
        funnel.not_significant,
        funnel.cost_shift,
        funnel.nested,
        funnel.duplicates,
        funnel.pending,
    );
}
