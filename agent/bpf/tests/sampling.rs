//! Real processes sampled through both backends. Needs root; says so and passes where there is none.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "helpers of tests may do what tests may"
)]

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use agent_bpf::{
    Backend, CapabilityState, Event, LifeChange, Mode, RawSample, Sampler, SamplerError, SamplerOptions,
    StackEnd, Target, Trigger, probe,
};

const BUSY: &str = "while :; do :; done";
/// Long past what any test needs; reaching it fails the test.
const DEADLINE: Duration = Duration::from_secs(20);

/// A shell running a script, killed at the end.
struct Shell(Child);

impl Shell {
    fn run(script: &str) -> Self {
        let command = Command::new("/bin/sh").args(["-c", script]).stdout(Stdio::null()).spawn();
        Self(command.expect("a shell"))
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        for child in children(self.pid()) {
            Command::new("/bin/kill").arg(child.to_string()).status().ok();
        }
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn children(pid: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// The backends this machine permits; none without privileges.
fn backends() -> Vec<Backend> {
    let permitted = match probe().backend {
        Some(Backend::Bpf) => vec![Backend::Bpf, Backend::PerfRing],
        Some(_) => vec![Backend::PerfRing],
        None => Vec::new(),
    };
    if permitted.len() < 2 {
        eprintln!("SKIPPED, not permitted here: sampling tests other than for {permitted:?}");
    }
    permitted
}

fn options(backend: Backend, target: Target) -> SamplerOptions {
    SamplerOptions { frequency_hz: 199, backend, target, ..SamplerOptions::default() }
}

/// Drains until `done` says so of an event.
fn drain_until(sampler: &mut Sampler, mut done: impl FnMut(&Event<'_>) -> bool) {
    let started = Instant::now();
    let mut is_done = false;
    while !is_done {
        assert!(started.elapsed() < DEADLINE, "what the test waits for did not happen");
        sampler.poll(Duration::from_millis(50)).unwrap();
        sampler.drain(10_000, |event| is_done |= done(&event));
    }
}

fn with_samples(sampler: &mut Sampler, count: usize, mut check: impl FnMut(&RawSample<'_>)) {
    let mut seen = 0;
    drain_until(sampler, |event| {
        if let Event::Sample(sample) = event {
            check(sample);
            seen += 1;
        }
        seen >= count
    });
}

/// Ranges of executable memory.
fn code_ranges(pid: u32) -> Vec<std::ops::Range<u64>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let executable =
        maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|flags| flags.contains('x')));
    let parse = |text: &str| u64::from_str_radix(text, 16).unwrap();
    executable
        .map(|line| line.split(' ').next().unwrap().split_once('-').unwrap())
        .map(|(start, end)| parse(start)..parse(end))
        .collect()
}

#[test]
fn user_code_is_sampled_with_registers_and_stack() {
    for backend in backends() {
        let busy = Shell::run(BUSY);
        let mut sampler = Sampler::start(&options(backend, Target::Processes(vec![busy.pid()]))).unwrap();
        let code = code_ranges(busy.pid());
        let mut user_samples = 0;
        with_samples(&mut sampler, 100, |sample| {
            assert_eq!((sample.pid, sample.tid), (busy.pid(), busy.pid()));
            let user = sample.user.as_ref().expect("a process has a user side");
            let (sp, stack) = (user.registers.sp(), &user.stack);
            assert!(code.iter().any(|range| range.contains(&user.registers.ip)), "{:#x}", user.registers.ip);
            assert!(stack.word(sp).is_some(), "{stack:?} does not hold {sp:#x}");
            assert!(stack.bytes.len() <= 32 << 10);
            if sample.mode == Mode::User {
                user_samples += 1;
                assert_eq!(sample.kernel_stack.iter().count(), 0);
            }
            if backend == Backend::Bpf {
                assert_eq!(sample.comm.unwrap().as_bytes(), b"sh");
                assert_eq!(stack.end, StackEnd::Top);
                assert_eq!(stack.top, Some(stack.address + stack.bytes.len() as u64));
                assert_ne!(user.thread_pointer, Some(0));
            }
        });
        assert!(user_samples > 50, "{backend:?}: {user_samples} of 100 samples in user code");
        assert_eq!(sampler.losses(), agent_bpf::Losses::default());
    }
}

#[test]
fn image_key_names_the_executable() {
    use std::os::unix::fs::MetadataExt;
    if !backends().contains(&Backend::Bpf) {
        return;
    }
    let busy = Shell::run(BUSY);
    let mut sampler = Sampler::start(&options(Backend::Bpf, Target::Processes(vec![busy.pid()]))).unwrap();
    let executable = fs::metadata(format!("/proc/{}/exe", busy.pid())).unwrap();
    let stat = fs::read_to_string(format!("/proc/{}/stat", busy.pid())).unwrap();
    let fields: Vec<u64> =
        stat.rsplit_once(')').unwrap().1.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect();
    with_samples(&mut sampler, 1, |sample| {
        let image = sample.image.unwrap();
        assert_eq!(image.exe_inode, executable.ino());
        // Fields 26 and 28 of proc(5), counted from the one after the name.
        assert_eq!((image.start_code, image.start_stack), (fields[23], fields[25]));
    });
}

#[test]
fn kernel_code_is_sampled_with_its_stack_and_the_callers_registers() {
    for backend in backends() {
        let busy = Shell::run("exec dd if=/dev/zero of=/dev/null bs=1 2>/dev/null");
        let mut sampler = Sampler::start(&options(backend, Target::Processes(vec![busy.pid()]))).unwrap();
        let (mut kernel, mut with_stack) = (0, 0);
        drain_until(&mut sampler, |event| {
            let Event::Sample(sample) = event else { return false };
            if sample.mode == Mode::Kernel {
                kernel += 1;
                with_stack += usize::from(sample.kernel_stack.iter().count() > 1);
                assert!(sample.kernel_stack.iter().all(|address| address > 1 << 63), "{sample:?}");
                assert!(sample.user.as_ref().is_some_and(|user| user.registers.ip < 1 << 47), "{sample:?}");
            }
            kernel == 50
        });
        assert!(with_stack > 45, "{backend:?}: {with_stack} of {kernel} kernel samples have callers");
    }
}

#[test]
fn only_the_targets_are_sampled() {
    for backend in backends() {
        let (target, other) = (Shell::run(BUSY), Shell::run(BUSY));
        let mut sampler = Sampler::start(&options(backend, Target::Processes(vec![target.pid()]))).unwrap();
        with_samples(&mut sampler, 100, |sample| assert_eq!(sample.pid, target.pid()));

        sampler.add_target(other.pid()).unwrap();
        let mut seen = BTreeSet::new();
        drain_until(&mut sampler, |event| {
            if let Event::Sample(sample) = event {
                seen.insert(sample.pid);
            }
            seen.len() == 2
        });
        assert_eq!(seen, BTreeSet::from([target.pid(), other.pid()]));
    }
}

#[test]
fn descendants_are_followed_and_their_life_reported() {
    for backend in backends() {
        // One child exists before the sampler starts; others come and go afterwards.
        let shell = Shell::run(
            "sh -c 'while :; do :; done' & while :; do sh -c 'i=0; while [ $i -lt 9999 ]; do i=$((i+1)); done'; done",
        );
        let started = Instant::now();
        while children(shell.pid()).len() < 2 {
            assert!(started.elapsed() < DEADLINE, "the shell did not start its children");
        }
        let first_children = children(shell.pid());
        let mut sampler = Sampler::start(&options(backend, Target::Processes(vec![shell.pid()]))).unwrap();
        let (mut forked, mut executed, mut mapped, mut exited, mut sampled) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        drain_until(&mut sampler, |event| {
            match event {
                Event::Sample(sample) => sampled.insert(sample.pid),
                Event::Life(life) => match &life.change {
                    LifeChange::Fork { parent_pid } if *parent_pid == shell.pid() => forked.insert(life.pid),
                    LifeChange::Fork { .. } => true,
                    LifeChange::Exec { comm } => comm.as_bytes() == b"sh" && executed.insert(life.pid),
                    LifeChange::Map(map) => map.path.ends_with(b"/dash") && mapped.insert(life.pid),
                    LifeChange::Exit => exited.insert(life.pid),
                },
            };
            let whole_life = |pid: &&u32| {
                executed.contains(pid)
                    && mapped.contains(pid)
                    && exited.contains(pid)
                    && sampled.contains(pid)
            };
            forked.iter().filter(whole_life).count() >= 3
                && first_children.iter().any(|pid| sampled.contains(pid))
        });
    }
}

#[test]
fn a_full_ring_is_counted() {
    for backend in backends() {
        let busy = [Shell::run(BUSY), Shell::run(BUSY)];
        let mut sampler = Sampler::start(&SamplerOptions {
            frequency_hz: 999,
            stack_bytes: 64 << 10,
            ring_bytes: Some(128 << 10),
            ..options(backend, Target::Processes(busy.iter().map(Shell::pid).collect()))
        })
        .unwrap();
        let started = Instant::now();
        while sampler.losses().samples == 0 {
            assert!(started.elapsed() < DEADLINE, "{backend:?}: nothing was lost");
            std::thread::sleep(Duration::from_millis(500));
            // The perf ring reports a loss with the first record that fits again.
            sampler.drain(usize::MAX, |_| {});
        }
        // After a loss the ring goes on working.
        with_samples(&mut sampler, 10, |_| {});
        assert_eq!(sampler.losses().undecodable, 0);
    }
}

#[test]
fn the_rate_can_change_while_sampling() {
    for backend in backends() {
        let busy = Shell::run(BUSY);
        let mut sampler = Sampler::start(&options(backend, Target::Processes(vec![busy.pid()]))).unwrap();
        with_samples(&mut sampler, 10, |_| {});
        sampler.set_frequency(499).unwrap();
        assert_eq!(sampler.period_ns(), 1_000_000_000 / 499);
        sampler.drain(usize::MAX, |_| {});
        // Samples of one CPU this close together do not come at 199 Hz.
        let mut last = (u32::MAX, 0);
        drain_until(&mut sampler, |event| {
            let Event::Sample(sample) = event else { return false };
            let (cpu, time_ns) = std::mem::replace(&mut last, (sample.cpu, sample.time_ns));
            cpu == sample.cpu && (1_500_000..3_000_000).contains(&(sample.time_ns - time_ns))
        });
        assert!(matches!(sampler.set_frequency(1000), Err(SamplerError::FrequencyHz { .. })));
    }
}

#[test]
fn the_whole_host_is_sampled_in_order_of_time() {
    for backend in backends() {
        let _busy =
            [Shell::run(BUSY), Shell::run(BUSY), Shell::run("exec dd if=/dev/zero of=/dev/null bs=1")];
        let mut sampler = Sampler::start(&options(backend, Target::Host)).unwrap();
        assert!(sampler.sees_kernel());
        assert!(matches!(sampler.add_target(1), Err(SamplerError::NoTargets)));
        let (mut pids, mut cpus, mut late, mut last_ns) = (BTreeSet::new(), BTreeSet::new(), 0, 0);
        with_samples(&mut sampler, 300, |sample| {
            assert_ne!(sample.pid, 0, "the idle task is not sampled");
            late += usize::from(sample.time_ns < last_ns);
            last_ns = sample.time_ns;
            pids.insert(sample.pid);
            cpus.insert(sample.cpu);
        });
        assert!(pids.len() >= 3, "{pids:?}");
        assert_eq!(cpus.len(), std::thread::available_parallelism().unwrap().get());
        assert!(late < 10, "{late} of 300 samples out of order");
    }
}

#[test]
fn automatic_choice_is_what_the_probe_says() {
    let Some(expected) = probe().backend else { return };
    let sampler = Sampler::start(&SamplerOptions::default()).unwrap();
    assert_eq!(sampler.backend(), expected);
    assert_eq!(sampler.fallback_reason().is_none(), expected == Backend::Bpf);
}

#[test]
fn a_missing_cycle_counter_is_named() {
    let capabilities = probe();
    let counter = capabilities.rows.iter().find(|row| row.what == "hardware cycle counter").unwrap();
    let started = Sampler::start(&SamplerOptions { trigger: Trigger::Cycles, ..SamplerOptions::default() });
    match (capabilities.backend, counter.state) {
        (None, _) => assert!(matches!(started.err(), Some(SamplerError::NotPermitted { .. }))),
        (_, CapabilityState::Present) => assert!(started.is_ok()),
        _ => assert!(matches!(started.err(), Some(SamplerError::NoSuchEvent { .. }))),
    }
}

#[test]
fn bad_options_are_refused_with_the_limit() {
    let error =
        |options: SamplerOptions| Sampler::start(&options).err().map(|error| error.to_string()).unwrap();
    let base = SamplerOptions::default;
    let processes = |pids| SamplerOptions { target: Target::Processes(pids), ..base() };
    insta::assert_snapshot!(error(SamplerOptions { frequency_hz: 0, ..base() }), @"frequency_hz is 0; choose 1 to 999");
    insta::assert_snapshot!(error(SamplerOptions { stack_bytes: 10_000, ..base() }), @"stack_bytes is 10000; choose a multiple of 4096 from 8192 to 65536");
    insta::assert_snapshot!(error(SamplerOptions { ring_bytes: Some(1), ..base() }), @"ring_bytes is 1; choose 131072 to 268435456");
    insta::assert_snapshot!(error(processes(Vec::new())), @"0 target processes were given; give 1 to 1024");
    insta::assert_snapshot!(error(processes(vec![u32::MAX])), @"process 4294967295 does not exist; give the pid of a running process");
}
