//! What the server counts of its own work.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};

use crate::state::Shared;

/// Counts since the start.
#[derive(Default)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<Kind, Requests>>,
    push_bytes: AtomicU64,
}

/// Requests of one kind. Kinds are few: paths are those of the routes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    pub(crate) path: String,
    pub(crate) status: u16,
}

/// How many requests, and how long they took together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Requests {
    pub(crate) count: u64,
    pub(crate) took: Duration,
}

impl Metrics {
    pub(crate) fn count_push_bytes(&self, bytes: usize) {
        self.push_bytes.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn push_bytes(&self) -> u64 {
        self.push_bytes.load(Relaxed)
    }

    pub(crate) fn requests(&self) -> BTreeMap<Kind, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count_request(&self, kind: Kind, took: Duration) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = requests.entry(kind).or_default();
        sum.count += 1;
        sum.took += took;
    }
}

/// Counts each request by its route and the status of its answer.
pub(crate) async fn count(State(state): State<Shared>, request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>();
    let path = matched.map_or("page", MatchedPath::as_str).to_owned();
    let start = Instant::now();
    let response = next.run(request).await;
    state.metrics.count_request(Kind { path, status: response.status().as_u16() }, start.elapsed());
    response
}
