//! What an analysis found, and what became of it: the same form for every kind of finding.
//!
//! An analysis posts a [`FindingsReport`] with everything it sees now; the collector keeps the findings by their ids,
//! with their states and history, and answers with [`Findings`]. All numbers are finite.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// The most findings in one report.
pub const FINDINGS_MAX: usize = 2_000;

/// Which analysis found it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Requests or functions that became dearer, over time or with a version.
    #[default]
    Regression,
    /// What a feature flag costs.
    Flag,
    /// Code that has not run.
    DeadCode,
    /// Memory held more than once.
    Sharing,
    /// Servers that are not needed, or too few.
    Capacity,
}

/// What became of a finding.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum FindingState {
    /// Found, and nobody answers for it yet.
    #[default]
    New,
    /// Somebody answers for it, for a while and up to a size.
    Acknowledged,
    /// What was measured is back at its level.
    Fixed,
    /// Not seen any more, for a reason nobody knows.
    WentAway,
}

/// An estimate with its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Range {
    /// The best guess.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// Who answers for a finding, until when and up to which size.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Acknowledgement {
    /// Who.
    pub owner: String,
    /// Why it is put up with.
    pub reason: String,
    /// When it was acknowledged, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// From when on it counts no longer.
    pub expires_ms: i64,
    /// Servers it cost when it was acknowledged.
    pub servers: f64,
    /// Up to how many times those servers it counts: 1.25 is a quarter more.
    pub at_most: f64,
}

/// One step of a finding's life.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StateChange {
    /// When, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// What it became.
    pub state: FindingState,
    /// Why, in a few words.
    pub why: String,
}

/// The four numbers of a saving, in servers; what nobody measured is null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Ledger {
    /// What it costs now.
    pub at_stake: Option<f64>,
    /// What a change was said to save.
    pub predicted: Option<f64>,
    /// What the change saved when it was made.
    pub observed: Option<f64>,
    /// What was given back for good.
    pub banked: Option<f64>,
}

/// One finding. Whoever posts it fills what describes the cause; `state`, `first_seen_ms`, `last_seen_ms`,
/// `acknowledged` and `history` are the collector's and are not read from a report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Finding {
    /// The same cause has the same id in every report.
    pub id: String,
    /// Which analysis found it.
    pub kind: FindingKind,
    /// The service it is in; empty when it is not in one.
    pub service: String,
    /// One line that says what it is.
    pub title: String,
    /// What became of it.
    pub state: FindingState,
    /// What it costs, in servers.
    pub servers: Range,
    /// What it costs, in cores.
    pub cores: Range,
    /// Who is told, from the repository's CODEOWNERS; empty when nobody is known.
    pub owner: String,
    /// Endpoints it shows in, the dearest first.
    pub endpoints: Vec<String>,
    /// The function it is blamed on; empty when there is none.
    pub function: String,
    /// That function's file; empty when it is not known.
    pub file: String,
    /// That function's line; 0 when it is not known.
    pub line: u32,
    /// When the cause began, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// When it was first reported.
    pub first_seen_ms: i64,
    /// When it was last reported.
    pub last_seen_ms: i64,
    /// Who answers for it.
    pub acknowledged: Option<Acknowledgement>,
    /// Its states, the oldest first.
    pub history: Vec<StateChange>,
    /// What can be saved.
    pub banked: Ledger,
    /// The analysis' own row, whose form goes with `kind`. `{"resolved": true}` in it says that the cause is gone.
    pub detail: Value,
}

/// `POST /api/v1/findings`: everything that one analysis of one scope sees now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FindingsReport {
    /// Which analysis.
    pub kind: FindingKind,
    /// The scope: a service, or empty for all of them.
    #[serde(default)]
    pub service: String,
    /// When it looked, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// True when it looked at the whole scope: what it does not report then went away.
    #[serde(default)]
    pub complete: bool,
    /// What it found; at most [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// How many candidates fell at each stage.
    #[serde(default)]
    pub funnel: Value,
}

/// What came of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FindingsReported {
    /// Findings that were not known before, or came back.
    pub new: u64,
    /// Findings that were known.
    pub known: u64,
    /// Findings of the scope that are over since this report.
    pub over: u64,
    /// Findings that were not kept: too long, or too many of the kind.
    pub dropped: u64,
}

/// When an analysis last looked at a scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReportSummary {
    /// Which analysis.
    pub kind: FindingKind,
    /// The scope: a service, or empty for all of them.
    pub service: String,
    /// When it looked, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// True when it looked at the whole scope.
    pub complete: bool,
    /// How many candidates fell at each stage.
    pub funnel: Value,
}

/// `GET /api/v1/findings`: what was found, most servers first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Findings {
    /// The newest report of each kind and scope asked for.
    pub reports: Vec<ReportSummary>,
    /// The findings, up to the limit.
    pub findings: Vec<Finding>,
    /// How many there are in all.
    pub findings_total: u64,
}

/// The body of `POST /api/v1/findings/{id}/acknowledge`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Acknowledge {
    /// Who answers for it.
    pub owner: String,
    /// Why it is put up with.
    pub reason: String,
    /// The last day on which it counts, `YYYY-MM-DD`, or a time in RFC 3339.
    pub expires: String,
    /// By how many percent it may grow before it is new again.
    #[serde(default = "default_at_most_percent")]
    pub at_most_percent: f64,
}

fn default_at_most_percent() -> f64 {
    25.0
}
