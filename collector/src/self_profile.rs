//! `GET /debug/pprof/profile`: where the collector's own CPU time goes.

use std::{thread, time::Duration};

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use pprof::protos::Message;
use tokio::{sync::Semaphore, task::spawn_blocking};
use wire::api::ErrorBody;

use crate::{error::Error, params::Query, state::Shared};

/// Samples a second; not a divisor of common timers' rates.
const FREQUENCY_HZ: i32 = 99;

/// The profiler is one per process.
static TURN: Semaphore = Semaphore::const_new(1);

/// A CPU profile of the collector itself, in pprof format.
#[utoipa::path(
    get,
    path = "/debug/pprof/profile",
    params(("seconds" = Option<u64>, Query, description = "How long to sample, 1 to 300; 30 by default")),
    responses(
        (status = 200, content_type = "application/octet-stream", body = Vec<u8>),
        (status = 400, body = ErrorBody),
        (status = 429, description = "A profile is being taken already", body = ErrorBody),
    )
)]
pub(crate) async fn profile(State(_): State<Shared>, query: Query) -> Result<Response, Error> {
    let length = Duration::from_secs(query.number("seconds", 30, 1..=300)?);
    let turn = TURN.try_acquire().map_err(|_| Error::busy("a profile is being taken already").limit(1))?;
    let taken = spawn_blocking(move || {
        let _turn = turn;
        take(length)
    });
    let bytes = taken.await.map_err(|error| Error::internal(&error))?.map_err(|error| {
        Error::new(StatusCode::SERVICE_UNAVAILABLE, "no_profile", error.to_string())
            .fix("send it again later")
    })?;
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))];
    Ok((headers, bytes).into_response())
}

fn take(length: Duration) -> Result<Vec<u8>, pprof::Error> {
    let guard = pprof::ProfilerGuardBuilder::default().frequency(FREQUENCY_HZ).build()?;
    thread::sleep(length);
    Ok(guard.report().build()?.pprof()?.encode_to_vec())
}
