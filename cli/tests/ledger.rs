//! A saving from stake to bank: agents push what they find, `fewer analyze` looks again and again, and a host is gone in
//! the end. Collector, pushes and command are the real ones; only time is told.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use model::{
    AgentId, AgentReport, Batch, BatchBuilder, EqualMemory, Frame, LabelSet, MappingMemory, MemoryGroup,
    MemorySize, OwnerMemory, Profile, PushKey, RequestCounts, Sample, Window, keys,
};
use serde_json::Value;

#[expect(dead_code, reason = "the collector is started with a clock of its own")]
mod served;
use served::{NOW_NS, Served};

const SECOND_NS: i64 = 1_000_000_000;
const MB: u64 = 1_000_000;
const SERVICE: &str = "feed";
const HOSTS: [&str; 3] = ["web-1", "web-2", "web-3"];
const WORKERS: u64 = 4;
const HOST_MB: u64 = 600;
/// Requests per second of each host.
const RATE: u64 = 30;

/// A fleet that time passes for.
struct Fleet {
    served: Served,
    now_ns: Arc<AtomicI64>,
    pushes: u64,
}

impl Fleet {
    fn new() -> Self {
        let now_ns = Arc::new(AtomicI64::new(NOW_NS));
        let clock = Arc::clone(&now_ns);
        let served = Served::with_clock(&Batch::default(), Arc::new(move || clock.load(Ordering::Relaxed)));
        Self { served, now_ns, pushes: 0 }
    }

    /// Ten minutes pass, in which these hosts serve requests; then each tells what a worker holds.
    fn pass(&mut self, hosts: &[&str], cpu_ms: u64, (worker_mb, table_mb): (u64, u64)) {
        let start_ns = self.now_ns.fetch_add(600 * SECOND_NS, Ordering::Relaxed);
        for host in hosts {
            let mut builder = BatchBuilder::new();
            let frame = builder.frame(Frame { function: "feed".into(), ..Frame::default() });
            let stack = builder.stack(vec![frame]);
            for at in 0..60 {
                let start_ns = start_ns + at * 10 * SECOND_NS;
                let window = Window { start_ns, end_ns: start_ns + 10 * SECOND_NS };
                let labels = LabelSet::new([
                    (keys::SERVICE_NAME, SERVICE),
                    (keys::HOST_NAME, host),
                    (keys::ENDPOINT, "GET /feed"),
                ]);
                let requests = 10 * RATE;
                let cpu_ns = requests * cpu_ms * 1_000_000;
                let profile = Profile { labels: labels.clone(), window, period: 1, ..Profile::default() };
                builder.add(&profile, Sample { stack, value: cpu_ns as i64 });
                builder.add_requests(&RequestCounts {
                    window,
                    labels,
                    requests,
                    measured: requests,
                    cpu_ns,
                    ..RequestCounts::default()
                });
            }
            let at_ns = self.now_ns.load(Ordering::Relaxed) - 1;
            let facts = [
                ("host.name".into(), (*host).into()),
                ("host.cpu.count".into(), "8".into()),
                ("host.memory.bytes".into(), (HOST_MB * MB).to_string().into()),
            ];
            let report = AgentReport { at_ns, facts: facts.into(), measures: [].into() };
            self.push(host, &builder.finish(), &report, &group(host, at_ns, (worker_mb, table_mb)));
        }
    }

    fn push(&mut self, host: &str, batch: &Batch, report: &AgentReport, group: &MemoryGroup) {
        self.pushes += 1;
        let agent = AgentId(host.bytes().fold(0, |sum, byte| sum * 31 + u128::from(byte)));
        let key = PushKey { agent, sequence: self.pushes };
        let memory = std::slice::from_ref(group);
        let body =
            wire::push::encode_with(key, batch, Some(report), wire::push::Reports { memory, code: &[] });
        let post = ureq::post(format!("{}/api/v1/push", self.served.url));
        post.header("content-type", wire::push::CONTENT_TYPE).send(&body).unwrap();
    }

    /// Looks once; the finding of the table, and what is said of the servers of the service.
    fn analyze(&self) -> (Value, Value) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fewer"));
        let output = command.args(["analyze", "--once", "--collector", &self.served.url]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let get = |question: &str| -> Value {
            let mut answer =
                ureq::get(format!("{}/api/v1/findings?{question}", self.served.url)).call().unwrap();
            serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
        };
        let found = get("kind=sharing&limit=100");
        let of_table = |finding: &&Value| finding["detail"]["owner"] == "conf.SETTINGS";
        let said = String::from_utf8_lossy(&output.stdout);
        let finding = found["findings"].as_array().unwrap().iter().find(of_table);
        let finding = finding.unwrap_or_else(|| panic!("{said}{found:#}")).clone();
        let plans = get("kind=capacity&limit=100")["reports"][0]["funnel"]["services"].clone();
        let plan = plans.as_array().unwrap().iter().find(|plan| plan["service"] == SERVICE).unwrap().clone();
        (finding, plan)
    }
}

/// The workers of a host, each with a table that it loaded for itself.
fn group(host: &str, at_ns: i64, (worker_mb, table_mb): (u64, u64)) -> MemoryGroup {
    let all = WORKERS * worker_mb * MB;
    let size =
        MemorySize { resident_bytes: all, proportional_bytes: all, own_bytes: all, ..MemorySize::default() };
    let loaded = EqualMemory {
        processes: WORKERS,
        bytes: WORKERS * table_mb * MB,
        saved_bytes: (WORKERS - 1) * table_mb * MB,
        flat_saved_bytes: 0,
    };
    let table = OwnerMemory {
        module: "conf".into(),
        attribute: "SETTINGS".into(),
        kind: "dict".into(),
        own_bytes: loaded.bytes,
        loaded,
        ..OwnerMemory::default()
    };
    MemoryGroup {
        at_ns,
        labels: LabelSet::new([(keys::HOST_NAME, host), (keys::SERVICE_NAME, SERVICE)]),
        program: "python3 gunicorn app:wsgi".into(),
        processes: WORKERS,
        compared: WORKERS,
        is_forked: true,
        python_minor: 11,
        values: "walked".into(),
        mappings: vec![MappingMemory { kind: "heap".into(), size }],
        pages_read_one_in: 1,
        owners: if table_mb > 0 { vec![table] } else { Vec::new() },
        ..MemoryGroup::default()
    }
}

fn steps(finding: &Value) -> Vec<String> {
    let text =
        |step: &Value| format!("{}: {}", step["stage"].as_str().unwrap(), step["by"].as_str().unwrap());
    finding["detail"]["ledger"].as_array().unwrap().iter().map(text).collect()
}

#[test]
fn servers_are_banked_only_when_hosts_are_gone() {
    let mut fleet = Fleet::new();
    fleet.pass(&HOSTS, 10, (120, 75));
    let (first, plan) = fleet.analyze();
    assert_eq!(plan["binding"], "memory", "{plan:#}");
    let banked = |finding: &Value, stage: &str| finding["banked"][stage].as_f64();
    let stake = banked(&first, "at_stake").unwrap();
    assert!(stake >= banked(&first, "predicted").unwrap() && stake > 0.1, "{first:#}");
    assert_eq!((banked(&first, "observed"), banked(&first, "banked")), (None, None));

    // The table is loaded before the fork now.
    fleet.pass(&HOSTS, 10, (65, 0));
    let (fixed, _) = fleet.analyze();
    let observed = banked(&fixed, "observed").unwrap();
    assert!(fixed["state"] == "fixed" && observed > 0.0 && observed <= stake, "{fixed:#}");
    let said = steps(&fixed);
    assert_eq!(
        said[2],
        "observed: memory of a worker went from 120.0 to 65.0 MB, over 12 workers on 3 hosts"
    );

    // All hosts are there still, and so nothing is banked; a look that sees the same changes nothing.
    fleet.pass(&HOSTS, 10, (65, 0));
    let (same, _) = fleet.analyze();
    assert_eq!((banked(&same, "banked"), steps(&same)), (None, said));

    // One is switched off, and for more than an hour nothing is heard of it.
    for _ in 0..7 {
        fleet.pass(&HOSTS[..2], 10, (65, 0));
    }
    let (gone, _) = fleet.analyze();
    let moved = banked(&gone, "banked").unwrap();
    assert!((moved - observed.min(1.0)).abs() < 1e-9, "{moved} of {observed}");
    assert_eq!(steps(&gone)[3], "banked: the service went from 3 to 2 hosts");
}

#[test]
fn where_cpu_binds_memory_is_worth_no_server() {
    let mut fleet = Fleet::new();
    fleet.pass(&HOSTS, 150, (50, 20));
    let (finding, plan) = fleet.analyze();
    assert_eq!(plan["binding"], "cpu", "{plan:#}");
    assert_eq!(finding["banked"]["predicted"], 0.0, "{finding:#}");
}
