//! How many of the functions that were never seen to run are alive: species that no catch has shown yet. From the
//! functions that ran in exactly one and in exactly two blocks (Good 1953; Chao 1987, with its bias correction).

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

/// How many functions on a list of candidates are expected to be alive: at least so many, since those that run ever
/// more rarely than blocks are long leave no trace at all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Alive {
    /// The estimate.
    pub expected: f64,
    /// 95 % interval.
    pub at_least: f64,
    /// 95 % interval.
    pub at_most: f64,
}

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

    /// The list in words.
    pub fn about(&self, candidates: u64) -> String {
        let expected = (self.unseen().expected.floor() as u64).min(candidates);
        match expected {
            0 => format!("{candidates} candidates"),
            alive => format!("{candidates} candidates, expect at least {alive} to be alive"),
        }
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
        assert_eq!(incidence.about(412), "412 candidates, expect at least 9 to be alive");
        assert_eq!(incidence.about(3), "3 candidates, expect at least 3 to be alive");
        assert_eq!(Incidence::default().about(3), "3 candidates");
        assert!((incidence.precision_at_most(412) - 0.977_115).abs() < 1e-6);
        assert_eq!(incidence.precision_at_most(0), 0.0);
    }
}
