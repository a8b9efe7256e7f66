//! The collector's own state and the API's document.

use axum::{Json, extract::State, response::Response};
use model::ProfileType;
use utoipa::openapi::OpenApi;
use wire::api::{ErrorBody, Status};

use crate::{answer::complete, error::Error, params::Query, state::Shared};

/// What the collector is and what it has.
#[utoipa::path(
    get,
    path = "/api/v1/status",
    responses((status = 200, body = Status), (status = 400, body = ErrorBody))
)]
pub(crate) async fn status(State(state): State<Shared>, query: Query) -> Result<Response, Error> {
    let work = move |state: &crate::state::State| {
        let bounds = state.store.bounds();
        let types = ProfileType::ALL.iter().filter(|_| bounds.is_some());
        let status = Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            earliest_ms: bounds.map(|bounds| bounds.start_ns / 1_000_000),
            latest_ms: bounds.map(|bounds| bounds.end_ns / 1_000_000),
            now_ms: (state.clock)() / 1_000_000,
            profile_types: types.map(|kind| kind.name().to_owned()).collect(),
        };
        query.preferences.json(&complete(status))
    };
    state.unqueued(work).await
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", responses((status = 200, description = "OpenAPI")))]
pub(crate) async fn openapi(State(state): State<Shared>) -> Json<OpenApi> {
    Json(state.document.clone())
}
