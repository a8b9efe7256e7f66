//! Random numbers of several distributions, from a seed.

use testkit::Random;

/// A number in 0..1.
pub(crate) fn uniform(random: &mut Random) -> f64 {
    (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// A standard normal number (Box and Muller 1958).
pub(crate) fn normal(random: &mut Random) -> f64 {
    let radius = (-2.0 * (1.0 - uniform(random)).ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform(random)).cos()
}

/// Student's t with three degrees of freedom, scaled to unit variance.
pub(crate) fn heavy_tailed(random: &mut Random) -> f64 {
    let square: f64 = (0..3).map(|_| normal(random).powi(2)).sum();
    normal(random) / square.sqrt()
}

/// A Poisson count (Knuth's product for small means, a rounded normal beyond).
pub(crate) fn poisson(random: &mut Random, mean: f64) -> f64 {
    if mean > 50.0 {
        return (mean + mean.sqrt() * normal(random)).round().max(0.0);
    }
    let (limit, mut product, mut count) = ((-mean).exp(), uniform(random), 0.0);
    while product > limit {
        product *= uniform(random);
        count += 1.0;
    }
    count
}

/// Unit-variance noise in which each point keeps this share of the one before.
pub(crate) fn autoregressive(random: &mut Random, len: usize, correlation: f64) -> Vec<f64> {
    let mut level = normal(random);
    let innovation = (1.0 - correlation * correlation).sqrt();
    (0..len)
        .map(|_| {
            level = correlation * level + innovation * normal(random);
            level
        })
        .collect()
}

/// Sums of independent steps.
pub(crate) fn walk(random: &mut Random, len: usize, drift: f64) -> Vec<f64> {
    let mut level = 0.0;
    (0..len)
        .map(|_| {
            level += drift + normal(random);
            level
        })
        .collect()
}
