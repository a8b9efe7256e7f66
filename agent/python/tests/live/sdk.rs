//! What our SDK publishes, read by the agent's own code.

use std::collections::BTreeMap;

use agent_python::{
    CountersError, CountersReader, Discovery, Mapping, Poll, Published, Publisher, Reason, ThreadSchema,
};

use testkit::with_each_interpreter;

use crate::process::{Process, ProcessMemory, attach, maps};

fn discover(pid: u32) -> Option<Published> {
    let maps = maps(pid);
    let found = Discovery::find(Mapping::parse_all(&maps));
    assert!(found.iter().all(|discovery| discovery.publisher == Publisher::Fewer) && found.len() < 2);
    found.first().map(|discovery| {
        let memory = ProcessMemory::open(pid);
        let published = discovery.read(&memory).unwrap();
        assert_eq!(discovery.published_at_ns(&memory), Ok(published.at_ns));
        published
    })
}

type Requests = BTreeMap<(String, String), u64>;
type Evaluations = BTreeMap<(String, String, Reason), u64>;

/// Requests by endpoint and variant, and evaluations by flag, variant and reason.
fn counted(poll: &Poll) -> (Requests, Evaluations) {
    let label = |labels: &model::LabelSet, key: &str| labels.get(key).unwrap_or_default().to_owned();
    let variant = "feature_flag.result.variant.new-feed";
    let requests = poll
        .requests
        .iter()
        .map(|row| ((label(&row.labels, "endpoint"), label(&row.labels, variant)), row.requests))
        .collect();
    let evaluations = poll
        .evaluations
        .iter()
        .map(|row| ((row.flag.to_string(), row.variant.to_string(), row.reason), row.count))
        .collect();
    (requests, evaluations)
}

fn requests(rows: &[(&str, &str, u64)]) -> Requests {
    let row = |(endpoint, variant, count): &(&str, &str, u64)| {
        ((endpoint.to_string(), variant.to_string()), *count)
    };
    rows.iter().map(row).collect()
}

#[test]
fn labels_and_counts_are_read_through_a_fork() {
    with_each_interpreter(|_, python| {
        let mut process = Process::start(python, "counting.py");
        process.hear();
        process.tell("");
        process.hear();
        let pid = process.pid();
        let published = discover(pid).expect("nothing is published");
        assert_eq!(published.schema, ThreadSchema::ContextVariable);
        assert_eq!(published.resource.get("telemetry.sdk.name"), Some("fewer"));
        let (_, interpreter) = attach(pid).unwrap();
        let variable = published.context_variable.unwrap();
        assert_eq!(variable.tstate_context, interpreter.frames.tstate_context);

        let (memory, location) = (process.memory(), published.counters.unwrap());
        let mut since_start = CountersReader::from_start();
        let poll = since_start.poll(&memory, &location, &published.keys, Some(pid)).unwrap();
        let expected = requests(&[("GET /feed", "on", 5), ("GET /na\u{ef}ve/{id}", "off", 2)]);
        let (found, evaluations) = counted(&poll);
        assert_eq!(found, expected);
        let flag =
            |variant: &str, count| (("new-feed".to_owned(), variant.to_owned(), Reason::Unknown), count);
        assert_eq!(evaluations, BTreeMap::from([flag("on", 5), flag("off", 2)]));
        assert!(poll.requests.iter().all(|row| row.measured <= row.requests && row.server_errors == 0));
        let mut since_now = CountersReader::from_now();
        assert_eq!(since_now.poll(&memory, &location, &published.keys, Some(pid)), Ok(Poll::default()));

        process.tell("");
        process.hear();
        for reader in [&mut since_start, &mut since_now] {
            let poll = reader.poll(&memory, &location, &published.keys, Some(pid)).unwrap();
            assert_eq!(counted(&poll).0, requests(&[("GET /feed", "on", 3)]));
        }

        process.tell("");
        let child = process.hear()["pid"].as_u64().unwrap() as u32;
        assert_eq!(discover(child), None);
        let memory = ProcessMemory::open(child);
        let mut reader = CountersReader::from_now();
        let unstarted = reader.poll(&memory, &location, &published.keys, Some(child));
        assert_eq!(unstarted, Err(CountersError::NotStarted));
        process.tell("");
        process.hear();
        let own = discover(child).expect("the child publishes nothing");
        let poll = reader.poll(&memory, &own.counters.unwrap(), &own.keys, Some(child)).unwrap();
        assert_eq!(counted(&poll).0, requests(&[("POST /like", "off", 4)]));
        process.tell("");
        process.end();
    });
}
