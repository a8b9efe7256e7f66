//! Flame graphs as SVG: drawn by `inferno`, and read back from its drawings and those of Brendan Gregg's script.

mod read;
mod rectangle;
mod write;

pub use read::read;
pub use write::{Options, write};

#[cfg(test)]
mod tests;
