//! A real axum server and a real client: counters equal to the requests sent, by route and status class.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use fewer_sdk::Reason;
use support::{Counts, Labels, Process, endpoint, labels};

const MOST: Duration = Duration::from_millis(5);
const FLAG: &str = "feature_flag.result.variant.ranking";

/// CPU that the handlers have burned, by their own log.
static BURNED: Mutex<BTreeMap<&str, Duration>> = Mutex::new(BTreeMap::new());

fn burn(whose: &'static str, duration: Duration) {
    let begin = cpu_now();
    while cpu_now() - begin < duration {
        std::hint::black_box((0..100_u64).sum::<u64>());
    }
    *BURNED.lock().unwrap().entry(whose).or_default() += cpu_now() - begin;
}

fn cpu_now() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

async fn item(axum::extract::Path(id): axum::extract::Path<u32>) -> Response {
    match id {
        0 => StatusCode::NOT_FOUND.into_response(),
        1 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        2 => panic!("a handler's own mistake"),
        _ => "an item".into_response(),
    }
}

async fn feed() -> String {
    let variant = if cpu_now().subsec_nanos().is_multiple_of(2) { "a" } else { "b" };
    fewer_sdk::flag("ranking", variant, Reason::Split);
    tokio::task::yield_now().await;
    variant.to_owned()
}

async fn costly() -> &'static str {
    for _ in 0..4 {
        burn("GET /costly", Duration::from_millis(2));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    "done"
}

/// The body costs more than the handler.
async fn streamed() -> Body {
    let chunks = (0..5).map(|_| {
        burn("GET /streamed", Duration::from_millis(2));
        Ok::<_, std::convert::Infallible>(Bytes::from_static(b"chunk"))
    });
    Body::from_stream(futures_util::stream::iter(chunks))
}

async fn background() -> &'static str {
    use fewer_sdk::InRequest;
    let spawned = tokio::spawn(async { burn("GET /background", MOST) }.in_current_request());
    let blocking = tokio::task::spawn_blocking(fewer_sdk::carry(|| burn("GET /background", MOST)));
    spawned.await.unwrap();
    blocking.await.unwrap();
    "done"
}

fn app() -> Router {
    // A second layer inside the first: such a request is one request still.
    let admin = Router::new()
        .route("/users/{id}", post(|| async { StatusCode::CREATED }))
        .layer(fewer_sdk::tower::Layer::new());
    Router::new()
        .route("/items/{id}", get(item).post(item))
        .route("/feed", get(feed))
        .route("/costly", get(costly))
        .route("/streamed", get(streamed))
        .route("/background", get(background))
        .nest("/admin", admin)
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(fewer_sdk::tower::Layer::new())
}

fn send(address: &str, method: &str, path: &str) -> Option<(u16, String)> {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let url = format!("http://{address}{path}");
    let sent = match method {
        "GET" => agent.get(&url).call(),
        "POST" => agent.post(&url).send_empty(),
        _ => agent.delete(&url).call(),
    };
    let mut answer = sent.ok()?;
    Some((answer.status().as_u16(), answer.body_mut().read_to_string().ok()?))
}

#[test]
fn counters_equal_the_requests_sent() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    runtime.spawn(async move { axum::serve(listener, app()).await.unwrap() });

    let plan: [(&str, &str, u64); 11] = [
        ("GET", "/items/7", 20),
        ("GET", "/items/8", 10),
        ("GET", "/items/0", 5),
        ("GET", "/items/1", 3),
        ("GET", "/items/2", 2),
        ("POST", "/items/7", 4),
        ("GET", "/costly", 6),
        ("GET", "/streamed", 6),
        ("GET", "/background", 6),
        ("POST", "/admin/users/5", 7),
        ("GET", "/nowhere/at/all", 9),
    ];
    let sent: u64 = 40 + 1 + plan.iter().map(|(_, _, times)| times).sum::<u64>();
    let mut by_variant = std::collections::HashMap::from([("a".to_owned(), 0), ("b".to_owned(), 0)]);
    std::thread::scope(|scope| {
        for (method, path, times) in plan {
            let address = &address;
            scope.spawn(move || (0..times).for_each(|_| drop(send(address, method, path))));
        }
        for _ in 0..40 {
            *by_variant.get_mut(&send(&address, "GET", "/feed").unwrap().1).unwrap() += 1;
        }
    });
    assert_eq!(send(&address, "DELETE", "/items/7").unwrap().0, 405);

    let process = Process::open(std::process::id());
    let counts =
        process.counters_when(|counts| counts.values().map(|count| count.requests).sum::<u64>() == sent);
    let check = |labels: Labels, expected: (u64, u64, u64)| {
        let found = counts.get(&labels).copied().unwrap_or_default();
        assert_eq!((found.requests, found.client_errors, found.server_errors), expected, "{labels:?}");
    };
    check(endpoint("GET /items/{id}"), (40, 5, 5));
    check(endpoint("POST /items/{id}"), (4, 0, 0));
    check(endpoint("DELETE /items/{id}"), (1, 1, 0));
    check(endpoint("POST /admin/users/{id}"), (7, 0, 0));
    check(endpoint("GET (unrouted)"), (9, 9, 0));
    for (variant, times) in by_variant {
        check(labels([("endpoint", "GET /feed"), (FLAG, &variant)]), (times, 0, 0));
    }
    assert!(!counts.contains_key(&endpoint("GET /feed")), "every feed request has evaluated the flag");

    // In four polls; in the body; on two other threads. All dear, so all measured, and the SDK adds little to them.
    for (name, burned) in &*BURNED.lock().unwrap() {
        let Counts { requests, measured, cpu_ns, .. } = counts[&endpoint(name)];
        let ratio = cpu_ns as f64 / burned.as_nanos() as f64;
        println!("{name}: {burned:?} burned, {ratio:.4} of it counted");
        assert_eq!((requests, measured), (6, 6), "{name}");
        assert!((1.0..1.25).contains(&ratio), "{name}: {cpu_ns} ns of {burned:?}");
    }
    assert_eq!(BURNED.lock().unwrap().len(), 3);
    let status = fewer_sdk::status();
    assert!(status.enabled && status.exported, "{status:?}");
    assert_eq!((status.overflowed, status.faults), (0, 0), "{status:?}");
    // Either instructions are counted, or it says why not.
    let says_why = status.problems.iter().any(|problem| problem.starts_with("instructions: "));
    assert_ne!(status.instructions, says_why, "{status:?}");
    let counted = counts[&endpoint("GET /costly")].instructions > 0;
    assert_eq!(status.instructions, counted, "{status:?}");
}
