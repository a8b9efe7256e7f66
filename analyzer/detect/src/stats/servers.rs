//! What CPU costs in machines.
//!
//! Servers = ceil(Σ peak rate × CPU per request × (1 + growth) ÷ (cores × target utilisation)) × R ÷ (R - 1) + reserve,
//! where losing one of R regions must be survived; with one region the factor is 1.

/// One kind of request at its peak.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    /// Requests per second at the peak.
    pub peak_rate: f64,
    /// CPU-seconds that one request costs.
    pub cpu_per_request_s: f64,
}

/// How a fleet is sized.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sizing {
    /// Cores of one server.
    pub cores: f64,
    /// Share of the cores that may be busy at the peak, above 0.
    pub target_utilisation: f64,
    /// Expected growth: 0.2 is a fifth more.
    pub growth: f64,
    /// Regions of which one may be lost; 1 when no such reserve is counted.
    pub regions: u32,
    /// Servers kept beside all that.
    pub reserve: u32,
}

impl Sizing {
    /// By how much the reserve for a lost region multiplies servers.
    pub fn region_factor(&self) -> f64 {
        if self.regions < 2 { 1.0 } else { f64::from(self.regions) / f64::from(self.regions - 1) }
    }

    /// Servers, in fractions and without the fixed reserve, that a change of so many busy cores at the peak is worth.
    pub fn servers_for_cores(&self, cores: f64) -> f64 {
        cores * (1.0 + self.growth) / (self.cores * self.target_utilisation) * self.region_factor()
    }

    /// Whole servers that the demands need.
    pub fn servers(&self, demands: &[Demand]) -> u64 {
        let cores: f64 = demands.iter().map(|demand| demand.peak_rate * demand.cpu_per_request_s).sum();
        let serving = (cores * (1.0 + self.growth) / (self.cores * self.target_utilisation)).ceil();
        (serving * self.region_factor()).ceil() as u64 + u64::from(self.reserve)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::assert_close;

    const ONE_REGION: Sizing =
        Sizing { cores: 16.0, target_utilisation: 0.5, growth: 0.0, regions: 1, reserve: 0 };

    fn check(sizing: Sizing, peak_rates: &[f64], expected: u64) {
        let demands: Vec<Demand> =
            peak_rates.iter().map(|&peak_rate| Demand { peak_rate, cpu_per_request_s: 0.01 }).collect();
        assert_eq!(sizing.servers(&demands), expected, "{sizing:?}");
    }

    #[test]
    fn a_fleet_serves_its_peak_and_survives_a_region() {
        check(ONE_REGION, &[], 0);
        check(ONE_REGION, &[8_000.0], 10);
        check(ONE_REGION, &[8_000.0, 1.0], 11);
        check(Sizing { growth: 0.25, ..ONE_REGION }, &[8_000.0], 13);
        check(Sizing { regions: 3, ..ONE_REGION }, &[8_000.0], 15);
        check(Sizing { regions: 2, reserve: 4, ..ONE_REGION }, &[8_000.0], 24);
    }

    #[test]
    fn a_change_is_priced_by_the_same_formula() {
        assert_close(ONE_REGION.servers_for_cores(4.0), 0.5);
        assert_close(Sizing { regions: 3, growth: 0.5, ..ONE_REGION }.servers_for_cores(-4.0), -1.125);
    }
}
