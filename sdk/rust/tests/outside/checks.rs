//! What the parent reads from its children.

#![allow(unreachable_pub, reason = "a module of a test crate")]

use std::{
    collections::{HashMap, HashSet},
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use crate::support::{Counts, Labels, Process, endpoint, labels};

pub fn run() {
    for (name, check) in [
        ("labels follow a request", labels_follow_a_request as fn()),
        ("no label is torn or wrong", no_label_is_torn_or_wrong),
        ("a forked child counts for itself", a_forked_child_counts_for_itself),
        ("a flood is bounded and counted", a_flood_is_bounded_and_counted),
        ("disabled means absent", disabled_means_absent),
        ("the process describes itself", the_process_describes_itself),
    ] {
        check();
        println!("{name}: ok");
    }
}

fn labels_follow_a_request() {
    let mut child = Started::new("steps", &[]);
    let pointer: u64 = child.hear().1.parse().unwrap();
    let process = Process::open(child.process.id());
    let offset = process.thread_context_offset();
    let flag = "feature_flag.result.variant.new ranking \u{1f980}";
    let cases = [
        ("in a request", Some(endpoint("GET /items/{id}"))),
        ("with a flag", Some(labels([("endpoint", "GET /items/{id}"), (flag, "on")]))),
        ("in a nested request", Some(endpoint("job:thumbnail"))),
        ("in the outer request again", Some(labels([("endpoint", "GET /items/{id}"), (flag, "on")]))),
        ("done", None),
    ];
    for (step, expected) in cases {
        child.go_on();
        assert_eq!(child.hear().1, step);
        // The child has only published once it was used.
        let keys = process.discover("FEWER_CTX").unwrap().keys();
        assert_eq!(process.labels(pointer, offset, &keys), expected, "{step}");
    }
    let counts = process.counters().unwrap();
    let outer = counts[&labels([("endpoint", "GET /items/{id}"), (flag, "on")])];
    assert_eq!((outer.requests, outer.measured, outer.client_errors), (1, 1, 1));
    assert_eq!(counts[&endpoint("job:thumbnail")].requests, 1);
    assert_eq!(process.evaluations(), [((flag.to_owned(), "on".to_owned(), 4), 1)].into());
    child.go_on();
}

fn no_label_is_torn_or_wrong() {
    let mut child = Started::new("busy", &[]);
    let pointers: Vec<u64> = child.hear().1.split(' ').map(|pointer| pointer.parse().unwrap()).collect();
    let process = Process::open(child.process.id());
    let offset = process.thread_context_offset();
    let mut keys = Vec::new();
    let mut seen: HashMap<usize, HashMap<Labels, u32>> = HashMap::new();
    let (mut labelled, mut bare) = (0, 0);
    for round in 0..20_000 {
        if round % 2_000 == 0 {
            keys = process.discover("FEWER_CTX").map(|published| published.keys()).unwrap_or(keys);
        }
        let worker = round % pointers.len();
        if keys.len() < 4 {
            continue;
        }
        match process.labels(pointers[worker], offset, &keys) {
            Some(found) => {
                labelled += 1;
                *seen.entry(worker).or_default().entry(found).or_default() += 1;
            }
            None => bare += 1,
        }
    }
    for (worker, found) in &seen {
        for labels in found.keys() {
            assert!(labels["endpoint"].starts_with(&format!("GET /{worker}/")), "{worker}: {labels:?}");
            let flag = labels.get("feature_flag.result.variant.worker");
            assert!(flag.is_none_or(|variant| *variant == format!("w{worker}")), "{worker}: {labels:?}");
        }
    }
    println!("{labelled} reads with labels, {bare} without, {} threads", seen.len());
    assert!(labelled > 1_000 && seen.len() == 4, "{labelled} of {} threads", seen.len());
    child.process.kill().unwrap();
}

fn a_forked_child_counts_for_itself() {
    let mut started = Started::new("fork", &[]);
    let (pid, said) = started.hear();
    assert_eq!(said, "child, before its first request");
    let (parent, child) = (Process::open(started.process.id()), Process::open(pid));
    let requests =
        |counts: Option<HashMap<Labels, Counts>>| counts.map(|c| c[&endpoint("GET /feed")].requests);
    assert_eq!(requests(parent.counters()), Some(3));
    assert!(child.discover("FEWER_CTX").is_none(), "the mapping is not inherited");
    let page = parent.discover("FEWER_CTX").unwrap().int("fewer.counters_addr");
    assert_eq!(child.word(page), 0, "the page is wiped");
    started.go_on();
    assert_eq!(started.hear().1, "child, after it");
    assert_eq!(requests(child.counters()), Some(2));
    assert_eq!(child.evaluations().values().copied().collect::<Vec<_>>(), [1]);
    started.go_on();
    assert_eq!(started.hear().1, "parent");
    assert_eq!(requests(parent.counters()), Some(4));
    assert!(parent.evaluations().is_empty());
    started.go_on();
}

fn a_flood_is_bounded_and_counted() {
    let mut child = Started::new("flood", &[]);
    let status = child.hear().1;
    let counts = Process::open(child.process.id()).counters().unwrap();
    assert_eq!(counts.values().map(|count| count.requests).sum::<u64>(), 10_000, "each is counted somewhere");
    assert!(counts.len() <= 4096, "{}", counts.len());
    let endpoints = |overflow: bool| {
        let said = |labels: &&Labels| labels.contains_key("fewer.overflow") == overflow;
        counts.keys().filter(said).map(|labels| &labels["endpoint"]).collect::<HashSet<_>>()
    };
    let named: HashSet<_> = endpoints(true).union(&endpoints(false)).copied().collect();
    // 2,047 less a hundred: two hundred flags had a record each, besides the two of every endpoint.
    assert_eq!(named.len(), 1947 + 1, "and _other");
    let other = labels([("endpoint", "_other"), ("fewer.overflow", "1")]);
    assert_eq!(counts[&other].requests, 10_000 - 1947);
    assert!(status.contains("faults: 0") && !status.contains("overflowed: 0"), "{status}");
    child.go_on();
}

fn disabled_means_absent() {
    let mut child = Started::new("steps", &[("FEWER_DISABLED", "1")]);
    let pointer: u64 = child.hear().1.parse().unwrap();
    let process = Process::open(child.process.id());
    let offset = process.thread_context_offset();
    for _ in 0..5 {
        child.go_on();
        child.hear();
        assert_eq!(process.labels(pointer, offset, &[]), None);
        assert!(process.discover("FEWER_CTX").is_none());
    }
    child.go_on();
}

fn the_process_describes_itself() {
    let described = [
        ("OTEL_SERVICE_NAME", "feed"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other, service.version = 7,broken,=empty"),
        ("FEWER_OTEL_CTX", "1"),
    ];
    let mut child = Started::new("steps", &described);
    child.hear();
    child.go_on();
    child.hear();
    let process = Process::open(child.process.id());
    for name in ["FEWER_CTX", "OTEL_CTX"] {
        let published = process.discover(name).unwrap();
        assert_eq!(published.text("threadlocal.schema_version"), "tlsdesc_v1_dev");
        assert_eq!(published.text("telemetry.sdk.language"), "rust");
        assert_eq!(published.text("service.name"), "feed");
        assert_eq!(published.text("service.version"), "7");
        assert_eq!(published.keys()[..3], ["endpoint", "fewer.overflow", "fewer.caller"]);
        assert_eq!(published.texts("fewer.measures")[0], "cpu_ns");
    }
    child.process.kill().unwrap();
}

struct Started {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Started {
    fn new(child: &str, environment: &[(&str, &str)]) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .arg(format!("child={child}"))
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { process, input, output: BufReader::new(output) }
    }

    /// Who spoke, and what.
    fn hear(&mut self) -> (u32, String) {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let (pid, said) = line.trim_end().split_once(' ').expect("the child speaks");
        (pid.parse().unwrap(), said.to_owned())
    }

    fn go_on(&mut self) {
        self.input.write_all(b"\n").unwrap();
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // A child that waits for a word gets none; one that is done is reaped.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
