//! How well found change points agree with true ones.
//!
//! Definitions as in van den Burg and Williams 2020, "An evaluation of change point detection algorithms": each true
//! change is matched at most once, within a margin; the start of the series counts as a change on both sides for the
//! F1 score; covering is the mean over true pieces, weighted by length, of the best overlap with a found piece.

/// Positions that differ by this much are the same change.
const MARGIN: usize = 5;

/// What one or many answers were worth.
#[derive(Clone, Copy, Default)]
pub(crate) struct Score {
    /// Series scored.
    pub(crate) series: usize,
    /// True changes that were found.
    pub(crate) hits: usize,
    /// Changes found, true or false.
    pub(crate) found: usize,
    /// Changes that there are.
    pub(crate) truth: usize,
    /// Sum over series of the F1 score with the start counted.
    f1: f64,
    /// Sum over series of the covering.
    covering: f64,
}

impl Score {
    /// Scores one answer.
    pub(crate) fn of(truth: &[usize], found: &[usize], len: usize) -> Self {
        let mut free = found.to_vec();
        let mut hits = 0;
        for &change in truth {
            if let Some(at) = free.iter().position(|&other| other.abs_diff(change) <= MARGIN) {
                free.remove(at);
                hits += 1;
            }
        }
        let f1 = 2.0 * (hits + 1) as f64 / (truth.len() + found.len() + 2) as f64;
        Self {
            series: 1,
            hits,
            found: found.len(),
            truth: truth.len(),
            f1,
            covering: covering(truth, found, len),
        }
    }

    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            series: self.series + other.series,
            hits: self.hits + other.hits,
            found: self.found + other.found,
            truth: self.truth + other.truth,
            f1: self.f1 + other.f1,
            covering: self.covering + other.covering,
        }
    }

    /// Of what was found, the share that is true.
    pub(crate) fn precision(&self) -> f64 {
        ratio(self.hits, self.found)
    }

    /// Of what is true, the share that was found.
    pub(crate) fn recall(&self) -> f64 {
        ratio(self.hits, self.truth)
    }

    /// The mean F1 score.
    pub(crate) fn f1(&self) -> f64 {
        self.f1 / self.series.max(1) as f64
    }

    /// The mean covering.
    pub(crate) fn covering(&self) -> f64 {
        self.covering / self.series.max(1) as f64
    }

    /// False changes per series.
    pub(crate) fn false_per_series(&self) -> f64 {
        ratio(self.found - self.hits, self.series)
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { f64::NAN } else { part as f64 / whole as f64 }
}

fn covering(truth: &[usize], found: &[usize], len: usize) -> f64 {
    let found = pieces(found, len);
    let weighted = pieces(truth, len).into_iter().map(|(start, end)| {
        let overlaps = found.iter().map(|&(other_start, other_end)| {
            let both = end.min(other_end).saturating_sub(start.max(other_start));
            both as f64 / (end.max(other_end) - start.min(other_start)) as f64
        });
        (end - start) as f64 * overlaps.fold(0.0, f64::max)
    });
    weighted.sum::<f64>() / len as f64
}

fn pieces(changes: &[usize], len: usize) -> Vec<(usize, usize)> {
    let starts = std::iter::once(0).chain(changes.iter().copied());
    starts.zip(changes.iter().copied().chain(std::iter::once(len))).collect()
}
