//! A series whose change points are known.

use testkit::Random;

use crate::noise::uniform;

/// A generated series and the truth about it.
pub(crate) struct Case {
    /// What was put in.
    pub(crate) kind: &'static str,
    /// Height of the steps in standard deviations of the noise; 0 where nothing changes.
    pub(crate) size: f64,
    /// The series.
    pub(crate) values: Vec<f64>,
    /// What each annotator marks: the first index of each new regime. Generated truth is one annotator's.
    pub(crate) annotators: Vec<Vec<usize>>,
}

/// `count` sorted positions at least `gap` from each other and from both ends; fewer where they do not fit.
pub(crate) fn positions(random: &mut Random, len: usize, count: usize, gap: usize) -> Vec<usize> {
    let count = count.min((len / gap).saturating_sub(1));
    let free = len - gap * (count + 1);
    let mut offsets: Vec<usize> = (0..count).map(|_| (uniform(random) * free as f64) as usize).collect();
    offsets.sort_unstable();
    offsets.iter().enumerate().map(|(at, offset)| offset + gap * (at + 1)).collect()
}

/// The level at each point when it moves by `±size` at each change; directions are random.
pub(crate) fn steps(random: &mut Random, len: usize, changes: &[usize], size: f64) -> Vec<f64> {
    let mut level = 0.0;
    (0..len)
        .map(|at| {
            if changes.contains(&at) {
                level += if random.chance(50) { size } else { -size };
            }
            level
        })
        .collect()
}
