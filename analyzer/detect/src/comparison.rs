//! Candidate against baseline over pairs: the same work done by both, once a round.
//!
//! A pair's logarithm of the ratio is one observation, so that a machine that slows down between rounds slows both
//! sides, and a change reads the same from a cheap and from a dear baseline. Pairs count by their trimmed mean: what
//! disturbs a machine now and then makes one side of one pair dearer by a half, and no change is told by that. The verdict is the interval's: the candidate
//! fails when the whole interval lies above the margin, so a false failure is rarer than half of what the confidence
//! leaves over.

use crate::stats::{
    Estimate,
    detectable::{self, Demand},
};

/// How sure a comparison has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Relative rise that is put up with: 0.02 is two in a hundred.
    pub margin: f64,
    /// Confidence of intervals.
    pub confidence: f64,
    /// A rise of this size has to be visible; data that could not show it gives no verdict.
    pub must_show: f64,
}

/// What a comparison says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No rise above the margin, in data that would have shown one.
    Pass,
    /// The candidate costs more, beyond margin and noise.
    Fail,
    /// The data cannot tell.
    NoVerdict,
}

/// A relative change with what is known of it. All are shares: 0.3 is 30 % more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The likeliest value.
    pub value: f64,
    /// Where the truth lies, with the confidence asked for.
    pub interval: (f64, f64),
    /// The smallest rise that would have failed four times in five.
    pub detectable: f64,
    /// Probability of a rise like this or larger if there is none above the margin.
    pub p_value: f64,
}

/// With how much probability the minimum detectable effect is detected.
pub const POWER: f64 = 0.8;

/// The estimate of the logarithm of the ratio, from pairs that both have a cost. None below two of those.
pub fn log_ratio(baseline: &[f64], candidate: &[f64]) -> Option<Estimate> {
    let pairs = baseline.iter().zip(candidate).filter(|(before, after)| **before > 0.0 && **after > 0.0);
    let ratios: Vec<f64> = pairs.map(|(before, after)| (after / before).ln()).collect();
    Estimate::of_trimmed_mean(&ratios)
}

/// Judges an estimate of the logarithm of a ratio.
pub fn judge(log_ratio: &Estimate, limits: &Limits) -> (Verdict, Change) {
    let (low, high) = log_ratio.interval(limits.confidence);
    let demand = Demand { alpha: 1.0 - limits.confidence, power: POWER };
    let margin = limits.margin.ln_1p();
    let change = Change {
        value: log_ratio.value.exp_m1(),
        interval: (low.exp_m1(), high.exp_m1()),
        detectable: (margin + detectable::change(log_ratio, &demand)).exp_m1(),
        p_value: log_ratio.p_value_above(margin),
    };
    let verdict = match change {
        Change { interval: (low, _), .. } if low > limits.margin => Verdict::Fail,
        // What is surely below the bound needs no power to show more.
        Change { detectable, .. } if detectable <= limits.must_show => Verdict::Pass,
        Change { interval: (_, high), .. } if high <= limits.margin => Verdict::Pass,
        _ => Verdict::NoVerdict,
    };
    (verdict, change)
}

/// How many rounds make a rise of `must_show` visible, judged by the rounds so far. Asked once, after the first few: to
/// stop when the result looks good would make it look good too often (Wittes and Brittain 1990, "The role of internal
/// pilot studies").
pub fn rounds_wanted(pilot: &Estimate, rounds: usize, limits: &Limits) -> f64 {
    let demand = Demand { alpha: 1.0 - limits.confidence, power: POWER };
    let room = limits.must_show.ln_1p() - limits.margin.ln_1p();
    (rounds as f64 * (detectable::change(pilot, &demand) / room).powi(2)).ceil()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::Noise;

    const LIMITS: Limits = Limits { margin: 0.02, confidence: 0.95, must_show: 0.1 };

    fn check(baseline: &[f64], candidate: &[f64], expected: Verdict) {
        let (verdict, change) = judge(&log_ratio(baseline, candidate).unwrap(), &LIMITS);
        assert_eq!(verdict, expected, "{change:?}");
    }

    #[test]
    fn the_interval_decides() {
        let even = [10.0, 10.1, 9.9, 10.0, 10.05, 9.95];
        check(&even, &even, Verdict::Pass);
        check(&even, &even.map(|cost| cost * 1.3), Verdict::Fail);
        check(&even, &even.map(|cost| cost * 1.01), Verdict::Pass);
        check(&even, &[10.0, 14.0, 8.0, 13.0, 9.0, 11.0], Verdict::NoVerdict);
        check(&even, &[5.0, 7.0, 4.0, 6.5, 4.5, 5.5], Verdict::Pass);
    }

    #[test]
    fn a_side_without_cost_is_no_pair() {
        assert_eq!(log_ratio(&[1.0, 0.0], &[1.0, 1.0]), None);
        assert_eq!(log_ratio(&[1.0, 2.0, 0.0], &[1.0, 2.0, 3.0]).unwrap().degrees_of_freedom, 1.0);
    }

    /// Every eighth run meets a busy neighbour.
    #[test]
    fn a_disturbed_machine_hides_no_rise() {
        let mut noise = Noise::new(7);
        let (mut found, mut failed) = (0, 0);
        for _ in 0..500 {
            let disturbed = |cost: f64, noise: &mut Noise| {
                let slowed = if noise.normal() > 1.15 { 0.4 * noise.normal().abs() } else { 0.0 };
                cost * (0.03 * noise.normal() + slowed).exp()
            };
            let mut side = |cost: f64| -> Vec<f64> { (0..40).map(|_| disturbed(cost, &mut noise)).collect() };
            let (before, after, equal) = (side(1.0), side(1.06), side(1.0));
            let verdict = |after: &[f64]| judge(&log_ratio(&before, after).unwrap(), &LIMITS).0;
            found += usize::from(verdict(&after) == Verdict::Fail);
            failed += usize::from(verdict(&equal) == Verdict::Fail);
        }
        assert!(found >= 450 && failed <= 3, "{found} of 500 found, {failed} of 500 failed for nothing");
    }

    /// Rounds as `fewer check` plans them: eight, then as many as those eight ask for.
    fn simulated(noise: &mut Noise, variation: f64, rise: f64, limits: &Limits) -> (Verdict, Change) {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let mut wanted = 8;
        while before.len() < wanted {
            let machine = 1.0 + 0.3 * (before.len() as f64 / 5.0).sin();
            before.push(machine * (variation * noise.normal()).exp());
            after.push(machine * (1.0 + rise) * (variation * noise.normal()).exp());
            if before.len() == 8 {
                let pilot = log_ratio(&before, &after).unwrap();
                wanted = rounds_wanted(&pilot, before.len(), limits).clamp(8.0, 40.0) as usize;
            }
        }
        judge(&log_ratio(&before, &after).unwrap(), limits)
    }

    fn failed(seed: u64, rise: f64, limits: &Limits) -> f64 {
        let mut noise = Noise::new(seed);
        let runs = (0..2_000).map(|_| simulated(&mut noise, 0.04, rise, limits));
        runs.filter(|(verdict, _)| *verdict == Verdict::Fail).count() as f64 / 2_000.0
    }

    #[test]
    fn equal_sides_seldom_fail() {
        let no_margin = Limits { margin: 0.0, ..LIMITS };
        assert!(failed(1, 0.0, &no_margin) <= 0.032, "nominal 0.025 and three standard errors");
        assert!(failed(2, 0.02, &LIMITS) <= 0.036, "at the margin itself");
        assert!(failed(3, 0.0, &LIMITS) <= 0.005);
    }

    #[test]
    fn a_rise_of_the_detectable_size_is_found_four_times_in_five() {
        let mut noise = Noise::new(4);
        let detectable: Vec<f64> =
            (0..400).map(|_| simulated(&mut noise, 0.04, 0.0, &LIMITS).1.detectable).collect();
        let found = failed(5, crate::stats::moments::median(&detectable), &LIMITS);
        assert!((0.72..=0.9).contains(&found), "{found}");
    }

    #[test]
    fn intervals_hold_the_truth() {
        let mut noise = Noise::new(6);
        let held = (0..2_000).filter(|_| {
            let (low, high) = simulated(&mut noise, 0.04, 0.1, &LIMITS).1.interval;
            (low..=high).contains(&0.1)
        });
        assert!(held.count() >= 1_860, "93 % of 2,000");
    }
}
