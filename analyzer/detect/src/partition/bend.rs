//! Where two lines meet.
//!
//! Lines that may jump leave the place of a mere bend vague: each fits well on both sides of it. Where one connected
//! line with a bend accounts for both neighbours as well as two free lines do, the place of the best bend is the
//! better answer (Hinkley 1969, "Inference about the intersection in two-phase regression").

use super::{MIN_REGIME_POINTS, pieces::Pieces};

/// The same changes, those that are bends moved to where the bend fits best.
pub(super) fn relocated(pieces: &Pieces, changes: &[usize]) -> Vec<usize> {
    let mut moved: Vec<usize> = Vec::with_capacity(changes.len());
    for (at, &change) in changes.iter().enumerate() {
        let start = moved.last().copied().unwrap_or(0);
        let end = changes.get(at + 1).copied().unwrap_or(pieces.len());
        moved.push(bend_between(pieces, (start, change, end)).unwrap_or(change));
    }
    moved
}

/// The best bend between `start` and `end`, if it is worth its one parameter less than a jump at `change`.
fn bend_between(pieces: &Pieces, (start, change, end): (usize, usize, usize)) -> Option<usize> {
    let count = end.checked_sub(start)? as f64;
    let last = end.checked_sub(MIN_REGIME_POINTS)?;
    let (cost, bend) = (start + MIN_REGIME_POINTS..=last)
        .map(|at| (pieces.bent_cost(start, at, end), at))
        .min_by(|left, right| left.0.total_cmp(&right.0))?;
    let jump = pieces.cost(start, change) + pieces.cost(change, end);
    let allowed = jump * (count.ln() / count).exp();
    (cost <= allowed).then_some(bend)
}
