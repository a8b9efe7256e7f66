//! The search for the cheapest explanation.
//!
//! For every kind of noise what pays most is added, one change after the other. The kinds that come out cheapest get a
//! thorough look: more is added than can pay, and what pays least goes again, which finds changes that pay only
//! together. At last each change is moved to where it is best given the others.

use super::{
    elimination::Fit,
    explanation::{Explanation, PLACE_PARAMETERS, Part, surprise},
    noise::Noise,
    search::{Change, Kind, Search},
    trend::Trend,
};

/// People seldom mark more, and the search need not go on.
const MOST_CHANGES: usize = 12;

/// Nor does it try more than one change for so many points.
const POINTS_FOR_A_CHANGE: usize = 7;

/// So many changes that do not pay are tried at first, because the next may pay for them.
const PATIENCE: usize = 2;

/// So many kinds of noise get a thorough look.
const THOROUGH: usize = 4;

/// The cheapest explanation with at least `gap` points between changes.
pub(super) fn cheapest(values: &[f64], gap: usize) -> Explanation {
    let most = (values.len() / POINTS_FOR_A_CHANGE).clamp(3, MOST_CHANGES);
    let mut rough: Vec<Explanation> = Noise::kinds(values.len())
        .iter()
        .map(|noise| extended(values, noise, gap, (most, PATIENCE)).0)
        .collect();
    rough.sort_by(|left, right| left.cost.total_cmp(&right.cost));
    rough.truncate(THOROUGH);
    let white = Noise::default();
    let kinds: Vec<Noise> =
        rough.iter().map(|best| best.noise.clone()).filter(|noise| *noise != white).collect();
    let thorough = kinds.iter().chain([&white]).map(|noise| {
        let (best, all) = extended(values, noise, gap, (most, most + 3));
        cheaper(best, reduced(values, &all))
    });
    let found = rough.first().cloned().into_iter().chain(thorough).reduce(cheaper);
    settled(values, found.unwrap_or_else(|| Explanation::of_level(values, &white)), gap)
}

fn cheaper(left: Explanation, right: Explanation) -> Explanation {
    if right.cost < left.cost { right } else { left }
}

fn least(explanations: impl Iterator<Item = Explanation>) -> Option<Explanation> {
    explanations.min_by(|left, right| left.cost.total_cmp(&right.cost))
}

/// Adds what pays most until `most` changes are in, or `patience` additions in a row did not pay. Returns the cheapest on
/// the way, and the last.
fn extended(
    values: &[f64],
    noise: &Noise,
    gap: usize,
    (most, patience): (usize, usize),
) -> (Explanation, Explanation) {
    let mut search = Search::new(values, noise);
    let mut now = Explanation::of_level(values, noise);
    let mut best = now.clone();
    let mut unpaid = 0;
    while now.changes.len() < most && unpaid < patience {
        let Some(next) = next(&search, values.len(), &now, gap) else { break };
        match next.changes.last().filter(|_| next.trend == now.trend) {
            Some(change) => search.add_change(*change),
            None => search.add_column(&next.trend.column(values.len())),
        }
        now = next;
        unpaid += 1;
        if now.cost < best.cost {
            best = now.clone();
            unpaid = 0;
        }
    }
    (best, now)
}

/// The explanation with whatever pays most: a change, or more of a trend.
fn next(search: &Search, len: usize, now: &Explanation, gap: usize) -> Option<Explanation> {
    let error = search.error();
    let changed = best_change(search, len, gap, &now.changes)
        .map(|change| now.with(change).priced(error - search.gain(change), len));
    let is_young = |trend: &Trend| *trend == Trend::Slope || now.changes.len() < 2;
    let trends = now.trend.more().into_iter().filter(is_young).map(|trend| {
        let gain = search.column_gain(&trend.column(len));
        Explanation { trend, ..now.clone() }.priced(error - gain, len)
    });
    least(changed.into_iter().chain(trends))
}

/// The cheapest of what is left when the least useful part goes, again and again.
fn reduced(values: &[f64], all: &Explanation) -> Explanation {
    let (parts, columns) = all.columns(values.len());
    let columns: Vec<Vec<f64>> = columns.iter().map(|column| all.noise.shocks(column)).collect();
    let shocks = all.noise.shocks(values);
    let Some(mut fit) = Fit::new(&columns, &shocks) else { return all.clone() };
    let mut error = fit.error(&columns, &shocks);
    let mut best = all.clone();
    loop {
        let left: Vec<(usize, Part)> =
            fit.left().into_iter().filter_map(|at| Some((at, *parts.get(at)?))).collect();
        best = cheaper(best, assembled(all, &left).priced(error, values.len()));
        let cheapest = left
            .iter()
            .filter(|(_, part)| is_removable(*part, &left))
            .map(|(at, part)| {
                let saved = price(*part, &left) as f64 * (values.len() as f64).ln();
                let lost = surprise(error + fit.loss(*at), values.len()) - surprise(error, values.len());
                (lost - saved, *at)
            })
            .min_by(|left, right| left.0.total_cmp(&right.0));
        let Some((_, at)) = cheapest else { return best };
        error += fit.loss(at);
        fit.remove(at);
    }
}

/// The level stays, and the slope stays as long as there is a curve.
fn is_removable(part: Part, among: &[(usize, Part)]) -> bool {
    let is_curved = || among.iter().any(|(_, part)| matches!(part, Part::Trend(Trend::Curve(_))));
    match part {
        Part::Trend(Trend::Flat) => false,
        Part::Trend(Trend::Slope) => !is_curved(),
        _ => true,
    }
}

/// What a part costs, in parameters: the last at its place pays for the place.
fn price(part: Part, among: &[(usize, Part)]) -> usize {
    match part {
        Part::Trend(trend) => trend.parameters() - trend.less().map_or(0, Trend::parameters),
        Part::Change(change) => {
            let here =
                |(_, other): &&(usize, Part)| matches!(other, Part::Change(other) if other.at == change.at);
            if among.iter().filter(here).count() > 1 { 1 } else { 1 + PLACE_PARAMETERS }
        }
    }
}

/// An explanation from its parts: a step and a bend at one place are a break.
fn assembled(all: &Explanation, parts: &[(usize, Part)]) -> Explanation {
    let mut explanation = Explanation { trend: Trend::Flat, changes: Vec::new(), ..all.clone() };
    for (_, part) in parts {
        match *part {
            Part::Trend(trend) => explanation.trend = trend,
            Part::Change(change) => {
                match explanation.changes.iter_mut().find(|known| known.at == change.at) {
                    Some(known) => known.kind = Kind::Break,
                    None => explanation.changes.push(change),
                }
            }
        }
    }
    explanation
}

/// Moves each change to where it is best given the others, makes one of two neighbours, and drops what does not pay,
/// until nothing is left to do.
pub(super) fn settled(values: &[f64], mut best: Explanation, gap: usize) -> Explanation {
    best.changes.sort_unstable_by_key(|change| change.at);
    for _ in 0..2 * MOST_CHANGES {
        let count = best.changes.len();
        let one = (0..count).map(|at| at..at + 1);
        let two = (1..count).map(|at| at - 1..at + 1);
        let flatter = best.trend.less().map(|trend| Explanation { trend, ..best.clone() }.repriced(values));
        let others = one.chain(two).flat_map(|range| without(values, &best, range, gap)).chain(flatter);
        match least(others.filter(|other| other.cost < best.cost - 1e-9)) {
            Some(better) => best = better,
            None => break,
        }
        best.changes.sort_unstable_by_key(|change| change.at);
    }
    best
}

/// The explanation without a range of its changes, and with the best change in their place.
fn without(
    values: &[f64],
    explanation: &Explanation,
    range: std::ops::Range<usize>,
    gap: usize,
) -> impl Iterator<Item = Explanation> {
    let mut fewer = explanation.clone();
    fewer.changes.drain(range);
    let search = fewer.search(values);
    let (error, len) = (search.error(), values.len());
    let other = best_change(&search, len, gap, &fewer.changes)
        .map(|change| fewer.with(change).priced(error - search.gain(change), len));
    std::iter::once(fewer.clone().priced(error, len)).chain(other)
}

/// The change that pays most, `gap` points from the ends and from the others.
fn best_change(search: &Search, len: usize, gap: usize, known: &[Change]) -> Option<Change> {
    let is_free = |at: &usize| known.iter().all(|change| change.at.abs_diff(*at) >= gap);
    let error = search.error();
    let price =
        |gain: f64, kind: Kind| surprise(error - gain, len) + kind.parameters() as f64 * (len as f64).ln();
    let free: Vec<usize> = (gap..(len + 1).saturating_sub(gap)).filter(is_free).collect();
    [Kind::Step, Kind::Bend, Kind::Break]
        .into_iter()
        .filter_map(|kind| {
            let changes = free.iter().map(|&at| Change { at, kind });
            let gains = changes.map(|change| (search.gain(change), change));
            gains.max_by(|left, right| left.0.total_cmp(&right.0))
        })
        .map(|(gain, change)| (price(gain, change.kind), change))
        .min_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, change)| change)
}
