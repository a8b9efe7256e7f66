//! The collector over real HTTP, against a real store.

mod code;
mod counts;
mod findings;
mod memory;
mod page_types;
mod queries;
mod server;
mod support;
