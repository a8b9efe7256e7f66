//! End to end: starts the real binaries as a user would, and talks to them over loopback.

mod browser;
mod http;
mod process;

pub use browser::drive_browser;
pub use http::{get_json, push};
pub use process::{Running, fewer, free_port, is_root};
