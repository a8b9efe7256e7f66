//! The agents and what they last said of themselves.

use axum::{extract::State, response::Response};
use model::{AgentId, AgentReport, Measure};
use wire::api::{ErrorBody, Host, Hosts};

use crate::{answer::complete, error::Error, params::Query, state::Shared};

/// The agents that reported since the collector started, freshest first. They report with every push, so the list
/// is whole again a few seconds after a restart.
#[utoipa::path(
    get,
    path = "/api/v1/hosts",
    params(("limit" = Option<usize>, Query, description = "Most agents to list, 1 to 100000; 1000 by default")),
    responses((status = 200, body = Hosts), (status = 400, body = ErrorBody))
)]
pub(crate) async fn hosts(State(state): State<Shared>, query: Query) -> Result<Response, Error> {
    let limit = query.number("limit", 1000, 1..=100_000)?;
    let work = move |state: &crate::state::State| {
        let reports = state.hosts.latest(limit);
        Ok(complete(Hosts { hosts: reports.iter().map(|(agent, report)| host(*agent, report)).collect() }))
    };
    state.answer(query.preferences, work).await
}

fn host(agent: AgentId, report: &AgentReport) -> Host {
    Host {
        agent: format!("{:032x}", agent.0),
        at_ms: report.at_ns / 1_000_000,
        facts: report.facts.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect(),
        measures: report.measures.iter().map(|(name, measure)| (name.to_string(), value(*measure))).collect(),
    }
}

fn value(measure: Measure) -> f64 {
    match measure {
        Measure::Counter(count) => count as f64,
        Measure::Gauge(value) => value,
    }
}
