//! Which functions' costs differ, over pairs of runs: a paired test for each, and Benjamini and Yekutieli's control over
//! all of them, because what they find may fail a change.

use crate::stats::{Estimate, false_discovery::benjamini_yekutieli};

/// Cost of one function in each round, both sides in the same order; 0 where it did not run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FunctionRuns {
    /// Under the baseline.
    pub baseline: Vec<f64>,
    /// Under the candidate.
    pub candidate: Vec<f64>,
}

/// How one function's cost differs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FunctionChange {
    /// Candidate less baseline, per run.
    pub difference: Estimate,
    /// The p-value, adjusted for how many functions were looked at.
    pub adjusted_p_value: f64,
}

/// One answer per function, in their order; None with fewer than two rounds. Which functions are handed in must not
/// depend on their difference, or the control does not hold.
pub fn compared(functions: &[FunctionRuns]) -> Vec<Option<FunctionChange>> {
    let differences: Vec<Option<Estimate>> = functions.iter().map(difference).collect();
    let p_values: Vec<f64> =
        differences.iter().map(|one| one.as_ref().map_or(1.0, Estimate::p_value)).collect();
    let adjusted = benjamini_yekutieli(&p_values);
    let changes = differences.into_iter().zip(adjusted);
    changes
        .map(|(one, adjusted_p_value)| one.map(|difference| FunctionChange { difference, adjusted_p_value }))
        .collect()
}

/// Trimmed for the same reason as the comparison of the whole run is.
fn difference(runs: &FunctionRuns) -> Option<Estimate> {
    let pairs = runs.baseline.iter().zip(&runs.candidate);
    Estimate::of_trimmed_mean(&pairs.map(|(before, after)| after - before).collect::<Vec<f64>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::Noise;

    fn runs(noise: &mut Noise, after: f64) -> FunctionRuns {
        let mut draw = |mean: f64| (0..16).map(|_| mean + noise.normal()).collect();
        FunctionRuns { baseline: draw(10.0), candidate: draw(after) }
    }

    #[test]
    fn the_one_that_changed_is_found_and_the_others_are_not() {
        let mut noise = Noise::new(1);
        let (mut false_findings, mut found) = (0, 0);
        for _ in 0..100 {
            let mut functions: Vec<FunctionRuns> = (0..40).map(|_| runs(&mut noise, 10.0)).collect();
            functions.push(runs(&mut noise, 14.0));
            let significant: Vec<usize> = compared(&functions)
                .iter()
                .enumerate()
                .filter(|(_, one)| one.is_some_and(|one| one.adjusted_p_value <= 0.05))
                .map(|(at, _)| at)
                .collect();
            found += usize::from(significant.contains(&40));
            false_findings += significant.iter().filter(|at| **at != 40).count();
        }
        assert!(found >= 95, "{found} of 100");
        assert!(false_findings <= 5, "{false_findings} among 4,000");
    }

    #[test]
    fn one_round_says_nothing() {
        let one = FunctionRuns { baseline: vec![1.0], candidate: vec![2.0] };
        assert_eq!(compared(&[one]), [None]);
    }
}
