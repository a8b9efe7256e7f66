//! `fewer capacity` over the fleet: every service of a collector, with the memory that agents reported.

use std::collections::BTreeMap;

use analyzer::{
    AnalyzerError,
    capacity::{self, CapacityOptions, Known},
    collector::Question,
    report::capacity::CapacityReport,
    sharing,
};
use analyzer_detect::capacity::Amount;
use wire::api::findings::Findings;

use super::{CapacityArgs, what_if::WhatIf};

/// Rows of sharing that would save less on a host are summed up.
const SAVED_BYTES_MIN: u64 = 1_000_000;

/// The report, and the one with the changes asked for.
pub(super) fn report(args: &CapacityArgs) -> anyhow::Result<(CapacityReport, Option<CapacityReport>)> {
    let collector = args.collector()?;
    let (start_ns, end_ns) = args.range.range_ns()?;
    let question = Question { selector: &args.range.query, start_ns, end_ns };
    let reports = sharing::fetch(&collector, None)?;
    let shared = sharing::report(&reports, SAVED_BYTES_MIN);
    let found: Findings = collector.get("findings", &[("limit", "10000")])?;
    let known = Known { memory: &reports, sharing: &shared, findings: &found.findings };
    let options = options(args);
    let answer = |options: &CapacityOptions| capacity::report(&collector, &question, options, known);
    let changed = match args.what_if.is_empty() {
        true => None,
        false => {
            let changed =
                args.what_if.iter().try_fold(options.clone(), |options, change| apply(change, options))?;
            Some(answer(&changed)?)
        }
    };
    Ok((answer(&options)?, changed))
}

fn options(args: &CapacityArgs) -> CapacityOptions {
    let red_lines: BTreeMap<String, Amount> =
        args.red_lines.iter().filter_map(|line| Some((line.service.clone()?, line.rate))).collect();
    CapacityOptions { parts: args.parts, cores: args.cores, red_lines, ..CapacityOptions::default() }
}

fn apply(change: &WhatIf, mut options: CapacityOptions) -> anyhow::Result<CapacityOptions> {
    let changed = change.of_fleet(&mut options);
    match changed {
        true => Ok(options),
        false => Err(AnalyzerError::Usage(format!("--what-if {change} needs --inputs")).into()),
    }
}
