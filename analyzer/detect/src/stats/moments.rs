//! Centre and spread of a list of numbers.

/// The arithmetic mean; 0 of nothing.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// The sample variance, with n - 1 in the denominator; 0 of fewer than two.
pub fn variance(values: &[f64]) -> f64 {
    covariance(values, values)
}

/// The sample covariance of pairs, with n - 1 in the denominator; 0 of fewer than two.
pub fn covariance(left: &[f64], right: &[f64]) -> f64 {
    let count = left.len().min(right.len());
    if count < 2 {
        return 0.0;
    }
    let (left_mean, right_mean) = (mean(left), mean(right));
    let products = left.iter().zip(right).map(|(left, right)| (left - left_mean) * (right - right_mean));
    products.sum::<f64>() / (count - 1) as f64
}

/// The middle value, or the mean of the two middle ones; 0 of nothing.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = sorted.get(middle).copied().unwrap_or_default();
    match middle.checked_sub(1).and_then(|below| sorted.get(below)) {
        Some(lower) if sorted.len().is_multiple_of(2) => lower.midpoint(upper),
        _ => upper,
    }
}

/// The value below which this share of the values lies, the next larger one where it falls between two; 0 of nothing.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = (share.clamp(0.0, 1.0) * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// The standard deviation that outliers do not move: the median distance from the median, scaled to agree with the
/// standard deviation of a normal distribution (Hampel 1974). Where more than half of the values are equal it would
/// be 0, and the mean distance takes its place.
pub fn robust_deviation(values: &[f64]) -> f64 {
    let center = median(values);
    let distances: Vec<f64> = values.iter().map(|value| (value - center).abs()).collect();
    match median(&distances) {
        0.0 => mean(&distances) * (std::f64::consts::PI / 2.0).sqrt(),
        middle => middle * 1.482_602_218_505_602,
    }
}
