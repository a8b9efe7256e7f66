//! Answers that are not a success, each with what a person can do about it.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use collector_store::StoreError;
use wire::{
    api::{ApiError, ErrorBody},
    push::PushError,
    selector::SelectorError,
    time::TimeError,
};

/// An answer that is not a success.
#[derive(Debug)]
pub(crate) struct Error {
    status: StatusCode,
    detail: Box<ApiError>,
    retry_after_s: Option<u16>,
}

impl Error {
    pub(crate) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        let detail = ApiError { code: code.into(), message: message.into(), ..ApiError::default() };
        Self { status, detail: Box::new(detail), retry_after_s: None }
    }

    /// A request that cannot succeed as it is.
    pub(crate) fn bad_request(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// A thing that does not exist.
    pub(crate) fn not_found(path: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("there is nothing at `{path}`"))
            .fix("see /openapi.json for what there is")
    }

    /// More at once than the collector takes on.
    pub(crate) fn busy(message: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "busy", message).fix("send it again later").retry_after(1)
    }

    /// A failure of the collector itself; its reason goes to the log, not to the client.
    pub(crate) fn internal(reason: &dyn std::fmt::Display) -> Self {
        tracing::error!(%reason, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the collector failed to answer")
            .fix("see the collector's log for the reason")
    }

    pub(crate) fn field(mut self, field: impl Into<String>) -> Self {
        self.detail.field = Some(field.into());
        self
    }

    pub(crate) fn position(mut self, position: usize) -> Self {
        self.detail.position = Some(position);
        self
    }

    pub(crate) fn limit(mut self, limit: u64) -> Self {
        self.detail.limit = Some(limit);
        self
    }

    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.detail.fix = Some(fix.into());
        self
    }

    fn retry_after(mut self, seconds: u16) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(ErrorBody { error: *self.detail })).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // Basic is offered too, because it is what a browser asks a person for.
            let schemes = HeaderValue::from_static(r#"Bearer realm="fewer", Basic realm="fewer""#);
            response.headers_mut().insert(header::WWW_AUTHENTICATE, schemes);
        }
        response
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::Busy => {
                Self::busy("too many pushes are waiting to be written").fix("send it again later")
            }
            StoreError::Closed => unavailable("shutting_down", "the collector is shutting down"),
            StoreError::NotDurable(reason) => {
                tracing::error!(%reason, "a push could not be made durable");
                unavailable("not_durable", "the push could not be made durable")
            }
            StoreError::TooLarge { limit_bytes, .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
                    .field("body")
                    .limit(limit_bytes as u64)
                    .fix("send shorter windows or fewer profiles in one push")
            }
            StoreError::OutOfTime { .. } => Self::bad_request("out_of_time", message)
                .field("profiles")
                .fix("set the sender's clock; data older than the retention is not taken"),
            StoreError::InvalidBatch(_) => Self::bad_request("bad_push", message).field("profiles"),
            StoreError::Regex { .. } => Self::bad_request("bad_selector", message).field("query"),
            StoreError::Limit { limit, fix, .. } => {
                Self::bad_request("over_limit", message).limit(limit).fix(fix)
            }
            error => Self::internal(&error),
        }
    }
}

fn unavailable(code: &str, message: &str) -> Error {
    Error::new(StatusCode::SERVICE_UNAVAILABLE, code, message).fix("send it again later").retry_after(5)
}

impl From<PushError> for Error {
    fn from(error: PushError) -> Self {
        let text = error.to_string();
        // The last clause of the message is what to do about it.
        let (message, fix) = text.rsplit_once(": ").unwrap_or((&text, "check the sender against push.proto"));
        let (status, code) = match &error {
            PushError::UnsupportedVersion { .. } => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_version")
            }
            PushError::Limit { field: "body", .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            PushError::Limit { .. } => (StatusCode::BAD_REQUEST, "over_limit"),
            _ => (StatusCode::BAD_REQUEST, "bad_push"),
        };
        let answer = Self::new(status, code, message).field(error.field()).fix(fix);
        match error.limit() {
            Some(limit) => answer.limit(limit),
            None => answer,
        }
    }
}

impl From<SelectorError> for Error {
    fn from(error: SelectorError) -> Self {
        Self::bad_request("bad_selector", error.message)
            .field("query")
            .position(error.position)
            .fix(format!("write {} there", error.expected))
    }
}

impl Error {
    /// A point in time that cannot be read.
    pub(crate) fn bad_time(field: &str, error: &TimeError) -> Self {
        let text = error.to_string();
        let (message, fix) = text.rsplit_once(": ").unwrap_or((&text, "write `now-1h` or RFC 3339"));
        Self::bad_request("bad_time", message).field(field).fix(fix)
    }
}
