//! A simulated fleet in which hosts differ: identical arms rarely alarm, and intervals hold the truth.
#![allow(clippy::unwrap_used)]

use analyzer_detect::stats::{
    Estimate, false_discovery::benjamini_hochberg, permutation, ratio::ratio, welch,
};
use testkit::Random;

const TRIALS: u32 = 2_000;

fn normal(random: &mut Random) -> f64 {
    (0..12).map(|_| (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64).sum::<f64>() - 6.0
}

/// CPU and requests of hosts that carry unequal loads and differ in cost.
fn arm(random: &mut Random, hosts: usize, variation: f64, level: f64) -> (Vec<f64>, Vec<f64>) {
    (0..hosts)
        .map(|_| {
            let requests = 1_000.0 + random.below(1_000) as f64;
            let host = level * (1.0 + variation * normal(random));
            let sampling = (host * requests * 0.01).sqrt() * normal(random);
            (host * requests + sampling, requests)
        })
        .unzip()
}

fn per_request((cpu, requests): &(Vec<f64>, Vec<f64>)) -> Vec<f64> {
    cpu.iter().zip(requests).map(|(cpu, requests)| cpu / requests).collect()
}

/// Shares of trials in which identical arms alarm at 5 %, in which Welch's 95 % interval holds a true change of a tenth,
/// and in which the ratio estimator's does.
fn check(variation: f64) {
    let mut random = Random::new(5);
    let (mut alarms, mut welch_held, mut ratio_held) = (0, 0, 0);
    for _ in 0..TRIALS {
        let baseline = arm(&mut random, 20, variation, 1.0);
        let same = arm(&mut random, 20, variation, 1.0);
        let dearer = arm(&mut random, 20, variation, 1.1);
        alarms += u32::from(welch(&per_request(&baseline), &per_request(&same)).unwrap().p_value() <= 0.05);
        let holds = |estimate: Estimate| {
            let (low, high) = estimate.interval(0.95);
            u32::from((low..=high).contains(&0.1))
        };
        welch_held += holds(welch(&per_request(&baseline), &per_request(&dearer)).unwrap());
        let ratio_of = |arm: &(Vec<f64>, Vec<f64>)| ratio(&arm.0, &arm.1).unwrap();
        ratio_held += holds(ratio_of(&dearer).minus(ratio_of(&baseline)));
    }
    let share = |count: u32| f64::from(count) / f64::from(TRIALS);
    // Two standard errors of 2,000 trials are one percent.
    assert!(share(alarms) <= 0.06, "{variation}: {} alarms", share(alarms));
    assert!(share(welch_held) >= 0.93, "{variation}: Welch holds {}", share(welch_held));
    assert!(share(ratio_held) >= 0.93, "{variation}: the ratio holds {}", share(ratio_held));
}

#[test]
fn identical_arms_rarely_alarm_and_intervals_hold() {
    for variation in [0.0, 0.05, 0.1, 0.2] {
        check(variation);
    }
}

#[test]
fn permutations_of_few_hosts_keep_their_level() {
    let mut random = Random::new(6);
    let mut alarms = 0;
    for _ in 0..TRIALS {
        let baseline = per_request(&arm(&mut random, 5, 0.2, 1.0));
        let same = per_request(&arm(&mut random, 5, 0.2, 1.0));
        let outcome = permutation::permutation_test(&baseline, &same, 1_000, 0).unwrap();
        alarms += u32::from(outcome.p_value <= 0.05);
    }
    assert!(alarms <= TRIALS * 6 / 100, "{alarms} alarms");
}

#[test]
fn few_of_many_findings_are_false() {
    let mut random = Random::new(7);
    let (mut findings, mut wrong, mut rounds_wrong) = (0, 0, 0.0);
    for _ in 0..40 {
        let p_values: Vec<f64> = (0..200)
            .map(|at| {
                let level = if at % 10 == 0 { 1.2 } else { 1.0 };
                let baseline = per_request(&arm(&mut random, 12, 0.1, 1.0));
                welch(&baseline, &per_request(&arm(&mut random, 12, 0.1, level))).unwrap().p_value()
            })
            .collect();
        let kept: Vec<usize> = benjamini_hochberg(&p_values)
            .iter()
            .enumerate()
            .filter(|(_, adjusted)| **adjusted <= 0.05)
            .map(|(at, _)| at)
            .collect();
        let false_now = kept.iter().filter(|at| **at % 10 != 0).count();
        findings += kept.len();
        wrong += false_now;
        rounds_wrong += false_now as f64 / kept.len().max(1) as f64;
    }
    assert!(findings - wrong >= 600, "{wrong} of {findings}");
    assert!(rounds_wrong / 40.0 <= 0.06, "{}", rounds_wrong / 40.0);
}
