//! The cheapest partition of a series into pieces of one shape.
//!
//! Optimal partitioning (Jackson et al. 2005) with PELT's pruning (Killick, Fearnhead and Eckley 2012, "Optimal
//! detection of changepoints with a linear computational cost"): the sum over pieces of the squared error, plus a
//! penalty per change, is minimised exactly.

use super::Point;

/// What a piece looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A constant.
    Level,
    /// A straight line.
    Line,
}

impl Shape {
    /// How many numbers describe a piece.
    pub(super) fn parameters(self) -> usize {
        match self {
            Shape::Level => 1,
            Shape::Line => 2,
        }
    }
}

/// Sums over a range of points, enough for the squared error of any shape.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    count: f64,
    time: f64,
    time_squared: f64,
    value: f64,
    value_squared: f64,
    product: f64,
}

impl Sums {
    /// The sums of what came after `before`.
    fn since(&self, before: &Sums) -> Sums {
        Sums {
            count: self.count - before.count,
            time: self.time - before.time,
            time_squared: self.time_squared - before.time_squared,
            value: self.value - before.value,
            value_squared: self.value_squared - before.value_squared,
            product: self.product - before.product,
        }
    }

    fn moments(&self) -> Moments {
        let count = self.count.max(1.0);
        Moments {
            center: self.value / count,
            middle: self.time / count,
            value_squared: self.value_squared - self.value * self.value / count,
            time_squared: self.time_squared - self.time * self.time / count,
            product: self.product - self.time * self.value / count,
        }
    }

    /// The squared error of the best piece of this shape.
    fn error(&self, shape: Shape) -> f64 {
        let Moments { value_squared, product, time_squared, .. } = self.moments();
        let explained = match shape {
            Shape::Line if time_squared > 0.0 => product * product / time_squared,
            _ => 0.0,
        };
        (value_squared - explained).max(0.0)
    }
}

/// Means and centred sums of squares of one range.
#[derive(Default)]
struct Moments {
    center: f64,
    middle: f64,
    value_squared: f64,
    time_squared: f64,
    product: f64,
}

/// A start that may still begin the last piece of a cheapest partition.
struct Candidate {
    start: usize,
    before: Sums,
    cost_before: f64,
    cost: f64,
    beaten_at: usize,
}

/// A series whose ranges can be priced in constant time.
pub(super) struct Pieces {
    shape: Shape,
    scale: f64,
    points: Vec<(f64, f64)>,
    prefix: Vec<Sums>,
}

impl Pieces {
    /// Sums the series up once, its times and values centred and scaled, which keeps the sums exact enough.
    pub(super) fn new(points: &[Point], shape: Shape) -> Self {
        let (points, scale) = standardized(points);
        let mut sums = Sums::default();
        let mut prefix = vec![sums];
        prefix.extend(points.iter().map(|&(time, value)| {
            sums.count += 1.0;
            sums.time += time;
            sums.time_squared += time * time;
            sums.value += value;
            sums.value_squared += value * value;
            sums.product += time * value;
            sums
        }));
        Self { shape, scale, points, prefix }
    }

    /// The squared error of one piece over `start..end`.
    pub(super) fn cost(&self, start: usize, end: usize) -> f64 {
        self.sums(start, end).error(self.shape)
    }

    /// The squared error of one line over `start..end` that changes its slope, without a jump, at `bend`.
    pub(super) fn bent_cost(&self, start: usize, bend: usize, end: usize) -> f64 {
        let whole = self.sums(start, end).moments();
        let after = self.sums(bend, end);
        let Some(&(from, _)) = self.points.get(bend) else { return f64::INFINITY };
        // The hinge is max(0, time - from); what the straight line cannot say about it is what it adds.
        let count = (end - start) as f64;
        let hinge = after.time - after.count * from;
        let hinge_squared = after.time_squared - 2.0 * from * after.time + after.count * from * from;
        let with_time = after.time_squared - from * after.time - hinge * whole.middle;
        let with_value = after.product - from * after.value - hinge * whole.center;
        let slope = whole.product / whole.time_squared;
        let own = hinge_squared - hinge * hinge / count - with_time * with_time / whole.time_squared;
        let shared = with_value - slope * with_time;
        let straight = whole.value_squared - slope * whole.product;
        if own > 0.0 { straight - shared * shared / own } else { f64::INFINITY }
    }

    /// What each point lacks to its piece, piece by piece.
    pub(super) fn residuals(&self, changes: &[usize]) -> Vec<Vec<f64>> {
        let starts = std::iter::once(0).chain(changes.iter().copied());
        let ends = changes.iter().copied().chain(std::iter::once(self.points.len()));
        starts
            .zip(ends)
            .map(|(start, end)| {
                let piece = self.sums(start, end).moments();
                let slope = match self.shape {
                    Shape::Line if piece.time_squared > 0.0 => piece.product / piece.time_squared,
                    _ => 0.0,
                };
                let points = self.points.get(start..end).unwrap_or_default();
                let residual =
                    |(time, value): &(f64, f64)| value - piece.center - slope * (time - piece.middle);
                points.iter().map(residual).collect()
            })
            .collect()
    }

    /// The starts of all pieces but the first, in the partition that costs least at this penalty per change.
    pub(super) fn partition(&self, min_points: usize, penalty: f64) -> Vec<usize> {
        let mut best = vec![(0.0, 0); min_points.min(self.points.len())];
        let mut candidates: Vec<Candidate> = Vec::new();
        for (end, until) in self.prefix.iter().enumerate().skip(min_points) {
            let start = end - min_points;
            if start == 0 || start >= min_points {
                let before = self.prefix.get(start).copied().unwrap_or_default();
                let cost_before =
                    if start == 0 { 0.0 } else { best.get(start).map_or(0.0, |&(cost, _)| cost) + penalty };
                candidates.push(Candidate { start, before, cost_before, cost: 0.0, beaten_at: usize::MAX });
            }
            let mut cheapest = (f64::INFINITY, 0);
            for candidate in &mut candidates {
                candidate.cost = candidate.cost_before + until.since(&candidate.before).error(self.shape);
                if candidate.cost < cheapest.0 {
                    cheapest = (candidate.cost, candidate.start);
                }
            }
            // A start that loses even to a further change at `end` has lost for good, but only from the time on when the
            // piece after that change is long enough.
            candidates.retain_mut(|candidate| {
                if candidate.cost > cheapest.0 + penalty {
                    candidate.beaten_at = candidate.beaten_at.min(end);
                }
                end < candidate.beaten_at.saturating_add(min_points)
            });
            best.push(cheapest);
        }
        walk_back(&best)
    }

    /// How many points there are.
    pub(super) fn len(&self) -> usize {
        self.points.len()
    }

    /// What a piece looks like.
    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    /// By what the values were divided.
    pub(super) fn scale(&self) -> f64 {
        self.scale
    }

    fn sums(&self, start: usize, end: usize) -> Sums {
        match (self.prefix.get(start), self.prefix.get(end)) {
            (Some(before), Some(until)) => until.since(before),
            _ => Sums::default(),
        }
    }
}

fn walk_back(best: &[(f64, usize)]) -> Vec<usize> {
    let mut changes = Vec::new();
    let mut end = best.len().saturating_sub(1);
    while let Some(&(_, start)) = best.get(end) {
        if start == 0 || start >= end {
            break;
        }
        changes.push(start);
        end = start;
    }
    changes.reverse();
    changes
}

/// Times and values with mean 0, the values at most 1 away from it. A power of two scales them, so that
/// the scale of a series does not change its digits. Returns the scale too.
fn standardized(points: &[Point]) -> (Vec<(f64, f64)>, f64) {
    let count = points.len().max(1) as f64;
    let center = points.iter().map(|point| point.value / count).sum::<f64>();
    let middle = points.iter().map(|point| point.index as f64 / count).sum::<f64>();
    let reach = points.iter().map(|point| (point.value - center).abs()).fold(0.0, f64::max);
    let scale = if reach > 0.0 { reach.log2().ceil().exp2() } else { 1.0 };
    let standardized =
        |point: &Point| ((point.index as f64 - middle) / count, (point.value - center) / scale);
    (points.iter().map(standardized).collect(), scale)
}

#[cfg(test)]
mod tests {
    use testkit::Random;

    use super::*;

    /// Every partition there is, the slow way.
    fn cheapest_of_all(pieces: &Pieces, start: usize, penalty: f64) -> (f64, Vec<usize>) {
        let end = pieces.len();
        let mut best = (pieces.cost(start, end), Vec::new());
        for change in start + 3..=end.saturating_sub(3) {
            let (rest, mut changes) = cheapest_of_all(pieces, change, penalty);
            let cost = pieces.cost(start, change) + penalty + rest;
            if cost < best.0 {
                changes.insert(0, change);
                best = (cost, changes);
            }
        }
        best
    }

    #[test]
    fn a_pruned_partition_is_the_cheapest_of_all() {
        let mut random = Random::new(3);
        for case in 0..200 {
            let points: Vec<Point> = (0..14)
                .map(|index| Point { index, value: random.below(6) as f64 + random.below(9) as f64 / 8.0 })
                .collect();
            let shape = if case % 2 == 0 { Shape::Level } else { Shape::Line };
            let pieces = Pieces::new(&points, shape);
            let penalty = 0.02 * (1 + case % 7) as f64;
            let expected = cheapest_of_all(&pieces, 0, penalty).1;
            let cost = |changes: &[usize]| {
                let bounds: Vec<usize> = [0].into_iter().chain(changes.iter().copied()).chain([14]).collect();
                let errors: f64 = bounds.windows(2).map(|pair| pieces.cost(pair[0], pair[1])).sum();
                errors + penalty * changes.len() as f64
            };
            let found = pieces.partition(3, penalty);
            assert!((cost(&found) - cost(&expected)).abs() < 1e-12, "{found:?}, not {expected:?}");
        }
    }

    #[test]
    fn a_bent_line_costs_what_it_lacks() {
        let bent = |index: usize| if index < 7 { index as f64 } else { 7.0 - 2.0 * (index - 7) as f64 };
        let points: Vec<Point> = (0..20).map(|index| Point { index, value: bent(index) }).collect();
        let pieces = Pieces::new(&points, Shape::Line);
        assert!(pieces.bent_cost(0, 7, 20).abs() < 1e-12);
        assert!(pieces.bent_cost(0, 8, 20) > 1e-3);
    }
}
