//! One request and its response: the endpoint's name and how it ended.

use http::{HeaderMap, Method, Request, StatusCode, header::CONTENT_TYPE};

use super::FindRoute;
use crate::{current, guard::end_of, page::End, running::Running, sdk};

const UNROUTED: &str = "(unrouted)";
const UNIMPLEMENTED: u32 = 12;

/// A request that the layer has begun; dropping it counts it.
pub(crate) struct Exchange {
    pub(crate) running: Running,
    is_grpc: bool,
    /// The name of a gRPC method that has never answered so far, so it may be anything that a client wrote.
    unknown_method: Option<String>,
}

impl Exchange {
    /// Begins a request; nothing when the SDK is off. Inside a running request that one gets the name instead.
    pub(crate) fn begin<B>(request: &Request<B>, find_route: FindRoute) -> Option<Self> {
        let sdk = sdk::get()?;
        let is_grpc = is_grpc(request.headers());
        if is_grpc {
            let method = format!("grpc:{}", request.uri().path().trim_start_matches('/'));
            if let Some(route) = sdk.known_route(&method) {
                return Some(Self { running: Running::on(sdk, route), is_grpc, unknown_method: None });
            }
            let running = Running::begin(&format!("grpc:{UNROUTED}"))?;
            return Some(Self { running, is_grpc, unknown_method: Some(method) });
        }
        let template = find_route(request.extensions());
        let endpoint = format!("{} {}", verb(request.method()), template.unwrap_or(UNROUTED));
        if current::record().is_some() {
            if template.is_some() {
                crate::route(&endpoint);
            }
            return None;
        }
        Some(Self { running: Running::begin(&endpoint)?, is_grpc, unknown_method: None })
    }

    /// The head of the response is there.
    pub(crate) fn answered(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.running.end = end_of(status.as_u16());
        if self.is_grpc {
            self.grpc_status(headers);
            if headers.get("grpc-status").is_none() && status.is_success() {
                self.know_method();
            }
        }
    }

    /// gRPC says how it ended in trailers, or in the headers of a response without a body.
    pub(crate) fn grpc_status(&mut self, headers: &HeaderMap) {
        let status = headers.get("grpc-status").and_then(|status| status.to_str().ok()?.parse::<u32>().ok());
        let Some(status) = status.filter(|_| self.is_grpc) else { return };
        self.running.end = match status {
            0 => End::Good,
            // Unknown, deadline exceeded, unimplemented, internal, unavailable, data loss.
            2 | 4 | UNIMPLEMENTED | 13 | 14 | 15 => End::ServerError,
            _ => End::ClientError,
        };
        if status != UNIMPLEMENTED {
            self.know_method();
        }
    }

    /// The service or the body gave an error instead.
    pub(crate) fn failed(&mut self) {
        self.running.end = End::ServerError;
    }

    fn know_method(&mut self) {
        if let Some(method) = self.unknown_method.take() {
            self.running.rename(&method);
        }
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// Clients may send any word as a method; only the known ones become part of a name.
fn verb(method: &Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "CONNECT" | "OPTIONS" | "TRACE" | "PATCH"
        | "QUERY") => known,
        _ => "_OTHER",
    }
}
