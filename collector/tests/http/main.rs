//! The collector over real HTTP, against a real store.

mod queries;
mod server;
mod support;
