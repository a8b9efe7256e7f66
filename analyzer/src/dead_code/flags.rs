//! Flags that say always the same, and for how long, from what programs counted.

use std::collections::{BTreeMap, BTreeSet};

use analyzer_detect::dead_code::flags::{FlagDays, Step};
use analyzer_report::number::counted;
use wire::api::Evaluations;

use crate::{
    collector::{Collector, Question},
    error::AnalyzerError,
};

const DAY_NS: i64 = 86_400_000_000_000;

/// Ends of the stretches of time that are asked for, in days before now: the steps of the ladder.
const LADDER_DAYS: [i64; 4] = [1, 14, 30, 90];

/// Names of variants that mean that a flag is off.
const OFF: [&str; 7] = ["0", "control", "default", "disabled", "false", "none", "off"];

/// Names of variants that mean that a flag is on.
const ON: [&str; 5] = ["1", "enabled", "on", "true", "yes"];

/// Words in the keys of flags that stay whatever they say.
const KILL_WORDS: [&str; 4] = ["kill", "killswitch", "panic", "breaker"];

/// One flag that has only ever been one thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FlagHistory {
    /// Its key.
    pub(crate) flag: String,
    /// The variant it always had.
    pub(crate) variant: String,
    /// Evaluations since.
    pub(crate) evaluations: u64,
    /// Whole days since.
    pub(crate) days: u32,
}

impl FlagHistory {
    /// Whether it is on; None for a variant that is neither.
    pub(crate) fn is_on(&self) -> Option<bool> {
        let variant = self.variant.to_lowercase();
        let (on, off) = (ON.contains(&variant.as_str()), OFF.contains(&variant.as_str()));
        (on || off).then_some(on)
    }

    /// How far up the ladder of 14, 30 and 90 days it is.
    pub(crate) fn step(&self) -> Step {
        let words = || self.flag.split(|one: char| !one.is_alphanumeric());
        let is_kill_switch = words().any(|word| KILL_WORDS.contains(&word.to_lowercase().as_str()));
        FlagDays { days: self.days, evaluations: self.evaluations, others: 0, is_kill_switch }.step()
    }

    /// In words.
    pub(crate) fn said(&self) -> String {
        let days = match self.days {
            0 => "for less than a day".to_owned(),
            days => format!("for {}", counted(days.into(), "day")),
        };
        format!("flag {} was {} in all of {} evaluations, {days}", self.flag, self.variant, self.evaluations)
    }
}

/// What programs counted of flags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Those that have only ever been one thing since.
    pub(crate) constant: Vec<FlagHistory>,
    /// The keys of all of them.
    pub(crate) all: BTreeSet<String>,
}

/// Asks for flags of a service, and how long each of them has been what it is.
pub(crate) fn constant(
    collector: &Collector,
    selector: &str,
    (earliest_ns, end_ns): (i64, i64),
) -> Result<Counted, AnalyzerError> {
    let mut stretches = Vec::new();
    let mut until_ns = end_ns;
    for days in LADDER_DAYS {
        let from_ns = end_ns.saturating_sub(days * DAY_NS).max(earliest_ns);
        if from_ns >= until_ns {
            break;
        }
        let question = Question { selector, start_ns: from_ns, end_ns: until_ns };
        let found: Evaluations = collector.ask("evaluations", &question, &[("limit", "10000")])?;
        stretches.push(((end_ns - from_ns) / DAY_NS, found));
        until_ns = from_ns;
    }
    let rows = stretches.iter().flat_map(|(_, found)| &found.rows);
    let all = rows.filter(|row| row.count > 0).map(|row| row.flag.clone()).collect();
    Ok(Counted { constant: histories(&stretches), all })
}

/// From stretches of time, the newest first, each with how many days ago it began.
fn histories(stretches: &[(i64, Evaluations)]) -> Vec<FlagHistory> {
    let mut found: BTreeMap<&str, FlagHistory> = BTreeMap::new();
    let mut varied: Vec<&str> = Vec::new();
    for (days, evaluations) in stretches {
        let mut here: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
        for row in evaluations.rows.iter().filter(|row| row.count > 0) {
            *here.entry(&row.flag).or_default().entry(&row.variant).or_default() += row.count;
        }
        for (flag, variants) in here {
            let only = variants.iter().next().filter(|_| variants.len() == 1);
            let known = found.get(flag);
            let is_first = known.is_none();
            let same = only.filter(|(variant, _)| known.is_none_or(|known| known.variant == **variant));
            match same {
                Some((variant, count)) if !varied.contains(&flag) => {
                    let history = found.entry(flag).or_insert_with(|| FlagHistory {
                        flag: flag.to_owned(),
                        variant: (*variant).to_owned(),
                        ..FlagHistory::default()
                    });
                    history.evaluations += count;
                    history.days = u32::try_from(*days).unwrap_or_default();
                }
                _ => {
                    varied.push(flag);
                    // What varied just now is not constant at all; what varied before is since.
                    if is_first {
                        found.remove(flag);
                    }
                }
            }
        }
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use wire::api::Evaluation;

    use super::*;

    fn stretch(days: i64, rows: &[(&str, &str, u64)]) -> (i64, Evaluations) {
        let rows: Vec<Evaluation> = rows
            .iter()
            .map(|(flag, variant, count)| Evaluation {
                flag: (*flag).to_owned(),
                variant: (*variant).to_owned(),
                reason: String::new(),
                count: *count,
            })
            .collect();
        (days, Evaluations { rows_total: rows.len() as u64, rows })
    }

    #[test]
    fn a_flag_is_what_it_is_since_it_last_varied() {
        let found = histories(&[
            stretch(1, &[("a", "off", 5), ("b", "on", 1), ("b", "off", 1), ("c", "on", 9)]),
            stretch(14, &[("a", "off", 7), ("b", "on", 1), ("c", "on", 1), ("c", "off", 1)]),
            stretch(20, &[("a", "off", 1), ("c", "on", 4), ("d", "off", 2)]),
        ]);
        let shown: Vec<(&str, &str, u64, u32)> = found
            .iter()
            .map(|one| (one.flag.as_str(), one.variant.as_str(), one.evaluations, one.days))
            .collect();
        assert_eq!(shown, [("a", "off", 13, 20), ("c", "on", 9, 1), ("d", "off", 2, 20)]);
        assert_eq!((found[0].is_on(), found[0].step()), (Some(false), Step::Notify));
        assert_eq!(found[1].said(), "flag c was on in all of 9 evaluations, for 1 day");
        let kill = FlagHistory { flag: "feed-kill-switch".into(), days: 200, ..found[0].clone() };
        assert_eq!(kill.step(), Step::Watch);
        assert_eq!(FlagHistory { variant: "blue".into(), ..kill }.is_on(), None);
    }
}
