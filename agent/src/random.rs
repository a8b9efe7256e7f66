//! Randomness from the kernel, for the rims to pass in.

use std::{
    fs::File,
    io::{self, Read},
};

/// Sixteen random bytes as a number.
pub(crate) fn number() -> io::Result<u128> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u128::from_le_bytes(bytes))
}

/// A number from 0 to 1.
pub(crate) fn fraction() -> f64 {
    number().map_or(0.5, |number| (number as u32) as f64 / f64::from(u32::MAX))
}
