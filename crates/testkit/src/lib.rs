//! What the tests of several crates share: batches written as folded text, seeded randomness, a clock that tests move.
//!
//! A fixture that cannot be read is a mistake in the test, so this crate panics where a library would not.
#![allow(clippy::panic)]

mod clock;
mod folded;
mod random;

pub use clock::FakeClock;
pub use folded::{batch_from_folded, to_folded};
pub use random::{Random, random_batch};
