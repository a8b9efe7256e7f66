//! Requests in synchronous code.

use crate::{
    current::{self, Stretch},
    page::End,
    running::Running,
    sdk,
};

/// A request that lasts until this is dropped; see [`request`].
#[must_use = "the request ends when this is dropped"]
pub struct Request {
    running: Option<Running>,
    stretch: Option<Stretch>,
}

impl Request {
    /// Says how it ended, by HTTP status: from 400 a client's error, from 500 the server's. A panic is the server's too.
    pub fn set_status(&mut self, http_status: u16) {
        if let Some(running) = &mut self.running {
            running.end = end_of(http_status);
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if let (Some(stretch), Some(running)) = (self.stretch.take(), &mut self.running) {
            running.add(stretch.end_of_guard());
        }
    }
}

/// Begins a request on this thread: `let _request = fewer_sdk::request("GET /feed");`.
///
/// Name routes, not paths: `GET /items/{id}`. Guards end in reverse order, as variables do; do not hold one across an
/// `.await`, where the thread goes on to other work: [`InRequest::in_request`](crate::InRequest::in_request) is for that.
pub fn request(endpoint: &str) -> Request {
    let running = Running::begin(endpoint);
    let stretch = running.as_ref().map(Running::begin_stretch);
    Request { running, stretch }
}

/// Names the running request's endpoint once it is known; without a request it does nothing.
pub fn route(endpoint: &str) {
    let Some(sdk) = sdk::get() else { return };
    if let Some(record) = current::record().and_then(|record| sdk.renamed(record, endpoint)) {
        current::refine(record);
    }
}

pub(crate) fn end_of(http_status: u16) -> End {
    match http_status {
        500.. => End::ServerError,
        400.. => End::ClientError,
        _ => End::Good,
    }
}
