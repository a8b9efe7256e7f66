//! Real interpreters, read from outside while they run: every CPython 3.8 to 3.13 that is found.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests are tests"
)]

mod names;
mod process;
mod recognition;
mod sdk;
mod walk;
