//! Series as people meet them: economy, climate, web traffic, device logs, sports, air traffic, quality control.
//!
//! The truth is what people would mark in a plot. Each change knows how far it stands out, in standard deviations of
//! the noise around it, and five annotators mark it or not: the keenest from two, the most reserved from six.

mod developed;
mod held_out;
mod parts;

use testkit::Random;

use crate::{case::Case, noise::uniform};

/// From how many deviations on each annotator marks a change.
const THRESHOLDS: [f64; 5] = [2.0, 3.0, 3.0, 4.0, 6.0];

/// A change, and by how many deviations it stands out.
pub(crate) struct Change {
    at: usize,
    size: f64,
}

/// Values with what happened in them.
type Made = (Vec<f64>, Vec<Change>);

/// A family of series.
type Maker = fn(&mut Random) -> Made;

/// `repeats` series of each family that the detector was developed on.
pub(crate) fn developed(seed: u64, repeats: usize) -> Vec<Case> {
    cases(&developed::FAMILIES, seed, repeats)
}

/// `repeats` series of each family that it was not.
pub(crate) fn held_out(seed: u64, repeats: usize) -> Vec<Case> {
    cases(&held_out::FAMILIES, seed, repeats)
}

fn cases(families: &[(&'static str, Maker)], seed: u64, repeats: usize) -> Vec<Case> {
    let mut random = Random::new(seed);
    let mut cases = Vec::new();
    for _ in 0..repeats {
        cases.extend(families.iter().map(|(kind, make)| {
            let (values, changes) = make(&mut random);
            let annotators = THRESHOLDS.map(|threshold| annotated(&mut random, &changes, threshold)).to_vec();
            Case { kind, size: 0.0, values, annotators }
        }));
    }
    cases
}

/// What one annotator marks: the same places, one in three of them a point off.
fn annotated(random: &mut Random, changes: &[Change], threshold: f64) -> Vec<usize> {
    let seen = changes.iter().filter(|change| change.size >= threshold);
    seen.map(|change| (change.at + (uniform(random) * 3.0) as usize).saturating_sub(1).max(change.at - 1))
        .collect()
}
