//! All functions of a service at once: what is said of each, and how wrong the list of candidates is expected to be.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Circumstances, Verdict, judge,
    ledger::{Day, Role, Unit},
    survival::{Life, StaticClass, Survival},
    unseen::{Alive, Incidence, on_list},
};

/// Below so many functions of a class that ran, all classes together say how long that takes.
const LIVES_MIN: usize = 30;

/// One function of the running release.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// What was seen of it.
    pub unit: &'a Unit,
    /// The same function with another body, from other releases: the one that ran last.
    pub earlier: Option<&'a Unit>,
    /// What the source says.
    pub class: StaticClass,
}

/// What is known of the service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    /// The last day that was watched.
    pub today: Day,
    /// Days from one release of everything to the next.
    pub release_train_days: u32,
    /// Roles that the service is deployed in.
    pub roles: BTreeSet<Role>,
    /// Blocks that were watched.
    pub blocks: u64,
}

/// What is said of all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// About each subject, in their order.
    pub verdicts: Vec<Verdict>,
    /// How many candidates there are.
    pub candidates: u64,
    /// How many of the candidates are expected to be alive.
    pub alive: Alive,
    /// The chance that the next block shows something that none has shown.
    pub chance_of_news: Option<f64>,
}

/// Decides about all functions of a service.
pub fn assess(subjects: &[Subject], service: &Service) -> Assessment {
    let incidence = Incidence::of(service.blocks, subjects.iter().map(|one| one.unit.executed_blocks));
    let curves = Curves::fit(subjects, incidence);
    let watched = |unit: &Unit| f64::from(service.today.saturating_sub(unit.first_seen));
    let about = |subject: &Subject| Circumstances {
        today: service.today,
        release_train_days: service.release_train_days,
        roles: service.roles.clone(),
        prior: subject.class.prior(),
        survival: curves.at(subject.class, watched(subject.unit)),
        is_cleared_by_owner: false,
    };
    let verdicts: Vec<Verdict> =
        subjects.iter().map(|subject| judge(subject.unit, subject.earlier, &about(subject))).collect();
    let candidate_days: Vec<f64> = subjects
        .iter()
        .zip(&verdicts)
        .filter(|(_, verdict)| matches!(verdict, Verdict::Candidate { .. }))
        .map(|(subject, _)| watched(subject.unit))
        .collect();
    let candidates = candidate_days.len() as u64;
    let once_days = ran_once(subjects, candidate_days.iter().copied().fold(f64::INFINITY, f64::min), watched);
    let typical_days = candidate_days.iter().sum::<f64>() / candidates.max(1) as f64;
    Assessment {
        alive: on_list(candidates, incidence, &once_days, typical_days),
        chance_of_news: incidence.chance_of_news(),
        candidates,
        verdicts,
    }
}

/// For how long those were watched that ran on one day only. What was watched for less than any candidate says nothing of
/// candidates.
fn ran_once(subjects: &[Subject], days_min: f64, watched: impl Fn(&Unit) -> f64) -> Vec<f64> {
    let once = subjects.iter().map(|subject| subject.unit).filter(|unit| {
        unit.first_executed.is_some() && unit.first_executed == unit.last_executed && unit.executed_blocks > 0
    });
    once.map(watched).filter(|days| *days >= days_min).collect()
}

/// How long functions take to run first, by class.
struct Curves {
    by_class: BTreeMap<StaticClass, Survival>,
    all: Survival,
    /// The share of live functions that are not seen even now.
    unseen: f64,
}

impl Curves {
    fn fit(subjects: &[Subject], incidence: Incidence) -> Self {
        let mut lives: BTreeMap<StaticClass, Vec<Life>> = BTreeMap::new();
        for Subject { unit, class, .. } in subjects {
            if let Some(first) = unit.first_executed {
                let days = f64::from(first.saturating_sub(unit.first_seen));
                lives.entry(*class).or_default().push(Life { days, has_run: true });
            }
        }
        let all: Vec<Life> = lives.values().flatten().copied().collect();
        let unseen = incidence.unseen().expected;
        Self {
            // One more than estimated (Laplace's rule of succession): what is never zero proves nothing.
            unseen: (unseen + 1.0) / (unseen + all.len() as f64 + 2.0),
            all: Survival::fit(&all),
            by_class: lives
                .into_iter()
                .filter(|(_, lives)| lives.len() >= LIVES_MIN)
                .map(|(class, lives)| (class, Survival::fit(&lives)))
                .collect(),
        }
    }

    /// Those that ran cannot say how many never will while they are watched: that share is left at any age.
    fn at(&self, class: StaticClass, days: f64) -> f64 {
        self.by_class.get(&class).unwrap_or(&self.all).at(days).max(self.unseen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead_code::ledger::Identity;

    fn unit(name: &str, days: (Day, Day), ran: Option<(Day, Day)>, blocks: (u64, u64)) -> Unit {
        Unit {
            identity: Identity { file: "a.py".into(), function: name.into(), body: 1 },
            line: 1,
            first_seen: days.0,
            last_seen: days.1,
            first_executed: ran.map(|days| days.0),
            last_executed: ran.map(|days| days.1),
            executed_blocks: blocks.0,
            silent_blocks: blocks.1,
            unknown_blocks: 0,
            roles: ["web"].map(Role::from).into(),
        }
    }

    fn service() -> Service {
        let roles = ["web"].map(Role::from).into();
        Service { today: 20_514, release_train_days: 7, roles, blocks: 60 }
    }

    fn subject(unit: &Unit) -> Subject<'_> {
        Subject { unit, earlier: None, class: StaticClass::Public }
    }

    #[test]
    fn a_list_knows_how_wrong_it_may_be() {
        let days = (20_454, 20_514);
        let silent: Vec<Unit> = (0..50).map(|at| unit(&format!("silent{at}"), days, None, (0, 60))).collect();
        let once: Vec<Unit> =
            (0..6).map(|at| unit(&format!("once{at}"), days, Some((20_470, 20_470)), (1, 59))).collect();
        let on_all_hosts = unit("job", days, Some((20_480, 20_480)), (9, 51));
        let late = unit("late", (20_510, 20_514), Some((20_512, 20_512)), (1, 3));
        let units: Vec<&Unit> = silent.iter().chain(&once).chain([&on_all_hosts, &late]).collect();
        let subjects: Vec<Subject> = units.into_iter().map(subject).collect();
        let found = assess(&subjects, &service());
        assert_eq!((found.candidates, found.verdicts.len()), (50, 58));
        // Seven of one block; eight of one day, of which one was watched for too short a time.
        assert_eq!(found.chance_of_news, Some(7.0 / 60.0));
        assert_eq!(found.alive.expected, 21.0);
        assert_eq!(found.alive.at_most, 50.0);
        assert!(matches!(found.verdicts[50], Verdict::Alive { since: 20_470, .. }));
        // 21 of 29 live functions are not seen, by the rule of succession 22 of 31: silence says little.
        let Verdict::Candidate { dead, .. } = found.verdicts[0] else { panic!("{:?}", found.verdicts[0]) };
        assert!((dead - 0.15 / (0.15 + 0.85 * 22.0 / 31.0)).abs() < 1e-9, "{dead}");
    }

    #[test]
    fn nothing_is_said_of_nothing() {
        let found = assess(&[], &Service::default());
        assert_eq!((found.candidates, found.alive, found.chance_of_news), (0, Alive::default(), None));
    }

    #[test]
    fn a_class_with_many_lives_has_its_own_curve() {
        let days = (20_454, 20_514);
        let slow: Vec<Unit> = (0..30)
            .map(|at| unit(&format!("slow{at}"), days, Some((20_454 + 2 * at, 20_514)), (30, 30)))
            .collect();
        let fast: Vec<Unit> =
            (0..30).map(|at| unit(&format!("fast{at}"), days, Some((20_454, 20_514)), (60, 0))).collect();
        let silent = unit("silent", (20_474, 20_514), None, (0, 40));
        let class = |unit, class| Subject { unit, earlier: None, class };
        let mut subjects: Vec<Subject> =
            slow.iter().map(|unit| class(unit, StaticClass::EntryPoint)).collect();
        subjects.extend(fast.iter().map(|unit| class(unit, StaticClass::Private)));
        let dead = |of: StaticClass| {
            let mut subjects = subjects.clone();
            subjects.push(class(&silent, of));
            match assess(&subjects, &service()).verdicts[60] {
                Verdict::Candidate { dead, .. } => dead,
                ref verdict => panic!("{verdict:?}"),
            }
        };
        assert!((dead(StaticClass::Private) - 0.3 / (0.3 + 0.7 / 62.0)).abs() < 1e-9);
        assert!(dead(StaticClass::EntryPoint) < 0.2, "{}", dead(StaticClass::EntryPoint));
    }
}
