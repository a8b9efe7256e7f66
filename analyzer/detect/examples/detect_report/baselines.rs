//! Simple detectors to stand beside.

use analyzer_detect::stats::{
    moments::{mean, median, variance},
    rank_sum::mann_whitney,
    welch,
};

/// The values that are there, with their positions.
fn observed(values: &[f64]) -> (Vec<usize>, Vec<f64>) {
    values.iter().enumerate().filter(|(_, value)| value.is_finite()).map(|(at, value)| (at, *value)).unzip()
}

fn deviation(values: &[f64]) -> f64 {
    variance(values).sqrt().max(1e-12)
}

/// No change, ever.
pub(crate) fn never(_: &[f64]) -> Vec<usize> {
    Vec::new()
}

/// Binary segmentation, squared error, penalty 3 ln n, scaled by the standard deviation of the whole series.
pub(crate) fn binary_segmentation(values: &[f64]) -> Vec<usize> {
    let (positions, values) = observed(values);
    let scale = deviation(&values);
    split_all(&positions, &values, scale)
}

/// The same, each change confirmed between its neighbours: Welch below 0.001 and the mean moved by 1 %, or Mann-Whitney
/// below 0.001 and the median moved by 2 %.
pub(crate) fn confirmed(values: &[f64]) -> Vec<usize> {
    let (positions, values) = observed(values);
    let changes = split_all(&positions, &values, deviation(&values));
    let starts: Vec<usize> =
        changes.iter().map(|change| positions.partition_point(|at| at < change)).collect();
    let bounds: Vec<usize> = [0].into_iter().chain(starts).chain([values.len()]).collect();
    let pairs = bounds.windows(3).map(|three| (&values[three[0]..three[1]], &values[three[1]..three[2]]));
    let moved = |from: f64, to: f64, share: f64| (to - from).abs() >= share * from.abs();
    let kept = changes.iter().zip(pairs).filter(|(_, (before, after))| {
        let means = welch(before, after).is_some_and(|estimate| estimate.p_value() < 0.001);
        let ranks = mann_whitney(before, after).is_some_and(|ranks| ranks.p_value < 0.001);
        (means && moved(mean(before), mean(after), 0.01))
            || (ranks && moved(median(before), median(after), 0.02))
    });
    kept.map(|(change, _)| *change).collect()
}

/// The same as the first, with the scale taken from differences of neighbours.
pub(crate) fn difference_scaled(values: &[f64]) -> Vec<usize> {
    let (positions, values) = observed(values);
    let steps: Vec<f64> = values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    split_all(&positions, &values, (median(&steps) * 1.4826 / std::f64::consts::SQRT_2).max(1e-12))
}

/// PELT as it is mostly used (Killick, Fearnhead and Eckley 2012): normal noise with a mean and a variance to each piece, the
/// Bayesian information criterion for a penalty.
pub(crate) fn pelt(values: &[f64]) -> Vec<usize> {
    let (positions, values) = observed(values);
    let least = 1e-6 * variance(&values).max(1e-12);
    let penalty = 3.0 * (values.len().max(2) as f64).ln();
    let sums: Vec<(f64, f64)> = std::iter::once((0.0, 0.0))
        .chain(values.iter().scan((0.0, 0.0), |sums, value| {
            *sums = (sums.0 + value, sums.1 + value * value);
            Some(*sums)
        }))
        .collect();
    let cost = |start: usize, end: usize| {
        let count = (end - start) as f64;
        let (sum, square) = (sums[end].0 - sums[start].0, sums[end].1 - sums[start].1);
        count * ((square - sum * sum / count) / count).max(least).ln()
    };
    let mut best = vec![(-penalty, 0); values.len() + 1];
    let mut starts = vec![0];
    for end in 5..=values.len() {
        if end >= 10 {
            starts.push(end - 5);
        }
        let costs: Vec<f64> =
            starts.iter().map(|&start| best[start].0 + cost(start, end) + penalty).collect();
        let (at, least) = costs
            .iter()
            .copied()
            .enumerate()
            .fold((0, f64::INFINITY), |least, next| if next.1 < least.1 { next } else { least });
        best[end] = (least, starts[at]);
        let mut costs = costs.iter();
        starts.retain(|start| costs.next().is_none_or(|cost| *cost <= least + penalty) || end - start < 10);
    }
    let mut changes = Vec::new();
    let mut end = values.len();
    while best[end].1 > 0 {
        end = best[end].1;
        changes.push(positions[end]);
    }
    changes.reverse();
    changes
}

fn split_all(positions: &[usize], values: &[f64], scale: f64) -> Vec<usize> {
    let penalty = 3.0 * (values.len().max(2) as f64).ln() * scale * scale;
    let mut changes = Vec::new();
    let mut open = vec![(0, values.len())];
    while let Some((start, end)) = open.pop() {
        if let Some(at) = best_split(&values[start..end], penalty) {
            changes.push(positions[start + at]);
            open.extend([(start, start + at), (start + at, end)]);
        }
    }
    changes.sort_unstable();
    changes
}

fn best_split(values: &[f64], penalty: f64) -> Option<usize> {
    let total: f64 = values.iter().sum();
    let count = values.len() as f64;
    let (mut left, mut best) = (0.0, (penalty, None));
    for at in 1..values.len() {
        left += values[at - 1];
        let (before, after) = (at as f64, count - at as f64);
        let gain = (left / before - (total - left) / after).powi(2) * before * after / count;
        if at >= 5 && values.len() - at >= 5 && gain > best.0 {
            best = (gain, Some(at));
        }
    }
    best.1
}

/// Hunter's way: the energy statistic finds a split within a window of 50, Student's t at 0.001 keeps it.
pub(crate) fn energy(values: &[f64]) -> Vec<usize> {
    let (positions, values) = observed(values);
    let mut changes = Vec::new();
    for start in (0..values.len()).step_by(25) {
        let end = (start + 50).min(values.len());
        let mut open = vec![(start, end)];
        while let Some((start, end)) = open.pop() {
            if let Some(at) = energy_split(&values[start..end]) {
                changes.push(start + at);
                open.extend([(start, start + at), (start + at, end)]);
            }
        }
        if end == values.len() {
            break;
        }
    }
    changes.sort_unstable();
    changes.dedup();
    prune(&values, changes).into_iter().map(|at| positions[at]).collect()
}

/// The weakest change falls until all are significant between their neighbours.
fn prune(values: &[f64], mut changes: Vec<usize>) -> Vec<usize> {
    loop {
        let bounds: Vec<usize> =
            [0].into_iter().chain(changes.iter().copied()).chain([values.len()]).collect();
        let scores =
            bounds.windows(3).map(|three| t_score(&values[three[0]..three[1]], &values[three[1]..three[2]]));
        let Some((at, score)) = scores.enumerate().min_by(|left, right| left.1.total_cmp(&right.1)) else {
            break;
        };
        if score > 3.4 {
            break;
        }
        changes.remove(at);
    }
    changes
}

fn energy_split(values: &[f64]) -> Option<usize> {
    let count = values.len();
    let mut best = (0.0, None);
    for at in 2..count.saturating_sub(1) {
        let (left, right) = values.split_at(at);
        let between: f64 = left.iter().flat_map(|a| right.iter().map(move |b| (a - b).abs())).sum();
        let within = |side: &[f64]| -> f64 {
            let total: f64 = side.iter().flat_map(|a| side.iter().map(move |b| (a - b).abs())).sum();
            total / (side.len() * side.len()) as f64
        };
        let (before, after) = (left.len() as f64, right.len() as f64);
        let score =
            before * after / count as f64 * (2.0 * between / (before * after) - within(left) - within(right));
        if score > best.0 {
            best = (score, Some(at));
        }
    }
    best.1.filter(|&at| t_score(&values[..at], &values[at..]) > 3.4)
}

/// Student's t with the pooled deviation; 3.4 is its two-sided 0.001 quantile for about 50 points.
fn t_score(left: &[f64], right: &[f64]) -> f64 {
    let (before, after) = (left.len() as f64, right.len() as f64);
    let squares = variance(left) * (before - 1.0) + variance(right) * (after - 1.0);
    let pooled = squares / (before + after - 2.0).max(1.0);
    (mean(left) - mean(right)).abs() / (pooled * (1.0 / before + 1.0 / after)).sqrt().max(1e-12)
}
