//! What another process sees: this executable starts itself as a child and reads it while it runs.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[path = "outside/checks.rs"]
mod checks;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[path = "outside/children.rs"]
mod children;
mod support;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn main() {
    // Test runners pass options of their own; only this one is ours.
    match std::env::args().nth(1).as_deref().and_then(|argument| argument.strip_prefix("child=")) {
        Some(child) => children::run(child),
        None => checks::run(),
    }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn main() {}
