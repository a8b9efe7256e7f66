//! CPU per request when hosts serve unequal loads: the ratio of sums with its delta-method variance (Cochran 1977,
//! "Sampling techniques", chapter 6).

use super::{
    Estimate,
    moments::{covariance, mean, variance},
};

/// Sum of `cpu` over sum of `requests`, both one value per host in the same order. None below two hosts, for lists of
/// different lengths, or without any request.
pub fn ratio(cpu: &[f64], requests: &[f64]) -> Option<Estimate> {
    let count = cpu.len() as f64;
    let load = mean(requests);
    if cpu.len() != requests.len() || cpu.len() < 2 || load <= 0.0 {
        return None;
    }
    let value = mean(cpu) / load;
    let spread = variance(cpu) - 2.0 * value * covariance(cpu, requests) + value * value * variance(requests);
    let standard_error = (spread.max(0.0) / count).sqrt() / load;
    Some(Estimate { value, standard_error, degrees_of_freedom: count - 1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::assert_close;

    const REQUESTS: [f64; 6] = [100.0, 130.0, 80.0, 190.0, 140.0, 250.0];

    #[test]
    fn a_ratio_has_the_delta_methods_variance() {
        let found = ratio(&[12.0, 15.0, 9.0, 22.0, 18.0, 30.0], &REQUESTS).unwrap();
        assert_close(found.value, 0.11910112359550562);
        assert_close(found.standard_error.powi(2), 4.127745453019391e-06);
    }

    #[test]
    fn proportional_hosts_are_certain() {
        let found = ratio(&REQUESTS.map(|requests| requests / 8.0), &REQUESTS).unwrap();
        assert_close(found.value, 0.125);
        assert!(found.standard_error < 1e-9);
    }

    #[test]
    fn no_load_gives_nothing() {
        assert_eq!(ratio(&[1.0, 2.0], &[0.0, 0.0]), None);
        assert_eq!(ratio(&[1.0], &[1.0]), None);
        assert_eq!(ratio(&[1.0, 2.0], &[1.0]), None);
    }
}
