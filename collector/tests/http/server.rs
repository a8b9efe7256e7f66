//! Pushes, access, and what surrounds every answer.
#![allow(clippy::unwrap_used)]

use model::{AgentId, PushKey};

use crate::support::{NOW_NS, STACKS, Server, key, seed};
use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use collector::{Access, Collector, Options, Token};

const SELECTION: &str = "start=now-5m&end=now";

fn total(server: &Server) -> Option<i64> {
    server.get(&format!("/api/v1/top?{SELECTION}")).json().get("total")?.as_i64()
}

#[test]
fn a_push_is_stored_once_and_outlives_the_collector() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::seeded(dir.path());
    assert_eq!(server.push(&seed()).body, r#"{"stored":false}"#);
    assert_eq!(total(&server), Some(1_000_000_000));
    drop(server);

    let server = Server::start(dir.path(), |_| {});
    assert_eq!(server.push(&seed()).body, r#"{"stored":false}"#);
    assert_eq!(total(&server), Some(1_000_000_000));
    let next = wire::push::encode(key(2), &testkit::batch_from_folded(STACKS), None);
    assert_eq!(server.push(&next).body, r#"{"stored":true}"#);
    assert_eq!(total(&server), Some(2_000_000_000));
}

#[test]
fn many_agents_that_send_everything_twice_are_counted_once() {
    const AGENTS: u128 = 8;
    const PUSHES: u64 = 10;
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), |_| {});
    let batch = testkit::batch_from_folded(STACKS);
    let send = |agent: u128| {
        for sequence in 1..=PUSHES {
            let key = PushKey { agent: AgentId(agent), sequence };
            let bytes = wire::push::encode(key, &batch, None);
            assert_eq!(server.push(&bytes).body, r#"{"stored":true}"#);
            assert_eq!(server.push(&bytes).body, r#"{"stored":false}"#);
        }
    };
    std::thread::scope(|scope| (0..AGENTS).for_each(|agent| drop(scope.spawn(move || send(agent)))));
    assert_eq!(total(&server), Some(AGENTS as i64 * PUSHES as i64 * batch.total()));
}

#[test]
fn bad_pushes_are_refused_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), |options| options.limits.push.body_bytes = 4096);
    let content_type = ("content-type", wire::push::CONTENT_TYPE);
    let mut newer = seed();
    newer.splice(..1, [99]);
    let old = STACKS.replace("17698607", "10698607");
    let old = wire::push::encode(key(3), &testkit::batch_from_folded(&old), None);
    let torn = seed();
    let (torn, _) = torn.split_at(torn.len() / 2);
    let mut shown = String::new();
    for (name, body, headers) in [
        ("nothing", &b""[..], &[content_type][..]),
        ("garbage", b"\x01 this is no zstd frame", &[content_type]),
        ("torn", torn, &[content_type]),
        ("newer version", &newer, &[content_type]),
        ("too long", &[1; 5000], &[content_type]),
        ("too old", &old, &[content_type]),
        ("wrong type", b"{}", &[("content-type", "application/json")]),
        ("compressed twice", b"x", &[content_type, ("content-encoding", "gzip")]),
    ] {
        let answer = server.push_as(body, headers);
        shown += &format!("{name}\n{} {}\n", answer.status, answer.body);
    }
    insta::assert_snapshot!(shown);
    assert_eq!(total(&server), Some(0));
}

#[test]
fn more_than_is_taken_on_at_once_is_to_be_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), |options| options.limits.push_bytes_in_flight = 0);
    let answer = server.push(&seed());
    assert_eq!((answer.status, answer.header("retry-after")), (429, "1"));
    let server = Server::start(&dir.path().join("other"), |options| {
        options.limits.queries = 0;
        options.limits.query_waits = Duration::from_millis(1);
    });
    assert_eq!(server.get("/api/v1/top").status, 429);
}

#[test]
fn connections_beyond_the_limit_wait() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), |options| options.limits.connections = 1);
    let connect = || TcpStream::connect(server.address).unwrap();
    let ask = |mut stream: &TcpStream| {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    };
    let first = connect();
    ask(&first);
    assert_eq!((&first).read(&mut [0; 4]).unwrap(), 4);
    let second = connect();
    ask(&second);
    second.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert_eq!((&second).read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(first);
    second.set_read_timeout(None).unwrap();
    assert_eq!((&second).read(&mut [0; 4]).unwrap(), 4);
}

#[test]
fn a_token_keeps_others_out() {
    let dir = tempfile::tempdir().unwrap();
    let access = Access::Token(Token::new("a token of some length"));
    let server = Server::start(dir.path(), |options| options.access = access);
    for path in ["/", "/api/v1/status", "/metrics", "/readyz", "/openapi.json"] {
        let refused = server.get(path);
        assert_eq!(refused.status, 401, "{path}");
        assert!(refused.header("www-authenticate").starts_with("Bearer"), "{path}");
        let passed = server.get_with(path, &[("authorization", "Bearer a token of some length")]);
        assert_eq!(passed.status, 200, "{path}");
    }
    assert_eq!(server.push(&seed()).status, 401);
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn a_page_of_another_site_gets_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), |_| {});
    let answer = server.get_with("/api/v1/status", &[("host", "rebound.example:4040")]);
    assert_eq!(answer.status, 403);
    insta::assert_snapshot!(answer.body, @r#"{"error":{"code":"foreign_host","message":"`rebound.example:4040` is not a name of this machine","field":"host","fix":"ask at localhost, or start the collector with --token-file or --open"}}"#);
}

#[test]
fn pages_come_with_a_strict_policy() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), |_| {});
    for path in ["/", "/explore"] {
        let page = server.get(path);
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        let known = server.get_with(path, &[("if-none-match", page.header("etag"))]);
        assert_eq!(known.status, 304);
    }
    for path in ["/", "/api/v1/status", "/api/v1/none", "/healthz"] {
        let answer = server.get(path);
        assert_eq!(answer.header("content-security-policy"), web::CONTENT_SECURITY_POLICY, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
}

#[test]
fn metrics_count_what_happened() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::seeded(dir.path());
    server.push(&seed());
    server.get("/api/v1/top?colour=red");
    let metrics = server.get("/metrics");
    assert_eq!(metrics.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    for line in [
        "fewer_requests_total{path=\"/api/v1/push\",status=\"200\"} 2",
        "fewer_requests_total{path=\"/api/v1/top\",status=\"400\"} 1",
        "fewer_store_pushes_stored_total 1",
        "fewer_store_pushes_duplicate_total 1",
        "fewer_agents 1",
        "fewer_agent_samples_total{host=\"web-1\"} 100",
        "fewer_agent_unwind_outcome_total{host=\"web-1\",outcome=\"complete\"} 99",
        "fewer_agent_report_time_seconds{host=\"web-1\"} 1769860799",
    ] {
        assert!(metrics.body.lines().any(|found| found == line), "{line} is not in\n{}", metrics.body);
    }
    let value = |name: &str| {
        let line = metrics.body.lines().find(|line| line.starts_with(name)).unwrap();
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    assert!(value("process_cpu_seconds_total ") > 0.0);
    assert!(value("process_resident_memory_bytes ") > 0.0);
    assert_eq!(value("fewer_push_bytes_total "), 2.0 * seed().len() as f64);
}

#[test]
fn the_collector_profiles_itself() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), |_| {});
    let answer = server.get("/debug/pprof/profile?seconds=1");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(wire::file::Format::sniff(&answer.bytes), Some(wire::file::Format::Pprof));
}

#[test]
fn imported_profiles_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = Options::new(dir.path());
    options.clock = std::sync::Arc::new(|| NOW_NS);
    let collector = Collector::start(options).unwrap();
    collector.import(&testkit::batch_from_folded(STACKS)).unwrap();
    drop(collector);
    assert_eq!(total(&Server::start(dir.path(), |_| {})), Some(1_000_000_000));
}

#[test]
fn a_directory_that_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Collector::start(Options::new(&file)).err().unwrap().to_string();
    assert!(error.contains(file.to_str().unwrap()), "{error}");

    let _first = Collector::start(Options::new(dir.path().join("store"))).unwrap();
    let second = Collector::start(Options::new(dir.path().join("store"))).err().unwrap().to_string();
    assert!(second.contains("is in use by another process"), "{second}");
}
