//! Stacks recorded inside real handlers, and the endpoints they stand for.

use super::*;

/// Stacks recorded inside handlers of real frameworks, leaf first, each with the endpoint that it should have.
const RECORDED: &str = include_str!("stacks.txt");

/// Functions and files, leaf first.
type Frames<'a> = &'a [(&'a str, &'a str)];

fn endpoint(frames: Frames<'_>) -> Option<String> {
    let frames: Vec<PythonFrame<'_>> =
        frames.iter().map(|(function, file)| PythonFrame { file, function }).collect();
    Rules::built_in().unwrap().endpoint(&frames)
}

fn recorded() -> impl Iterator<Item = (&'static str, &'static str, Vec<(&'static str, &'static str)>)> {
    RECORDED.split("\n\n").map(|case| {
        let (title, frames) = case.trim_end().split_once('\n').unwrap();
        let (name, expected) = title.split_once(": ").unwrap();
        (name, expected, frames.lines().map(|line| line.trim().split_once(' ').unwrap()).collect())
    })
}

#[test]
fn recorded_stacks_have_their_endpoints() {
    assert_eq!(recorded().count(), 20);
    for (name, expected, frames) in recorded() {
        assert_eq!(endpoint(&frames).as_deref().unwrap_or("none"), expected, "{name}");
    }
}

#[test]
fn before_python_3_11_frames_have_no_qualified_names() {
    for (name, expected, frames) in recorded() {
        let short: Vec<(&str, &str)> =
            frames.iter().map(|(function, file)| (last_part(function), *file)).collect();
        let (expected, function) = expected.rsplit_once('.').unwrap_or((expected, ""));
        // Without its class a method goes by its name alone.
        let module = expected.split('.').take(2).collect::<Vec<_>>().join(".");
        let expected = if function.is_empty() { expected.to_owned() } else { format!("{module}.{function}") };
        assert_eq!(endpoint(&short).as_deref().unwrap_or("none"), expected, "{name}");
    }
}

#[test]
fn without_a_handler_the_framework_is_named() {
    let anchor = ("BaseHandler._get_response", "/lib/django/core/handlers/base.py");
    let task = ("build_tracer.<locals>.trace_task", "/lib/celery/app/trace.py");
    let cases: [(Frames<'_>, Option<&str>); 8] = [
        (&[], None),
        (&[("main", "/srv/shop/main.py")], None),
        (&[anchor], Some("unattributed:django")),
        (&[("render", "/lib/django/template/base.py"), anchor], Some("unattributed:django")),
        (&[("timed.<locals>.wrapper", "/srv/shop/decorators.py"), anchor], Some("unattributed:django")),
        // A task run at once, within a request: the innermost with a handler.
        (
            &[("send", "/srv/shop/tasks.py"), task, ("feed", "/srv/shop/views.py"), anchor],
            Some("celery:shop.tasks.send"),
        ),
        (&[task, ("feed", "/srv/shop/views.py"), anchor], Some("fn shop.views.feed")),
        // The anchor's file alone, or its name alone, is no anchor.
        (&[("f", "/a.py"), ("BaseHandler._get_response", "/srv/base.py"), ("g", anchor.1)], None),
    ];
    for (frames, expected) in cases {
        assert_eq!(endpoint(frames).as_deref(), expected, "{frames:?}");
    }
}

#[test]
fn work_handed_to_a_thread_is_no_view() {
    let child = ("SyncToAsync.__call__.<locals>.func.<locals>.run_child", "/lib/asgiref/sync.py");
    assert_eq!(endpoint(&[("load", "/srv/shop/photos/store.py"), child]).unwrap(), "unattributed:django");
    assert_eq!(endpoint(&[("feed", "/srv/shop/photos/views/feed.py"), child]).unwrap(), "fn views.feed.feed");
}

#[test]
fn modules_are_named_by_the_end_of_their_path() {
    let cases = [
        ("/srv/shop/photos/views.py", "photos.views"),
        ("/srv/releases/2024-01-02/views.py", "views"),
        ("/lib/python3.11/site-packages/health/views.py", "health.views"),
        ("photos/views/__init__.py", "photos.views"),
        ("views.py", "views"),
        ("/srv/my-script", "my-script"),
        ("", ""),
    ];
    for (path, expected) in cases {
        assert_eq!(module(path), expected, "{path}");
    }
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    for text in
        ["", "wrappers = 1", "wrappers = []\nrule = [{framework = \"x\"}]", "wrappers = []\nrules = []"]
    {
        assert!(Rules::parse(text).unwrap_err().to_string().starts_with("stack rules: "), "{text}");
    }
}
