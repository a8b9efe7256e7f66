//! What got dearer in a fleet: one pure function over all series of a service.
//!
//! Every series is looked at cheaply first, what moves is looked at exactly, the hosts say how sure a step is, and the
//! filters take away what is nobody's regression. How many fell where is part of the answer.

mod brought_by;
mod conclude;
pub mod evidence;
pub mod fleet;
mod look;
mod screen;
mod steps;

use std::num::NonZeroUsize;

use crate::{
    filters::floor::Floor,
    stats::{Estimate, detectable, false_discovery::benjamini_yekutieli, servers::Sizing},
};
use evidence::Unit;
use fleet::{FleetSeries, Scope};
use look::{Candidate, Looked, look};

pub use steps::{Fallen, Step, steps};

/// Findings that are likely false among those reported.
const FALSE_SHARE: f64 = 0.05;

/// Rises that are told from each other; beyond it those that cost most are.
const CANDIDATES_MAX: usize = 2_000;

/// How it is looked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// What a rise has to reach.
    pub floor: Floor,
    /// How cores become servers.
    pub sizing: Sizing,
    /// Threads that look.
    pub threads: NonZeroUsize,
}

/// What there is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Analysis {
    /// One for each cause, the most servers first.
    pub findings: Vec<Finding>,
    /// Rises too young to be judged, the most servers first.
    pub pending: Vec<Pending>,
    /// What each endpoint's data could have shown.
    pub endpoints: Vec<Shown>,
    /// Where series and steps fell.
    pub funnel: Funnel,
}

/// A lasting rise of cost per request.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Position of the series it was found in.
    pub series: usize,
    /// Endpoints it shows in, the one with the most cores first.
    pub endpoints: Vec<String>,
    /// Position of the function; none when all of the endpoint rose and no function keeps most of it.
    pub function: Option<usize>,
    /// Whether it is the function's own cost or with what it calls.
    pub scope: Scope,
    /// Functions that rose as parts of it or with it, the largest rise first.
    pub parts: Vec<Risen>,
    /// The first step behind it.
    pub at: usize,
    /// The last step of its regime, not included.
    pub end: usize,
    /// Nanoseconds per request before, in the first endpoint.
    pub before_ns: f64,
    /// The rise in nanoseconds per request, in the first endpoint.
    pub rise: Estimate,
    /// What was compared.
    pub unit: Unit,
    /// How many.
    pub units: usize,
    /// The group of hosts it is about; empty for all.
    pub group: String,
    /// Probability of a rise like this by chance, adjusted for all series (Benjamini and Yekutieli).
    pub adjusted_p_value: f64,
    /// Cores more than before, with the interval, over all its endpoints.
    pub cores: (f64, f64, f64),
    /// The version that was rolled out at that time.
    pub version: Option<String>,
    /// The flag and its variant that were turned up at that time.
    pub flag: Option<(String, String)>,
}

/// A function that rose with a finding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Risen {
    /// Position of the function.
    pub function: usize,
    /// Nanoseconds per request before.
    pub before_ns: f64,
    /// Nanoseconds per request behind it.
    pub after_ns: f64,
}

/// A rise in the last windows.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    /// The endpoint.
    pub endpoint: String,
    /// Position of the function; none for all of the endpoint.
    pub function: Option<usize>,
    /// Its first step.
    pub at: usize,
    /// Nanoseconds per request before.
    pub before_ns: f64,
    /// Nanoseconds per request since.
    pub after_ns: f64,
    /// Servers that it costs if it lasts.
    pub servers: f64,
}

/// What "no change" means for an endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The endpoint.
    pub endpoint: String,
    /// The smallest relative rise in the middle of the time range that its hosts would have shown four times in five; none
    /// where there are too few.
    pub detectable: Option<f64>,
    /// Hosts that served it.
    pub hosts: usize,
}

/// Where series and steps fell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Funnel {
    /// Series that were looked at.
    pub series: u64,
    /// Series with too few values or too many gaps.
    pub unsound: u64,
    /// Series that do not move.
    pub quiet: u64,
    /// Series that move without a lasting step up.
    pub no_step: u64,
    /// Steps down.
    pub improvements: u64,
    /// Steps up below the floor.
    pub small: u64,
    /// Rises that are over.
    pub went_away: u64,
    /// Rises that come every day.
    pub season: u64,
    /// Rises that a change of the mix of hosts makes.
    pub population_shift: u64,
    /// Rises in the last windows, which are not judged yet.
    pub pending: u64,
    /// Rises that chance may have made, with so many series looked at.
    pub not_significant: u64,
    /// Rises that are cost moved from elsewhere.
    pub cost_shift: u64,
    /// Rises around another, or part of it.
    pub nested: u64,
    /// Rises with the same cause as another.
    pub duplicates: u64,
    /// Rises beyond the bound, those that cost least.
    pub beyond: u64,
    /// What is left.
    pub findings: u64,
}

/// Looks at everything.
pub fn analyse(fleet: &FleetSeries, options: &Options) -> Analysis {
    let present = fleet.presence();
    let mut funnel = Funnel::default();
    let (mut candidates, mut pending) = (Vec::new(), Vec::new());
    for looked in look_at_all(fleet, &present, options) {
        add(&mut funnel, &looked.funnel);
        candidates.extend(looked.candidates);
        pending.extend(looked.pending);
    }
    let candidates = significant(candidates, &mut funnel);
    let findings = conclude::findings(fleet, &present, candidates, (options, &mut funnel));
    pending.sort_by(|left, right| right.servers.total_cmp(&left.servers));
    let pending = distinct(pending);
    funnel.findings = findings.len() as u64;
    Analysis { findings, pending, endpoints: shown(fleet, &present), funnel }
}

/// Looks at series on some threads; the answers come in the order of the series, whatever the threads did.
fn look_at_all(fleet: &FleetSeries, present: &[bool], options: &Options) -> Vec<Looked> {
    let chunk = fleet.series.len().div_ceil(options.threads.get()).max(1);
    std::thread::scope(|scope| {
        let work = |first: usize, count: usize| {
            let all = (first..first + count).map(|at| look(fleet, present, at, options));
            all.filter(Looked::is_telling).collect::<Vec<Looked>>()
        };
        let starts = (0..fleet.series.len()).step_by(chunk);
        let threads: Vec<_> = starts
            .map(|first| {
                let count = chunk.min(fleet.series.len() - first);
                scope.spawn(move || work(first, count))
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    })
}

/// Those that chance is unlikely to have made: every series counts as a test, also those without a step.
fn significant(mut candidates: Vec<Candidate>, funnel: &mut Funnel) -> Vec<Candidate> {
    let tests = (funnel.series as usize).max(candidates.len());
    let mut p_values: Vec<f64> = candidates.iter().map(|candidate| candidate.evidence.p_value).collect();
    p_values.resize(tests, 1.0);
    for (candidate, adjusted) in candidates.iter_mut().zip(benjamini_yekutieli(&p_values)) {
        candidate.adjusted_p_value = adjusted;
    }
    let before = candidates.len();
    candidates.retain(|candidate| candidate.adjusted_p_value <= FALSE_SHARE);
    funnel.not_significant += (before - candidates.len()) as u64;
    candidates.sort_by(|left, right| {
        right.cores().total_cmp(&left.cores()).then_with(|| left.series.cmp(&right.series))
    });
    funnel.beyond += candidates.len().saturating_sub(CANDIDATES_MAX) as u64;
    candidates.truncate(CANDIDATES_MAX);
    candidates
}

/// Of young rises in one endpoint, the one that costs most.
fn distinct(pending: Vec<Pending>) -> Vec<Pending> {
    let mut kept: Vec<Pending> = Vec::new();
    for one in pending {
        if !kept.iter().any(|other| other.endpoint == one.endpoint) {
            kept.push(one);
        }
    }
    kept
}

/// What a step in the middle would have had to be to be seen.
fn shown(fleet: &FleetSeries, present: &[bool]) -> Vec<Shown> {
    let middle = fleet.steps / 2;
    let sides = evidence::Sides { before: (0..middle).collect(), after: (middle..fleet.steps).collect() };
    let demand = detectable::Demand { alpha: FALSE_SHARE, power: crate::comparison::POWER };
    let wholes = fleet.series.iter().filter(|series| series.scope == Scope::Endpoint);
    let one = |series: &fleet::Series| {
        let groups = evidence::groups(fleet, series, present, &sides);
        let found = evidence::of_all(&groups);
        let relative = found.as_ref().filter(|found| found.before > 0.0);
        Shown {
            endpoint: fleet.endpoints.get(series.endpoint).map(|one| one.name.clone()).unwrap_or_default(),
            detectable: relative.map(|found| detectable::change(&found.difference, &demand) / found.before),
            hosts: groups.iter().filter(|one| one.requests.0 + one.requests.1 > 0.0).count(),
        }
    };
    wholes.map(one).collect()
}

fn add(funnel: &mut Funnel, more: &Funnel) {
    funnel.series += more.series;
    funnel.unsound += more.unsound;
    funnel.quiet += more.quiet;
    funnel.no_step += more.no_step;
    funnel.improvements += more.improvements;
    funnel.small += more.small;
    funnel.went_away += more.went_away;
    funnel.season += more.season;
    funnel.population_shift += more.population_shift;
    funnel.pending += more.pending;
}
