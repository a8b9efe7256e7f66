//! Labels of every source in one form.

use super::*;

/// Labels in, labels out as one text, and what was counted.
fn check(pairs: &[(&str, &str)], expected: &[(&str, &str)], counted: &[(&'static str, u64)]) {
    let mut tally = Tally::default();
    let labels = canonical(pairs.iter().copied(), &mut tally);
    let found: Vec<(&str, &str)> = labels.iter().map(|(key, value)| (key.as_ref(), value.as_ref())).collect();
    assert_eq!(found, expected, "{pairs:?}");
    assert_eq!(tally.outcomes(CONTEXT_LABELS), counted, "{pairs:?}");
}

#[test]
fn endpoints_of_all_conventions() {
    let cases: [(&[(&str, &str)], &str); 21] = [
        (&[("endpoint", "GET /feed")], "GET /feed"),
        (&[("trace endpoint", "GET /feed")], "GET /feed"),
        (&[("endpoint", "a"), ("endpoint", "b")], "b"),
        (&[("endpoint", "")], "(empty)"),
        (&[("http.route", "/a"), ("endpoint", "GET /b")], "GET /b"),
        (&[("http.route", "/a/{id}"), ("http.request.method", "POST")], "POST /a/{id}"),
        (&[("http.method", "PUT"), ("http.route", "a/<int:id>/")], "PUT /a/{id}/"),
        (&[("http.route", "/a"), ("http.request.method", "BREW")], "_OTHER /a"),
        (&[("http.route", "/a"), ("http.request.method", "get")], "_OTHER /a"),
        (&[("http.request.method", "GET")], "GET (unrouted)"),
        (&[("http.route", "/a")], "/a"),
        (&[("rpc.service", "photos.Feed"), ("rpc.method", "Get")], "grpc:photos.Feed/Get"),
        (
            &[("rpc.system.name", "connect_rpc"), ("rpc.method", "photos.Feed/Get")],
            "connect_rpc:photos.Feed/Get",
        ),
        (
            &[("rpc.system", "grpc"), ("rpc.service", "x"), ("rpc.method", "photos.Feed/Get")],
            "grpc:photos.Feed/Get",
        ),
        (&[("celery.task_name", "photos.tasks.thumbnail")], "celery:photos.tasks.thumbnail"),
        (&[("messaging.system", "kafka"), ("messaging.destination.name", "likes")], "kafka:likes"),
        (&[("messaging.destination.name", "likes")], "messaging:likes"),
        (&[("db.query.summary", "SELECT photos")], "sql:SELECT photos"),
        (&[("code.function.name", "views.feed")], "fn views.feed"),
        (&[("http.request.method", ""), ("http.route", "")], "/"),
        (&[("endpoint", "GET /ünïcode/\u{1f4f7}")], "GET /ünïcode/\u{1f4f7}"),
    ];
    for (pairs, expected) in cases {
        check(pairs, &[("endpoint", expected)], &[]);
    }
    check(&[("rpc.service", "x"), ("celery.task_name", ""), ("messaging.system", "kafka")], &[], &[]);
}

#[test]
fn flags_of_all_conventions() {
    let ours = "feature_flag.result.variant.feed-v2";
    for key in [ours, "feature_flag.feed-v2", "flag.feed-v2"] {
        check(&[(key, "on")], &[(ours, "on")], &[]);
    }
    let event = [
        ("feature_flag.key", "feed-v2"),
        ("feature_flag.result.variant", "on"),
        ("feature_flag.version", "7"),
    ];
    check(&event, &[(ours, "on")], &[]);
    check(&[("feature_flag.key", "feed-v2")], &[], &[]);
    check(&[(ours, ""), ("flag.", "on")], &[], &[]);
    check(
        &[("flag.b", "1"), ("flag.a", "2")],
        &[("feature_flag.result.variant.a", "2"), ("feature_flag.result.variant.b", "1")],
        &[],
    );
}

#[test]
fn our_own_labels_stay_and_everything_else_is_dropped() {
    let own = [("endpoint", "celery:thumbnail"), ("fewer.caller", "POST /upload"), ("fewer.overflow", "1")];
    check(&own, &own, &[]);
    let ids = [
        ("trace_id", "7f"),
        ("span id", "1"),
        ("datadog.local_root_span_id", "2"),
        ("traceparent", "00-1-2-01"),
    ];
    check(&ids, &[], &[("id dropped", 4)]);
    check(
        &[("user_id", "alice"), ("tenant", "x"), ("service.name", "y"), ("", "z")],
        &[],
        &[("unknown dropped", 3), ("id dropped", 1)],
    );
}

#[test]
fn values_and_flags_are_bounded() {
    let long = "ü".repeat(5000);
    check(&[("endpoint", &long)], &[("endpoint", &"ü".repeat(127))], &[("value cut", 1)]);
    check(&[(&format!("flag.{long}"), "on")], &[], &[("flag key too long", 1)]);

    let flags: Vec<(String, &str)> = (0..40).map(|number| (format!("flag.{number:02}"), "on")).collect();
    let mut tally = Tally::default();
    let labels = canonical(flags.iter().map(|(key, value)| (key, value)), &mut tally);
    assert_eq!(labels.len(), FLAGS_MAX);
    assert_eq!(labels.get("feature_flag.result.variant.31"), Some("on"));
    assert_eq!(tally.get(CONTEXT_LABELS, "flag beyond limit"), 8);

    let mut tally = Tally::default();
    let many = (0..400).map(|number| (format!("unheard.of{number}"), "x"));
    assert!(canonical(many, &mut tally).is_empty());
    assert_eq!(tally.get(CONTEXT_LABELS, "pair beyond limit"), 94);
    assert_eq!(tally.get(CONTEXT_LABELS, "unknown dropped"), 306);
}
