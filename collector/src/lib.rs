//! The collector: takes pushes from agents, keeps them in a store, answers queries over HTTP and serves the web UI.
//!
//! What an agent sent is acknowledged only when it is durable (invariant I12). Everything that comes from outside
//! has a bound, and what falls at it is counted (invariant I6); the counts are at `/metrics`.

mod access;
mod address;
mod answer;
mod api;
mod args;
mod assets;
mod connections;
mod error;
mod findings;
mod functions;
mod hosts;
mod ingest;
mod memory;
mod metrics;
mod options;
mod params;
mod process;
mod prometheus;
mod run;
mod selected;
mod self_profile;
mod server;
mod state;

pub use access::{Access, AccessError, Token};
pub use address::{ListenError, listen};
pub use args::Args;
pub use options::{Limits, Options};
pub use run::run;
pub use server::{Collector, StartError};
