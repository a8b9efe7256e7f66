//! The whole pipeline over simulated fleets: quiet ones give no findings, and injected rises are told once, by name.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod kinds;
mod score;
mod world;

use analyzer_detect::regressions::analyse;
use score::options;
use testkit::Random;
use world::{CHANGE_AT, REQUEST_NS, STEPS, World};

#[test]
fn what_happens_to_fleets() {
    let (text, all) = score::table(1, 0.05);
    insta::assert_snapshot!(text);
    assert!(all.found as f64 >= 0.9 * all.expected as f64, "{text}");
    assert!(all.false_findings <= 2, "{text}");
}

/// Fleets to which nothing happens, hosts differing by 0 to 20 %: at most one in twenty may give a finding.
#[test]
fn quiet_fleets_are_quiet() {
    for variation in [0.0, 0.05, 0.1, 0.2] {
        let alarmed = (0..20).filter(|seed| {
            let mut random = Random::new(77 + seed);
            let world = World::new(&mut random, (8, 1), variation);
            !analyse(&world.measured(&mut random), &options(1)).findings.is_empty()
        });
        let count = alarmed.count();
        assert!(count <= 1, "{count} of 20 at {variation}");
    }
}

/// What is told of a step holds the truth, and a step of the size printed as detectable would have been seen.
#[test]
fn a_finding_knows_its_size() {
    let (mut told, mut held) = (0, 0);
    for seed in 0..12 {
        let mut random = Random::new(500 + seed);
        let mut world = World::new(&mut random, (8, 1), 0.1);
        let node = world.node("app_inner_01");
        world.change(move |moment, cost| {
            if moment.node == node && moment.step >= CHANGE_AT { cost + 0.06 * REQUEST_NS } else { cost }
        });
        let analysis = analyse(&world.measured(&mut random), &options(1));
        let [finding] = analysis.findings.as_slice() else { panic!("{analysis:?}") };
        let (low, high) = finding.rise.interval(0.95);
        told += 1;
        held += u32::from((low..=high).contains(&(0.06 * REQUEST_NS)));
        let detectable = analysis.endpoints[0].detectable.unwrap();
        assert!((0.0..0.06).contains(&detectable), "{detectable}");
    }
    assert!(held >= 10, "{held} of {told}");
}

#[test]
fn the_same_fleet_gives_the_same_answer_on_any_number_of_threads() {
    let mut random = Random::new(5);
    let mut world = World::new(&mut random, (8, 2), 0.1);
    let node = world.node("app_inner_01");
    world
        .change(move |moment, cost| if moment.node == node && moment.step >= 50 { cost * 6.0 } else { cost });
    let fleet = world.measured(&mut random);
    let one = analyse(&fleet, &options(1));
    assert!(!one.findings.is_empty());
    for threads in [2, 3, 1000] {
        assert_eq!(analyse(&fleet, &options(threads)), one);
    }
}

/// One host, three hosts, no requests, no samples: no verdict about a fleet, and no failure.
#[test]
fn too_little_says_nothing_about_a_fleet() {
    use analyzer_detect::regressions::{evidence::Unit, fleet::FleetSeries};
    for hosts in [1, 3] {
        let mut random = Random::new(9);
        let mut world = World::new(&mut random, (hosts, 1), 0.0);
        let node = world.node("app_inner_01");
        world.change(
            move |moment, cost| if moment.node == node && moment.step >= 50 { cost * 30.0 } else { cost },
        );
        let analysis = analyse(&world.measured(&mut random), &options(1));
        assert!(analysis.findings.iter().all(|finding| finding.unit == Unit::Windows), "{analysis:?}");
        assert_eq!(analysis.findings.len(), 1, "{hosts}");
        assert_eq!((analysis.endpoints[0].detectable, analysis.endpoints[0].hosts), (None, hosts));
    }
    assert!(analyse(&FleetSeries::default(), &options(1)).findings.is_empty());
    let mut random = Random::new(9);
    let world = World::new(&mut random, (4, 1), 0.0);
    let measured = world.measured(&mut random);
    for kind in ["no requests", "no samples"] {
        let mut broken = measured.clone();
        match kind {
            "no requests" => broken.endpoints[0].requests.fill(0.0),
            _ => broken.endpoints[0].sampled_ns.fill(0.0),
        }
        let analysis = analyse(&broken, &options(1));
        assert_eq!((analysis.findings.len(), analysis.funnel.unsound), (0, analysis.funnel.series), "{kind}");
    }
    assert_eq!(measured.steps, STEPS);
}
