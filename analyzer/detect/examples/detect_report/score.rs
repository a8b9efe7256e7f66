//! How well found change points agree with true ones.
//!
//! Definitions as in van den Burg and Williams 2020, "An evaluation of change point detection algorithms": each true
//! change is matched at most once, within a margin; the start of the series counts as a change on both sides for the
//! F1 score; a finding is right if any annotator marks it, recall and covering are means over the annotators; covering is
//! the mean over marked pieces, weighted by length, of the best overlap with a found piece.

/// Positions that differ by this much are the same change, or by a hundredth of a long series.
const MARGIN: usize = 5;

/// What one or many answers were worth.
#[derive(Clone, Copy, Default)]
pub(crate) struct Score {
    /// Series scored.
    pub(crate) series: usize,
    /// Found changes that somebody marks.
    right: usize,
    /// Changes found, true or false.
    found: usize,
    /// Marks that were found, over all annotators.
    hits: usize,
    /// Marks that there are.
    marks: usize,
    /// Sum over series of the F1 score with the start counted.
    f1: f64,
    /// Sum over series of the covering.
    covering: f64,
}

impl Score {
    /// Scores one answer.
    pub(crate) fn of(annotators: &[Vec<usize>], found: &[usize], len: usize) -> Self {
        let margin = MARGIN.max(len / 100);
        let mut all: Vec<usize> = annotators.concat();
        all.sort_unstable();
        all.dedup();
        let right = matched(found, &all, margin);
        let count = annotators.len() as f64;
        let hits = |marks: &Vec<usize>| matched(marks, found, margin);
        let recall: f64 =
            annotators.iter().map(|marks| (hits(marks) + 1) as f64 / (marks.len() + 1) as f64).sum::<f64>()
                / count;
        let precision = (right + 1) as f64 / (found.len() + 1) as f64;
        Self {
            series: 1,
            right,
            found: found.len(),
            hits: annotators.iter().map(hits).sum(),
            marks: annotators.iter().map(Vec::len).sum(),
            f1: 2.0 * precision * recall / (precision + recall),
            covering: annotators.iter().map(|marks| covering(marks, found, len)).sum::<f64>() / count,
        }
    }

    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            series: self.series + other.series,
            right: self.right + other.right,
            found: self.found + other.found,
            hits: self.hits + other.hits,
            marks: self.marks + other.marks,
            f1: self.f1 + other.f1,
            covering: self.covering + other.covering,
        }
    }

    /// Of what was found, the share that is true.
    pub(crate) fn precision(&self) -> f64 {
        ratio(self.right, self.found)
    }

    /// Of what is true, the share that was found.
    pub(crate) fn recall(&self) -> f64 {
        ratio(self.hits, self.marks)
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
        ratio(self.found - self.right, self.series)
    }
}

/// How many of the changes lie close to one of the others, none of which counts twice.
fn matched(changes: &[usize], others: &[usize], margin: usize) -> usize {
    let mut free = others.to_vec();
    let mut hits = 0;
    for &change in changes {
        if let Some(at) = free.iter().position(|&other| other.abs_diff(change) <= margin) {
            free.remove(at);
            hits += 1;
        }
    }
    hits
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
