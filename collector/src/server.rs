//! The collector as a server: routes, what surrounds every request, start and stop.

use std::{
    io,
    net::TcpListener,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State as FromState},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use collector_store::{Decoded, Store, StoreError, StoreOptions};
use model::Batch;
use tokio::sync::Notify;

use crate::{
    Options, api,
    assets::{SECURITY_HEADERS, method_not_allowed, page},
    connections::Bounded,
    metrics,
    process::raise_open_files,
    state::{Shared, State},
};

/// Files that the store, the log and the standard streams may have open beside the connections.
const OTHER_FILES: usize = 512;

/// After being told to stop, requests that are under way get this long.
const STOPS_WITHIN: Duration = Duration::from_secs(10);

/// Why a collector does not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be opened or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The listening socket failed.
    #[error("cannot accept connections")]
    Accept(#[from] io::Error),
}

/// A collector with its store open.
pub struct Collector {
    state: Shared,
}

impl Collector {
    /// Opens the store and reads back its log, which may take seconds. Serves nothing yet.
    pub fn start(options: Options) -> Result<Self, StartError> {
        let push = options.limits.push;
        let decode = move |bytes: &[u8]| {
            let push = wire::push::decode(bytes, &push).map_err(|error| error.to_string())?;
            Ok(Decoded { key: push.key, batch: push.batch })
        };
        let store = Store::open(StoreOptions {
            clock: options.clock.clone(),
            limits: options.store,
            ..StoreOptions::new(&options.data_dir, decode)
        })?;
        Ok(Self { state: Arc::new(State::new(store, options)) })
    }

    /// Stores profiles that do not come from an agent, for example those of a file.
    pub fn import(&self, batch: &Batch) -> Result<(), StartError> {
        Ok(self.state.store.import(batch)?)
    }

    /// Answers requests until `stop` is ready, then lets those under way finish and closes the store.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
    ) -> Result<(), StartError> {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let files = raise_open_files().saturating_sub(OTHER_FILES).max(1);
        let listener = Bounded::new(listener, self.state.limits.connections.min(files));
        let stopping = Arc::new(Notify::new());
        let stopped = stopping.clone();
        let server = axum::serve(listener, router(self.state.clone()))
            .with_graceful_shutdown(async move { stopped.notified().await });
        let mut server = tokio::spawn(server.into_future());
        tokio::select! {
            ended = &mut server => return Ok(ended.map_err(io::Error::other)??),
            () = stop => {}
        }
        self.state.is_closing.store(true, Relaxed);
        stopping.notify_one();
        if tokio::time::timeout(STOPS_WITHIN, &mut server).await.is_err() {
            tracing::warn!("requests were cut off after {} s", STOPS_WITHIN.as_secs());
            server.abort();
        }
        // Closing the store waits for its threads.
        tokio::task::spawn_blocking(move || drop(self)).await.map_err(io::Error::other)?;
        Ok(())
    }
}

/// Every address that is answered, and what surrounds the answers.
fn router(state: Shared) -> Router {
    let mut router = Router::new();
    for (path, route) in api::routes() {
        router = router.route(path, route);
    }
    router
        .fallback(page)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(state.clone(), check_access))
        .layer(from_fn_with_state(state.clone(), metrics::count))
        .layer(axum::middleware::map_response(add_security_headers))
        .with_state(state)
}

/// Health is open to everybody: it is asked by what restarts the collector.
async fn check_access(FromState(state): FromState<Shared>, request: Request, next: Next) -> Response {
    if request.uri().path() != api::HEALTH
        && let Err(refused) = state.access.check(request.headers())
    {
        return refused.into_response();
    }
    next.run(request).await
}

async fn add_security_headers(mut response: Response) -> Response {
    for (name, value) in SECURITY_HEADERS {
        response.headers_mut().insert(name, value);
    }
    response
}
