//! What execution evidence from a fleet says about each function: alive, suspect, or a candidate for removal. Sampling
//! proves life and never death; a mark that nobody set in many independent places, long enough, is as near as it gets.
//!
//! [`ledger`] adds evidence up over workers, hosts, regions, releases and days; [`judge`] decides about one function, and
//! [`list::assess`] about all of a service; [`unseen`] says how many of the candidates on a list are expected to be alive.
//! Each figure is a small function of its own with its formula.

pub mod calendar;
pub mod clusters;
pub mod exposure;
pub mod flags;
pub mod ledger;
pub mod list;
pub mod survival;
pub mod unseen;

use std::collections::BTreeSet;

use calendar::Guard;
use ledger::{Day, Role, Unit};

/// What is said about one function.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It ran: first and last day on which that was seen.
    Alive {
        /// First day.
        since: Day,
        /// Last day.
        last: Day,
    },
    /// It has not run where anybody looked, but that is not enough yet.
    Suspect {
        /// What is missing.
        doubts: Vec<Doubt>,
        /// Chance per block that it runs, at most (95 %); `None` when no block could tell.
        rate_at_most: Option<f64>,
    },
    /// It has not run in all of `blocks` independent blocks.
    Candidate {
        /// How many.
        blocks: u64,
        /// Chance per block that it runs, at most (95 %).
        rate_at_most: f64,
        /// Chance that it is dead.
        dead: f64,
    },
}

/// What keeps a function that has not run from being a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It was watched for fewer days than its calendar asks for; so many more.
    Calendar {
        /// Days.
        days_left: u32,
    },
    /// No month ended while it was watched.
    NoMonthEnd,
    /// Nobody looked into these roles of the service.
    Roles(BTreeSet<Role>),
    /// In so many blocks its mark could not say.
    Unknown {
        /// Blocks.
        blocks: u64,
    },
    /// Another version of it ran, last on this day.
    EarlierVersion {
        /// The day.
        last: Day,
    },
}

/// What the operator knows and the evidence does not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Circumstances {
    /// The day of the report.
    pub today: Day,
    /// Days from one release of everything to the next.
    pub release_train_days: u32,
    /// Roles that the service is deployed in, such as web, worker, cron and shell.
    pub roles: BTreeSet<Role>,
    /// Chance that the function is dead before anything was watched: [`survival::StaticClass::prior`].
    pub prior: f64,
    /// Share of the functions of its class that are alive and had not run by its age: [`survival::Survival::at`].
    pub survival: f64,
    /// True when its owner says that it is not for a rare occasion, whatever its name.
    pub is_cleared_by_owner: bool,
}

/// Decides about one function. `earlier` is the same function with another body, from other releases.
pub fn judge(unit: &Unit, earlier: Option<&Unit>, circumstances: &Circumstances) -> Verdict {
    if let (Some(since), Some(last)) = (unit.first_executed, unit.last_executed) {
        return Verdict::Alive { since, last };
    }
    let mut doubts = Vec::new();
    let guard = Guard {
        watched_from: unit.first_seen,
        today: circumstances.today,
        release_train_days: circumstances.release_train_days,
        is_rare: calendar::is_rare(&unit.identity.function) && !circumstances.is_cleared_by_owner,
    };
    match guard.days_left() {
        0 => {}
        days_left => doubts.push(Doubt::Calendar { days_left }),
    }
    if !guard.has_month_end() {
        doubts.push(Doubt::NoMonthEnd);
    }
    let unseen_roles: BTreeSet<Role> = circumstances.roles.difference(&unit.roles).cloned().collect();
    if !unseen_roles.is_empty() {
        doubts.push(Doubt::Roles(unseen_roles));
    }
    if unit.unknown_blocks > 0 {
        doubts.push(Doubt::Unknown { blocks: unit.unknown_blocks });
    }
    if let Some(last) = earlier.and_then(|earlier| earlier.last_executed) {
        doubts.push(Doubt::EarlierVersion { last });
    }
    match exposure::rate_at_most(unit.silent_blocks) {
        Some(rate_at_most) if doubts.is_empty() => Verdict::Candidate {
            blocks: unit.silent_blocks,
            rate_at_most,
            dead: survival::dead(circumstances.prior, circumstances.survival),
        },
        rate_at_most => Verdict::Suspect { doubts, rate_at_most },
    }
}

#[cfg(test)]
mod tests;
