//! Contexts that native programs publish: thread context, Go labels, custom labels.

use std::path::{Path, PathBuf};
use std::process::Command;

use agent_bpf::{
    ContextOutcome, ContextSource, CustomLabels, GoLabels, GoLabelsForm, RawContext, RuntimeConfig,
    ThreadContext,
};

use crate::process::{Program, compile_c, may_sample, output_of, sample_configured, source};

/// A context as text.
fn describe(context: &RawContext<'_>) -> String {
    let mut text = format!("{:?} {:?}", context.source, context.outcome);
    if context.cut > 0 {
        text += &format!(", cut {}", context.cut);
    }
    if context.source == ContextSource::ThreadContext && context.outcome == ContextOutcome::Found {
        let attributes =
            String::from_utf8_lossy(&context.bytes[30..context.bytes.len().min(39)]).into_owned();
        text += &format!(", {} of {} bytes: {attributes}", context.bytes.len(), context.length);
    }
    for (key, value) in context.labels() {
        let (key, value) = (String::from_utf8_lossy(key), String::from_utf8_lossy(value));
        text += &format!(", {key}={value}");
    }
    text
}

/// The context of ten samples, which must all be the same.
fn context_of(program: &Program, config: &RuntimeConfig) -> String {
    let mut seen = Vec::new();
    sample_configured(program, config, |sample| {
        let context = sample.context.as_ref().unwrap();
        assert_eq!(context.address != 0, context.outcome == ContextOutcome::Found);
        seen.push(describe(context));
        seen.len() == 10
    });
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");
    seen.remove(0)
}

fn thread_context(program: &Program) -> Option<ThreadContext> {
    Some(ThreadContext { offsets: [Some(program.number("thread_context")), None] })
}

fn custom_labels(program: &Program) -> Option<CustomLabels> {
    Some(CustomLabels { offset: program.number("custom_labels") })
}

/// The structs of the C program that stand for Go's.
fn go_map(program: &Program) -> Option<GoLabels> {
    let form = GoLabelsForm::Map;
    Some(GoLabels { g_offset: program.number("g"), m: 48, curg: 192, labels: 344, form })
}

fn run(path: &Path, how: &str) -> Program {
    Program::start(Command::new(path).arg(how))
}

#[test]
fn contexts_are_found_in_thread_local_storage() {
    let Some((_folder, path)) = may_sample().then(|| compile_c("labels")).flatten() else { return };
    let only_thread_context = |program: &Program| RuntimeConfig {
        thread_context: thread_context(program),
        ..RuntimeConfig::default()
    };
    let only_custom = |program: &Program| RuntimeConfig {
        custom_labels: custom_labels(program),
        ..RuntimeConfig::default()
    };
    let only_go =
        |program: &Program| RuntimeConfig { go_labels: go_map(program), ..RuntimeConfig::default() };
    let all = |program: &Program| RuntimeConfig {
        thread_context: thread_context(program),
        go_labels: go_map(program),
        custom_labels: custom_labels(program),
        ..RuntimeConfig::default()
    };
    let second_offset = |program: &Program| RuntimeConfig {
        thread_context: Some(ThreadContext {
            offsets: [Some(program.number("null")), Some(program.number("thread_context"))],
        }),
        ..RuntimeConfig::default()
    };
    let long = format!(", {}={}", "x".repeat(64), "x".repeat(128)).repeat(16);
    let feed = ", endpoint=GET /feed, user=none";
    let check = |how: &str, config: &dyn Fn(&Program) -> RuntimeConfig, expected: String| {
        let program = run(&path, how);
        assert_eq!(context_of(&program, &config(&program)), expected, "{how}");
    };
    check("plain", &only_thread_context, "ThreadContext Found, 39 of 39 bytes: GET /feed".into());
    check("full", &only_thread_context, "ThreadContext Found, 640 of 640 bytes: GET /feed".into());
    check("oversized", &only_thread_context, "ThreadContext Oversized".into());
    check("torn", &only_thread_context, "ThreadContext Torn".into());
    check("unmapped", &only_thread_context, "ThreadContext Fault".into());
    check("fallback", &only_thread_context, "ThreadContext NoContext".into());
    check("plain", &second_offset, "ThreadContext Found, 39 of 39 bytes: GET /feed".into());
    check("plain", &only_custom, format!("CustomLabels Found{feed}"));
    check("many", &only_custom, format!("CustomLabels Found, cut 20{long}"));
    check("none", &only_custom, "CustomLabels NoContext".into());
    check("plain", &only_go, format!("GoLabels Found{feed}"));
    check("plain", &all, "ThreadContext Found, 39 of 39 bytes: GET /feed".into());
    check("torn", &all, "ThreadContext Torn".into());
    check("fallback", &all, format!("GoLabels Found{feed}"));
}

/// Offsets of `m.curg` and `g.labels` in the versions whose labels are a slice.
fn go_slice(version: &str) -> Option<GoLabels> {
    let (curg, labels) = match version {
        "1.24" => (192, 352),
        "1.25" => (184, 344),
        "1.26" | "1.27" => (184, 352),
        _ => return None,
    };
    Some(GoLabels { g_offset: -8, m: 48, curg, labels, form: GoLabelsForm::Slice })
}

/// The Go toolchain and the offsets of its version.
fn go_toolchain() -> Option<(PathBuf, GoLabels)> {
    let paths = ["go", "/usr/local/go/bin/go"].map(PathBuf::from);
    let found = paths.into_iter().find_map(|path| {
        let text = output_of(Command::new(&path).args(["env", "GOVERSION"]))?;
        let version = text.trim().trim_start_matches("go").to_owned();
        let minor = version.splitn(3, '.').take(2).collect::<Vec<&str>>().join(".");
        Some((path, go_slice(&minor)?))
    });
    if found.is_none() {
        eprintln!("SKIPPED: no Go 1.24 to 1.27 here");
    }
    found
}

#[test]
fn labels_of_a_go_program_are_found() {
    let Some((go, labels)) = may_sample().then(go_toolchain).flatten() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels");
    let built = Command::new(go).args(["build", "-o"]).arg(&path).arg(source("labels.go")).status().unwrap();
    assert!(built.success());
    let program = Program::start(&mut Command::new(&path));
    let config = RuntimeConfig { go_labels: Some(labels), ..RuntimeConfig::default() };
    let mut seen = 0;
    sample_configured(&program, &config, |sample| {
        let text = describe(sample.context.as_ref().unwrap());
        // Other threads of the process run the scheduler and the collector of garbage, which have no labels.
        let is_ours = text == "GoLabels Found, endpoint=GET /feed, user=none";
        assert!(is_ours || ["GoLabels NoContext", "GoLabels Absent"].contains(&text.as_str()), "{text}");
        seen += usize::from(is_ours);
        seen >= 100
    });
}
