//! What the hosts say about a step: each host's cost per request before and behind it. The host is the unit of evidence;
//! where there are too few to tell chance from change, windows stand in, which says nothing about other hosts. Below eight,
//! a test that assumes nothing about them has to agree with Student's.

use super::{
    fleet::{FleetSeries, Series, Served},
    steps::Step,
};
use crate::{
    filters::population_shift::Group,
    stats::{
        Estimate,
        moments::mean,
        paired,
        permutation::{HOSTS_FOR_T, Verdict, permutation_test, sign_flip_test},
        welch,
    },
};

/// Fewer hosts give no verdict about a fleet.
pub const HOSTS_MIN: usize = 4;

/// A host with less than this part of the mean load is more noise than evidence.
const LOAD_PART_MIN: f64 = 0.1;

/// Overall evidence weaker than this is looked at group by group.
const CLEAR_P_VALUE: f64 = 1e-4;

/// What a test of few hosts that makes no assumption has to reach.
const FEW_HOSTS_LEVEL: f64 = 0.05;

/// Ways to deal few hosts, or to turn their signs, that are looked at.
const DRAWS: u32 = 4_000;

/// What was compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Hosts.
    Hosts,
    /// Windows of few hosts: this says nothing about other hosts.
    #[default]
    Windows,
}

/// A difference with what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Behind the step less before, in nanoseconds per request.
    pub difference: Estimate,
    /// Cost before, in nanoseconds per request.
    pub before: f64,
    /// What was compared.
    pub unit: Unit,
    /// How many.
    pub units: usize,
    /// The group of hosts it is about; empty for all.
    pub group: String,
    /// Probability of a rise like this if there is none.
    pub p_value: f64,
}

/// A step with the steps of time on each side that count.
#[derive(Clone, Debug, PartialEq)]
pub struct Sides {
    /// Before it.
    pub before: Vec<usize>,
    /// Behind it.
    pub after: Vec<usize>,
}

impl Sides {
    /// The sides of a step, of steps of time that a view looks at.
    pub fn of(step: &Step, is_seen: impl Fn(usize) -> bool) -> Self {
        let seen = |range: std::ops::Range<usize>| range.filter(|at| is_seen(*at)).collect();
        Self { before: seen(step.start..step.at), after: seen(step.settled..step.end) }
    }
}

/// Each host's part before and behind a step.
pub fn groups(fleet: &FleetSeries, series: &Series, present: &[bool], sides: &Sides) -> Vec<Group> {
    let served = |host: usize, steps: &[usize]| fleet.served(series, present, (host, steps));
    let group = |host: usize| {
        let (before, after) = (served(host, &sides.before), served(host, &sides.after));
        Group { requests: (before.requests, after.requests), cpu: (before.cpu_ns, after.cpu_ns) }
    };
    (0..fleet.hosts.len()).map(group).collect()
}

/// The evidence of all hosts, or of one group of them when only that is clear.
pub fn evidence(fleet: &FleetSeries, groups: &[Group], windows: &Step) -> Evidence {
    let Some(whole) = of_all(groups) else {
        let hosts = groups.iter().filter(|one| one.requests.1 > 0.0).count();
        return Evidence {
            difference: windows.difference,
            before: windows.before,
            unit: Unit::Windows,
            units: hosts,
            group: String::new(),
            p_value: windows.difference.p_value_above(0.0),
        };
    };
    if whole.p_value <= CLEAR_P_VALUE {
        return whole;
    }
    let mut names: Vec<&str> =
        fleet.hosts.iter().map(|host| host.group.as_str()).filter(|group| !group.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    let looks = names.len() as f64 + 1.0;
    let of_group = |name: &&str| {
        let hosts = fleet.hosts.iter().enumerate().filter(|(_, host)| host.group == *name);
        let (own, others): (Vec<usize>, Vec<usize>) =
            (0..groups.len()).partition(|at| hosts.clone().any(|(own, _)| own == *at));
        let found = of_hosts(groups, &own, &others).filter(|_| !others.is_empty())?;
        // Every group is a look, and the clearest one was chosen.
        Some(Evidence { p_value: (found.p_value * looks).min(1.0), group: (*name).to_owned(), ..found })
    };
    let candidates = names.iter().filter_map(of_group).chain([whole]);
    let clearest = candidates.min_by(|left, right| left.p_value.total_cmp(&right.p_value));
    clearest.unwrap_or(Evidence {
        difference: windows.difference,
        before: windows.before,
        unit: Unit::Windows,
        units: 0,
        group: String::new(),
        p_value: 1.0,
    })
}

/// The evidence of all hosts; none when they are too few.
pub(super) fn of_all(groups: &[Group]) -> Option<Evidence> {
    of_hosts(groups, &(0..groups.len()).collect::<Vec<usize>>(), &[])
}

/// Within hosts that served both sides, else between hosts that served one. None where so few could not tell chance from
/// change.
fn of_hosts(groups: &[Group], hosts: &[usize], others: &[usize]) -> Option<Evidence> {
    let sides = costs(groups, hosts);
    let (both_before, both_after): (Vec<f64>, Vec<f64>) =
        sides.iter().filter_map(|(before, after)| before.zip(*after)).unzip();
    let (before, difference, units, verdict) = if both_before.len() >= HOSTS_MIN {
        let difference = paired(&both_before, &both_after)?;
        let verdict = of_rises(&rises(&sides), &rises(&costs(groups, others)));
        (mean(&both_before), difference, both_before.len(), verdict)
    } else {
        let before: Vec<f64> = sides.iter().filter_map(|(before, _)| *before).collect();
        let after: Vec<f64> = sides.iter().filter_map(|(_, after)| *after).collect();
        if before.len() < HOSTS_MIN || after.len() < HOSTS_MIN {
            return None;
        }
        let verdict = match before.len().min(after.len()) {
            HOSTS_FOR_T.. => Verdict::Differ,
            _ => permutation_test(&before, &after, DRAWS, 1)?.verdict(FEW_HOSTS_LEVEL),
        };
        (mean(&before), welch(&before, &after)?, before.len() + after.len(), verdict)
    };
    let p_value = match verdict {
        Verdict::Differ => difference.p_value_above(0.0),
        Verdict::Alike => 1.0,
        Verdict::CannotSay => return None,
    };
    Some(Evidence { difference, before, unit: Unit::Hosts, units, group: String::new(), p_value })
}

/// What each host cost before and behind a step, where it served enough to know.
fn costs(groups: &[Group], hosts: &[usize]) -> Vec<(Option<f64>, Option<f64>)> {
    let groups: Vec<&Group> = hosts.iter().filter_map(|at| groups.get(*at)).collect();
    let loads: Vec<f64> = groups.iter().map(|one| one.requests.0 + one.requests.1).collect();
    let least = LOAD_PART_MIN * mean(&loads) / 2.0;
    let cost = |cpu_ns: f64, requests: f64| {
        (requests > 0.0 && requests >= least).then(|| Served { cpu_ns, requests }.cost())
    };
    groups.iter().map(|one| (cost(one.cpu.0, one.requests.0), cost(one.cpu.1, one.requests.1))).collect()
}

fn rises(sides: &[(Option<f64>, Option<f64>)]) -> Vec<f64> {
    sides.iter().filter_map(|(before, after)| Some((*after)? - (*before)?)).collect()
}

/// What few hosts say that are their own control. If their signs cannot say it, because so few have too few signs, other
/// hosts can: that just these rose is one deal of many.
fn of_rises(rises: &[f64], others: &[f64]) -> Verdict {
    if rises.len() >= HOSTS_FOR_T {
        return Verdict::Differ;
    }
    let signs = sign_flip_test(rises, DRAWS, 1).map(|test| test.verdict(FEW_HOSTS_LEVEL));
    match signs.unwrap_or(Verdict::CannotSay) {
        Verdict::CannotSay => permutation_test(others, rises, DRAWS, 1)
            .map_or(Verdict::CannotSay, |test| test.verdict(FEW_HOSTS_LEVEL)),
        said => said,
    }
}

impl Served {
    /// CPU per request.
    pub fn cost(&self) -> f64 {
        self.cpu_ns / self.requests
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regressions::fleet::Host;

    fn step() -> Step {
        let difference = Estimate { value: 1.0, standard_error: 0.1, degrees_of_freedom: 50.0 };
        Step { start: 0, at: 5, settled: 5, end: 10, before: 1.0, after: 2.0, difference }
    }

    fn check(costs: &[(f64, f64)], groups: &[&str], expected: (Unit, usize, &str, bool)) {
        let each: Vec<Group> = costs
            .iter()
            .map(|&(before, after)| Group { requests: (100.0, 100.0), cpu: (before * 100.0, after * 100.0) })
            .collect();
        let host = |group: &&str| Host { name: String::new(), group: (*group).to_owned() };
        let fleet = FleetSeries { hosts: groups.iter().map(host).collect(), ..FleetSeries::default() };
        let found = evidence(&fleet, &each, &step());
        let seen = (found.unit, found.units, found.group.as_str(), found.p_value < 1e-3);
        assert_eq!(seen, expected, "{found:?}");
    }

    #[test]
    fn hosts_decide_where_there_are_enough() {
        let risen = [(1.0, 1.2), (2.0, 2.21), (1.5, 1.7), (1.0, 1.19), (1.2, 1.4), (1.1, 1.32)];
        check(&risen, &[""; 6], (Unit::Hosts, 6, "", true));
        // Of five hosts' signs, 2 in 32 are all alike: more than 5 %, whatever they say.
        check(&risen[..5], &[""; 5], (Unit::Windows, 5, "", true));
        check(&risen[..3], &[""; 3], (Unit::Windows, 3, "", true));
        let some: Vec<(f64, f64)> = (0..12)
            .map(|at| {
                let wobble = 0.001 * f64::from(at % 3);
                (1.0 + wobble, if at < 5 { 1.2 + 2.0 * wobble } else { 1.0 - wobble })
            })
            .collect();
        let group = |at: usize| if at < 5 { "new" } else { "old" };
        let names: Vec<&str> = (0..12).map(group).collect();
        check(&some, &names, (Unit::Hosts, 5, "new", true));
        check(&some, &[""; 12], (Unit::Hosts, 12, "", false));
        let fell = [(1.0, 1.2), (2.0, 2.21), (1.5, 1.7), (1.0, 1.19), (1.2, 1.4), (1.1, 0.2)];
        check(&fell, &[""; 6], (Unit::Hosts, 6, "", false));
    }
}
