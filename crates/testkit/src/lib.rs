//! What the tests of several crates share: batches written as folded text, seeded randomness, a clock that tests move,
//! and the interpreters of this machine.
//!
//! A fixture that cannot be read is a mistake in the test, so this crate panics where a library would not.
#![allow(clippy::panic, clippy::print_stdout)]

mod clock;
mod folded;
mod interpreters;
mod random;

pub use clock::FakeClock;
pub use folded::{batch_from_folded, to_folded};
pub use interpreters::{MINORS, installed, with_each_interpreter};
pub use random::{Random, random_batch};
