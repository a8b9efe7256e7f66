//! Statistics, one to a file; each says where its formula is from.
//!
//! The unit of evidence is the host: every list of numbers here holds one value per host. Most functions give an
//! [`Estimate`], which knows its interval and its p-value.

pub mod cuped;
pub mod detectable;
mod distribution;
mod estimate;
pub mod false_discovery;
pub mod moments;
pub mod permutation;
pub mod proportion;
pub mod rank_sum;
pub mod ratio;
pub mod sample_ratio;
pub mod servers;
pub mod spending;
pub mod strata;

pub(crate) use distribution::normal_quantile;
pub use estimate::{Estimate, paired, welch};

/// Fails the test when two numbers differ by more than a relative 1e-9, the tolerance against the reference values,
/// which are scipy's and statsmodels'.
#[cfg(test)]
fn assert_close(found: f64, expected: f64) {
    let allowed = 1e-9 * expected.abs().max(1e-3);
    assert!((found - expected).abs() <= allowed, "{found}, not {expected}");
}
