//! How many of the functions that were never seen to run are alive: species that no catch has shown yet. From the
//! functions that ran in exactly one and in exactly two blocks (Good 1953; Chao 1987, with its bias correction).
//!
//! Chao's figure is a lower bound: what runs ever more rarely leaves no trace at all, and no estimator can bound it from
//! above. [`on_list`] does so for what runs at least once in [`ALIVE_DAYS`]. A function that runs with a rate r is unseen
//! after T days with probability exp(-rT), and seen on exactly one day with about rT exp(-rT): for each that is seen once
//! at most 1 / rT are unseen, which is at most [`ALIVE_DAYS`] / T, whatever the rates are.

/// How often functions ran, by block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Incidence {
    /// Blocks that were watched.
    pub blocks: u64,
    /// Functions that ran in exactly one.
    pub once: u64,
    /// Functions that ran in exactly two.
    pub twice: u64,
}

/// How many functions are expected to be alive that were not seen to run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Alive {
    /// The estimate.
    pub expected: f64,
    /// 95 % interval.
    pub at_least: f64,
    /// 95 % interval.
    pub at_most: f64,
}

/// What runs more rarely cannot be told from dead code by watching. Longer than a year, so that what is due on one day of
/// it has come.
pub const ALIVE_DAYS: f64 = 400.0;

/// Of the normal distribution, at 97.5 %.
const QUANTILE: f64 = 1.959_963_984_540_054;

impl Incidence {
    /// Counts functions by the number of blocks they ran in.
    pub fn of(blocks: u64, executed_blocks: impl IntoIterator<Item = u64>) -> Self {
        let mut incidence = Self { blocks, ..Self::default() };
        for count in executed_blocks {
            incidence.once += u64::from(count == 1);
            incidence.twice += u64::from(count == 2);
        }
        incidence
    }

    /// The chance that the next block shows a function that no block has shown: about once / blocks (Good-Turing).
    pub fn chance_of_news(&self) -> Option<f64> {
        (self.blocks > 0).then(|| (self.once as f64 / self.blocks as f64).min(1.0))
    }

    /// Functions that are alive and not seen: at least f1 (f1 - 1) / (2 (f2 + 1)), with the interval of a log-normal
    /// distribution.
    pub fn unseen(&self) -> Alive {
        let (once, twice) = (self.once as f64, self.twice as f64);
        let expected = once * (once - 1.0).max(0.0) / (2.0 * (twice + 1.0));
        if expected == 0.0 {
            return Alive { at_most: if self.once > 0 { 1.0 } else { 0.0 }, ..Alive::default() };
        }
        let variance = expected
            + once * (2.0 * once - 1.0).powi(2) / (4.0 * (twice + 1.0).powi(2))
            + once.powi(2) * twice * (once - 1.0).powi(2) / (4.0 * (twice + 1.0).powi(4));
        let factor = (QUANTILE * (1.0 + variance / expected.powi(2)).ln().sqrt()).exp();
        Alive { expected, at_least: expected / factor, at_most: expected * factor }
    }

    /// Share of `candidates` that are dead, at most.
    pub fn precision_at_most(&self, candidates: u64) -> f64 {
        (1.0 - self.unseen().expected / candidates.max(1) as f64).max(0.0)
    }
}

/// How many of `candidates` are expected to be alive. The figure itself is Chao's, by blocks. Its own lower end does not hold
/// for jobs that run at fixed times: those that ran once so far leave none unseen; so it is nothing. The upper end holds
/// for what runs at least once in [`ALIVE_DAYS`], by days: blocks of one day are not independent of each other where a job
/// runs on all hosts. `once_days` has, for each function that ran on one day only, how many days it was watched;
/// `typical_days` is what candidates were watched for.
pub fn on_list(candidates: u64, incidence: Incidence, once_days: &[f64], typical_days: f64) -> Alive {
    let candidates = candidates as f64;
    let weight = |days: f64| ALIVE_DAYS / days.max(1.0);
    let weight = match once_days.len() {
        0 => weight(typical_days),
        count => once_days.iter().copied().map(weight).sum::<f64>() / count as f64,
    };
    let ceiling = poisson_at_most(once_days.len() as f64) * weight;
    let ceiling = ceiling + QUANTILE * ceiling.sqrt();
    let at_most = ceiling.min(candidates);
    Alive { expected: incidence.unseen().expected.min(at_most), at_least: 0.0, at_most }
}

/// The greatest mean that a count leaves (97.5 %), by Byar's approximation to the exact limit (Breslow and Day 1987).
fn poisson_at_most(count: f64) -> f64 {
    let next = count + 1.0;
    next * (1.0 - 1.0 / (9.0 * next) + QUANTILE / (3.0 * next.sqrt())).powi(3)
}

impl Alive {
    /// The list in words.
    pub fn about(&self, candidates: u64) -> String {
        let noun = if candidates == 1 { "candidate" } else { "candidates" };
        if candidates == 0 {
            return "no candidates".to_owned();
        }
        format!(
            "{candidates} {noun}, of which about {:.0} are expected to be alive, at most {:.0} (95 %)",
            self.expected,
            self.at_most.ceil()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_functions_tell_of_rarer_ones() {
        let cases = [
            // Blocks, once, twice: expected alive, chance of news.
            ((60, 0, 5), 0.0, 0.0),
            ((60, 1, 0), 0.0, 1.0 / 60.0),
            ((60, 12, 6), 9.428_571, 0.2),
            ((100, 10, 20), 2.142_857, 0.1),
            ((10, 30, 0), 435.0, 1.0),
        ];
        for ((blocks, once, twice), expected, news) in cases {
            let incidence = Incidence { blocks, once, twice };
            let alive = incidence.unseen();
            assert!((alive.expected - expected).abs() < 1e-6, "{alive:?}");
            assert!(alive.at_least <= expected && expected <= alive.at_most, "{alive:?}");
            assert_eq!(incidence.chance_of_news(), Some(news));
        }
        assert_eq!(Incidence::default().chance_of_news(), None);
    }

    #[test]
    fn the_list_says_its_own_error() {
        let incidence = Incidence::of(60, [1; 12].into_iter().chain([2; 6]).chain([0, 3, 60]));
        assert_eq!(incidence, Incidence { blocks: 60, once: 12, twice: 6 });
        let alive = on_list(412, incidence, &[60.0; 12], 60.0);
        assert_eq!(
            alive.about(412),
            "412 candidates, of which about 9 are expected to be alive, at most 163 (95 %)"
        );
        assert_eq!(on_list(1, incidence, &[60.0; 12], 60.0).at_most, 1.0);
        assert_eq!(Alive::default().about(0), "no candidates");
        assert!((incidence.precision_at_most(412) - 0.977_115).abs() < 1e-6);
        assert_eq!(incidence.precision_at_most(0), 0.0);
    }

    #[test]
    fn longer_watching_leaves_fewer() {
        let at_most = |days: f64, once: usize| {
            on_list(10_000, Incidence { blocks: 1, once: 0, twice: 0 }, &vec![days; once], days).at_most
        };
        assert!(at_most(30.0, 5) > at_most(60.0, 5) && at_most(60.0, 5) > at_most(400.0, 5));
        assert!(at_most(60.0, 0) > 0.0 && at_most(60.0, 0) < at_most(60.0, 1));
        // The exact limits are 3.689, 5.572 and 18.39.
        let cases = [(0.0, 3.689), (1.0, 5.572), (10.0, 18.39)];
        for (count, expected) in cases {
            assert!((poisson_at_most(count) / expected - 1.0).abs() < 0.02, "{count}");
        }
    }
}
