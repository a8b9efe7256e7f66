//! The answer of `fewer check --canary`.

use std::fmt::Write;

use serde::Serialize;

use crate::{
    check::{Change, Conclusion},
    number::{counted, duration, percent, percent_range, signed_percent},
};

/// A canary against its control, at the last look taken.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CanaryReport {
    /// Name and version of this form; fields are only added to it.
    pub schema: &'static str,
    /// The verdict.
    pub conclusion: Conclusion,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What runs the new version.
    pub canary: String,
    /// What runs the old one.
    pub control: String,
    /// The label whose values are the units of evidence.
    pub unit: String,
    /// Units of the control with requests.
    pub control_units: u64,
    /// Units of the canary with requests.
    pub canary_units: u64,
    /// CPU per request; null without requests.
    pub control_cpu_ns_per_request: Option<f64>,
    /// The same of the canary.
    pub canary_cpu_ns_per_request: Option<f64>,
    /// True when programs counted the CPU of their requests, false when it is sampled.
    pub is_counted: bool,
    /// Relative change of CPU per request.
    pub cpu: Option<Change>,
    /// Change of the share of requests that end with an error of the server, of those without an error of the client.
    pub server_errors: Option<Difference>,
    /// Change of the share of requests that end with an error of the client; it decides nothing.
    pub client_errors: Option<Difference>,
    /// What is known of the time that requests take.
    pub latency: &'static str,
    /// Rise of CPU per request that is put up with.
    pub margin: f64,
    /// Rise of the share of errors that is put up with.
    pub errors_margin: f64,
    /// Confidence of the intervals at this look.
    pub confidence: f64,
    /// Which look it was, from 1.
    pub look: u32,
    /// Looks planned.
    pub looks: u32,
}

/// A difference with its interval.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The likeliest value.
    pub value: f64,
    /// Where the truth lies.
    pub interval: (f64, f64),
}

/// The report for a person.
pub fn markdown(report: &CanaryReport) -> String {
    let verdict = match report.conclusion {
        Conclusion::Pass => "Pass",
        Conclusion::Fail => "Fail",
        Conclusion::NoVerdict => "No verdict",
    };
    let mut text = format!("**{verdict}:");
    if let Some(reason) = &report.reason {
        let _ = write!(text, " {reason}.");
    }
    if let Some(cpu) = &report.cpu {
        let _ = write!(
            text,
            " {} CPU per request (interval {}); a rise of {} would have been seen.",
            signed_percent(cpu.value),
            percent_range(cpu.interval),
            percent(cpu.detectable),
        );
    }
    text.push_str("**\n");
    if let (Some(control), Some(canary)) =
        (report.control_cpu_ns_per_request, report.canary_cpu_ns_per_request)
    {
        let source = if report.is_counted { "as programs counted it" } else { "sampled" };
        let _ = writeln!(text, "\nCPU per request, {source}: {} → {}.", duration(control), duration(canary));
    }
    if let Some(errors) = &report.server_errors {
        let _ = writeln!(
            text,
            "Errors of the server: {} of requests (interval {}; more than {} fails).",
            signed_percent(errors.value),
            percent_range(errors.interval),
            signed_percent(report.errors_margin),
        );
    }
    if let Some(errors) = &report.client_errors {
        let _ = writeln!(
            text,
            "Errors of the client: {} of requests (interval {}); they decide nothing.",
            signed_percent(errors.value),
            percent_range(errors.interval),
        );
    }
    let _ = writeln!(text, "Latency: {}.", report.latency);
    let _ = writeln!(
        text,
        "Canary `{}`, {}; control `{}`, {}, by {}. Look {} of {}, at a confidence of {} so that all looks together \
         keep theirs; more CPU than {} fails.",
        report.canary,
        counted(report.canary_units, "unit"),
        report.control,
        counted(report.control_units, "unit"),
        report.unit,
        report.look,
        report.looks,
        confidence(report.confidence),
        signed_percent(report.margin),
    );
    text
}

/// The report as JSON, for programs.
pub fn json(report: &CanaryReport) -> String {
    serde_json::to_string_pretty(report).unwrap_or_default() + "\n"
}

/// With as many nines as it has.
fn confidence(share: f64) -> String {
    let decimals = (-(1.0 - share).max(1e-9).log10()).ceil().clamp(1.0, 8.0) as usize;
    format!("{:.*} %", decimals - 1, share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_to_read() {
        let report = CanaryReport {
            schema: "fewer.canary/1",
            conclusion: Conclusion::Fail,
            reason: None,
            canary: "{service.version=\"2\"}".into(),
            control: "{service.version=\"1\"}".into(),
            unit: "host.name".into(),
            control_units: 12,
            canary_units: 12,
            control_cpu_ns_per_request: Some(1.2e6),
            canary_cpu_ns_per_request: Some(1.5e6),
            is_counted: true,
            cpu: Some(Change { value: 0.25, interval: (0.11, 0.41), detectable: 0.15 }),
            server_errors: Some(Difference { value: 0.0, interval: (-0.001, 0.001) }),
            client_errors: Some(Difference { value: 0.002, interval: (-0.001, 0.005) }),
            latency: "not counted",
            margin: 0.02,
            errors_margin: 0.001,
            confidence: 0.99694,
            look: 2,
            looks: 4,
        };
        insta::assert_snapshot!(markdown(&report));
        let none = CanaryReport {
            conclusion: Conclusion::NoVerdict,
            reason: Some("each arm needs two hosts".into()),
            cpu: None,
            server_errors: None,
            client_errors: None,
            canary_cpu_ns_per_request: None,
            ..report
        };
        insta::assert_snapshot!("without_evidence", markdown(&none));
    }
}
