//! What shifted, by how much, and whether it is more than noise: change points, tests, intervals and the filters that
//! keep findings few. Pure functions (invariant I8): the same input gives the same findings, byte for byte.

pub mod blame;
pub mod canary;
pub mod capacity;
mod change_points;
pub mod comparison;
pub mod dead_code;
pub mod filters;
pub mod flags;
pub mod functions;
mod partition;
pub mod regressions;
pub mod sharing;
#[cfg(test)]
mod simulated;
pub mod stats;
pub mod versions;

pub use change_points::change_points;
