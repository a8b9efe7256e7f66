//! What a collector is started with.

use std::{path::PathBuf, sync::Arc, time::Duration};

use collector_store::{Clock, system_now_ns};

use crate::Access;

/// Everything a collector needs from outside.
#[derive(Clone)]
pub struct Options {
    /// Where the store lives.
    pub data_dir: PathBuf,
    /// Who may ask and send.
    pub access: Access,
    /// Bounds of the store.
    pub store: collector_store::Limits,
    /// Bounds of the server.
    pub limits: Limits,
    /// What time it is.
    pub clock: Clock,
}

impl Options {
    /// A collector for this machine's own programs, with default bounds.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            access: Access::Loopback,
            store: collector_store::Limits::default(),
            limits: Limits::default(),
            clock: Arc::new(system_now_ns),
        }
    }
}

/// The bounds of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once; more wait to be accepted.
    pub connections: usize,
    /// What one push may hold.
    pub push: wire::push::Limits,
    /// Bytes of push bodies held at once; beyond them senders are told to wait.
    pub push_bytes_in_flight: usize,
    /// Pushes decoded at once.
    pub decoding: usize,
    /// A push must arrive within this time.
    pub push_arrives_within: Duration,
    /// Queries that run at once.
    pub queries: usize,
    /// A query waits this long for its turn.
    pub query_waits: Duration,
    /// A query that takes longer is answered with an error.
    pub query_takes: Duration,
    /// Agents whose last report is kept.
    pub agents: usize,
    /// Bytes of agents' reports that are kept.
    pub agent_report_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 32_768,
            push: wire::push::Limits::default(),
            push_bytes_in_flight: 256 << 20,
            decoding: std::thread::available_parallelism().map_or(2, usize::from),
            push_arrives_within: Duration::from_secs(30),
            queries: 4,
            query_waits: Duration::from_secs(10),
            query_takes: Duration::from_secs(60),
            agents: 100_000,
            agent_report_bytes: 512 << 20,
        }
    }
}
