//! Says which request and which feature flags a thread works for, so that the *fewer* profiler can tell whose CPU time it
//! samples, and counts requests with their exact CPU time.
//!
//! The profiler reads it all from outside: no socket, no thread, no file. Nothing here panics, and with `FEWER_DISABLED=1`
//! nothing is done at all. The README has the set-up for axum and tonic; by hand:
//!
//! ```
//! use fewer_sdk::{InRequest, Reason};
//!
//! fn nightly() {
//!     let _request = fewer_sdk::request("job:nightly");
//!     fewer_sdk::flag("new_ranking", "on", Reason::Split);
//! }
//!
//! async fn feed() {
//!     async { /* labelled at every poll */ }.in_request("GET /feed").await;
//! }
//! # nightly();
//! ```

mod clock;
mod current;
mod discovery;
mod flag;
mod future;
mod guard;
#[cfg(feature = "openfeature")]
pub mod openfeature;
mod page;
mod record;
mod running;
mod sdk;
#[cfg(target_os = "linux")]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "elsewhere.rs"]
mod system;
mod tables;
mod thread_context;
#[cfg(feature = "tower")]
pub mod tower;

pub use flag::{Reason, Variant, flag};
pub use future::{CarriedFuture, InRequest, RequestFuture, carry};
pub use guard::{Request, request, route};
pub use sdk::{Status, status};
