//! `POST /api/v1/push`: bytes of an agent into the store.

use std::sync::Arc;

use axum::{
    Json,
    body::{Body, Bytes, to_bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use collector_store::Appended;
use serde::{Deserialize, Serialize};
use tokio::{sync::SemaphorePermit, task::spawn_blocking, time::timeout};
use utoipa::ToSchema;
use wire::{api::ErrorBody, push};

use crate::{error::Error, memory, state::Shared};

/// The acknowledgement of a push: it is on the disk.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Acknowledged {
    /// False when the push had been stored before; it is not counted again.
    pub(crate) stored: bool,
}

/// Takes one push and answers when it is durable. Sending it again is harmless.
#[utoipa::path(
    post,
    path = "/api/v1/push",
    request_body(content = Vec<u8>, content_type = "application/vnd.fewer.push"),
    responses(
        (status = 200, body = Acknowledged),
        (status = 400, description = "Not a push; do not send it again", body = ErrorBody),
        (status = 408, description = "It did not arrive in time", body = ErrorBody),
        (status = 413, description = "Too large; do not send it again", body = ErrorBody),
        (status = 415, description = "A format not known here", body = ErrorBody),
        (status = 429, description = "Too much at once; send it again later", body = ErrorBody),
        (status = 503, description = "Not stored; send it again later", body = ErrorBody),
    )
)]
pub(crate) async fn push(
    State(state): State<Shared>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    check_type(&headers)?;
    let (bytes, _held) = receive(&state, &headers, body).await?;
    let decoded = decode(&state, bytes.clone()).await?;
    let agent = decoded.key.agent;
    let appended = state.store.submit(bytes.into(), decoded.key, decoded.batch)?.await?;
    if let Some(report) = decoded.report {
        state.hosts.hear(agent, report);
    }
    if !decoded.memory.is_empty() || !decoded.code.is_empty() {
        // Before the acknowledgement: a push that is sent again brings the same again.
        state
            .unqueued(move |state| {
                let reports = memory::reports(decoded.memory)?;
                reports.iter().try_for_each(|report| state.store.put_memory(report).map(|_| ()))?;
                decoded.code.iter().try_for_each(|report| state.store.put_code(report).map(|_| ()))?;
                Ok(())
            })
            .await?;
    }
    Ok(Json(Acknowledged { stored: appended == Appended::Stored }).into_response())
}

fn check_type(headers: &HeaderMap) -> Result<(), Error> {
    let found = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let unsupported = |field: &str, message: String, fix: String| {
        Err(Error::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
            .field(field)
            .fix(fix))
    };
    if found.split(';').next().unwrap_or_default().trim() != push::CONTENT_TYPE {
        let fix = format!("send Content-Type: {}", push::CONTENT_TYPE);
        return unsupported("content-type", format!("`{found}` is not taken here"), fix);
    }
    match headers.get(header::CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => unsupported(
            "content-encoding",
            "a push is compressed already".into(),
            "send it without Content-Encoding".into(),
        ),
        _ => Ok(()),
    }
}

/// Reads the body, within the bounds on one push and on all that are held at once.
async fn receive<'a>(
    state: &'a Shared,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Bytes, SemaphorePermit<'a>), Error> {
    let limit = state.limits.push.body_bytes;
    let too_large = || {
        Error::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("the push is longer than {limit} bytes"),
        )
        .field("body")
        .limit(limit)
        .fix("send shorter windows or fewer profiles in one push")
    };
    let stated = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let length = stated.unwrap_or(limit);
    if length > limit {
        return Err(too_large());
    }
    let kib = u32::try_from(length / 1024 + 1).map_err(|_| too_large())?;
    let held = state.body_kib.try_acquire_many(kib).map_err(|_| {
        Error::busy("too many pushes are arriving at once").limit(state.limits.push_bytes_in_flight as u64)
    })?;
    let bytes = timeout(state.limits.push_arrives_within, to_bytes(body, length as usize))
        .await
        .map_err(|_| {
            Error::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the push did not arrive in time")
                .limit(state.limits.push_arrives_within.as_secs())
                .fix("send it again")
        })?
        .map_err(|_| too_large())?;
    state.metrics.count_push_bytes(bytes.len());
    Ok((bytes, held))
}

async fn decode(state: &Shared, bytes: Bytes) -> Result<push::Push, Error> {
    let _turn = state.decoding.acquire().await.map_err(|error| Error::internal(&error))?;
    let state = Arc::clone(state);
    let decoded = spawn_blocking(move || push::decode(&bytes, &state.limits.push)).await;
    Ok(decoded.map_err(|error| Error::internal(&error))??)
}
