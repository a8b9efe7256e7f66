//! What it costs to account for a series by pieces of one shape.
//!
//! The candidates are the optimal partitions along a falling penalty, from one that allows no change down to one at
//! which a change need not be visible in a plot of the whole series. Each is priced by the Bayesian information
//! criterion under autocorrelated noise, a change costing its position twice, as in the modified criterion of Zhang and
//! Siegmund 2007 ("A modified Bayes information criterion …") where it costs 3 ln n per level. Comparing models of mean
//! and trend with autocorrelated errors this way follows Shi, Beaulieu, Killick and Lund 2022, "Changepoint detection:
//! an analysis of the Central England temperature series".

use super::{
    MIN_REGIME_POINTS, Point, bend, noise,
    pieces::{Pieces, Shape},
};

/// The penalty falls by this factor from one candidate to the next.
const PENALTY_STEP: f64 = 2.0;

/// Noise is never assumed below this share of the variance about the whole: smaller structure does not meet the eye.
const LEAST_NOISE_SHARE: f64 = 0.05;

/// One way to account for a series.
pub(super) struct Explanation {
    /// Position of the first point of each piece but the first.
    pub(super) changes: Vec<usize>,
    /// Twice the negative log likelihood, plus ln n for each parameter.
    pub(super) description_cost: f64,
}

/// The cheapest explanation by this shape, when so many parameters were spent before.
pub(super) fn cheapest(points: &[Point], shape: Shape, spent_parameters: usize) -> Explanation {
    let pieces = Pieces::new(points, shape);
    let mut best = priced(&pieces, Vec::new(), spent_parameters);
    let variance = pieces.cost(0, points.len()) / points.len() as f64;
    let unit = (shape.parameters() + 2) as f64 * (points.len() as f64).ln();
    let mut share = points.len() as f64 / unit;
    let mut last = Vec::new();
    while share > LEAST_NOISE_SHARE {
        share /= PENALTY_STEP;
        let changes = pieces.partition(MIN_REGIME_POINTS, unit * share * variance);
        if changes != last {
            last.clone_from(&changes);
            let candidate = priced(&pieces, changes, spent_parameters);
            if candidate.description_cost < best.description_cost {
                best = candidate;
            }
        }
    }
    if shape == Shape::Line {
        best.changes = bend::relocated(&pieces, &best.changes);
    }
    best
}

fn priced(pieces: &Pieces, changes: Vec<usize>, spent_parameters: usize) -> Explanation {
    let parameters = (changes.len() + 1) * pieces.shape().parameters() + 2 * changes.len() + spent_parameters;
    let left = noise::description_cost(&pieces.residuals(&changes));
    let count = pieces.len() as f64;
    let description_cost = left + 2.0 * count * pieces.scale().ln() + parameters as f64 * count.ln();
    Explanation { changes, description_cost }
}
