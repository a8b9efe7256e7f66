//! Memory reports: pushed by agents, kept, asked for.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use model::{
    Batch, EqualMemory, LabelSet, MappingMemory, MemoryGroup, MemorySize, OwnerMemory, PageMemory, keys,
};

use wire::push::Reports;

use crate::support::{NOW_NS, Server, key};

fn group(host: &str, service: &str, age_s: i64) -> MemoryGroup {
    let loaded = EqualMemory { processes: 4, bytes: 300, saved_bytes: 225, flat_saved_bytes: 20 };
    MemoryGroup {
        at_ns: NOW_NS - age_s * 1_000_000_000,
        labels: LabelSet::new([(keys::HOST_NAME, host), (keys::SERVICE_NAME, service)]),
        program: "python3 gunicorn app:wsgi".into(),
        processes: 16,
        compared: 4,
        unread: 1,
        is_forked: true,
        python_minor: 11,
        values: "walked".into(),
        mappings: vec![MappingMemory {
            kind: "heap".into(),
            size: MemorySize {
                resident_bytes: 900,
                proportional_bytes: 800,
                own_bytes: 700,
                ..MemorySize::default()
            },
        }],
        pages: vec![PageMemory {
            kind: "heap".into(),
            broken: loaded,
            unique_bytes: 6,
            ..PageMemory::default()
        }],
        pages_read_one_in: 1,
        owners: vec![OwnerMemory {
            module: "conf".into(),
            attribute: "SETTINGS".into(),
            kind: "dict".into(),
            own_bytes: 320,
            loaded,
            ..OwnerMemory::default()
        }],
        owners_left_out: 3,
        arenas: 2,
        arena_bytes: 1,
    }
}

fn push(server: &Server, sequence: u64, groups: &[MemoryGroup]) -> u16 {
    let reports = Reports { memory: groups, ..Reports::default() };
    server.push(&wire::push::encode_with(key(sequence), &Batch::default(), None, reports)).status
}

#[test]
fn the_newest_report_of_each_host_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), |_| {});
    assert_eq!(push(&server, 1, &[group("web-1", "feed", 400)]), 200);
    let newest = [group("web-1", "feed", 100), group("web-1", "batch", 99), group("web-2", "feed", 50)];
    assert_eq!(push(&server, 2, &newest), 200);
    // Sent again, it changes nothing.
    assert_eq!(push(&server, 2, &newest), 200);
    insta::assert_snapshot!("memory", server.get("/api/v1/memory?service=feed&host=web-1").shown());
    let count = |question: &str| {
        let answer = server.get(&format!("/api/v1/memory?{question}")).json();
        let groups = answer["reports"].as_array().unwrap().iter();
        let groups: usize = groups.map(|report| report["groups"].as_array().unwrap().len()).sum();
        (answer["reports_total"].as_u64().unwrap(), groups)
    };
    assert_eq!(count(""), (2, 3));
    assert_eq!(count("service=feed"), (2, 2));
    assert_eq!(count("since_seconds=60"), (1, 1));
    assert_eq!(count("host=web-1&per_host=5"), (2, 3));
    assert_eq!(count("limit=1"), (2, 2));
    assert_eq!(server.get("/api/v1/memory?per_host=0").status, 400);
    let metrics = server.get("/metrics").body;
    assert!(metrics.contains("fewer_store_memory_reports 3\n"), "{metrics}");
    assert!(metrics.contains("fewer_store_memory_reports_dropped_total 0\n"), "{metrics}");
}

#[test]
fn reports_outlive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), |_| {});
    assert_eq!(push(&server, 1, &[group("web-1", "feed", 100)]), 200);
    drop(server);
    let server = Server::start(dir.path(), |_| {});
    assert_eq!(server.get("/api/v1/memory").json()["reports_total"], 1);
}
