//! Quantiles and tails of the distributions that tests refer to.

use statrs::distribution::{ChiSquared, ContinuousCDF, Normal, StudentsT};

/// The value that a standard normal number stays below with this probability.
pub(crate) fn normal_quantile(probability: f64) -> f64 {
    Normal::standard().inverse_cdf(probability)
}

/// The probability that a standard normal number exceeds this value.
pub(super) fn normal_tail(value: f64) -> f64 {
    Normal::standard().sf(value)
}

/// The probability that Student's t exceeds this value; the normal distribution for infinite degrees of freedom.
pub(super) fn student_tail(value: f64, degrees_of_freedom: f64) -> f64 {
    match StudentsT::new(0.0, 1.0, degrees_of_freedom) {
        Ok(student) if degrees_of_freedom.is_finite() => student.sf(value),
        _ => normal_tail(value),
    }
}

/// The value that Student's t stays below with this probability.
pub(super) fn student_quantile(probability: f64, degrees_of_freedom: f64) -> f64 {
    match StudentsT::new(0.0, 1.0, degrees_of_freedom) {
        Ok(student) if degrees_of_freedom.is_finite() => student.inverse_cdf(probability),
        _ => normal_quantile(probability),
    }
}

/// The probability that a sum of so many squared standard normal numbers exceeds this value.
pub(super) fn chi_squared_tail(value: f64, degrees_of_freedom: f64) -> f64 {
    ChiSquared::new(degrees_of_freedom).map_or(1.0, |distribution| distribution.sf(value))
}
