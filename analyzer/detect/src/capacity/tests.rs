//! Servers, their resources and what findings are worth, against sums on paper and fleets whose truth is known.

use testkit::Random;

use super::*;

const MB: f64 = 1e6;

fn service(rate: f64, cpu_ms: f64) -> Service {
    let known = |value| Amount::Known(value);
    Service {
        demands: vec![Demand {
            name: "GET /".into(),
            peak_rate: known(rate),
            cpu_per_request_s: known(cpu_ms / 1000.0),
        }],
        cores: Some(40),
        target_utilisation: Some(known(0.6)),
        growth: known(0.0),
        regions: 1,
        reserve: 0,
        memory: None,
        red_line_rate: None,
    }
}

/// 64 GiB, of which 4 are taken and 160 MiB shared; workers of 450 MiB.
fn memory(request_s: f64) -> HostMemory {
    let mib = |mib: f64| Amount::Known(mib * 1_048_576.0);
    HostMemory {
        host_bytes: mib(65_536.0),
        base_bytes: mib(4096.0),
        shared_bytes: mib(160.0),
        worker_bytes: mib(450.0),
        request_s: Amount::Known(request_s),
    }
}

fn cpu(name: &str, share: f64) -> Finding {
    Finding { name: name.into(), effect: Effect::Cpu(Amount::Known(share)) }
}

fn preload(mib: f64) -> Finding {
    let worker_bytes = Amount::Known(mib * 1_048_576.0);
    Finding {
        name: "preload".into(),
        effect: Effect::Memory { worker_bytes, shared_bytes: Amount::Known(0.0) },
    }
}

#[test]
fn servers_follow_the_formula() {
    let check = |service: Service, expected: f64| {
        let found = plan(&service, &[]).unwrap().now;
        assert_eq!(
            (found.servers, found.binding),
            (Spread { likely: expected, low: expected, high: expected }, Resource::Cpu)
        );
    };
    let base = service(100_000.0, 60.0);
    check(base.clone(), 250.0);
    check(Service { regions: 3, ..base.clone() }, 375.0);
    check(Service { growth: Amount::Known(0.2), reserve: 4, ..base }, 304.0);
}

#[test]
fn memory_is_worth_servers_only_where_it_binds() {
    // Long requests: 136 workers fit, and few cores are busy.
    let long = Service { memory: Some(memory(2.0)), ..service(1_000.0, 60.0) };
    let found = plan(&long, &[preload(85.0)]).unwrap();
    assert_eq!((found.now.binding, found.now.servers.likely), (Resource::Memory, 15.0));
    // 167 workers instead of 136, as the same arithmetic on paper has it.
    let expected = 2000.0 / 136.0 - 2000.0 / 167.0;
    assert!((found.findings[0].alone.likely - expected).abs() < 0.05, "{found:?}");
    // Short requests: CPU binds, and freeing memory frees no server.
    let short = Service { memory: Some(memory(0.1)), ..service(100_000.0, 60.0) };
    let found = plan(&short, &[preload(85.0)]).unwrap();
    assert_eq!((found.now.binding, found.now.binding_share), (Resource::Cpu, 1.0));
    assert_eq!((found.findings[0].alone, found.together), (Spread::default(), Spread::default()));
    assert_eq!(found.now.servers, found.after.servers);
}

#[test]
fn overlapping_findings_never_exceed_the_whole() {
    let service = service(100_000.0, 60.0);
    let found = plan(&service, &[cpu("a", 0.6), cpu("b", 0.6), cpu("c", 0.5)]).unwrap();
    let alone: f64 = found.findings.iter().map(|worth| worth.alone.likely).sum();
    assert!(alone > 250.0 && found.together.likely < 250.0, "{found:?}");
    assert!((found.together.likely - 250.0 * (1.0 - 0.4 * 0.4 * 0.5)).abs() < 1e-9, "{found:?}");
    let found = plan(&service, &[cpu("a", 1.0), cpu("b", 1.0)]).unwrap();
    assert_eq!((found.together.likely, found.after.servers.likely), (250.0, 0.0));
    let workers = Service { memory: Some(memory(2.0)), ..service };
    let found = plan(&workers, &[preload(400.0), preload(400.0)]).unwrap();
    assert!(found.after.servers.likely >= 250.0, "{found:?}");
}

#[test]
fn any_findings_together_take_no_more_than_there_is() {
    let mut random = Random::new(5);
    let mut share = || (random.next_u64() >> 12) as f64 / (1_u64 << 52) as f64;
    for run in 0..60 {
        let busy = Service { memory: Some(memory(share() * 4.0)), ..service(20_000.0 * share() + 1.0, 60.0) };
        let findings: Vec<Finding> = (0..run % 9)
            .map(|at| if at % 3 == 0 { preload(500.0 * share()) } else { cpu("a", share()) })
            .collect();
        let found = plan(&busy, &findings).unwrap();
        let needed = found.now.for_cpu.likely.max(found.now.for_memory.unwrap().likely);
        for together in [found.together.low, found.together.likely, found.together.high] {
            assert!((0.0..=needed + 1e-9).contains(&together), "{findings:?}: {found:?}");
        }
        assert!(found.after.servers.likely >= 0.0 && found.after.servers.likely <= found.now.servers.likely);
    }
}

#[test]
fn a_load_test_is_preferred() {
    let tested = Service { red_line_rate: Some(Amount::Known(200.0)), ..service(18_000.0, 60.0) };
    let found = plan(&tested, &[]).unwrap().now;
    assert_eq!((found.binding, found.servers.likely), (Resource::RedLine, 100.0));
    assert!((found.for_cpu.likely - 45.0).abs() < 1e-9);
}

#[test]
fn what_is_not_known_gives_a_range_or_no_answer() {
    let unknown_target = Service { target_utilisation: None, ..service(100_000.0, 60.0) };
    let servers = plan(&unknown_target, &[]).unwrap().now.servers;
    assert!(servers.low < servers.likely && servers.likely < servers.high, "{servers:?}");
    assert!(servers.low > 150.0 && servers.high < 210.0, "{servers:?}");
    let base = service(100.0, 60.0);
    let cases = [
        (service(0.0, 60.0), CannotSay::Demand),
        (Service { demands: Vec::new(), ..base.clone() }, CannotSay::Demand),
        (Service { cores: None, ..base.clone() }, CannotSay::Cores),
        (Service { cores: Some(0), ..base.clone() }, CannotSay::Impossible("cores")),
        (Service { regions: 0, ..base.clone() }, CannotSay::Impossible("regions")),
        (
            Service { target_utilisation: Some(Amount::Known(1.2)), ..base.clone() },
            CannotSay::Impossible("target_utilisation"),
        ),
        (
            Service {
                memory: Some(HostMemory { host_bytes: Amount::Known(MB), ..memory(0.1) }),
                ..base.clone()
            },
            CannotSay::Memory,
        ),
    ];
    for (service, expected) in cases {
        assert_eq!(plan(&service, &[]), Err(expected));
    }
    assert_eq!(plan(&base, &[cpu("a", 1.5)]), Err(CannotSay::Impossible("cpu_share")));
}

/// What is measured of a truth: off by so much of it, as its standard error says.
struct Measuring(Random);

impl Measuring {
    fn estimate(&mut self, value: f64, error: f64) -> Amount {
        let unit = ((self.0.next_u64() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64;
        let standard_error = value * error;
        let value = value + standard_error * crate::stats::normal_quantile(unit);
        Amount::Estimate { value, standard_error }
    }
}

/// How often the intervals hold the truth, of servers needed and of what a finding is worth.
#[derive(Debug, Default)]
struct Held {
    runs: u32,
    servers: u32,
    gain: u32,
}

impl Held {
    fn add(&mut self, measured: (&Service, Finding), truth: (&Service, Finding)) {
        let found = plan(measured.0, &[measured.1]).unwrap();
        let truth = plan(truth.0, &[truth.1]).unwrap();
        let holds = |spread: Spread, value: f64| u32::from(spread.low <= value && value <= spread.high);
        self.runs += 1;
        self.servers += holds(found.now.servers, truth.now.servers.likely);
        self.gain += holds(found.findings[0].alone, truth.findings[0].alone.likely);
    }

    fn check(&self) {
        let least = (0.93 * f64::from(self.runs)) as u32;
        assert!(self.servers >= least && self.gain >= least, "{self:?}");
    }
}

/// Fleets whose true rates, costs and gains are known.
#[test]
fn intervals_hold_the_truth() {
    let (mut measuring, mut held) = (Measuring(Random::new(11)), Held::default());
    for run in 0..150 {
        let rate = 50_000.0 + f64::from(run) * 200.0;
        let truth = service(rate, 40.0);
        let mut measured = truth.clone();
        measured.demands[0].peak_rate = measuring.estimate(rate, 0.03);
        measured.demands[0].cpu_per_request_s = measuring.estimate(0.04, 0.05);
        let gain = Finding { name: "a".into(), effect: Effect::Cpu(measuring.estimate(0.05, 0.15)) };
        held.add((&measured, gain), (&truth, cpu("a", 0.05)));
    }
    held.check();
}

/// The same where memory binds: whole workers fit into a server, so there are steps everywhere.
#[test]
fn intervals_hold_the_truth_where_memory_binds() {
    const MIB: f64 = 1_048_576.0;
    let (mut measuring, mut held) = (Measuring(Random::new(13)), Held::default());
    for run in 0..150 {
        let rate = 1_000.0 + f64::from(run) * 20.0;
        let truth = Service { memory: Some(memory(2.0)), ..service(rate, 20.0) };
        let mut measured = truth.clone();
        measured.demands[0].peak_rate = measuring.estimate(rate, 0.03);
        let memory = measured.memory.as_mut().unwrap();
        memory.worker_bytes = measuring.estimate(450.0 * MIB, 0.04);
        memory.request_s = measuring.estimate(2.0, 0.05);
        let worker_bytes = measuring.estimate(85.0 * MIB, 0.1);
        let effect = Effect::Memory { worker_bytes, shared_bytes: Amount::Known(0.0) };
        held.add((&measured, Finding { name: "preload".into(), effect }), (&truth, preload(85.0)));
    }
    held.check();
}
