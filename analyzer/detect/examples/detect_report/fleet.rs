//! A simulated fleet: hosts whose cost per request differs from host to host, and what the tests say about it.

use analyzer_detect::stats::{
    Estimate,
    detectable::{Demand, Design, relative_change},
    ratio::ratio,
    welch,
};
use testkit::Random;

use crate::noise::{normal, poisson, uniform};

const TRIALS: usize = 4_000;
const SHARE: f64 = 0.01;
const SAMPLES_PER_HOST: f64 = 5_000.0;
const USUAL: Demand = Demand { alpha: 0.05, power: 0.8 };

/// Shares of one frame on the hosts of an arm, 1 standing for the true share.
fn shares(random: &mut Random, hosts: usize, variation: f64, level: f64) -> Vec<f64> {
    (0..hosts)
        .map(|_| {
            let host = level * (1.0 + variation * normal(random)).max(0.0);
            poisson(random, SHARE * SAMPLES_PER_HOST * host) / (SHARE * SAMPLES_PER_HOST)
        })
        .collect()
}

/// The difference of CPU per request between two arms whose hosts carry unequal loads.
fn ratios(random: &mut Random, hosts: usize, variation: f64, level: f64) -> Option<Estimate> {
    let mut arm = |level: f64| {
        let (cpu, requests): (Vec<f64>, Vec<f64>) = (0..hosts)
            .map(|_| {
                let requests = 1_000.0 * (0.5 + uniform(random));
                let host = level * (1.0 + variation * normal(random));
                let sampling = (requests * host * SHARE).sqrt() * normal(random);
                (requests * host + sampling, requests)
            })
            .unzip();
        ratio(&cpu, &requests)
    };
    let baseline = arm(1.0)?;
    Some(arm(level)?.minus(baseline))
}

/// Prints false findings of identical arms, coverage of intervals, and power at the minimum detectable effect.
pub(crate) fn report() {
    println!("# Simulated fleet: {TRIALS} trials a row, share {SHARE}, {SAMPLES_PER_HOST} samples a host\n");
    println!(
        "host CV  hosts  A/A alarms at 5 %  cover 95 %  ratio cover 95 %      MDE  power at MDE  at MDE/2"
    );
    let mut random = Random::new(11);
    for variation in [0.0, 0.05, 0.1, 0.2] {
        for hosts in [4, 8, 40] {
            let design = Design {
                share: SHARE,
                samples_per_host: SAMPLES_PER_HOST,
                hosts_per_arm: hosts as f64,
                host_variation: variation,
            };
            let effect = relative_change(&design, &USUAL);
            let mut rate = |hit: &mut dyn FnMut(&mut Random) -> Option<bool>| {
                (0..TRIALS).filter(|_| hit(&mut random).unwrap_or_default()).count() as f64 / TRIALS as f64
            };
            let mut alarms = |effect: f64| {
                rate(&mut |random| {
                    let baseline = shares(random, hosts, variation, 1.0);
                    let candidate = shares(random, hosts, variation, 1.0 + effect);
                    Some(welch(&baseline, &candidate)?.p_value() <= USUAL.alpha)
                })
            };
            let (same, full, half) = (alarms(0.0), alarms(effect), alarms(effect / 2.0));
            let covers = |estimate: Estimate| {
                let (low, high) = estimate.interval(0.95);
                (low..=high).contains(&0.1)
            };
            let cover = rate(&mut |random| {
                let baseline = shares(random, hosts, variation, 1.0);
                welch(&baseline, &shares(random, hosts, variation, 1.1)).map(covers)
            });
            let ratio_cover = rate(&mut |random| ratios(random, hosts, variation, 1.1).map(covers));
            println!(
                "{:>5.0} % {hosts:>6} {same:>18.3} {cover:>11.3} {ratio_cover:>17.3} {:>6.1} % {full:>13.3} {half:>9.3}",
                100.0 * variation,
                100.0 * effect
            );
        }
    }
    println!();
}
