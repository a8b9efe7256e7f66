//! One way to account for a series: a trend, changes, and noise of some kind; and what it costs.
//!
//! Everything is priced alike by the Bayesian information criterion, a change costing its position twice, as in the
//! modified criterion of Zhang and Siegmund 2007 ("A modified Bayes information criterion …") where it costs 3 ln n per
//! level.

use super::{
    elimination::Fit,
    noise::Noise,
    search::{Change, Kind, Search},
    trend::Trend,
};

/// What the place of a change costs, in parameters.
pub(super) const PLACE_PARAMETERS: usize = 2;

/// Of values that reach to about 1, noise this small cannot be seen: a thousandth of the height of a plot is thinner
/// than the line it is drawn with.
const LEAST_VARIANCE: f64 = 1e-6;

/// One way to account for a series.
#[derive(Clone, Debug)]
pub(super) struct Explanation {
    pub(super) noise: Noise,
    pub(super) trend: Trend,
    pub(super) changes: Vec<Change>,
    /// Twice the negative log likelihood, plus ln n for each parameter.
    pub(super) cost: f64,
}

/// A series without noise.
pub(super) struct Course {
    pub(super) values: Vec<f64>,
    /// How much of each part it has.
    pub(super) parts: Vec<(Part, f64)>,
}

/// A column of an explanation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part {
    /// Of the trend, from the level to the curve.
    Trend(Trend),
    /// A step or a bend.
    Change(Change),
}

impl Explanation {
    /// A level in noise.
    pub(super) fn of_level(values: &[f64], noise: &Noise) -> Self {
        let level = Self { noise: noise.clone(), trend: Trend::Flat, changes: Vec::new(), cost: 0.0 };
        level.repriced(values)
    }

    /// The same at its price.
    pub(super) fn repriced(self, values: &[f64]) -> Self {
        let error = self.search(values).error();
        self.priced(error, values.len())
    }

    /// The same at the price of this squared error.
    pub(super) fn priced(self, error: f64, len: usize) -> Self {
        let changes: usize =
            self.changes.iter().map(|change| change.kind.parameters() + PLACE_PARAMETERS).sum();
        let parameters = 1 + self.noise.parameters + self.trend.parameters() + changes;
        // What is left looks smaller than it is by what was fitted to it.
        let count = len as f64;
        let places = PLACE_PARAMETERS * self.changes.len();
        let fitted = count * (count / (count - (parameters - places) as f64).max(1.0)).ln();
        Self { cost: surprise(error, len) + fitted + parameters as f64 * count.ln(), ..self }
    }

    /// A search that has got so far.
    pub(super) fn search(&self, values: &[f64]) -> Search<'_> {
        let mut search = Search::new(values, &self.noise);
        for column in self.trend.columns(values.len()).iter().skip(1) {
            search.add_column(column);
        }
        self.changes.iter().for_each(|change| search.add_change(*change));
        search
    }

    /// With one change more.
    pub(super) fn with(&self, change: Change) -> Self {
        let mut changes = self.changes.clone();
        changes.push(change);
        Self { changes, ..self.clone() }
    }

    /// Its columns, the level first.
    pub(super) fn columns(&self, len: usize) -> (Vec<Part>, Vec<Vec<f64>>) {
        let trends = match self.trend {
            Trend::Flat => vec![Trend::Flat],
            Trend::Slope => vec![Trend::Flat, Trend::Slope],
            Trend::Curve(_) => vec![Trend::Flat, Trend::Slope, self.trend],
        };
        let kinds = |change: &Change| match change.kind {
            Kind::Break => {
                vec![Change { kind: Kind::Step, ..*change }, Change { kind: Kind::Bend, ..*change }]
            }
            _ => vec![*change],
        };
        let changes = self.changes.iter().flat_map(kinds);
        let parts: Vec<Part> = trends.into_iter().map(Part::Trend).chain(changes.map(Part::Change)).collect();
        let columns = parts.iter().map(|part| part.column(len)).collect();
        (parts, columns)
    }

    /// How it runs without noise, and how much of each of its parts it has. None where the parts cannot be told apart.
    pub(super) fn course(&self, values: &[f64]) -> Option<Course> {
        let (parts, columns) = self.columns(values.len());
        let filtered: Vec<Vec<f64>> = columns.iter().map(|column| self.noise.shocks(column)).collect();
        let fit = Fit::new(&filtered, &self.noise.shocks(values))?;
        let mut course = vec![0.0; values.len()];
        for (column, share) in columns.iter().zip(fit.shares()) {
            course.iter_mut().zip(column).for_each(|(value, part)| *value += share * part);
        }
        Some(Course { values: course, parts: parts.into_iter().zip(fit.shares().iter().copied()).collect() })
    }
}

impl Part {
    fn column(self, len: usize) -> Vec<f64> {
        let after = |at: usize, change: Change| (at + 1).saturating_sub(change.at) as f64;
        match self {
            Part::Trend(trend) => trend.column(len),
            Part::Change(change) if change.kind == Kind::Bend => {
                (0..len).map(|at| after(at, change) / len as f64).collect()
            }
            Part::Change(change) => (0..len).map(|at| after(at, change).min(1.0)).collect(),
        }
    }
}

/// Twice the negative log likelihood of so much squared error, up to a constant.
pub(super) fn surprise(error: f64, len: usize) -> f64 {
    let count = len as f64;
    count * (error / count).max(LEAST_VARIANCE).ln()
}
