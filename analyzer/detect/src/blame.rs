//! Which commits a rise is likely from: how much of the added cost runs through what each of them changed.
//!
//! A commit's score is the share of the added cost whose stack holds a function that it changed, less the same share of
//! the cost before: a function that everything runs through explains nothing. A stack counts most when the changed
//! function itself is on the CPU, less when it called what is, and least when it is further up. Added cost is the plain
//! difference, stack by stack, so that noise, which falls as often as it rises, cancels.

use std::collections::BTreeSet;

/// Commits that are named.
pub const SUSPECTS_MAX: usize = 3;

/// A lower score names nobody.
const SCORE_MIN: f64 = 0.2;

/// One that scores less than this part of the best is not named beside it.
const PART_OF_BEST_MIN: f64 = 0.4;

/// A rise has to be this many times its standard error.
const CERTAINTY: f64 = 3.0;

const SELF: f64 = 1.0;
const CALLER: f64 = 0.8;
const ANCESTOR: f64 = 0.6;

/// One stack's cost on both sides, in the same unit, such as nanoseconds per request.
#[derive(Clone, Debug, PartialEq)]
pub struct Stack {
    /// Numbers of functions, the one on the CPU first.
    pub functions: Vec<u32>,
    /// Before.
    pub baseline: f64,
    /// After.
    pub candidate: f64,
}

/// A commit that stands out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suspect {
    /// Its position among the candidates.
    pub candidate: usize,
    /// How much more of the added cost than of the cost before runs through what it changed; 1 at most.
    pub score: f64,
}

/// The candidates that stand out, most likely first; none when the rise is not sure or nobody stands out. Each candidate
/// is the functions it changed; `standard_error` is that of the whole rise.
pub fn blame(stacks: &[Stack], candidates: &[BTreeSet<u32>], standard_error: f64) -> Vec<Suspect> {
    let before: f64 = stacks.iter().map(|stack| stack.baseline).sum();
    let added: f64 = stacks.iter().map(|stack| stack.candidate - stack.baseline).sum();
    if added <= 0.0 || added < CERTAINTY * standard_error {
        return Vec::new();
    }
    let mut suspects: Vec<Suspect> = candidates
        .iter()
        .enumerate()
        .map(|(candidate, changed)| Suspect { candidate, score: score(stacks, changed, (before, added)) })
        .filter(|suspect| suspect.score >= SCORE_MIN)
        .collect();
    suspects
        .sort_by(|left, right| right.score.total_cmp(&left.score).then(left.candidate.cmp(&right.candidate)));
    let best = suspects.first().map_or(0.0, |suspect| suspect.score);
    suspects.retain(|suspect| suspect.score >= PART_OF_BEST_MIN * best);
    suspects.truncate(SUSPECTS_MAX);
    suspects
}

fn score(stacks: &[Stack], changed: &BTreeSet<u32>, (before, added): (f64, f64)) -> f64 {
    let (mut of_added, mut of_before) = (0.0, 0.0);
    for stack in stacks {
        let weight = weight(stack, changed);
        of_added += weight * (stack.candidate - stack.baseline);
        of_before += weight * stack.baseline;
    }
    let share = |part: f64, whole: f64| if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 };
    share(of_added, added) - share(of_before, before)
}

/// By the changed function that is nearest to the CPU.
fn weight(stack: &Stack, changed: &BTreeSet<u32>) -> f64 {
    match stack.functions.iter().position(|function| changed.contains(function)) {
        Some(0) => SELF,
        Some(1) => CALLER,
        Some(_) => ANCESTOR,
        None => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::Noise;

    const MAIN: u32 = 0;
    const RANK: u32 = 1;
    const RENDER: u32 = 2;
    const SORT: u32 = 3;

    fn stack(functions: &[u32], baseline: f64, candidate: f64) -> Stack {
        Stack { functions: functions.to_vec(), baseline, candidate }
    }

    fn check(stacks: &[Stack], candidates: &[&[u32]], standard_error: f64, expected: &[(usize, f64)]) {
        let candidates: Vec<BTreeSet<u32>> =
            candidates.iter().map(|changed| changed.iter().copied().collect()).collect();
        let found = blame(stacks, &candidates, standard_error);
        let found: Vec<(usize, f64)> =
            found.iter().map(|one| (one.candidate, (one.score * 100.0).round() / 100.0)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_commit_that_changed_what_rose_is_first() {
        let stacks = [
            stack(&[RANK, MAIN], 10.0, 40.0),
            stack(&[SORT, RANK, MAIN], 10.0, 20.0),
            stack(&[RENDER, MAIN], 80.0, 80.0),
        ];
        // Changing `main`, which all of it runs through, explains little; `render` did not rise.
        check(&stacks, &[&[MAIN], &[RENDER], &[RANK], &[SORT]], 1.0, &[(2, 0.77)]);
        check(&stacks, &[&[RANK, RENDER], &[SORT, RANK]], 1.0, &[(1, 0.8)]);
    }

    #[test]
    fn two_causes_are_both_named_with_the_larger_first() {
        let stacks = [stack(&[RANK], 10.0, 30.0), stack(&[RENDER], 10.0, 25.0), stack(&[SORT], 80.0, 80.0)];
        check(&stacks, &[&[RENDER], &[RANK], &[SORT]], 0.0, &[(1, 0.47), (0, 0.33)]);
    }

    #[test]
    fn nobody_is_blamed_when_it_is_not_sure() {
        let stacks = [stack(&[RANK], 10.0, 30.0), stack(&[RENDER], 90.0, 90.0)];
        check(&stacks, &[&[RANK]], 7.0, &[]);
        check(&stacks, &[&[RENDER], &[SORT], &[]], 1.0, &[]);
        check(&[stack(&[RANK], 30.0, 10.0)], &[&[RANK]], 0.0, &[]);
        check(&[], &[&[RANK]], 0.0, &[]);
    }

    /// Fifty functions of which one rises by a fifth of the whole, sampled on both sides.
    #[test]
    fn noise_cancels_and_the_suspect_stays_first() {
        let mut noise = Noise::new(7);
        let candidates: Vec<BTreeSet<u32>> = (0..50).map(|function| BTreeSet::from([function])).collect();
        let mut right = 0;
        for suspect in 0..50_u32 {
            let mut sampled = |mean: f64| mean + mean.sqrt() * noise.normal();
            let stacks: Vec<Stack> = (0..50)
                .map(|function| {
                    let rise = if function == suspect { 2_000.0 } else { 0.0 };
                    stack(&[function, 99], sampled(200.0), sampled(200.0 + rise))
                })
                .collect();
            let found = blame(&stacks, &candidates, 150.0);
            right += usize::from(found.len() == 1 && found[0].candidate == suspect as usize);
        }
        assert!(right >= 49, "{right} of 50");
    }
}
