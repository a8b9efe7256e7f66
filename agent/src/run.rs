//! The agent at work: one thread samples, one names what was sampled, one sends, and two look at processes now and then:
//! at what they hold in memory, and at which of their code has run.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, Scope, ScopedJoinHandle},
    time::{Duration, Instant},
};

use agent_bpf::Target;
use model::{AgentId, BatchBuilder};
use wire::push::Reports;

use crate::{
    aggregate::{Closed, Limits},
    budget::{Cost, Governor},
    code_report,
    cost::{self, CpuMeter},
    error::AgentError,
    host, memory_report,
    options::AgentOptions,
    pace::LookOptions,
    processes::ProcessOptions,
    random,
    report::{self, State},
    session::{Session, SessionOptions},
    spool::{Spool, SpoolOptions},
    symbolize::Names,
    upload::{self, Client, Outbox},
};

/// A window on its way from sampling to naming.
struct Job {
    closed: Closed,
    state: State,
    /// Caches must give memory back.
    trim: bool,
}

const WINDOW_NS: i64 = 10_000_000_000;
/// How long the sampling thread sleeps. Rings hold many times as much.
const PUMP: Duration = Duration::from_millis(100);
/// Windows that may wait for their names.
const QUEUED_WINDOWS: usize = 4;
/// How long the end of the agent waits for the collector.
const LAST_SEND: Duration = Duration::from_secs(3);
/// What memory reports and code reports may take of the CPU time that the agent may take.
const MEMORY_SHARE: f64 = 0.4;
const CODE_SHARE: f64 = 0.2;

/// Runs until `stop` is set. The last window is then spooled, and sent if the collector answers at once.
pub fn run(options: &AgentOptions, stop: &AtomicBool) -> Result<(), AgentError> {
    agent_bpf::return_memory_early();
    let host = host::read();
    // A mistaken address is told before anything on the disk is touched.
    let client = Client::new(options.collector.clone())?;
    let outbox = open_outbox(options)?;
    let session = Session::start(SessionOptions {
        sampling: &options.sampling,
        target: Target::Host,
        host_name: host.name.clone(),
        ignored_pid: None,
        window_ns: WINDOW_NS,
        limits: Limits::default(),
    })?;
    let facts = report::facts(&host, session.sampler());
    tracing::info!(
        backend = facts.get("agent.backend").map(AsRef::as_ref),
        rate_hz = options.sampling.rate_hz,
        collector = client.url(),
        "sampling this host"
    );
    if let Some(reason) = session.sampler().fallback_reason() {
        tracing::warn!(%reason, "BPF is not used; `fewer agent doctor` says what that costs");
    }
    let meter = CpuMeter::default();
    let looks = Looks::default();
    let (jobs, queue) = sync_channel(QUEUED_WINDOWS);
    thread::scope(|scope| {
        spawn(scope, "fewer-upload", || {
            meter.add_this_thread();
            upload::send_all(&outbox, &client, random::fraction);
        })?;
        looks.start(scope, options, &host.name, &meter)?;
        let namer = spawn(scope, "fewer-symbols", || {
            meter.add_this_thread();
            name_windows(queue, (&outbox, &looks), &facts);
        });
        let sampled = namer.and_then(|namer| {
            meter.add_this_thread();
            let sampled = Sampling { options, session, meter: &meter, jobs, stop }.run();
            // The last windows have to be in the spool before the sender is told to end.
            if namer.join().is_err() {
                tracing::error!("the thread that names functions ended early");
            }
            sampled
        });
        looks.is_over.store(true, Ordering::Relaxed);
        outbox.close(Instant::now() + LAST_SEND);
        sampled
    })
}

fn spawn<'scope, 'environment>(
    scope: &'scope Scope<'scope, 'environment>,
    name: &str,
    work: impl FnOnce() + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, ()>, AgentError> {
    let spawned = thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, work);
    spawned.map_err(|source| AgentError::System { action: "start a thread", source })
}

/// What looks at processes find, on threads of their own.
#[derive(Default)]
struct Looks {
    memory: memory_report::reporter::Found,
    code: code_report::reporter::Found,
    is_over: AtomicBool,
}

impl Looks {
    fn start<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        options: &AgentOptions,
        host_name: &str,
        meter: &'scope CpuMeter,
    ) -> Result<(), AgentError> {
        let processes = ProcessOptions {
            proc_root: "/proc".into(),
            host_name: host_name.to_owned(),
            extra_labels: options.sampling.labels.clone(),
        };
        let Self { memory, code, is_over } = self;
        if let Some(interval) = options.memory_interval {
            let (processes, cpus) = (processes.clone(), options.ceilings.cpus * MEMORY_SHARE);
            let options = LookOptions { processes, interval, cpus };
            spawn(scope, "fewer-memory", move || {
                meter.add_this_thread();
                memory_report::reporter::run(&options, memory, is_over);
            })?;
        }
        if let Some(interval) = options.code_interval {
            let cpus = options.ceilings.cpus * CODE_SHARE;
            let options = LookOptions { processes, interval, cpus };
            spawn(scope, "fewer-code", move || {
                meter.add_this_thread();
                code_report::reporter::run(&options, code, is_over);
            })?;
        }
        Ok(())
    }
}

fn open_outbox(options: &AgentOptions) -> Result<Outbox, AgentError> {
    let boot_id =
        host::boot_id().map_err(|source| AgentError::System { action: "read the boot id", source })?;
    let fresh =
        random::number().map_err(|source| AgentError::System { action: "read random bytes", source })?;
    let spool = Spool::open(SpoolOptions {
        directory: options.spool_directory.clone(),
        limit_bytes: options.spool_limit_bytes,
        boot_id,
        fresh_id: AgentId(fresh),
    })?;
    Ok(Outbox::new(spool))
}

/// The sampling thread's work.
struct Sampling<'a> {
    options: &'a AgentOptions,
    session: Session,
    meter: &'a CpuMeter,
    jobs: SyncSender<Job>,
    stop: &'a AtomicBool,
}

/// The cost at the end of the last window.
struct Mark {
    cpu_ns: u64,
    at_ns: u64,
}

impl Sampling<'_> {
    fn run(mut self) -> Result<(), AgentError> {
        let mut governor = Governor::new(self.options.ceilings, self.options.sampling.rate_hz);
        let mut rate_hz = self.options.sampling.rate_hz;
        let mut mark = Mark { cpu_ns: 0, at_ns: cost::monotonic_ns() };
        let mut dropped_windows = 0;
        while !self.stop.load(Ordering::Relaxed) {
            self.session.pump(PUMP)?;
            if self.session.needs_window() {
                self.session.open_window(rate_hz)?;
            }
            let Some(closed) = self.session.close_window() else { continue };
            let mut state = self.state(&mut mark, rate_hz);
            state.tally.set("window_drops_total", "", dropped_windows);
            let verdict = governor.observe(state.cost);
            if verdict.rate_hz != rate_hz {
                tracing::warn!(
                    from_hz = rate_hz,
                    to_hz = verdict.rate_hz,
                    "the budget changes the sampling rate"
                );
                rate_hz = verdict.rate_hz;
            }
            if verdict.trim {
                self.session.trim();
            }
            match self.jobs.try_send(Job { closed, state, trim: verdict.trim }) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => dropped_windows += 1,
                Err(TrySendError::Disconnected(_)) => return Ok(()),
            }
        }
        self.finish(mark, rate_hz)
    }

    fn finish(self, mut mark: Mark, rate_hz: u32) -> Result<(), AgentError> {
        let state = self.state(&mut mark, rate_hz);
        let (windows, tally) = self.session.finish()?;
        for closed in windows {
            let state = State { tally: tally.clone(), ..state.clone() };
            // A closed queue means that the other thread has failed, which it says itself.
            let _ = self.jobs.send(Job { closed, state, trim: false });
        }
        Ok(())
    }

    fn state(&self, mark: &mut Mark, rate_hz: u32) -> State {
        let now = Mark { cpu_ns: self.meter.cpu_ns(), at_ns: cost::monotonic_ns() };
        let cost = Cost {
            cpu_ns: now.cpu_ns.saturating_sub(mark.cpu_ns),
            elapsed_ns: now.at_ns.saturating_sub(mark.at_ns),
            rss_bytes: cost::rss_bytes().unwrap_or(0),
        };
        let cpu_ns = now.cpu_ns;
        *mark = now;
        State { tally: self.session.tally(), cost, cpu_ns, rate_hz }
    }
}

/// Names each window's stacks and puts them into the spool.
fn name_windows(
    queue: Receiver<Job>,
    (outbox, looks): (&Outbox, &Looks),
    facts: &BTreeMap<Arc<str>, Arc<str>>,
) {
    let mut names = Names::new(symbols::Limits::default());
    let mut spool_failures = 0;
    for mut job in queue {
        let mut batch = BatchBuilder::new();
        names.add(&job.closed, job.closed.window, &mut batch);
        let batch = batch.finish();
        looks.code.add_sampled(&batch.frames);
        if job.trim {
            names.trim();
        }
        let tally = &mut job.state.tally;
        tally.merge(&names.tally());
        tally.merge(&outbox.deliveries());
        tally.merge(&looks.memory.tally());
        tally.merge(&looks.code.tally());
        tally.set("spool_failures_total", "", spool_failures);
        let report = report::report(job.closed.window.end_ns, facts, &job.state, outbox.usage());
        let (memory, code) = (looks.memory.take(), looks.code.take());
        let reports = Reports { memory: &memory, code: &code };
        let encode = |key| wire::push::encode_with(key, &batch, Some(&report), reports);
        if let Err(error) = outbox.append(encode) {
            spool_failures += 1;
            tracing::error!(%error, "a window is lost");
        }
        drop((batch, job.closed));
        agent_bpf::give_memory_back();
    }
}
