//! Verdicts and doubts in words.

use analyzer_detect::dead_code::{Doubt, flags::Step, survival::StaticClass};
use analyzer_report::number::counted;

/// From this chance of being dead on, it is very likely.
const VERY_LIKELY: f64 = 0.95;

/// What is missing, in a few words.
pub(crate) fn said(doubt: &Doubt) -> String {
    match doubt {
        Doubt::Calendar { days_left } => format!("{} more to watch", counted((*days_left).into(), "day")),
        Doubt::NoMonthEnd => "no month ended while it was watched".to_owned(),
        Doubt::Roles(roles) => {
            let roles: Vec<&str> = roles.iter().map(AsRef::as_ref).collect();
            format!("nobody looked into it in {}", roles.join(", "))
        }
        Doubt::Unknown { blocks } => format!("its mark could not say in {}", counted(*blocks, "block")),
        Doubt::EarlierVersion { last } => {
            format!("with another body it ran, last on {}", date(*last))
        }
    }
}

/// How sure a candidate is.
pub(crate) fn confidence(dead: f64, class: Option<StaticClass>) -> &'static str {
    match class {
        Some(StaticClass::Unreferenced) => "proven unreferenced",
        _ if dead >= VERY_LIKELY => "very likely",
        _ => "likely",
    }
}

/// A step of the ladder.
pub(crate) fn step(step: Step) -> &'static str {
    match step {
        Step::Watch => "watch",
        Step::Notify => "notify",
        Step::Finding => "finding",
        Step::Propose => "propose",
    }
}

/// For how long nothing was seen.
pub(crate) fn silence(days: u32, silent_blocks: u64) -> String {
    let days = match days {
        0 => "in less than a day".to_owned(),
        days => format!("in {}", counted(days.into(), "day")),
    };
    match silent_blocks {
        0 => format!("not run {days}, and no block could tell"),
        1 => format!("not run {days}, in one block"),
        blocks => format!("not run {days}, in none of {blocks} blocks"),
    }
}

/// `2026-11-22`.
pub(crate) fn date(day: u32) -> String {
    let at = chrono::DateTime::from_timestamp(i64::from(day) * 86_400, 0);
    at.map(|at| at.format("%Y-%m-%d").to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubts_are_told() {
        let roles = ["cron", "web"].map(Into::into).into();
        let cases = [
            (Doubt::Calendar { days_left: 1 }, "1 day more to watch"),
            (Doubt::NoMonthEnd, "no month ended while it was watched"),
            (Doubt::Roles(roles), "nobody looked into it in cron, web"),
            (Doubt::Unknown { blocks: 3 }, "its mark could not say in 3 blocks"),
            (Doubt::EarlierVersion { last: 20_454 }, "with another body it ran, last on 2026-01-01"),
        ];
        for (doubt, expected) in cases {
            assert_eq!(said(&doubt), expected);
        }
        assert_eq!(silence(0, 1), "not run in less than a day, in one block");
        assert_eq!(silence(3, 0), "not run in 3 days, and no block could tell");
        assert_eq!(silence(74, 888), "not run in 74 days, in none of 888 blocks");
        let confident = [(0.99, None), (0.9, None), (0.7, Some(StaticClass::Unreferenced))];
        let confident = confident.map(|(dead, class)| confidence(dead, class));
        assert_eq!(confident, ["very likely", "likely", "proven unreferenced"]);
    }
}
