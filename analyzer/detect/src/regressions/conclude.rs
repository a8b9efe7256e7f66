//! From rises to findings: what only moved, what lies around another, and what has the same cause falls.

use std::collections::BTreeMap;

use super::{
    Finding, Funnel, Options, Risen,
    brought_by::brought_by,
    evidence::{self, Unit},
    fleet::{FleetSeries, FunctionName, Scope},
    look::Candidate,
    steps::step,
};
use crate::{
    filters::{
        cost_shift::{is_from, is_namesake, is_within},
        duplicates::{Cause, is_same, is_same_time},
        nested::{Place, places},
    },
    stats::Estimate,
};

/// Ways up from a function that are followed.
const ANCESTORS_MAX: usize = 64;

/// Confidence of intervals.
const CONFIDENCE: f64 = 0.95;

/// Functions that are named beside the one that is blamed.
const PARTS_MAX: usize = 5;

/// One finding for each cause.
pub(super) fn findings(
    fleet: &FleetSeries,
    present: &[bool],
    candidates: Vec<Candidate>,
    (options, funnel): (&Options, &mut Funnel),
) -> Vec<Finding> {
    let before = candidates.len();
    let stays: Vec<Candidate> =
        candidates.into_iter().filter(|one| !Moved { fleet, present, one }.is_moved()).collect();
    funnel.cost_shift += (before - stays.len()) as u64;
    let told = innermost(fleet, &stays, funnel);
    let mut findings: Vec<(Finding, usize)> = Vec::new();
    for (at, parts) in told {
        let Some(candidate) = stays.get(at) else { continue };
        let parts: Vec<Risen> = parts.iter().filter_map(|part| risen(fleet, stays.get(*part)?)).collect();
        let finding = finding(fleet, candidate, parts);
        let same = findings.iter_mut().find(|(_, other)| {
            let other = stays.get(*other);
            other.is_some_and(|other| is_same(&cause(fleet, other), &cause(fleet, candidate)))
        });
        match same {
            Some((known, _)) => {
                join(known, finding);
                funnel.duplicates += 1;
            }
            None => findings.push((finding, at)),
        }
    }
    let mut findings: Vec<Finding> = findings.into_iter().map(|(finding, _)| finding).collect();
    let servers = |finding: &Finding| options.sizing.servers_for_cores(finding.cores.0);
    findings.sort_by(|left, right| servers(right).total_cmp(&servers(left)));
    findings
}

/// One rise and what is around it.
struct Moved<'a> {
    fleet: &'a FleetSeries,
    present: &'a [bool],
    one: &'a Candidate,
}

impl Moved<'_> {
    /// True when the cost was there before, elsewhere.
    fn is_moved(&self) -> bool {
        let rise = self.one.evidence.difference.value;
        let around = self.ancestors();
        if around
            .iter()
            .any(|(at, share)| self.change(*at).is_some_and(|change| is_within(rise, &change, *share)))
        {
            return true;
        }
        let near: Vec<Estimate> = self.neighbours().filter_map(|at| self.change(at)).collect();
        is_from(rise, &near)
    }

    /// What encloses the rise, and how much of it each may see at least: callers share it.
    fn ancestors(&self) -> Vec<(usize, f64)> {
        let mut found = vec![(self.one.series, 1.0)];
        let mut at = 0;
        while let Some((series, share)) = found.get(at).copied() {
            at += 1;
            let Some(series) = self.fleet.series.get(series) else { continue };
            let each = share / series.parents.len().max(1) as f64;
            for parent in &series.parents {
                if found.len() < ANCESTORS_MAX && !found.iter().any(|(known, _)| known == parent) {
                    found.push((*parent, each));
                }
            }
        }
        found.split_off(1)
    }

    /// Functions of the same scope in the same endpoint that share file, last name or caller.
    fn neighbours(&self) -> impl Iterator<Item = usize> {
        let own = self.fleet.series.get(self.one.series);
        let name = own.and_then(|own| self.fleet.functions.get(own.function?));
        self.fleet.series.iter().enumerate().filter_map(move |(at, other)| {
            let (own, name) = (own?, name?);
            let other_name = self.fleet.functions.get(other.function?)?;
            let shares_caller = || own.parents.iter().any(|parent| other.parents.contains(parent));
            let is_near = !name.place.is_empty() && name.place == other_name.place
                || is_namesake(&name.name, &other_name.name)
                || own.scope == Scope::Total && shares_caller();
            let is_other = at != self.one.series
                && own.endpoint == other.endpoint
                && own.scope == other.scope
                && !self.fleet.is_within(at, self.one.series)
                && !self.fleet.is_within(self.one.series, at);
            (is_near && is_other).then_some(at)
        })
    }

    /// How another series changed at the time of the rise, by the same evidence.
    fn change(&self, at: usize) -> Option<Estimate> {
        let series = self.fleet.series.get(at)?;
        if self.one.evidence.unit == Unit::Hosts {
            let groups = evidence::groups(self.fleet, series, self.present, &self.one.sides);
            let is_asked = |host: usize| {
                let group = &self.one.evidence.group;
                group.is_empty() || self.fleet.hosts.get(host).is_some_and(|host| host.group == *group)
            };
            let asked: Vec<_> = groups.into_iter().enumerate().filter(|(host, _)| is_asked(*host)).collect();
            let asked: Vec<_> = asked.into_iter().map(|(_, group)| group).collect();
            return Some(evidence::of_all(&asked)?.difference);
        }
        let values = self.fleet.pooled(series, self.present);
        let at = &self.one.step;
        Some(step(&values, (at.start, at.at, at.end))?.difference)
    }
}

/// Of the rises of one endpoint and time, those that are told, with their parts.
fn innermost(fleet: &FleetSeries, all: &[Candidate], funnel: &mut Funnel) -> Vec<(usize, Vec<usize>)> {
    let mut by_endpoint: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, candidate) in all.iter().enumerate() {
        let endpoint = fleet.series.get(candidate.series).map_or(usize::MAX, |series| series.endpoint);
        by_endpoint.entry(endpoint).or_default().push(at);
    }
    let mut told = Vec::new();
    for mut of_endpoint in by_endpoint.into_values() {
        let began = |at: &usize| all.get(*at).map_or((0, 0), Candidate::began);
        of_endpoint.sort_by_key(began);
        for same_time in of_endpoint.chunk_by(|one, next| is_same_time(began(one), began(next))) {
            let members: Vec<&Candidate> = same_time.iter().filter_map(|at| all.get(*at)).collect();
            let rises: Vec<f64> = members.iter().map(|one| one.evidence.difference.value).collect();
            let is_part = |inner: usize, outer: usize| {
                let pair = members.get(inner).zip(members.get(outer));
                pair.is_some_and(|(inner, outer)| fleet.is_within(inner.series, outer.series))
            };
            for (at, place) in same_time.iter().zip(places(&rises, is_part)) {
                match place {
                    Place::Told(parts) => {
                        let parts = parts.iter().filter_map(|part| same_time.get(*part)).copied();
                        told.push((*at, parts.collect()));
                    }
                    Place::Nested => funnel.nested += 1,
                }
            }
        }
    }
    // The dearest first: what has the same cause joins it.
    told.sort_by_key(|(at, _)| *at);
    told
}

fn finding(fleet: &FleetSeries, candidate: &Candidate, parts: Vec<Risen>) -> Finding {
    let series = fleet.series.get(candidate.series).cloned().unwrap_or_default();
    let rise = candidate.evidence.difference;
    let (low, high) = rise.interval(CONFIDENCE);
    let cores = |ns: f64| ns / 1e9 * candidate.requests_per_s;
    let at = candidate.step.at;
    let flag = brought_by(&fleet.flags, at).map(|part| (part.of.clone(), part.value.clone()));
    let mut finding = Finding {
        series: candidate.series,
        endpoints: fleet.endpoints.get(series.endpoint).map(|one| one.name.clone()).into_iter().collect(),
        function: series.function,
        scope: series.scope,
        parts: Vec::new(),
        at,
        end: candidate.step.end,
        before_ns: candidate.evidence.before,
        rise,
        unit: candidate.evidence.unit,
        units: candidate.evidence.units,
        group: candidate.evidence.group.clone(),
        adjusted_p_value: candidate.adjusted_p_value,
        cores: (cores(rise.value), cores(low), cores(high)),
        version: brought_by(&fleet.versions, at).map(|part| part.value.clone()),
        flag,
    };
    add_parts(&mut finding, parts);
    finding
}

fn risen(fleet: &FleetSeries, candidate: &Candidate) -> Option<Risen> {
    let function = fleet.series.get(candidate.series)?.function?;
    let before_ns = candidate.evidence.before;
    Some(Risen { function, before_ns, after_ns: before_ns + candidate.evidence.difference.value })
}

/// Each function once, and not the one that is blamed.
fn add_parts(finding: &mut Finding, parts: impl IntoIterator<Item = Risen>) {
    for part in parts {
        let is_known = finding.parts.iter().any(|known| known.function == part.function);
        if finding.parts.len() < PARTS_MAX && Some(part.function) != finding.function && !is_known {
            finding.parts.push(part);
        }
    }
}

fn cause<'a>(fleet: &'a FleetSeries, candidate: &Candidate) -> Cause<'a> {
    let series = fleet.series.get(candidate.series);
    let nothing = || Cause { at: candidate.began(), ..Cause::default() };
    let Some(series) = series else { return nothing() };
    let name: Option<&FunctionName> = series.function.and_then(|at| fleet.functions.get(at));
    let text = |of: fn(&FunctionName) -> &String| name.map_or("", |name| of(name).as_str());
    Cause {
        function: text(|name| &name.name),
        place: text(|name| &name.place),
        package: text(|name| &name.package),
        endpoint: fleet.endpoints.get(series.endpoint).map_or("", |one| one.name.as_str()),
        ..nothing()
    }
}

/// What another endpoint adds to a finding: its cores. Another function of the same endpoint is named.
fn join(known: &mut Finding, other: Finding) {
    let spread = |cores: (f64, f64, f64)| (cores.2 - cores.0, cores.0 - cores.1);
    let ((high, low), (more_high, more_low)) = (spread(known.cores), spread(other.cores));
    let value = known.cores.0 + other.cores.0;
    // The endpoints' errors are independent: their squares add up.
    known.cores = (value, value - low.hypot(more_low), value + high.hypot(more_high));
    let own = other.function.map(|function| {
        let after_ns = other.before_ns + other.rise.value;
        Risen { function, before_ns: other.before_ns, after_ns }
    });
    add_parts(known, own.into_iter().chain(other.parts));
    for endpoint in other.endpoints {
        if !known.endpoints.contains(&endpoint) {
            known.endpoints.push(endpoint);
        }
    }
}
