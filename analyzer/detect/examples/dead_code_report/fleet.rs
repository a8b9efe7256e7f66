//! Fleets whose calling rates are known, day by day.

use testkit::Random;

use crate::DAYS;

/// Hosts of a fleet.
pub(crate) const HOSTS: u16 = 5;

/// Functions that are called by chance, before those are left out that the kind has none of.
const CALLED: u32 = 1_500;

const DEAD: usize = 400;

/// What is called in a fleet.
pub(crate) struct Kind {
    /// In a few words.
    pub(crate) name: &'static str,
    /// Calls a day of the function that is called most.
    calls: f64,
    /// The function of rank r has calls / r^exponent.
    exponent: f64,
    /// Fewest calls a day; what has fewer is not in the fleet.
    calls_min: f64,
    /// Jobs by the days between two runs, and how many of them.
    jobs: &'static [(u32, usize)],
    /// True when a job runs on all hosts on its day.
    is_everywhere: bool,
}

const YEARLY: f64 = 1.0 / 400.0;
const JOBS: &[(u32, usize)] = &[(7, 20), (30, 40), (91, 20), (365, 20)];

/// What is simulated.
pub(crate) const KINDS: [Kind; 5] = [
    Kind {
        name: "Zipf 1.2",
        calls: 200.0,
        exponent: 1.2,
        calls_min: YEARLY,
        jobs: &[],
        is_everywhere: false,
    },
    Kind {
        name: "Zipf 2",
        calls: 5_000.0,
        exponent: 2.0,
        calls_min: YEARLY,
        jobs: &[],
        is_everywhere: false,
    },
    Kind {
        name: "Zipf 1.2 and jobs on one host",
        calls: 2_000.0,
        exponent: 1.2,
        calls_min: YEARLY,
        jobs: JOBS,
        is_everywhere: false,
    },
    Kind {
        name: "Zipf 1.2 and jobs on all hosts",
        calls: 2_000.0,
        exponent: 1.2,
        calls_min: YEARLY,
        jobs: JOBS,
        is_everywhere: true,
    },
    Kind {
        name: "Zipf 2, however rare",
        calls: 1_000.0,
        exponent: 2.0,
        calls_min: 0.0,
        jobs: JOBS,
        is_everywhere: false,
    },
];

/// A function's truth and history.
pub(crate) struct Function {
    /// Calls a day.
    pub(crate) rate: f64,
    /// On how many hosts it ran, each day.
    pub(crate) hosts: Vec<u16>,
}

/// One fleet.
pub(crate) struct Fleet {
    /// The first day that is watched.
    pub(crate) first: u32,
    /// Its functions.
    pub(crate) functions: Vec<Function>,
}

impl Function {
    /// True for what counts as alive.
    pub(crate) fn is_alive(&self) -> bool {
        self.rate >= YEARLY
    }
}

impl Fleet {
    /// A fleet of a kind.
    pub(crate) fn new(kind: &Kind, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let days = DAYS.iter().copied().max().unwrap_or_default();
        let mut functions = Vec::new();
        for rank in 1..=CALLED {
            let rate = kind.calls / f64::from(rank).powf(kind.exponent);
            if rate >= kind.calls_min {
                functions.push(by_chance(rate, days, &mut random));
            }
        }
        for &(period, count) in kind.jobs {
            for _ in 0..count {
                let phase = random.below(u64::from(period)) as u32;
                let on = if kind.is_everywhere { HOSTS } else { 1 };
                let hosts = (0..days).map(|day| if day % period == phase { on } else { 0 }).collect();
                functions.push(Function { rate: 1.0 / f64::from(period), hosts });
            }
        }
        let dead = || Function { rate: 0.0, hosts: vec![0; days as usize] };
        functions.extend(std::iter::repeat_with(dead).take(DEAD));
        // Any day of the years 2026 and 2027.
        Self { first: 20_454 + random.below(730) as u32, functions }
    }
}

/// Calls come independently of each other.
fn by_chance(rate: f64, days: u32, random: &mut Random) -> Function {
    let silent = (-rate / f64::from(HOSTS)).exp();
    let mut ran = || (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64 >= silent;
    let hosts = (0..days).map(|_| (0..HOSTS).filter(|_| ran()).count() as u16).collect();
    Function { rate, hosts }
}
