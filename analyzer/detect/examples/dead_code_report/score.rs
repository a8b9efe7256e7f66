//! What a list of candidates says of itself, against the truth.

use analyzer_detect::dead_code::{
    Verdict,
    ledger::{Identity, Role, Unit},
    list::{Service, Subject, assess},
    survival::StaticClass,
};

use crate::fleet::{Fleet, Function, HOSTS};

/// Sums over fleets.
#[derive(Default)]
pub(crate) struct Score {
    runs: f64,
    candidates: f64,
    said: (f64, f64),
    alive: f64,
    rarer: f64,
    covered: f64,
    dead_found: f64,
    dead: f64,
}

impl Score {
    /// Watches a fleet for so many days, and compares.
    pub(crate) fn add(&mut self, fleet: &Fleet, days: u32) {
        let units: Vec<Unit> =
            fleet.functions.iter().enumerate().map(|(at, one)| unit(at, one, fleet.first, days)).collect();
        let subjects: Vec<Subject> =
            units.iter().map(|unit| Subject { unit, earlier: None, class: StaticClass::Public }).collect();
        let service = Service {
            today: fleet.first + days,
            release_train_days: 7,
            roles: ["web"].map(Role::from).into(),
            blocks: u64::from(days) * u64::from(HOSTS),
        };
        let found = assess(&subjects, &service);
        let listed: Vec<&Function> = fleet
            .functions
            .iter()
            .zip(&found.verdicts)
            .filter(|(_, verdict)| matches!(verdict, Verdict::Candidate { .. }))
            .map(|(function, _)| function)
            .collect();
        let count = |is: &dyn Fn(&Function) -> bool| listed.iter().filter(|one| is(one)).count() as f64;
        let alive = count(&Function::is_alive);
        let rarer = count(&|one| one.rate > 0.0 && !one.is_alive());
        let said = found.alive;
        self.runs += 1.0;
        self.candidates += listed.len() as f64;
        self.said.0 += said.expected;
        self.said.1 += said.at_most;
        self.alive += alive;
        self.rarer += rarer;
        self.covered += f64::from(u8::from((said.at_least..=said.at_most).contains(&alive)));
        self.dead_found += count(&|one| one.rate == 0.0);
        self.dead += fleet.functions.iter().filter(|one| one.rate == 0.0).count() as f64;
    }

    /// The share of candidates that are dead; of an empty list all are.
    pub(crate) fn precision(&self) -> f64 {
        if self.candidates > 0.0 { self.dead_found / self.candidates } else { 1.0 }
    }

    /// The share of dead functions that are candidates.
    pub(crate) fn recall(&self) -> f64 {
        self.dead_found / self.dead.max(1.0)
    }

    /// Means over the fleets, as cells of a table.
    pub(crate) fn row(&self) -> String {
        let mean = |sum: f64| sum / self.runs.max(1.0);
        format!(
            "{:.0} | {:.0}, {:.0} | {:.1} | {:.1} | {:.1} % | {:.3} | {:.3}",
            mean(self.candidates),
            mean(self.said.0),
            mean(self.said.1),
            mean(self.alive),
            mean(self.rarer),
            mean(self.covered) * 100.0,
            self.precision(),
            self.recall()
        )
    }
}

/// What an agent on every host would have told.
fn unit(at: usize, function: &Function, first: u32, days: u32) -> Unit {
    let watched = function.hosts.get(..days as usize).unwrap_or(&function.hosts);
    let day = |at: Option<usize>| at.map(|at| first + at as u32);
    let executed_blocks = watched.iter().map(|hosts| u64::from(*hosts)).sum();
    Unit {
        identity: Identity { file: "a.py".into(), function: format!("f{at}").into(), body: 1 },
        line: 1,
        first_seen: first,
        last_seen: first + days - 1,
        first_executed: day(watched.iter().position(|hosts| *hosts > 0)),
        last_executed: day(watched.iter().rposition(|hosts| *hosts > 0)),
        executed_blocks,
        silent_blocks: u64::from(days) * u64::from(HOSTS) - executed_blocks,
        unknown_blocks: 0,
        roles: ["web"].map(Role::from).into(),
    }
}
