//! What each function costs in each endpoint, over time and by host.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Function;

/// `GET /api/v1/functions`: CPU of functions by endpoint, host and step, with the requests to divide it by.
///
/// A cell is one step of one host: `host * steps + step`. Which functions are listed depends on their pooled cost alone,
/// never on how it changed; what falls is counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Functions {
    /// Start of the first step, milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// Length of a step in milliseconds.
    pub step_ms: i64,
    /// How many steps.
    pub steps: u32,
    /// The hosts with the most CPU.
    pub hosts: Vec<String>,
    /// How many hosts there are in all; those beyond `hosts` are in no cell.
    pub hosts_total: u64,
    /// The endpoints with the most CPU.
    pub endpoints: Vec<EndpointCells>,
    /// How many endpoints there are in all.
    pub endpoints_total: u64,
    /// Functions, once each.
    pub functions: Vec<Function>,
    /// One for each function in each endpoint, most CPU first.
    pub series: Vec<FunctionCells>,
    /// How many functions in endpoints there are in all.
    pub series_total: u64,
    /// Of these, how many were left out for too few samples.
    pub series_rare: u64,
    /// Of these, how many were left out to bound the answer.
    pub series_cut: u64,
}

/// An endpoint's cells, one for each step of each host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EndpointCells {
    /// The endpoint.
    pub endpoint: String,
    /// Requests that ended.
    pub requests: Vec<u64>,
    /// Of how many the program measured its CPU.
    pub measured: Vec<u64>,
    /// CPU of the measured requests, in microseconds.
    pub counted_us: Vec<u64>,
    /// Sampled CPU, in microseconds.
    pub sampled_us: Vec<u64>,
}

/// The cells of one function in one endpoint that are not zero.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FunctionCells {
    /// Index into `endpoints`.
    pub endpoint: u32,
    /// Index into `functions`.
    pub function: u32,
    /// Indices into `series` of the functions that call it most, the first the most; none for what calls nothing known.
    pub callers: Vec<u32>,
    /// Samples that have it, over everything.
    pub samples: u64,
    /// Which cells, in order.
    pub cells: Vec<u32>,
    /// Sampled CPU with what it calls, in microseconds, of these cells.
    pub total_us: Vec<u64>,
    /// Sampled CPU of its own, in microseconds, of these cells.
    pub self_us: Vec<u64>,
}
