//! What the fleet says about a change: what the functions that it touches cost today, and, once it is released, what two
//! versions cost and which commits a rise is likely from.

mod commits;
mod released;
mod stake;
pub(crate) mod units;

use std::{collections::BTreeMap, path::PathBuf};

use analyzer_detect::{
    comparison::Limits,
    stats::{Estimate, servers::Sizing},
};
use analyzer_report::check::{CheckReport, EndpointCost, Production, ProductionRow};
use model::{Batch, keys};
use wire::api::Breakdown;

use crate::{
    check::changes::{Changes, last_name},
    collector::{Collector, Question, narrowed},
    error::AnalyzerError,
};

pub(crate) use released::released;
use stake::Cost;
use units::Unit;

/// Endpoints that a function's cost is split by, those with the most CPU.
const ENDPOINTS_MAX: &str = "10";

/// Two versions that the fleet ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    /// The older value of `service.version`.
    pub from: String,
    /// The newer one.
    pub to: String,
}

/// What is asked of the fleet.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// Who knows.
    pub collector: Collector,
    /// Selects the services.
    pub selector: String,
    /// Start of the time range, in nanoseconds since the Unix epoch.
    pub start_ns: i64,
    /// Its end.
    pub end_ns: i64,
    /// The time range as a reader sees it.
    pub when: String,
    /// How cores become servers.
    pub sizing: Sizing,
    /// The folder that the repository is in where it runs; None when only ends of paths can tell.
    pub deployed_at: Option<PathBuf>,
    /// Versions to compare, once both ran.
    pub versions: Option<Versions>,
    /// Margin, confidence, and the rise that must be visible.
    pub limits: Limits,
}

/// What the changed functions cost, as it was found out; the report's part comes from it once CI has measured or not.
#[derive(Debug)]
pub(crate) struct CostToday {
    cost: Cost,
    shown: Production,
}

/// Asks what the changed functions cost today.
pub(crate) fn cost_today(fleet: &Fleet, changes: &Changes) -> CostToday {
    let shown = Production {
        selector: fleet.selector.clone(),
        when: fleet.when.clone(),
        sizing: crate::flags::said(&fleet.sizing),
        ..Production::default()
    };
    match looked_up(fleet, changes, shown.clone()) {
        Ok(found) => found,
        Err(reason) => {
            let shown = Production { reason: Some(reason), ..shown };
            CostToday { cost: Cost::default(), shown }
        }
    }
}

fn looked_up(fleet: &Fleet, changes: &Changes, mut shown: Production) -> Result<CostToday, String> {
    let found = units::units(&fleet.collector, &fleet.selector, (fleet.start_ns, fleet.end_ns))?;
    let mut cost = Cost::new(found.scale);
    for unit in &found.units {
        let profile = unit.profile(&fleet.collector)?;
        cost.add(&profile, unit.seconds(), &touched_by_frame(&profile, fleet, changes));
    }
    (shown.unit, shown.units) = (found.noun.to_owned(), found.units.len() as u64);
    shown.units_total = found.units_total;
    if let (Some(cores), Some(servers), Some(share)) =
        (cost.cores(None), cost.servers(None, &fleet.sizing), cost.share(None))
    {
        (shown.cores, shown.servers, shown.share) = (cores, servers, share);
    }
    let mut endpoints = endpoints(fleet, changes, &cost)?;
    for (at, one) in changes.functions.iter().enumerate() {
        let (Some(cores), Some(servers), Some(share)) =
            (cost.cores(Some(at)), cost.servers(Some(at), &fleet.sizing), cost.share(Some(at)))
        else {
            continue;
        };
        if cores.value > 0.0 {
            shown.functions.push(ProductionRow {
                function: one.code.name.clone(),
                file: one.file.clone(),
                line: one.code.first_line,
                cores,
                servers,
                share,
                endpoints: endpoints.remove(&at).unwrap_or_default(),
                owners: changes.owners.of(&one.file).to_vec(),
            });
        }
    }
    shown.functions.sort_by(|left, right| right.cores.value.total_cmp(&left.cores.value));
    shown.not_seen = (changes.functions.len() - shown.functions.len()) as u64;
    Ok(CostToday { cost, shown })
}

/// What each changed function costs in the largest endpoints.
fn endpoints(
    fleet: &Fleet,
    changes: &Changes,
    seen: &Cost,
) -> Result<BTreeMap<usize, Vec<EndpointCost>>, String> {
    let mut found: BTreeMap<usize, Vec<EndpointCost>> = BTreeMap::new();
    if seen.is_empty() {
        return Ok(found);
    }
    let whole = Question { selector: &fleet.selector, start_ns: fleet.start_ns, end_ns: fleet.end_ns };
    let by = [("by", keys::ENDPOINT), ("limit", ENDPOINTS_MAX)];
    let all: Breakdown = fleet.collector.ask("breakdown", &whole, &by).map_err(said)?;
    for row in all.rows.iter().filter(|row| row.rest == 0 && !row.value.is_empty()) {
        let unit = Unit {
            selector: narrowed(&fleet.selector, keys::ENDPOINT, &row.value),
            start_ns: fleet.start_ns,
            end_ns: fleet.end_ns,
        };
        let profile = unit.profile(&fleet.collector)?;
        let mut cost = Cost::new(1.0);
        cost.add(&profile, unit.seconds(), &touched_by_frame(&profile, fleet, changes));
        for at in 0..changes.functions.len() {
            let cores = cost.mean(Some(at));
            if cores > 0.0 {
                found.entry(at).or_default().push(EndpointCost { endpoint: row.value.clone(), cores });
            }
        }
    }
    for costs in found.values_mut() {
        costs.sort_by(|left, right| right.cores.total_cmp(&left.cores));
    }
    Ok(found)
}

/// Why nothing is known, in words that may be published: the collector's address is nobody else's business.
fn said(error: AnalyzerError) -> String {
    match error {
        AnalyzerError::Collector { message, .. } => format!("the collector did not answer: {message}"),
        other => other.to_string(),
    }
}

/// For each frame of a profile, the changed function that it is in.
fn touched_by_frame(profile: &Batch, fleet: &Fleet, changes: &Changes) -> Vec<Option<usize>> {
    let touched = profile.frames.iter().map(|frame| {
        let file = changes.paths.find(&frame.file, fleet.deployed_at.as_deref())?;
        changes.function_named(file, frame.line, &frame.function)
    });
    touched.collect()
}

impl CostToday {
    /// The report's part, with the servers at stake if CI measured the change.
    pub(crate) fn shown(
        self,
        changes: &Changes,
        report: &CheckReport,
        (change, sizing): (Option<Estimate>, &Sizing),
    ) -> Production {
        let outside_ns = report.measurement.as_ref().map_or(0.0, |measurement| measurement.outside_cpu_ns);
        let ratios: BTreeMap<usize, Estimate> = changes
            .functions
            .iter()
            .enumerate()
            .filter_map(|(at, one)| {
                // A function inside has the same place, and a change that is large for it is not for the whole.
                let row = report.functions.iter().find(|row| {
                    row.changed_line > 0
                        && (row.file.as_str(), row.line) == (one.file.as_str(), one.code.first_line)
                        && last_name(&row.function) == last_name(&one.code.name)
                })?;
                Some((at, stake::ratio(row, outside_ns)?))
            })
            .collect();
        let at_stake = self.cost.at_stake(&ratios, change, sizing);
        Production { at_stake: at_stake.filter(|_| !self.shown.functions.is_empty()), ..self.shown }
    }
}
