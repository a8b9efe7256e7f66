//! How many servers each service needs, from what a collector knows: rates and CPU per request, the hosts it runs on,
//! the memory of its workers, and what findings would free.

mod findings;
mod measured;
mod memory;
mod worth;

use std::collections::{BTreeMap, BTreeSet};

use analyzer_detect::capacity::{Amount, CannotSay, Plan, Resource, Service, Spread, plan};
use analyzer_report::{
    capacity::{CapacityReport, CapacityRow, FindingWorth},
    sharing::SharingReport,
};
use model::keys;
use wire::api::{Breakdown, Hosts, findings::Finding, memory::MemoryReport};

use crate::{
    collector::{Collector, Question, narrowed},
    error::AnalyzerError,
    series::counted_services,
};

pub use findings::findings;
pub use measured::{Measured, demands};
pub(crate) use memory::workers;

/// What is not measured but decided.
#[derive(Clone, Debug)]
pub struct CapacityOptions {
    /// Parts that the time range is cut into; the one with the most CPU is the peak.
    pub parts: u16,
    /// Cores of one server; those of the hosts that report without it.
    pub cores: Option<u32>,
    /// Share of the cores that may be busy at the peak.
    pub target_utilisation: Option<Amount>,
    /// Expected growth.
    pub growth: Amount,
    /// Regions of which one may be lost.
    pub regions: u32,
    /// Servers kept beside all that.
    pub reserve: u32,
    /// Requests per second of one server at which it reached its limit in a load test, by service.
    pub red_lines: BTreeMap<String, Amount>,
    /// Of all findings, only the one with this id or name.
    pub only_finding: Option<String>,
}

impl Default for CapacityOptions {
    fn default() -> Self {
        Self {
            parts: 24,
            cores: None,
            target_utilisation: None,
            growth: Amount::Known(0.0),
            regions: 1,
            reserve: 0,
            red_lines: BTreeMap::new(),
            only_finding: None,
        }
    }
}

/// Everything that is looked at for all services.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Hosts' memory.
    pub memory: &'a [MemoryReport],
    /// What of it could be shared.
    pub sharing: &'a SharingReport,
    /// What was found otherwise.
    pub findings: &'a [Finding],
}

const BY_LIMIT: &str = "10000";

/// Answers for every service that the question selects, and says what sharing is worth in servers.
pub fn report(
    collector: &Collector,
    question: &Question<'_>,
    options: &CapacityOptions,
    known: Known<'_>,
) -> Result<CapacityReport, AnalyzerError> {
    let hosts: Hosts = collector.get("hosts", &[("limit", "100000")])?;
    let mut report = CapacityReport { schema: "fewer.capacity/1", ..CapacityReport::default() };
    let services = counted_services(collector, question)?;
    let mut uncounted = services.uncounted;
    for service in services.counted {
        match of_service(collector, (question, &service), options, (&hosts, known)) {
            Ok(row) => report.services.push(row),
            Err(AnalyzerError::CannotSay(CannotSay::Demand)) => uncounted += 1,
            Err(error) => report.notes.push(format!("{service}: {error}")),
        }
    }
    if uncounted > 0 {
        let text = "services count no requests, so it cannot be said how many servers they need";
        report.notes.push(format!("{uncounted} {text}"));
    }
    report.services.sort_by(|left, right| {
        let needed = |row: &CapacityRow| row.servers_needed.map_or(0.0, |(likely, ..)| likely);
        needed(right).total_cmp(&needed(left)).then_with(|| left.service.cmp(&right.service))
    });
    Ok(report)
}

fn of_service(
    collector: &Collector,
    (question, service): (&Question<'_>, &str),
    options: &CapacityOptions,
    (hosts, known): (&Hosts, Known<'_>),
) -> Result<CapacityRow, AnalyzerError> {
    let selector = narrowed(question.selector, keys::SERVICE_NAME, service);
    let question = Question { selector: &selector, ..question.clone() };
    let regions = options.regions;
    let mut row = CapacityRow { service: service.to_owned(), regions, ..CapacityRow::default() };
    let on: Breakdown =
        collector.ask("breakdown", &question, &[("by", keys::HOST_NAME), ("limit", BY_LIMIT)])?;
    let names: BTreeSet<&str> =
        on.rows.iter().map(|row| row.value.as_str()).filter(|name| !name.is_empty()).collect();
    row.servers_now = names.len() as u64;
    let measured = demands(collector, &question, options.parts)?;
    row.notes.clone_from(&measured.notes);
    let cores = options.cores.or_else(|| cores_of(hosts, &names, &mut row.notes));
    let memory = memory::of_workers((known.memory, hosts), service, &measured);
    if memory.is_none() {
        row.notes
            .push("no agent reported the memory of its workers, so nothing is said of memory".to_owned());
    }
    let sized = Service {
        demands: measured.demands.clone(),
        cores,
        target_utilisation: options.target_utilisation,
        growth: options.growth,
        regions: options.regions,
        reserve: options.reserve,
        memory: memory.as_ref().map(|memory| memory.of_host),
        red_line_rate: options.red_lines.get(service).copied(),
    };
    let mut worth = worth::of_service(service, known, (&measured, memory.as_ref()));
    if let Some(only) = &options.only_finding {
        worth.retain(|one| one.id == *only || one.finding.name.contains(only.as_str()));
    }
    let effects: Vec<_> = worth.iter().map(|one| one.finding.clone()).collect();
    match plan(&sized, &effects) {
        Ok(plan) => fill(&mut row, &plan, &worth),
        Err(why) => row.cannot_say = Some(why.to_string()),
    }
    Ok(row)
}

fn fill(row: &mut CapacityRow, plan: &Plan, worth: &[worth::Effective]) {
    row.servers_needed = Some(numbers(plan.now.servers));
    row.binding = resource(plan.now.binding).to_owned();
    row.binding_share = plan.now.binding_share;
    row.servers_for_cpu = Some(numbers(plan.now.for_cpu));
    row.servers_for_memory = plan.now.for_memory.map(numbers);
    row.target_utilisation = Some(plan.target_utilisation);
    row.together = Some(numbers(plan.together));
    row.findings = plan
        .findings
        .iter()
        .zip(worth)
        .map(|(found, effective)| FindingWorth {
            id: effective.id.clone(),
            name: found.name.clone(),
            servers: numbers(found.alone),
        })
        .collect();
    row.findings.sort_by(|left, right| right.servers.0.total_cmp(&left.servers.0));
}

/// The name of a resource.
pub fn resource(resource: Resource) -> &'static str {
    match resource {
        Resource::Cpu => "cpu",
        Resource::Memory => "memory",
        Resource::RedLine => "red line",
    }
}

fn numbers(spread: Spread) -> (f64, f64, f64) {
    (spread.likely, spread.low, spread.high)
}

/// Cores of the hosts that a service runs on: the fewest, where they differ.
fn cores_of(hosts: &Hosts, names: &BTreeSet<&str>, notes: &mut Vec<String>) -> Option<u32> {
    let fact = |host: &wire::api::Host, name: &str| host.facts.get(name).cloned().unwrap_or_default();
    let cores: BTreeSet<u32> = hosts
        .hosts
        .iter()
        .filter(|host| names.contains(fact(host, "host.name").as_str()))
        .filter_map(|host| fact(host, "host.cpu.count").parse().ok())
        .collect();
    if cores.len() > 1 {
        notes.push("hosts differ in cores; servers are counted in the smallest of them".to_owned());
    }
    cores.first().copied()
}

impl From<CannotSay> for AnalyzerError {
    fn from(why: CannotSay) -> Self {
        Self::CannotSay(why)
    }
}
