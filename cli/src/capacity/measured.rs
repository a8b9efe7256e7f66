//! Rates and CPU per request as a collector has them.

use analyzer::{capacity::demands, collector::Question};
use analyzer_detect::capacity::{Amount, Demand};

use super::{
    CapacityArgs,
    inputs::{DemandInput, Inputs, Number},
};

const MS: f64 = 1e3;

/// Replaces the demands by those of the part of the time range with the most CPU.
pub(super) fn fill(inputs: &mut Inputs, args: &CapacityArgs) -> anyhow::Result<()> {
    let (start_ns, end_ns) = args.range.range_ns()?;
    let question = Question { selector: &args.range.query, start_ns, end_ns };
    let measured = demands(&args.collector()?, &question, args.parts)?;
    inputs.demands = measured.demands.iter().map(input).collect();
    inputs.notes.extend(measured.notes);
    Ok(())
}

fn input(demand: &Demand) -> DemandInput {
    let in_ms = match demand.cpu_per_request_s {
        Amount::Known(value) => Number::Known(value * MS),
        Amount::Estimate { value, standard_error } => {
            Number::Estimate { value: value * MS, error: standard_error * MS }
        }
        Amount::Range { low, high } => Number::Range { low: low * MS, high: high * MS },
    };
    DemandInput { name: demand.name.clone(), peak_rate: demand.peak_rate.into(), cpu_per_request_ms: in_ms }
}
