//! Evidence to verdict, and a simulated fleet whose truth is known.

use testkit::Random;

use super::{
    ledger::{Block, Identity, Observation, State, merge},
    unseen::Incidence,
    *,
};

fn observation(body: u128, line: u32, host: &str, day: Day, role: &str, state: State) -> Observation {
    let block = Block { release: format!("r{body}").into(), region: "eu".into(), host: host.into(), day };
    let identity = Identity { file: "feed/views.py".into(), function: "Feed.old".into(), body };
    Observation { identity, line, block, role: role.into(), state }
}

#[test]
fn workers_of_a_block_are_one() {
    use State::{Executed, Unexecuted, Unknown};
    let units = merge(&[
        observation(1, 10, "a", 100, "web", Unexecuted),
        observation(1, 10, "a", 100, "web", Unexecuted),
        observation(1, 12, "a", 101, "cron", Unexecuted),
        observation(1, 12, "a", 101, "web", Executed),
        observation(1, 12, "b", 101, "web", Unexecuted),
        observation(1, 12, "b", 101, "web", Unknown),
        observation(2, 40, "a", 102, "web", Unexecuted),
    ]);
    let [moved, other] = &units[..] else { panic!("{units:?}") };
    assert_eq!((moved.executed_blocks, moved.silent_blocks, moved.unknown_blocks), (1, 1, 1));
    assert_eq!((moved.line, moved.first_seen, moved.last_seen), (12, 100, 101));
    assert_eq!((moved.first_executed, moved.last_executed), (Some(101), Some(101)));
    assert_eq!(moved.roles, ["cron", "web"].map(Role::from).into());
    assert_eq!((other.line, other.silent_blocks, other.first_executed), (40, 1, None));
    assert_eq!(merge(&[]), []);
}

/// 60 days without a run, from the first of January 2026 on.
fn silent() -> Unit {
    let days = (20_454..20_514).map(|day| observation(1, 10, "a", day, "web", State::Unexecuted));
    merge(&days.collect::<Vec<_>>()).remove(0)
}

fn circumstances() -> Circumstances {
    Circumstances {
        today: 20_514,
        release_train_days: 7,
        roles: [Role::from("web")].into(),
        prior: 0.3,
        survival: 0.01,
        is_cleared_by_owner: false,
    }
}

#[test]
fn only_what_was_watched_long_and_everywhere_is_a_candidate() {
    let Verdict::Candidate { blocks, rate_at_most, dead } = judge(&silent(), None, &circumstances()) else {
        panic!("{:?}", judge(&silent(), None, &circumstances()))
    };
    assert_eq!(blocks, 60);
    assert!(rate_at_most < 0.05 && (dead - 0.977_199).abs() < 1e-6, "{rate_at_most} {dead}");

    let doubts = |unit: &Unit, earlier: Option<&Unit>, circumstances: &Circumstances| match judge(
        unit,
        earlier,
        circumstances,
    ) {
        Verdict::Suspect { doubts, .. } => doubts,
        verdict => panic!("{verdict:?}"),
    };
    let short = Circumstances { today: 20_470, ..circumstances() };
    assert_eq!(doubts(&silent(), None, &short), [Doubt::Calendar { days_left: 14 }, Doubt::NoMonthEnd]);
    let roles = Circumstances { roles: ["web", "cron"].map(Role::from).into(), ..circumstances() };
    assert_eq!(doubts(&silent(), None, &roles), [Doubt::Roles([Role::from("cron")].into())]);
    let unknown = Unit { unknown_blocks: 2, ..silent() };
    assert_eq!(doubts(&unknown, None, &circumstances()), [Doubt::Unknown { blocks: 2 }]);
    let ran = Unit { first_executed: Some(20_400), last_executed: Some(20_450), ..silent() };
    assert_eq!(doubts(&silent(), Some(&ran), &circumstances()), [Doubt::EarlierVersion { last: 20_450 }]);
    assert_eq!(judge(&ran, None, &circumstances()), Verdict::Alive { since: 20_400, last: 20_450 });
    let mut rare = silent();
    rare.identity.function = "restore_backup".into();
    assert_eq!(doubts(&rare, None, &circumstances()), [Doubt::Calendar { days_left: 340 }]);
    let cleared = Circumstances { is_cleared_by_owner: true, ..circumstances() };
    assert!(matches!(judge(&rare, None, &cleared), Verdict::Candidate { .. }));
    let unseen = Unit { silent_blocks: 0, ..silent() };
    assert!(matches!(judge(&unseen, None, &circumstances()), Verdict::Suspect { rate_at_most: None, .. }));
}

/// A fleet's truth: how many functions are alive that no block has shown, and what the list says of itself.
fn simulate(seed: u64, rates: &[f64], blocks: u64) -> (f64, Incidence) {
    let mut random = Random::new(seed);
    let mut chance = |rate: f64| (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64 <= rate;
    let ran: Vec<u64> =
        rates.iter().map(|rate| (0..blocks).filter(|_| chance(1.0 - (-rate).exp())).count() as u64).collect();
    let unseen = rates.iter().zip(&ran).filter(|(rate, ran)| **rate > 0.0 && **ran == 0).count();
    (unseen as f64, Incidence::of(blocks, ran))
}

#[test]
fn no_list_promises_fewer_live_functions_than_it_has() {
    // Calling rates per block: Zipf's law, jobs that run once a month, and code that is dead.
    let zipf = (1..=800).map(|rank| 40.0 / f64::from(rank * rank));
    let fleet: Vec<f64> = zipf.chain([1.0 / 30.0; 40]).chain([0.0; 300]).collect();
    let even: Vec<f64> = [0.03; 200].into_iter().chain([0.0; 300]).collect();
    for (rates, blocks) in [(&fleet, 20), (&fleet, 60), (&fleet, 200), (&even, 30), (&even, 90)] {
        let runs = 100;
        let held = (0..runs).filter(|seed| {
            let (unseen, incidence) = simulate(*seed, rates, blocks);
            unseen >= incidence.unseen().at_least
        });
        let held = held.count();
        assert!(held * 100 >= runs as usize * 93, "{held} of {runs} with {blocks} blocks");
    }
    // Where all live functions are alike, the interval has the truth inside.
    let inside = (0..100).filter(|seed| {
        let (unseen, incidence) = simulate(*seed, &even, 30);
        (incidence.unseen().at_least..=incidence.unseen().at_most).contains(&unseen)
    });
    let inside = inside.count();
    assert!(inside >= 93, "{inside} of 100");
}
