//! What shifted, by how much, and whether it is more than noise: change points, tests, intervals and the filters that
//! keep findings few. Pure functions (invariant I8): the same input gives the same findings, byte for byte.

mod change_points;
pub mod stats;

pub use change_points::change_points;
