//! How many of the injected rises are told, what is told beside them, and where the rest falls.

use std::{fmt::Write, num::NonZeroUsize};

use analyzer_detect::{
    filters::floor::Floor,
    regressions::{Analysis, Finding, Funnel, Options, analyse, fleet::FleetSeries},
    stats::servers::Sizing,
};
use testkit::Random;

use crate::{
    kinds::{Case, KINDS, Truth},
    world::World,
};

/// What simulations are looked at with.
pub(crate) fn options(threads: usize) -> Options {
    Options {
        floor: Floor { relative: 0.03, servers: 0.001 },
        sizing: Sizing { cores: 16.0, target_utilisation: 0.5, growth: 0.0, regions: 1, reserve: 0 },
        threads: NonZeroUsize::new(threads).unwrap(),
    }
}

/// Counts over some runs of one kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Score {
    pub(crate) runs: usize,
    pub(crate) expected: usize,
    pub(crate) found: usize,
    pub(crate) false_findings: usize,
    pub(crate) pending_right: usize,
    pub(crate) funnel: Funnel,
}

/// Runs one kind with several seeds.
pub(crate) fn runs(kind: usize, seeds: std::ops::Range<u64>, variation: f64) -> Score {
    let mut score = Score::default();
    for seed in seeds {
        let mut random = Random::new(1_000 * kind as u64 + seed);
        let world = World::new(&mut random, (12, 3), variation);
        let case = (KINDS[kind].1)(world, &mut random);
        let fleet = case.world.measured(&mut random);
        let analysis = analyse(&fleet, &options(1));
        add(&mut score, &case, (&fleet, &analysis));
    }
    score
}

fn add(score: &mut Score, case: &Case, (fleet, analysis): (&FleetSeries, &Analysis)) {
    let met = |truth: &Truth, finding: &Finding| {
        let name = finding.function.map(|at| fleet.functions[at].name.as_str()).unwrap_or_default();
        finding.endpoints.contains(&format!("GET /{}", truth.endpoint))
            && truth.functions.contains(&name)
            && truth.at.contains(&finding.at)
    };
    score.runs += 1;
    score.expected += case.truths.len();
    let found = case.truths.iter().filter(|truth| analysis.findings.iter().any(|one| met(truth, one)));
    score.found += found.count();
    let is_false = |one: &&Finding| !case.truths.iter().any(|truth| met(truth, one));
    score.false_findings += analysis.findings.iter().filter(is_false).count();
    score.pending_right += usize::from(analysis.pending.is_empty() != case.is_pending);
    let (sum, one) = (&mut score.funnel, &analysis.funnel);
    sum.series += one.series;
    sum.unsound += one.unsound;
    sum.quiet += one.quiet;
    sum.no_step += one.no_step;
    sum.improvements += one.improvements;
    sum.small += one.small;
    sum.went_away += one.went_away;
    sum.season += one.season;
    sum.population_shift += one.population_shift;
    sum.pending += one.pending;
    sum.not_significant += one.not_significant;
    sum.cost_shift += one.cost_shift;
    sum.nested += one.nested;
    sum.duplicates += one.duplicates;
    sum.findings += one.findings;
}

/// A table of every kind, for a person.
pub(crate) fn table(seeds: u64, variation: f64) -> (String, Score) {
    let mut text = format!(
        "{:<30}{:>5}{:>9}{:>7}{:>7}{:>9}  {}\n",
        "kind",
        "runs",
        "expected",
        "found",
        "false",
        "pending",
        "series > quiet, no step | cheaper, small, over, \
        season, mix, chance, moved, nested, same | told"
    );
    let mut all = Score::default();
    for (at, (kind, _)) in KINDS.iter().enumerate() {
        let score = runs(at, 0..seeds, variation);
        let Funnel { series, quiet, no_step, improvements, small, went_away, season, .. } = score.funnel;
        let Funnel { population_shift, not_significant, cost_shift, nested, duplicates, findings, .. } =
            score.funnel;
        let _ = writeln!(
            text,
            "{kind:<30}{:>5}{:>9}{:>7}{:>7}{:>9}  {series} > {quiet}, {no_step} | {improvements}, {small}, {went_away}, \
             {season}, {population_shift}, {not_significant}, {cost_shift}, {nested}, {duplicates} | {findings}",
            score.runs, score.expected, score.found, score.false_findings, score.pending_right,
        );
        all.runs += score.runs;
        all.expected += score.expected;
        all.found += score.found;
        all.false_findings += score.false_findings;
        all.pending_right += score.pending_right;
    }
    let told = (all.found + all.false_findings).max(1);
    let _ = writeln!(
        text,
        "precision {:.3}, recall {:.3}, pending named rightly in {} of {}",
        all.found as f64 / told as f64,
        all.found as f64 / all.expected as f64,
        all.pending_right,
        all.runs
    );
    (text, all)
}
