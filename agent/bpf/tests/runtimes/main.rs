//! Runtimes of real programs, read at the sample instant. Needs root; says so and passes where there is none.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    unreachable_pub,
    reason = "helpers of tests may do what tests may"
)]

mod configuring;
mod interpreter;
mod labels;
mod process;
mod python;
mod text;
mod trie;
