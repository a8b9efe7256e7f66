//! How many series a second, and in how much memory: fleets are made, looked at and dropped one after the other.

use std::{
    fs,
    time::{Duration, Instant},
};

use analyzer_detect::regressions::analyse;
use testkit::Random;

use crate::{kinds::KINDS, score::options, world::World};

/// Hosts and endpoints of a fleet.
const FLEET: (usize, usize) = (10, 30);

/// Looks at so many series, of fleets of which one in three had something happen to it.
pub(crate) fn report(series_wanted: usize) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut series, mut findings, mut fleets) = (0, 0, 0);
    let mut looking = Duration::ZERO;
    while series < series_wanted {
        let mut random = Random::new(fleets);
        let world = World::new(&mut random, FLEET, 0.1);
        let world = match fleets % 3 {
            0 => (KINDS[fleets as usize / 3 % KINDS.len()].1)(world, &mut random).world,
            _ => world,
        };
        let fleet = world.measured(&mut random);
        let started = Instant::now();
        let analysis = analyse(&fleet, &options(threads));
        looking += started.elapsed();
        series += fleet.series.len();
        findings += analysis.findings.len();
        fleets += 1;
    }
    let seconds = looking.as_secs_f64();
    println!(
        "# Speed\n\n| series | fleets | findings | threads | seconds | series/s | most memory |\n| --- | --- | --- | --- | --- | --- | --- |\n\
         | {series} | {fleets} | {findings} | {threads} | {seconds:.1} | {:.0} | {} |\n",
        series as f64 / seconds,
        most_memory().unwrap_or_else(|| "not known".to_owned()),
    );
}

fn most_memory() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.trim_start_matches("VmHWM:").trim().to_owned())
}
