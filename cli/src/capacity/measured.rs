//! Rates and CPU per request as a collector has them.

use std::{collections::BTreeMap, fs};

use analyzer::collector::{Collector, Question};
use analyzer_detect::{capacity::CannotSay, stats::ratio::ratio};
use anyhow::Context;
use wire::api::{Breakdown, BreakdownRow};

use super::{
    CapacityArgs,
    inputs::{DemandInput, Inputs, Number},
};

/// Endpoints told apart; the rest counts as one.
const ENDPOINTS_MAX: &str = "1000";
const OUTSIDE: &str = "CPU outside of requests";

/// Replaces the demands by those of the part of the time range with the most CPU.
pub(super) fn fill(inputs: &mut Inputs, args: &CapacityArgs) -> anyhow::Result<()> {
    let parts = ask(args)?;
    let peak = parts.iter().max_by(|left, right| left.total.cores.total_cmp(&right.total.cores));
    let peak = peak.filter(|peak| peak.total.requests > 0).ok_or(CannotSay::Demand)?;
    inputs.demands = demands(peak, &parts);
    let told = parts.iter().filter(|part| part.total.requests > 0).count();
    inputs.notes.push(format!(
        "the peak is {:.1} requests/s and {:.2} cores, over {:.0} s of {} parts of which {told} have requests",
        peak.total.requests_per_s,
        peak.total.cores,
        peak.seconds,
        parts.len()
    ));
    if told < 2 {
        inputs.notes.push(
            "only one part has requests, so the error of CPU per request is not known and not in the ranges"
                .to_owned(),
        );
    }
    inputs.notes.push("only hosts with an agent are in these numbers".to_owned());
    Ok(())
}

fn ask(args: &CapacityArgs) -> anyhow::Result<Vec<Breakdown>> {
    let token = args
        .token_file
        .as_ref()
        .map(|path| fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display())));
    let token = token.transpose()?.map(|token| token.trim().to_owned());
    let collector = Collector::new(args.collector.as_deref().unwrap_or_default(), token);
    let (start_ns, end_ns) = args.range.range_ns()?;
    let step_ns = ((end_ns - start_ns) / i64::from(args.parts)).max(1);
    (0..i64::from(args.parts))
        .map(|part| {
            let start_ns = start_ns + part * step_ns;
            let question = Question { selector: &args.range.query, start_ns, end_ns: start_ns + step_ns };
            Ok(collector.ask("breakdown", &question, &[("by", "endpoint"), ("limit", ENDPOINTS_MAX)])?)
        })
        .collect()
}

/// What was asked for at the peak, and what one request costs: the latter from all parts.
fn demands(peak: &Breakdown, parts: &[Breakdown]) -> Vec<DemandInput> {
    let mut history: BTreeMap<&str, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
    for row in parts.iter().flat_map(|part| &part.rows).filter(|row| row.requests > 0) {
        let (cpu, requests) = history.entry(&row.value).or_default();
        cpu.push(row.cpu_ns as f64 / 1e6);
        requests.push(row.requests as f64);
    }
    let demand = |row: &BreakdownRow| {
        let likely = row.cpu_ns_per_request? / 1e6;
        let (cpu, requests) = history.get(row.value.as_str())?;
        let cpu_per_request_ms = match ratio(cpu, requests) {
            Some(estimate) => Number::Estimate { value: estimate.value, error: estimate.standard_error },
            None => Number::Known(likely),
        };
        let error = (row.requests as f64).sqrt() / peak.seconds;
        let name = if row.rest > 0 { format!("{} other endpoints", row.rest) } else { row.value.clone() };
        let peak_rate = Number::Estimate { value: row.requests_per_s, error };
        Some(DemandInput { name, peak_rate, cpu_per_request_ms })
    };
    let mut found: Vec<DemandInput> = peak.rows.iter().filter_map(demand).collect();
    let outside_ns: i64 = peak.rows.iter().filter(|row| row.requests == 0).map(|row| row.cpu_ns).sum();
    if outside_ns > 0 {
        // As if it were one request a second, so that it is not forgotten.
        let cpu_per_request_ms = Number::Known(outside_ns as f64 / 1e6 / peak.seconds);
        let name = OUTSIDE.to_owned();
        found.push(DemandInput { name, peak_rate: Number::Known(1.0), cpu_per_request_ms });
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
            requests: *requests,
            requests_per_s: *requests as f64 / 100.0,
            cpu_ns_per_request: (*requests > 0).then(|| *cpu_ns as f64 / *requests as f64),
            ..BreakdownRow::default()
        };
        let rows = rows.iter().map(row).collect();
        Breakdown {
            by: "endpoint".into(),
            seconds: 100.0,
            values_total: 2,
            rows,
            total: BreakdownRow::default(),
        }
    }

    #[test]
    fn the_peak_gives_rates_and_all_parts_the_cost() {
        let peak = part(&[("GET /", 4_000_000_000, 1000), ("", 2_000_000_000, 0)]);
        let parts = [peak.clone(), part(&[("GET /", 1_000_000_000, 500)])];
        let found = demands(&peak, &parts);
        let numbers: Vec<f64> = found
            .iter()
            .flat_map(|demand| [demand.peak_rate, demand.cpu_per_request_ms])
            .map(|number| match number {
                Number::Known(value) | Number::Estimate { value, .. } => value,
                Number::Range { low, .. } => low,
            })
            .collect();
        let expected = [10.0, 5000.0 / 1500.0, 1.0, 20.0];
        assert!(numbers.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-9));
        assert_eq!((found.len(), found[1].name.as_str()), (2, OUTSIDE));
    }
}
