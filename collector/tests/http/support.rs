//! A collector on a port of its own, with a clock that stands still, and a client.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::{net::SocketAddr, path::Path, sync::Arc, thread::JoinHandle};

use collector::{Collector, Options, listen};
use model::{AgentId, AgentReport, Measure, PushKey};
use testkit::FakeClock;
use tokio::sync::oneshot;

/// 2026-01-31T12:00:00Z.
pub(crate) const NOW_NS: i64 = 1_769_860_800_000_000_000;

/// One minute before now: two services on two hosts, recursion, every kind of frame, 1 s of CPU.
pub(crate) const STACKS: &str = "
    # window=1769860740000000000..1769860750000000000 period=10000000 service.name=feed host.name=web-1 endpoint=/feed
    main@/usr/bin/feed;handle@/usr/bin/feed;render@/usr/bin/feed 300000000
    main@/usr/bin/feed;handle@/usr/bin/feed;parse@/usr/bin/feed;parse@/usr/bin/feed 200000000
    main@/usr/bin/feed;handle@/usr/bin/feed;libc.so.6+0x1f0;do_sys_read@[kernel]_[k] 100000000
    # window=1769860750000000000..1769860760000000000 period=10000000 service.name=photos host.name=web-2
    run (/srv/photos/app.py:7);resize (/srv/photos/views.py:12) 350000000
    [truncated];idle@/usr/bin/photos 50000000
";

/// A running collector; it stops when dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(dir: &Path, change: impl FnOnce(&mut Options)) -> Self {
        let clock = FakeClock::new(NOW_NS);
        let mut options = Options::new(dir);
        options.clock = Arc::new(move || clock.now_ns());
        change(&mut options);
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let collector = Collector::start(options).unwrap();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(collector.serve(listener, async { stopped.await.unwrap_or_default() })).unwrap();
        });
        Self { address, stop: Some(stop), thread: Some(thread) }
    }

    /// A collector that holds [`STACKS`].
    pub(crate) fn seeded(dir: &Path) -> Self {
        let server = Self::start(dir, |_| {});
        let answer = server.push(&seed());
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"stored":true}"#));
        server
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[])
    }

    pub(crate) fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = client().get(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::read(request.call().unwrap())
    }

    pub(crate) fn push(&self, body: &[u8]) -> Answer {
        self.push_as(body, &[("content-type", wire::push::CONTENT_TYPE)])
    }

    pub(crate) fn post(&self, path: &str, body: &serde_json::Value) -> Answer {
        self.push_to(path, body.to_string().as_bytes(), "application/json")
    }

    pub(crate) fn push_to(&self, path: &str, body: &[u8], content_type: &str) -> Answer {
        let request = client().post(format!("http://{}{path}", self.address));
        Answer::read(request.header("content-type", content_type).send(body).unwrap())
    }

    pub(crate) fn push_as(&self, body: &[u8], headers: &[(&str, &str)]) -> Answer {
        let mut request = client().post(format!("http://{}/api/v1/push", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::read(request.send(body).unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || ended.is_none_or(|ended| ended.is_ok()));
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: ureq::http::HeaderMap,
    pub(crate) bytes: Vec<u8>,
    pub(crate) body: String,
}

impl Answer {
    fn read(mut response: ureq::http::Response<ureq::Body>) -> Self {
        let bytes = response.body_mut().read_to_vec().unwrap();
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Self { status: response.status().as_u16(), headers: response.headers().clone(), bytes, body }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect(&self.body)
    }

    /// Status and body as a person reads them.
    pub(crate) fn shown(&self) -> String {
        format!("{}\n{:#}", self.status, self.json())
    }
}

/// The push that brings [`STACKS`].
pub(crate) fn seed() -> Vec<u8> {
    let report = AgentReport {
        at_ns: NOW_NS - 1_000_000_000,
        facts: [("host.name".into(), "web-1".into()), ("agent.version".into(), "0.1.0".into())].into(),
        measures: [
            ("samples_total".into(), Measure::Counter(100)),
            ("unwind_outcome_total{outcome=\"complete\"}".into(), Measure::Counter(99)),
            ("cpu_share".into(), Measure::Gauge(0.004)),
        ]
        .into(),
    };
    wire::push::encode(key(1), &testkit::batch_from_folded(STACKS), Some(&report))
}

pub(crate) fn key(sequence: u64) -> PushKey {
    PushKey { agent: AgentId(0xfe), sequence }
}

fn client() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false).accept_encoding("").build();
    config.into()
}
