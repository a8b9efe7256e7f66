//! One series: cheaply first, then exactly, then by its hosts.

use super::{
    Funnel, Options, Pending, Step,
    evidence::{Evidence, Sides, Unit, evidence, groups},
    fleet::{FleetSeries, Series},
    screen::is_moving,
    steps,
};
use crate::{
    filters::{
        floor::is_below, persistence::young, population_shift::is_population_shift, quality::is_sound,
    },
    stats::moments::quantile,
};

/// A load that varies by less has no busy hours.
const LOAD_VARIES_MIN: f64 = 1.5;

/// The busy hours are those with more requests than this part of the others.
const BUSY_FROM: f64 = 0.6;

/// A rise that passed every filter of its own series.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) series: usize,
    pub(super) step: Step,
    /// The steps of time that were compared.
    pub(super) sides: Sides,
    pub(super) evidence: Evidence,
    /// Steps by which it may have begun earlier: a look at the busy hours cannot tell what the night did.
    pub(super) blur: usize,
    /// Requests per second behind the step.
    pub(super) requests_per_s: f64,
    pub(super) adjusted_p_value: f64,
}

/// What became of one series.
#[derive(Clone, Debug, Default)]
pub(super) struct Looked {
    pub(super) candidates: Vec<Candidate>,
    pub(super) pending: Vec<Pending>,
    pub(super) funnel: Funnel,
}

impl Looked {
    /// False when there is nothing in it.
    pub(super) fn is_telling(&self) -> bool {
        self.funnel != Funnel::default() || !self.candidates.is_empty()
    }
}

impl Candidate {
    /// When it began, at the earliest and at the latest: where it settled.
    pub(super) fn began(&self) -> (usize, usize) {
        (self.step.at.saturating_sub(self.blur), self.step.settled)
    }

    /// Cores that the rise takes.
    pub(super) fn cores(&self) -> f64 {
        self.evidence.difference.value / 1e9 * self.requests_per_s
    }
}

/// One series with what its looks have in common.
struct Looking<'a> {
    fleet: &'a FleetSeries,
    present: &'a [bool],
    at: usize,
    series: &'a Series,
    options: &'a Options,
    load: Vec<f64>,
}

/// Looks at the series at a position.
pub(super) fn look(fleet: &FleetSeries, present: &[bool], at: usize, options: &Options) -> Looked {
    let mut looked = Looked::default();
    let Some(series) = fleet.series.get(at) else { return looked };
    looked.funnel.series = 1;
    let values = fleet.pooled(series, present);
    if !is_sound(&values) {
        looked.funnel.unsound = 1;
        return looked;
    }
    let looking = Looking { fleet, present, at, series, options, load: fleet.load(series.endpoint) };
    if !is_moving(&values) {
        looked.funnel.quiet = 1;
        return looked;
    }
    looking.candidates(&values, (|_| true, 0), &mut looked);
    if let Some(busy) = looking.busy() {
        let is_busy = |step: usize| busy.get(step).copied().unwrap_or(false);
        let masked: Vec<f64> = values
            .iter()
            .enumerate()
            .map(|(step, value)| if is_busy(step) { *value } else { f64::NAN })
            .collect();
        let mut again = Looked::default();
        looking.candidates(&masked, (is_busy, fleet.period), &mut again);
        // Two looks at one series: what both see is seen once, as all hours say it.
        again.candidates.retain(|new| !looked.candidates.iter().any(|known| is_overlap(known, new)));
        looked.candidates.append(&mut again.candidates);
    }
    looked.funnel.no_step = u64::from(looked.candidates.is_empty());
    // A rise that was found explains the level of the last windows.
    let explained = looked.candidates.iter().map(|known| known.step.after).fold(0.0, f64::max);
    let is_news = |young: &Pending| young.after_ns > explained * (1.0 + options.floor.relative);
    looked.pending.extend(looking.pending(&values).filter(is_news));
    looked.funnel.pending = looked.pending.len() as u64;
    looked
}

fn is_overlap(known: &Candidate, new: &Candidate) -> bool {
    known.step.at < new.step.end && new.step.at < known.step.end
}

impl Looking<'_> {
    /// Lasting rises with their evidence.
    fn candidates(
        &self,
        values: &[f64],
        (is_seen, blur): (impl Fn(usize) -> bool, usize),
        looked: &mut Looked,
    ) {
        let (found, fallen) = steps(values, self.options.floor.relative, self.fleet.period);
        looked.funnel.improvements += fallen.improvements;
        looked.funnel.small += fallen.small;
        looked.funnel.went_away += fallen.went_away;
        looked.funnel.season += fallen.season;
        for step in found {
            let sides = Sides::of(&step, &is_seen);
            let groups = groups(self.fleet, self.series, self.present, &sides);
            if is_population_shift(&groups) {
                looked.funnel.population_shift += 1;
                continue;
            }
            let evidence = evidence(self.fleet, &groups, &step);
            let candidate = Candidate {
                series: self.at,
                blur,
                requests_per_s: self.requests_per_s(&step, &evidence),
                step,
                sides,
                evidence,
                adjusted_p_value: 1.0,
            };
            if self.is_small((candidate.step.before, candidate.step.after), candidate.requests_per_s) {
                looked.funnel.small += 1;
                continue;
            }
            looked.candidates.push(candidate);
        }
    }

    /// Requests per second behind a step, of the hosts that it is about.
    fn requests_per_s(&self, step: &Step, evidence: &Evidence) -> f64 {
        let steps: Vec<usize> = (step.settled..step.end).collect();
        let is_asked = |host: &usize| {
            let group = self.fleet.hosts.get(*host).map(|host| host.group.as_str());
            evidence.group.is_empty() || evidence.unit == Unit::Windows || group == Some(&evidence.group)
        };
        let everything = vec![true; self.present.len()];
        let served = (0..self.fleet.hosts.len()).filter(is_asked);
        let served = served.map(|host| self.fleet.served(self.series, &everything, (host, &steps)).requests);
        served.sum::<f64>() / (steps.len() as f64 * self.fleet.step_s).max(f64::MIN_POSITIVE)
    }

    fn is_small(&self, costs: (f64, f64), requests_per_s: f64) -> bool {
        let cores = (costs.1 - costs.0) / 1e9 * requests_per_s;
        is_below(&self.options.floor, costs, self.options.sizing.servers_for_cores(cores))
    }

    /// A rise in the last windows.
    fn pending(&self, values: &[f64]) -> Option<Pending> {
        let young = young(values)?;
        let last: f64 = self.load.get(young.at..)?.iter().sum();
        let requests_per_s = last / ((values.len() - young.at) as f64 * self.fleet.step_s);
        if self.is_small((young.before, young.after), requests_per_s) {
            return None;
        }
        let cores = (young.after - young.before) / 1e9 * requests_per_s;
        Some(Pending {
            endpoint: self.fleet.endpoints.get(self.series.endpoint)?.name.clone(),
            function: self.series.function,
            at: young.at,
            before_ns: young.before,
            after_ns: young.after,
            servers: self.options.sizing.servers_for_cores(cores),
        })
    }

    /// The steps of time with the most requests, where the load varies: chosen without a look at the cost.
    fn busy(&self) -> Option<Vec<bool>> {
        let varies = quantile(&self.load, 0.9) / quantile(&self.load, 0.1).max(1.0);
        let from = quantile(&self.load, BUSY_FROM);
        (varies >= LOAD_VARIES_MIN).then(|| self.load.iter().map(|load| *load >= from).collect())
    }
}
