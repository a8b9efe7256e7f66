//! Which rises are found by hosts and samples, against the smallest detectable effect that was printed.

use analyzer_detect::{
    filters::floor::Floor,
    regressions::{Options, analyse},
};
use testkit::Random;

use crate::{
    score::options,
    world::{CHANGE_AT, REQUEST_NS, STEPS, World},
};

const RUNS: u64 = 50;

/// Rises, as shares of the whole request.
const SHARES: [f64; 6] = [0.0025, 0.005, 0.01, 0.02, 0.04, 0.08];

/// A table of hosts and sampling rates. Nothing is too small to be told here: noise alone decides.
pub(crate) fn report() {
    println!(
        "# Detected effect\n\nRises of one function by a share of the whole request; the endpoint's own smallest \
         detectable effect is the mean of what the analysis printed.\n\n| hosts | samples a second | detectable \
         | found at 0.25 % | 0.5 % | 1 % | 2 % | 4 % | 8 % | intervals that hold the truth |\n| --- | --- | --- | --- \
         | --- | --- | --- | --- | --- | --- |"
    );
    for hosts in [4, 8, 16] {
        for rate_hz in [5.0, 19.0, 97.0] {
            let mut row = format!("| {hosts} | {rate_hz:.0} ");
            let (mut cells, mut detectable, mut told, mut held) = (String::new(), Vec::new(), 0, 0);
            for share in SHARES {
                let mut found = 0;
                for seed in 0..RUNS {
                    let mut random = Random::new(40_000 + seed);
                    let mut world = World::new(&mut random, (hosts, 1), 0.1);
                    world.period_ns = Box::new(move |_| 1e9 / rate_hz);
                    let node = world.node("app_inner_01");
                    world.change(move |moment, cost| {
                        let is_it = moment.node == node && moment.step >= CHANGE_AT;
                        if is_it { cost + share * REQUEST_NS } else { cost }
                    });
                    let fleet = world.measured(&mut random);
                    let floor = Floor { relative: 0.0, servers: 0.0 };
                    let analysis = analyse(&fleet, &Options { floor, ..options(1) });
                    detectable.extend(analysis.endpoints[0].detectable);
                    for finding in &analysis.findings {
                        let name = finding.function.map(|at| fleet.functions[at].name.as_str());
                        if name == Some("app_inner_01") {
                            let (low, high) = finding.rise.interval(0.95);
                            found += 1;
                            told += 1;
                            held += u32::from((low..=high).contains(&(share * REQUEST_NS)));
                        }
                    }
                }
                cells += &format!("| {found}/{RUNS} ");
            }
            let mean = detectable.iter().sum::<f64>() / detectable.len().max(1) as f64;
            let shown = match detectable.is_empty() {
                true => "cannot say".to_owned(),
                false => format!("{:.1} %", mean * 100.0),
            };
            row += &format!("| {shown} {cells}| {held}/{told} |");
            println!("{row}");
        }
    }
    println!("\nEach fleet has {STEPS} hours; hosts differ by 10 %, a host by 2 % from hour to hour.\n");
}
