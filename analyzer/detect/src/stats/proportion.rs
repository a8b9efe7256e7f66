//! A share that was counted: the interval of Wilson 1927, "Probable inference, the law of succession, and statistical
//! inference", which stays within 0 and 1 and is not empty at either end.

use super::distribution::normal_quantile;

/// The range that holds the true share with this confidence, after `hits` of `count`; all of 0 to 1 for nothing.
pub fn wilson(hits: u64, count: u64, confidence: f64) -> (f64, f64) {
    if count == 0 {
        return (0.0, 1.0);
    }
    let (share, count) = (hits.min(count) as f64 / count as f64, count as f64);
    let quantile = normal_quantile(0.5 + confidence / 2.0);
    let square = quantile * quantile;
    let center = (share + square / (2.0 * count)) / (1.0 + square / count);
    let reach = quantile / (1.0 + square / count)
        * (share * (1.0 - share) / count + square / (4.0 * count * count)).sqrt();
    ((center - reach).max(0.0), (center + reach).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::assert_close;

    /// As `statsmodels.stats.proportion.proportion_confint(method="wilson")` gives.
    fn check(hits: u64, count: u64, low: f64, high: f64) {
        let found = wilson(hits, count, 0.95);
        assert_close(found.0, low);
        assert_close(found.1, high);
    }

    #[test]
    fn intervals_agree_with_statsmodels() {
        check(0, 20, 0.0, 0.1611251580528194);
        check(5, 20, 0.11186170140766563, 0.4687008776187441);
        check(20, 20, 0.8388748419471804, 1.0);
        check(37, 1000, 0.026961180875554734, 0.05058239748206931);
        check(0, 0, 0.0, 1.0);
    }
}
