//! Which configuration holds for a process, and what happens at the limits.

use std::process::Command;

use agent_bpf::{
    Backend, CONFIGS_MAX, ConfigureError, ContextOutcome, CustomLabels, ImageKey, QueryText, RawSample,
    RuntimeConfig, Sampler, SamplerOptions, Target, TargetKey, TextOutcome, ThreadContext,
};

use crate::process::{Program, compile_c, image_of, may_sample, sample_until, sampler};

fn query(pointer_address: u64) -> RuntimeConfig {
    RuntimeConfig { query_text: Some(QueryText { pointer_address }), ..RuntimeConfig::default() }
}

/// Waits until a sample says this of the query, which must come to hold within moments.
fn wait_for(sampler: &mut Sampler, expected: Option<TextOutcome>) {
    sample_until(sampler, |sample: &RawSample<'_>| sample.query_text.map(|text| text.outcome) == expected);
}

#[test]
fn the_process_wins_over_the_image_while_it_has_it() {
    let Some((_folder, path)) = may_sample().then(|| compile_c("text")).flatten() else { return };
    let program = Program::start(Command::new(path).arg("9"));
    let mut sampler = sampler(program.pid());
    let image = image_of(&mut sampler);
    let (by_image, pid) = (TargetKey::Image(image), program.pid());
    let by_process = TargetKey::Process { pid, start_stack: image.start_stack };
    let by_predecessor = TargetKey::Process { pid, start_stack: image.start_stack + 16 };
    wait_for(&mut sampler, None);
    sampler.configure(by_image, &query(program.address("query"))).unwrap();
    wait_for(&mut sampler, Some(TextOutcome::Read));
    sampler.configure(by_process, &query(0x1000)).unwrap();
    wait_for(&mut sampler, Some(TextOutcome::Fault));
    // One process has one entry, and that of another image is none of its.
    sampler.forget(by_predecessor);
    sampler.configure(by_image, &RuntimeConfig::default()).unwrap();
    wait_for(&mut sampler, Some(TextOutcome::Fault));
    sampler.configure(by_predecessor, &query(0x1000)).unwrap();
    wait_for(&mut sampler, None);
    sampler.forget(by_image);
    sampler.forget(by_image);
    sampler.configure(by_process, &query(program.address("query"))).unwrap();
    wait_for(&mut sampler, Some(TextOutcome::Read));
    sampler.forget(by_process);
    wait_for(&mut sampler, None);
    let elsewhere = ImageKey { exe_inode: image.exe_inode + 1, ..image };
    sampler.configure(TargetKey::Image(elsewhere), &query(program.address("query"))).unwrap();
    let mut seen = 0;
    sample_until(&mut sampler, |sample| {
        assert!(sample.query_text.is_none());
        seen += 1;
        seen >= 50
    });
}

#[test]
fn unreadable_thread_local_storage_is_a_fault() {
    let Some((_folder, path)) = may_sample().then(|| compile_c("text")).flatten() else { return };
    let program = Program::start(Command::new(path).arg("9"));
    let mut sampler = sampler(program.pid());
    let image = TargetKey::Image(image_of(&mut sampler));
    let far = i64::MAX / 2;
    for config in [
        RuntimeConfig { custom_labels: Some(CustomLabels { offset: far }), ..RuntimeConfig::default() },
        RuntimeConfig {
            thread_context: Some(ThreadContext { offsets: [None, Some(far)] }),
            ..RuntimeConfig::default()
        },
    ] {
        sampler.configure(image, &RuntimeConfig::default()).unwrap();
        sample_until(&mut sampler, |sample| sample.context.is_none());
        sampler.configure(image, &config).unwrap();
        sample_until(&mut sampler, |sample| {
            sample.context.is_some_and(|context| {
                assert_eq!(context.outcome, ContextOutcome::Fault);
                true
            })
        });
    }
}

#[test]
fn a_full_table_is_an_error_and_counted() {
    if !may_sample() {
        return;
    }
    let mut sampler = sampler(std::process::id());
    let image = image_of(&mut sampler);
    let key = |idx: usize| TargetKey::Image(ImageKey { start_stack: idx as u64 + 1, ..image });
    for idx in 0..CONFIGS_MAX {
        sampler.configure(key(idx), &query(1)).unwrap();
    }
    let error = sampler.configure(key(CONFIGS_MAX), &query(1)).unwrap_err();
    assert!(matches!(error, ConfigureError::Full), "{error}");
    assert_eq!(sampler.losses().unconfigured, 1);
    // What is there can still be replaced, and what is forgotten makes room.
    sampler.configure(key(0), &query(2)).unwrap();
    sampler.forget(key(0));
    sampler.configure(key(CONFIGS_MAX), &query(1)).unwrap();
}

#[test]
fn the_perf_ring_ignores_configurations_and_says_so() {
    if !may_sample() {
        return;
    }
    let target = Target::Processes(vec![std::process::id()]);
    let options = SamplerOptions { backend: Backend::PerfRing, target, ..SamplerOptions::default() };
    let mut sampler = Sampler::start(&options).unwrap();
    assert!(!sampler.reads_runtimes());
    let key = TargetKey::Process { pid: std::process::id(), start_stack: 1 };
    sampler.configure(key, &query(1)).unwrap();
    sampler.forget(key);
}
