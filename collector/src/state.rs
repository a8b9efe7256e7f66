//! What all requests share.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicBool},
};

use axum::response::Response;
use collector_store::{Answer, Clock, Store};
use model::Batch;
use serde::Serialize;
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};
use utoipa::openapi::OpenApi;

use crate::{
    Access, Limits, answer::Preferences, error::Error, hosts::Hosts, metrics::Metrics, params::Selection,
    selected::Selected,
};

/// A handle to the state.
pub(crate) type Shared = Arc<State>;

/// The state of a running collector.
pub(crate) struct State {
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Clock,
    pub(crate) access: Access,
    pub(crate) limits: Limits,
    pub(crate) hosts: Hosts,
    pub(crate) metrics: Metrics,
    /// The API's own description.
    pub(crate) document: OpenApi,
    /// The query parameters that the document lists for each path.
    pub(crate) parameters: BTreeMap<String, Vec<String>>,
    /// One permit per KiB of push body.
    pub(crate) body_kib: Semaphore,
    pub(crate) decoding: Semaphore,
    selected: Selected,
    queries: Arc<Semaphore>,
    /// True from the moment the collector was told to stop.
    pub(crate) is_closing: AtomicBool,
}

impl State {
    pub(crate) fn new(store: Store, options: crate::Options) -> Self {
        let crate::Options { access, limits, clock, .. } = options;
        let document = crate::api::document();
        Self {
            store: Arc::new(store),
            clock,
            access,
            limits,
            hosts: Hosts::new(limits.agents, limits.agent_report_bytes),
            metrics: Metrics::default(),
            parameters: crate::api::query_parameters(&document),
            document,
            body_kib: Semaphore::new(limits.push_bytes_in_flight / 1024),
            decoding: Semaphore::new(limits.decoding),
            selected: Selected::default(),
            queries: Arc::new(Semaphore::new(limits.queries)),
            is_closing: AtomicBool::new(false),
        }
    }

    /// The stacks of a selection. Blocks.
    pub(crate) fn stacks(&self, selection: &Selection) -> Result<Arc<Answer<Batch>>, Error> {
        self.selected.stacks(&self.store, selection)
    }

    /// Runs a query on a thread that may block, when its turn comes.
    pub(crate) async fn query<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let turn = timeout(self.limits.query_waits, self.queries.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = turn else {
            return Err(Error::busy("too many queries are running").limit(self.limits.queries as u64));
        };
        let work = self.unqueued(move |state| {
            // Held until the work is done, even when nobody waits for it any more.
            let _permit = permit;
            work(state)
        });
        match timeout(self.limits.query_takes, work).await {
            Ok(done) => done,
            Err(_) => Err(too_slow(self.limits.query_takes.as_secs())),
        }
    }

    /// Runs work that is short but may block, without waiting for a turn.
    pub(crate) async fn unqueued<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let state = self.clone();
        spawn_blocking(move || work(&state)).await.map_err(|error| Error::internal(&error))?
    }

    /// Runs a query and writes its answer as JSON.
    pub(crate) async fn answer<T: Serialize>(
        self: &Arc<Self>,
        preferences: Preferences,
        work: impl FnOnce(&Self) -> Result<Answer<T>, Error> + Send + 'static,
    ) -> Result<Response, Error> {
        self.query(move |state| preferences.json(&work(state)?)).await
    }
}

fn too_slow(limit_s: u64) -> Error {
    let status = axum::http::StatusCode::GATEWAY_TIMEOUT;
    Error::new(status, "too_slow", format!("the query took longer than {limit_s} s"))
        .limit(limit_s)
        .fix("narrow the time range or the selector")
}
