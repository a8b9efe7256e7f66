//! The answer of `fewer check --base REV --head REV`: what a change costs, in every form that a forge or a person reads.

mod code_quality;
mod comment;
mod escape;
mod markdown;
mod production;
mod sarif;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use code_quality::code_quality;
pub use comment::comment;
pub use escape::inline;
pub use markdown::{headline, markdown};
pub use production::{EndpointCost, FunctionChange, Production, ProductionRow, Range, Released, Suspect};
pub use sarif::sarif;

/// Rows of a table that a person is shown; what lies beyond is counted.
pub const ROWS_MAX: usize = 10;

/// What the check concludes. Its exit codes are 0, 1 and 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// Nothing dearer than is put up with, or nothing that runs was changed, or it was acknowledged.
    Pass,
    /// Dearer.
    Fail,
    /// It could not be told, for the reason given.
    #[default]
    NoVerdict,
}

/// Everything that was found out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckReport {
    /// Name and version of this form; fields are only added to it.
    pub schema: String,
    /// The verdict.
    pub conclusion: Conclusion,
    /// Why there is no verdict, or why one needed no measurement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was compared.
    pub revisions: Revisions,
    /// How it was measured; absent when nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measurement: Option<Measurement>,
    /// CPU per run, candidate against baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// What the changed functions cost in the fleet today; absent when it was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub production: Option<Production>,
    /// What the fleet said of the two versions; absent when it was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub released: Option<Released>,
    /// Functions whose cost differs beyond chance, those that the diff touches first, then the largest rise.
    pub functions: Vec<FunctionRow>,
    /// What the diff touches.
    pub touched: Touched,
    /// The entry by which a rise was put up with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledged>,
    /// What a reader should know besides: limits hit, entries that expired.
    pub notes: Vec<String>,
    /// Number of the pull or merge request, where the environment told it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<u64>,
}

/// A remark on one line of the difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotation {
    /// The file in the candidate.
    pub file: String,
    /// A line that the difference changed.
    pub line: u32,
    /// What is to be said, as plain text.
    pub text: String,
}

/// Full hashes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Revisions {
    /// What was measured as the baseline: the merge base of what was asked for.
    pub baseline: String,
    /// The base that was asked for.
    pub base: String,
    /// The candidate.
    pub head: String,
}

/// How the cost was found out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Measurement {
    /// The command, as a shell would take it.
    pub command: String,
    /// Pairs of runs.
    pub rounds: u64,
    /// Samples that functions are known from.
    pub samples: u64,
    /// Why functions were not sampled; absent when they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_sampled: Option<String>,
    /// Rise that is put up with.
    pub margin: f64,
    /// Confidence of the intervals.
    pub confidence: f64,
    /// Median CPU per run of the baseline, in nanoseconds.
    pub baseline_cpu_ns: f64,
    /// The same of the candidate.
    pub candidate_cpu_ns: f64,
    /// CPU per run of the baseline whose stacks have no function of the repository, in nanoseconds.
    pub outside_cpu_ns: f64,
}

/// A relative change. All are shares: 0.3 is 30 % more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The likeliest value.
    pub value: f64,
    /// Where the truth lies.
    pub interval: (f64, f64),
    /// The smallest rise that would have failed four times in five.
    pub detectable: f64,
}

/// A function whose cost differs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FunctionRow {
    /// Its name.
    pub function: String,
    /// The file in the repository, or where the code is from.
    pub file: String,
    /// Its first line in the candidate; 0 when that is not known.
    pub line: u32,
    /// A line of it that the diff changed; 0 when it was not changed.
    pub changed_line: u32,
    /// CPU per run, with what it calls, in nanoseconds.
    pub baseline_ns: f64,
    /// The same in the candidate.
    pub candidate_ns: f64,
    /// Interval of the difference.
    pub interval_ns: (f64, f64),
    /// How much of the difference is its own and not that of what it calls.
    pub self_difference_ns: f64,
    /// The p-value of the difference, adjusted for all functions.
    pub adjusted_p_value: f64,
    /// Who is told.
    pub owners: Vec<String>,
}

/// What the diff touches.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Touched {
    /// Files changed.
    pub files: u64,
    /// Functions changed, as far as their language can be read.
    pub functions: Vec<TouchedFunction>,
    /// Changed files with code in a language that is not read.
    pub unread_files: Vec<String>,
}

/// A changed function.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TouchedFunction {
    /// Its name with what encloses it.
    pub function: String,
    /// The file in the candidate.
    pub file: String,
    /// Its first line.
    pub line: u32,
    /// Share of the candidate's samples that have it in their stack; null when it was not sampled.
    pub share: Option<f64>,
    /// Who is told.
    pub owners: Vec<String>,
}

/// Someone put up with a rise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Acknowledged {
    /// Who.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// Until when, as a date.
    pub expires: String,
    /// The largest rise it covers.
    pub at_most: f64,
}

impl Conclusion {
    /// What the program exits with.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::NoVerdict => 3,
        }
    }
}

/// The report as JSON, for programs.
pub fn json(report: &CheckReport) -> String {
    serde_json::to_string_pretty(report).unwrap_or_default() + "\n"
}

/// True when the report is worth a comment of its own: something got dearer or cheaper, somebody put up with it, or the
/// functions that are changed cost a server or more today.
pub fn is_news(report: &CheckReport) -> bool {
    let margin = report.measurement.as_ref().map_or(0.0, |measurement| measurement.margin);
    let is_cheaper = report.change.as_ref().is_some_and(|change| change.interval.1 < -margin);
    let is_costly = report.production.as_ref().is_some_and(|production| production.servers.value >= 1.0);
    let is_told = report.conclusion != Conclusion::NoVerdict || report.production.is_some();
    report.conclusion == Conclusion::Fail
        || is_told && (is_cheaper || is_costly)
        || report.acknowledged.is_some()
}

/// Remarks on lines of the difference; none unless the check fails, and ten at most.
pub fn annotations(report: &CheckReport) -> Vec<Annotation> {
    let confidence = report.measurement.as_ref().map_or(0.95, |measurement| measurement.confidence);
    let remarks = annotated(report).map(|row| Annotation {
        file: row.file.clone(),
        line: row.changed_line,
        text: sentence(row, confidence),
    });
    remarks.collect()
}

/// Functions to show on a line of the diff: changed ones that cost more, and none unless the check fails.
fn annotated(report: &CheckReport) -> impl Iterator<Item = &FunctionRow> {
    let is_failed = report.conclusion == Conclusion::Fail;
    let rows = report
        .functions
        .iter()
        .filter(move |row| is_failed && row.changed_line > 0 && row.candidate_ns > row.baseline_ns);
    rows.take(ROWS_MAX)
}

/// One sentence about a function that got dearer.
fn sentence(row: &FunctionRow, confidence: f64) -> String {
    use crate::number::{duration, percent, signed_percent};
    let rise = match row.baseline_ns > 0.0 {
        true => signed_percent(row.candidate_ns / row.baseline_ns - 1.0),
        false => "new".to_owned(),
    };
    format!(
        "{} costs {} of CPU per run instead of {} ({rise}; {} interval of the difference {} to {}).",
        row.function,
        duration(row.candidate_ns),
        duration(row.baseline_ns),
        percent(confidence).replace(".0", ""),
        duration(row.interval_ns.0),
        duration(row.interval_ns.1),
    )
}
