//! The pages of the web UI, and an error for whatever else is not there.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

use crate::{
    answer::{insert_text, is_known},
    error::Error,
};

/// Sent with every answer: nothing is loaded from elsewhere, guessed, framed or given away.
pub(crate) const SECURITY_HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(web::CONTENT_SECURITY_POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Answers everything that is no route of the API.
pub(crate) async fn page(method: Method, uri: Uri, headers: HeaderMap) -> Result<Response, Error> {
    let text =
        |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let accepted = web::Encodings::parse(text(header::ACCEPT_ENCODING));
    let asset = web::asset(uri.path(), accepted).ok_or_else(|| Error::not_found(uri.path()))?;
    if method != Method::GET && method != Method::HEAD {
        return Err(method_not_allowed(method, uri).await);
    }
    let mut response = match is_known(text(header::IF_NONE_MATCH), asset.etag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => asset.body.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(asset.cache_control()));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    insert_text(headers, header::ETAG, asset.etag);
    if let Some(encoding) = asset.encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Ok(response)
}

/// Answers a method that a path does not have.
pub(crate) async fn method_not_allowed(method: Method, uri: Uri) -> Error {
    let message = format!("`{}` does not take {method}", uri.path());
    Error::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
        .fix("see /openapi.json for what it takes")
}
