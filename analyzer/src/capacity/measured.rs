//! Rates and CPU per request as a collector has them.

use std::collections::BTreeMap;

use analyzer_detect::{
    capacity::{Amount, CannotSay, Demand},
    stats::ratio::ratio,
};
use wire::api::{Breakdown, BreakdownRow};

use crate::{
    collector::{Collector, Question},
    error::AnalyzerError,
};

/// What was asked for at the peak.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// By endpoint.
    pub demands: Vec<Demand>,
    /// Cores that were busy, on all hosts together.
    pub cores: f64,
    /// Requests per second, on all hosts together.
    pub rate: f64,
    /// Where the numbers are from.
    pub notes: Vec<String>,
}

/// Endpoints told apart; the rest counts as one.
const ENDPOINTS_MAX: &str = "1000";
const OUTSIDE: &str = "CPU outside of requests";
const OUTSIDE_RATE: f64 = 1e-6;

/// What was asked for in the part of a time range with the most CPU. Fails with [`CannotSay::Demand`] where there were no
/// requests.
pub fn demands(
    collector: &Collector,
    question: &Question<'_>,
    parts: u16,
) -> Result<Measured, AnalyzerError> {
    let (start_ns, end_ns) = (question.start_ns, question.end_ns);
    let step_ns = ((end_ns - start_ns) / i64::from(parts.max(1))).max(1);
    let asked = (0..i64::from(parts.max(1))).map(|part| {
        let start_ns = start_ns + part * step_ns;
        let question = Question { start_ns, end_ns: start_ns + step_ns, ..question.clone() };
        collector.ask("breakdown", &question, &[("by", "endpoint"), ("limit", ENDPOINTS_MAX)])
    });
    of_parts(&asked.collect::<Result<Vec<Breakdown>, _>>()?)
}

fn of_parts(parts: &[Breakdown]) -> Result<Measured, AnalyzerError> {
    let peak = parts.iter().max_by(|left, right| left.total.cores.total_cmp(&right.total.cores));
    let peak = peak.filter(|peak| peak.total.requests > 0).ok_or(CannotSay::Demand)?;
    let told = parts.iter().filter(|part| part.total.requests > 0).count();
    let mut notes = vec![format!(
        "the peak is {:.1} requests/s and {:.2} cores, over {:.0} s of {} parts of which {told} have requests",
        peak.total.requests_per_s,
        peak.total.cores,
        peak.seconds,
        parts.len()
    )];
    if told < 2 {
        let text =
            "only one part has requests, so the error of CPU per request is not known and not in the ranges";
        notes.push(text.to_owned());
    }
    notes.push("only hosts with an agent are in these numbers".to_owned());
    let (cores, rate) = (peak.total.cores, peak.total.requests_per_s);
    Ok(Measured { demands: at_peak(peak, parts), cores, rate, notes })
}

/// What was asked for at the peak, and what one request costs: the latter from all parts.
fn at_peak(peak: &Breakdown, parts: &[Breakdown]) -> Vec<Demand> {
    let mut history: BTreeMap<&str, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
    for row in parts.iter().flat_map(|part| &part.rows).filter(|row| row.requests > 0) {
        let (cpu, requests) = history.entry(&row.value).or_default();
        cpu.push(row.cpu_ns as f64 / 1e9);
        requests.push(row.requests as f64);
    }
    let demand = |row: &BreakdownRow| {
        let likely = row.cpu_ns_per_request? / 1e9;
        let (cpu, requests) = history.get(row.value.as_str())?;
        let cpu_per_request_s = match ratio(cpu, requests) {
            Some(estimate) => {
                Amount::Estimate { value: estimate.value, standard_error: estimate.standard_error }
            }
            None => Amount::Known(likely),
        };
        let standard_error = (row.requests as f64).sqrt() / peak.seconds;
        let name = if row.rest > 0 { format!("{} other endpoints", row.rest) } else { row.value.clone() };
        let peak_rate = Amount::Estimate { value: row.requests_per_s, standard_error };
        Some(Demand { name, peak_rate, cpu_per_request_s })
    };
    let mut found: Vec<Demand> = peak.rows.iter().filter_map(demand).collect();
    let outside_ns: i64 = peak.rows.iter().filter(|row| row.requests == 0).map(|row| row.cpu_ns).sum();
    if outside_ns > 0 {
        // CPU that is not forgotten, as if of so few requests that they keep no worker.
        let cpu_per_request_s = Amount::Known(outside_ns as f64 / 1e9 / peak.seconds / OUTSIDE_RATE);
        found.push(Demand {
            name: OUTSIDE.to_owned(),
            peak_rate: Amount::Known(OUTSIDE_RATE),
            cpu_per_request_s,
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(rows: &[(&str, i64, u64)]) -> Breakdown {
        let row = |(value, cpu_ns, requests): &(&str, i64, u64)| BreakdownRow {
            value: (*value).to_owned(),
            cpu_ns: *cpu_ns,
            cores: *cpu_ns as f64 / 1e11,
            requests: *requests,
            requests_per_s: *requests as f64 / 100.0,
            cpu_ns_per_request: (*requests > 0).then(|| *cpu_ns as f64 / *requests as f64),
            ..BreakdownRow::default()
        };
        let rows: Vec<BreakdownRow> = rows.iter().map(row).collect();
        let total = BreakdownRow {
            cores: rows.iter().map(|row| row.cores).sum(),
            requests: rows.iter().map(|row| row.requests).sum(),
            ..BreakdownRow::default()
        };
        Breakdown { by: "endpoint".into(), seconds: 100.0, values_total: 2, rows, total }
    }

    #[test]
    fn the_peak_gives_rates_and_all_parts_the_cost() {
        let parts = [
            part(&[("GET /", 1_000_000_000, 500)]),
            part(&[("GET /", 4_000_000_000, 1000), ("", 2_000_000_000, 0)]),
        ];
        let found = of_parts(&parts).unwrap();
        let likely = |amount: Amount| match amount {
            Amount::Known(value) | Amount::Estimate { value, .. } => value,
            Amount::Range { low, .. } => low,
        };
        let numbers: Vec<f64> = found
            .demands
            .iter()
            .flat_map(|demand| [demand.peak_rate, demand.cpu_per_request_s])
            .map(likely)
            .collect();
        let expected = [10.0, 5.0 / 1500.0, 1e-6, 20_000.0];
        assert!(
            numbers.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-9),
            "{numbers:?}"
        );
        assert_eq!((found.demands.len(), found.demands[1].name.as_str()), (2, OUTSIDE));
    }

    #[test]
    fn without_requests_nothing_can_be_said() {
        for parts in [Vec::new(), vec![part(&[("", 1_000, 0)])]] {
            assert!(matches!(of_parts(&parts), Err(AnalyzerError::CannotSay(CannotSay::Demand))));
        }
    }
}
