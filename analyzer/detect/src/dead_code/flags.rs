//! Flags that are decided: behind one that is off stands code one release away from dead, and the check of one that never
//! varies runs for nothing.

/// What a flag's evaluations were over a number of days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlagDays {
    /// Days in a row with the same variant on nearly all evaluations, up to today.
    pub days: u32,
    /// Evaluations on those days.
    pub evaluations: u64,
    /// Of them, with another variant.
    pub others: u64,
    /// Kill switches stay, whatever they say.
    pub is_kill_switch: bool,
}

/// The ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Nothing to say yet.
    Watch,
    /// Tell the owner.
    Notify,
    /// A finding, with what to do.
    Finding,
    /// Propose the removal.
    Propose,
}

/// Share of evaluations that may have had another variant: one in a thousand.
const OTHERS_ONE_IN: u64 = 1000;

impl FlagDays {
    /// How far up the ladder the flag is: 14, 30 and 90 days with one variant on at least 99.9 % of evaluations.
    pub fn step(&self) -> Step {
        let is_decided = self.evaluations > 0 && self.others * OTHERS_ONE_IN <= self.evaluations;
        match self.days {
            _ if self.is_kill_switch || !is_decided => Step::Watch,
            90.. => Step::Propose,
            30.. => Step::Finding,
            14.. => Step::Notify,
            _ => Step::Watch,
        }
    }
}

/// The greatest chance that a function runs while its flag is off, from requests with the flag off and none that ran it
/// (95 %), if it was seen with the flag on often enough to say that it depends on it.
pub fn runs_while_off_at_most(requests_off: u64, runs_off: u64, runs_on: u64) -> Option<f64> {
    const RUNS_ON_MIN: u64 = 30;
    (runs_off == 0 && runs_on >= RUNS_ON_MIN && requests_off > 0)
        .then(|| (3.0 / requests_off as f64).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decided_flag_climbs_the_ladder() {
        let flag = |days, others| FlagDays { days, evaluations: 10_000, others, is_kill_switch: false };
        let cases = [
            (flag(13, 0), Step::Watch),
            (flag(14, 0), Step::Notify),
            (flag(30, 10), Step::Finding),
            (flag(90, 10), Step::Propose),
            (flag(90, 11), Step::Watch),
            (FlagDays { is_kill_switch: true, ..flag(400, 0) }, Step::Watch),
            (FlagDays { days: 400, ..FlagDays::default() }, Step::Watch),
        ];
        for (flag, expected) in cases {
            assert_eq!(flag.step(), expected, "{flag:?}");
        }
    }

    #[test]
    fn dependence_on_a_flag_needs_runs_with_it() {
        let cases = [
            ((3000, 0, 30), Some(0.001)),
            ((1, 0, 30), Some(1.0)),
            ((3000, 1, 30), None),
            ((3000, 0, 29), None),
            ((0, 0, 30), None),
        ];
        for ((off, runs_off, runs_on), expected) in cases {
            assert_eq!(runs_while_off_at_most(off, runs_off, runs_on), expected);
        }
    }
}
