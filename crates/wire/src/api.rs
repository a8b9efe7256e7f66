//! The JSON of the query API. One type per answer; the browser's types are generated from these.
//!
//! Every query takes `query` (a selector), `start` and `end` (`now-1h`, `now` or RFC 3339) and `type` (a profile
//! type, `cpu` by default). Values are in the unit of the profile type: nanoseconds of CPU. Requests are what programs
//! counted themselves; CPU beside them is sampled unless its name says `counted`.

pub mod code;
pub mod findings;
pub mod functions;
pub mod memory;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ApiError,
}

/// An error a person can act on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ApiError {
    /// Stable name of the kind of error, e.g. `bad_selector`.
    pub code: String,
    /// One sentence that says what is wrong.
    pub message: String,
    /// Which parameter or field it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Character in the field's value that the error points at, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<usize>,
    /// The limit that was hit, if one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// `GET /api/v1/labels`: names of the labels that occur.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LabelNames {
    /// Names in order.
    pub names: Vec<String>,
}

/// `GET /api/v1/labels/{name}/values`: values of one label, most CPU first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LabelValues {
    /// Values with their cost.
    pub values: Vec<LabelValue>,
    /// How many values there are in all; more than `values` when `limit` cut the list.
    pub values_total: u64,
}

/// One value of a label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LabelValue {
    /// The value; empty where the label is absent.
    pub value: String,
    /// Sum of the samples that carry it.
    pub total: i64,
}

/// `GET /api/v1/timeline`: cost over time, stacked by one label when `by` is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Timeline {
    /// Start of the first step, milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// Length of a step in milliseconds.
    pub step_ms: i64,
    /// The label that was grouped by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What cost was divided by, beside time: `request`, or nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per: Option<String>,
    /// Biggest first; the rest of many groups is one last series with `rest` set.
    pub series: Vec<TimelineSeries>,
    /// Sum over all series and steps.
    pub total: i64,
}

/// One band of the timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TimelineSeries {
    /// Value of the label; empty where it is absent or nothing was grouped by.
    pub value: String,
    /// How many groups are folded into this one; 0 for a group of its own.
    pub rest: u64,
    /// Cores (CPU-seconds per second) in each step.
    pub cores: Vec<f64>,
    /// Requests that ended in each step; only with `per=request`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<Vec<u64>>,
    /// Sampled CPU-milliseconds per request in each step, null where no request ended; only with `per=request`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_ms_per_request: Option<Vec<Option<f64>>>,
    /// Sum over the steps.
    pub total: i64,
}

/// `GET /api/v1/requests`: requests over time as the programs counted them, by one label when `by` is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Requests {
    /// Start of the first step, milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// Length of a step in milliseconds.
    pub step_ms: i64,
    /// The label that was grouped by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Most requests first; the rest of many groups is one last series with `rest` set.
    pub series: Vec<RequestSeries>,
    /// Sum over all series and steps.
    pub total: RequestTotals,
}

/// The requests of one group over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RequestSeries {
    /// Value of the label; empty where it is absent or nothing was grouped by.
    pub value: String,
    /// How many groups are folded into this one; 0 for a group of its own.
    pub rest: u64,
    /// Requests that ended in each step.
    pub requests: Vec<u64>,
    /// Of how many the program measured its CPU, in each step.
    pub measured: Vec<u64>,
    /// CPU of the measured requests in each step, in nanoseconds.
    pub counted_cpu_ns: Vec<u64>,
    /// Errors of the client in each step.
    pub client_errors: Vec<u64>,
    /// Errors of the server in each step.
    pub server_errors: Vec<u64>,
    /// Sum over the steps.
    pub total: RequestTotals,
}

/// Sums over requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RequestTotals {
    /// How many ended.
    pub requests: u64,
    /// Of how many the program measured its CPU.
    pub measured: u64,
    /// CPU of the measured requests, in nanoseconds.
    pub counted_cpu_ns: u64,
    /// Instructions of the measured requests, where all of them were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<u64>,
    /// Errors of the client.
    pub client_errors: u64,
    /// Errors of the server.
    pub server_errors: u64,
}

/// `GET /api/v1/breakdown`: cost, requests and cost per request by the values of one label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Breakdown {
    /// The label that was grouped by.
    pub by: String,
    /// Length of the time range in seconds: what rates were divided by.
    pub seconds: f64,
    /// How many values there are in all.
    pub values_total: u64,
    /// Most sampled CPU first. Past the limit one last row has `rest` set, so the rows always sum to `total`.
    pub rows: Vec<BreakdownRow>,
    /// Everything selected.
    pub total: BreakdownRow,
}

/// What one value of a label costs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BreakdownRow {
    /// The value; empty where the label is absent, in `rest` and in `total`.
    pub value: String,
    /// How many values are folded into this row; 0 for a row of its own.
    pub rest: u64,
    /// Sampled CPU in nanoseconds.
    pub cpu_ns: i64,
    /// Sampled CPU-seconds per second of the time range.
    pub cores: f64,
    /// Requests that ended.
    pub requests: u64,
    /// Requests per second of the time range.
    pub requests_per_s: f64,
    /// Of how many requests the program measured its CPU.
    pub measured: u64,
    /// The program's own CPU per measured request, in nanoseconds; null when none was measured.
    pub counted_cpu_ns_per_request: Option<f64>,
    /// Sampled CPU per request, in nanoseconds; null when no request ended.
    pub cpu_ns_per_request: Option<f64>,
    /// Instructions per measured request; null unless all measured requests have them.
    pub instructions_per_request: Option<f64>,
    /// Errors of the client.
    pub client_errors: u64,
    /// Errors of the server.
    pub server_errors: u64,
}

/// `GET /api/v1/evaluations`: how often feature flags were evaluated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Evaluations {
    /// By flag, variant and reason, in this order.
    pub rows: Vec<Evaluation>,
    /// How many rows there are in all.
    pub rows_total: u64,
}

/// Evaluations of one flag to one variant for one reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Evaluation {
    /// The flag's key.
    pub flag: String,
    /// The variant it had.
    pub variant: String,
    /// Why, by OpenFeature's names such as `split`; empty when it is not known.
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// A function as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Function {
    /// Readable name, or `executable+0xaddress`.
    pub name: String,
    /// `native`, `kernel`, `jit`, `python` or `marker`.
    pub kind: String,
    /// Source file, or empty.
    pub file: String,
    /// Executable, or empty.
    pub executable: String,
    /// What colour and grouping go by: executable's file name, Python package, or `kernel`.
    pub package: String,
}

/// `GET /api/v1/flamegraph`: layout rows of the call tree, cut to what fits on the screen, as columns.
///
/// Frames come in depth-first order, widest child first. Totals fold from `selves`: a frame's total is its self
/// plus its children's totals. A hidden group stands for the children that were cut: its self is their total.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FlameGraph {
    /// Unit of `selves`.
    pub unit: String,
    /// Sum of the whole selection, whatever is cut or focused.
    pub total: i64,
    /// Functions, once each.
    pub functions: Vec<Function>,
    /// Depth of each frame; the root has 0.
    pub levels: Vec<u32>,
    /// Index into `functions` of each frame; the root and hidden groups have -1.
    pub names: Vec<i32>,
    /// Self value of each frame.
    pub selves: Vec<i64>,
    /// How many frames a hidden group stands for; 0 for a real frame.
    pub hidden: Vec<u32>,
    /// Frames in the whole tree below the root shown.
    pub frames_total: u64,
    /// Frames in this answer that are not hidden groups.
    pub frames_sent: u64,
    /// Share of the shown total that lies in hidden groups' own selves, 0 to 1.
    pub hidden_share: f64,
    /// Names from the top to the frame shown as root; empty for the whole.
    pub root: Vec<String>,
}

/// `GET /api/v1/top`: functions with their self and total values over the whole selection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Top {
    /// Unit of the values.
    pub unit: String,
    /// Sum of the whole selection.
    pub total: i64,
    /// How many functions there are in all that pass the filter.
    pub functions_total: u64,
    /// The rows asked for.
    pub rows: Vec<TopRow>,
}

/// One function's cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TopRow {
    /// Which function.
    pub function: Function,
    /// Value of samples whose leaf it is.
    #[serde(rename = "self")]
    pub self_value: i64,
    /// Value of samples that have it anywhere.
    pub total: i64,
}

/// `GET /api/v1/match`: how much of the selection has a matching function anywhere in its stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Match {
    /// Sum of the samples whose stack matches.
    pub matched: i64,
    /// Sum of the whole selection.
    pub total: i64,
    /// Distinct functions that match.
    pub functions: u64,
}

/// `GET /api/v1/hosts`: the agents that reported, freshest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Hosts {
    /// One entry per agent.
    pub hosts: Vec<Host>,
}

/// One agent's last account of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Host {
    /// The agent's id in hexadecimal.
    pub agent: String,
    /// When it reported, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Facts in words.
    pub facts: BTreeMap<String, String>,
    /// Measures by name.
    pub measures: BTreeMap<String, f64>,
}

/// `GET /api/v1/status`: the collector's own state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Version of the collector.
    pub version: String,
    /// Earliest time with data, milliseconds since the Unix epoch; absent in an empty store.
    pub earliest_ms: Option<i64>,
    /// Latest time with data.
    pub latest_ms: Option<i64>,
    /// The collector's clock, so that a page can show the same `now`.
    pub now_ms: i64,
    /// Profile types that occur.
    pub profile_types: Vec<String>,
}
