//! The changes that account for most of a series, one after the other, when noise of one kind is taken off.
//!
//! Orthogonal greedy selection (Chen, Billings and Luo 1989, "Orthogonal least squares methods") among all steps and
//! bends at all places. A change at any place is the same shape, moved; so its product with a column, for all places
//! at once, is a running sum over the column with the filter's transpose applied, and a search over all places costs
//! no more than a few passes.

use super::noise::Noise;

/// What happens at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The level moves.
    Step,
    /// The slope moves, the line stays connected.
    Bend,
    /// Both move.
    Break,
}

impl Kind {
    /// How many numbers tell how far it moves.
    pub(super) fn parameters(self) -> usize {
        match self {
            Kind::Step | Kind::Bend => 1,
            Kind::Break => 2,
        }
    }
}

/// A change: the index of the first point that it moves, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) at: usize,
    pub(super) kind: Kind,
}

/// For every place, the product of a column with a step there and with a bend there.
struct Products {
    step: Vec<f64>,
    bend: Vec<f64>,
}

/// The state of a search.
pub(super) struct Search<'a> {
    noise: &'a Noise,
    /// How a step and a bend at the first point look without the noise's filter.
    step: Vec<f64>,
    bend: Vec<f64>,
    basis: Vec<Vec<f64>>,
    /// What is left of the series, and its products.
    left: Vec<f64>,
    hits: Products,
    /// Of each candidate: squared norms and the product of step and bend, after what the basis says about them.
    own: Products,
    whole: Products,
    shared: Vec<f64>,
}

impl<'a> Search<'a> {
    /// Begins with a level.
    pub(super) fn new(values: &[f64], noise: &'a Noise) -> Self {
        let len = values.len();
        let step = noise.shocks(&vec![1.0; len]);
        let scale = 1.0 / len.max(1) as f64;
        let bend = noise.shocks(&(1..=len).map(|at| at as f64 * scale).collect::<Vec<_>>());
        let norms = |left: &[f64], right: &[f64]| {
            let mut sum = 0.0;
            let mut sums: Vec<f64> = left
                .iter()
                .zip(right)
                .map(|(left, right)| {
                    sum += left * right;
                    sum
                })
                .collect();
            sums.reverse();
            sums
        };
        let own = || Products { step: norms(&step, &step), bend: norms(&bend, &bend) };
        let left = noise.shocks(values);
        let mut search = Self {
            hits: products(noise, &left),
            own: own(),
            whole: own(),
            shared: norms(&step, &bend),
            noise,
            basis: Vec::new(),
            left,
            step,
            bend,
        };
        let level = search.step.clone();
        search.add(level);
        search
    }

    /// The squared error that is left.
    pub(super) fn error(&self) -> f64 {
        self.left.iter().map(|value| value * value).sum()
    }

    /// By how much a column of the series' own would lower the error.
    pub(super) fn column_gain(&self, column: &[f64]) -> f64 {
        let mut own = self.noise.shocks(column);
        let whole = dot(&own, &own);
        self.basis.iter().for_each(|known| {
            let share = dot(known, &own);
            subtract(&mut own, known, share);
        });
        let (hit, own) = (dot(&own, &self.left), dot(&own, &own));
        if own > 1e-9 * whole { hit * hit / own } else { 0.0 }
    }

    /// Adds a column of the series' own.
    pub(super) fn add_column(&mut self, column: &[f64]) {
        self.add(self.noise.shocks(column));
    }

    /// Adds a change.
    pub(super) fn add_change(&mut self, change: Change) {
        if change.kind != Kind::Bend {
            self.add(moved(&self.step, change.at));
        }
        if change.kind != Kind::Step {
            self.add(moved(&self.bend, change.at));
        }
    }

    /// By how much a change would lower the error.
    pub(super) fn gain(&self, change: Change) -> f64 {
        let at = |values: &[f64]| values.get(change.at).copied().unwrap_or_default();
        let alone = |hit: f64, own: f64, whole: f64| if own > 1e-9 * whole { hit * hit / own } else { 0.0 };
        let (step, bend) = (at(&self.hits.step), at(&self.hits.bend));
        let (own_step, own_bend) = (at(&self.own.step), at(&self.own.bend));
        let (whole_step, whole_bend) = (at(&self.whole.step), at(&self.whole.bend));
        match change.kind {
            Kind::Step => alone(step, own_step, whole_step),
            Kind::Bend => alone(bend, own_bend, whole_bend),
            Kind::Break => {
                let first = alone(step, own_step, whole_step);
                if own_step <= 1e-9 * whole_step {
                    return first;
                }
                let share = at(&self.shared) / own_step;
                first + alone(bend - share * step, own_bend - share * at(&self.shared), whole_bend)
            }
        }
    }

    fn add(&mut self, mut column: Vec<f64>) {
        let whole = dot(&column, &column);
        // Twice is enough (Kahan and Parlett): once more takes away what rounding left.
        for _ in 0..2 {
            for known in &self.basis {
                let share = dot(known, &column);
                subtract(&mut column, known, share);
            }
        }
        let own = dot(&column, &column);
        if own <= 1e-12 * whole {
            return;
        }
        let scale = own.sqrt().recip();
        column.iter_mut().for_each(|value| *value *= scale);
        let share = dot(&column, &self.left);
        subtract(&mut self.left, &column, share);
        let products = products(self.noise, &column);
        subtract(&mut self.hits.step, &products.step, share);
        subtract(&mut self.hits.bend, &products.bend, share);
        for (own, known) in self.own.step.iter_mut().zip(&products.step) {
            *own -= known * known;
        }
        for (own, known) in self.own.bend.iter_mut().zip(&products.bend) {
            *own -= known * known;
        }
        for (shared, (step, bend)) in self.shared.iter_mut().zip(products.step.iter().zip(&products.bend)) {
            *shared -= step * bend;
        }
        self.basis.push(column);
    }
}

/// The products of a column with a step and with a bend at every place.
fn products(noise: &Noise, column: &[f64]) -> Products {
    let mut step = noise.transposed(column);
    sum_from_the_end(&mut step);
    let mut bend = step.clone();
    sum_from_the_end(&mut bend);
    let scale = 1.0 / column.len().max(1) as f64;
    bend.iter_mut().for_each(|value| *value *= scale);
    Products { step, bend }
}

fn sum_from_the_end(values: &mut [f64]) {
    let mut sum = 0.0;
    for value in values.iter_mut().rev() {
        sum += *value;
        *value = sum;
    }
}

fn moved(shape: &[f64], by: usize) -> Vec<f64> {
    std::iter::repeat_n(0.0, by).chain(shape.iter().copied()).take(shape.len()).collect()
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

fn subtract(from: &mut [f64], column: &[f64], share: f64) {
    for (value, part) in from.iter_mut().zip(column) {
        *value -= share * part;
    }
}

#[cfg(test)]
mod tests {
    use testkit::Random;

    use super::*;
    use crate::change_points::explanation::Explanation;

    /// What a search says that a change would gain is what it gains, for every kind at every place.
    #[test]
    fn gains_are_as_promised() {
        let mut random = Random::new(1);
        let values: Vec<f64> = (0..40).map(|_| random.below(1_000) as f64 / 1_000.0).collect();
        for noise in Noise::kinds(40) {
            let level = Explanation::of_level(&values, &noise);
            let known =
                level.with(Change { at: 12, kind: Kind::Break }).with(Change { at: 25, kind: Kind::Step });
            for kind in [Kind::Step, Kind::Bend, Kind::Break] {
                for at in [3, 13, 30, 36] {
                    let mut search = known.search(&values);
                    let (promised, before) = (search.gain(Change { at, kind }), search.error());
                    search.add_change(Change { at, kind });
                    let gained = before - search.error();
                    assert!(
                        (promised - gained).abs() < 1e-6 * before,
                        "{noise:?} {kind:?} {at}: {promised}, {gained}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_explains_everything_leaves_nothing() {
        let values: Vec<f64> =
            (0..40).map(|at| if at < 15 { 2.0 } else { 5.0 + 0.5 * f64::from(at) }).collect();
        let noise = Noise::default();
        let mut search = Search::new(&values, &noise);
        search.add_change(Change { at: 15, kind: Kind::Break });
        assert!(search.error() < 1e-18, "{}", search.error());
    }
}
