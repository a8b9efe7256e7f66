//! Whether the collector lives and takes work.

use std::sync::atomic::Ordering::Relaxed;

use axum::{extract::State, http::StatusCode};
use wire::api::ErrorBody;

use crate::{error::Error, state::Shared};

/// Whether the collector answers at all. Needs no token.
#[utoipa::path(get, path = "/healthz", responses((status = 200, body = String)))]
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// Whether the collector takes pushes and queries: its store is open and it was not told to stop.
#[utoipa::path(get, path = "/readyz", responses((status = 200, body = String), (status = 503, body = ErrorBody)))]
pub(crate) async fn ready(State(state): State<Shared>) -> Result<&'static str, Error> {
    if state.is_closing.load(Relaxed) {
        let message = "the collector is shutting down";
        return Err(
            Error::new(StatusCode::SERVICE_UNAVAILABLE, "shutting_down", message).fix("ask another one")
        );
    }
    Ok("ready\n")
}
