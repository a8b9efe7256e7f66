//! What agents found in their hosts' memory.

use axum::{extract::State, response::Response};
use collector_store::MemoryFilter;
use wire::api::{
    ErrorBody,
    memory::{MemoryReport, MemoryReports},
};

use crate::{answer::complete, error::Error, params::Query, state::Shared};

/// The newest memory reports of each host: sizes by kind of mapping, equal pages, and what interpreters hold by owner.
#[utoipa::path(
    get,
    path = "/api/v1/memory",
    params(
        ("host" = Option<String>, Query, description = "Of this host; of all by default"),
        ("service" = Option<String>, Query, description = "Only groups of this service; all by default"),
        ("since_seconds" = Option<i64>, Query, description = "Not older than this, 1 to 31536000; 3600 by default"),
        ("per_host" = Option<u32>, Query, description = "Reports of each host, the newest, 1 to 24; 1 by default"),
        ("limit" = Option<usize>, Query, description = "Most reports, 1 to 20000; 1000 by default"),
    ),
    responses((status = 200, body = MemoryReports), (status = 400, body = ErrorBody))
)]
pub(crate) async fn memory(State(state): State<Shared>, query: Query) -> Result<Response, Error> {
    let text = |name: &str| query.text(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let (host, service) = (text("host"), text("service"));
    let since_seconds = query.number("since_seconds", 3600, 1..=31_536_000)?;
    let per_host = query.number("per_host", 1, 1..=24)?;
    let limit = query.number("limit", 1000, 1..=20_000)?;
    let since_ms = (state.clock)() / 1_000_000 - since_seconds * 1000;
    state
        .answer(query.preferences, move |state| {
            let filter = MemoryFilter { host: host.as_deref(), since_ms, per_host, limit };
            let (stored, reports_total) = state.store.memory(&filter)?;
            let reports = stored.iter().map(|stored| parsed(&stored.document, service.as_deref()));
            let reports = reports.collect::<Result<Vec<MemoryReport>, Error>>()?;
            Ok(complete(MemoryReports { reports, reports_total }))
        })
        .await
}

fn parsed(document: &str, service: Option<&str>) -> Result<MemoryReport, Error> {
    let mut report: MemoryReport = serde_json::from_str(document).map_err(|error| Error::internal(&error))?;
    report.groups.retain(|group| service.is_none_or(|service| group.service == service));
    Ok(report)
}
