//! A sampling session: the sampler, and behind it attribution and aggregation, on one thread.

use std::{path::PathBuf, time::Duration};

use agent_bpf::{Event, Sampler, Target};

use crate::{
    aggregate::{Aggregator, Closed, Limits, Now},
    attribute::Attributor,
    cost,
    error::AgentError,
    options::Sampling,
    processes::ProcessOptions,
    random,
    runtimes::Change,
    tally::Tally,
};

/// Sampling, attributing, adding up.
pub(crate) struct Session {
    sampler: Sampler,
    attributor: Attributor,
    aggregator: Aggregator,
    /// A process that is not looked at.
    ignored_pid: Option<u32>,
}

/// How a session is started.
pub(crate) struct SessionOptions<'a> {
    pub(crate) sampling: &'a Sampling,
    pub(crate) target: Target,
    pub(crate) host_name: String,
    pub(crate) ignored_pid: Option<u32>,
    pub(crate) window_ns: i64,
    pub(crate) limits: Limits,
}

/// Events handed out in one go, and how often before time is looked at again.
const DRAIN_EVENTS: usize = 4096;
const DRAIN_ROUNDS: usize = 16;

impl Session {
    /// Starts sampling.
    pub(crate) fn start(options: SessionOptions<'_>) -> Result<Self, AgentError> {
        let seed =
            random::number().map_err(|source| AgentError::System { action: "read random bytes", source })?;
        let sampler = Sampler::start(&options.sampling.sampler_options(options.target, seed as u64))?;
        let attributor = Attributor::new(ProcessOptions {
            proc_root: PathBuf::from("/proc"),
            host_name: options.host_name,
            extra_labels: options.sampling.labels.clone(),
        });
        let aggregator = Aggregator::new(options.window_ns, options.limits, now(), sampler.period_ns());
        Ok(Self { sampler, attributor, aggregator, ignored_pid: options.ignored_pid })
    }

    /// Waits for events at most this long and takes in what there is.
    pub(crate) fn pump(&mut self, timeout: Duration) -> Result<(), AgentError> {
        self.sampler
            .poll(timeout)
            .map_err(|source| AgentError::System { action: "wait for samples", source })?;
        let Self { sampler, attributor, aggregator, ignored_pid, .. } = self;
        for _ in 0..DRAIN_ROUNDS {
            let drained = sampler.drain(DRAIN_EVENTS, |event| match event {
                Event::Sample(sample) if Some(sample.pid) == *ignored_pid => {}
                Event::Sample(sample) => {
                    let attributed = attributor.sample(&sample);
                    aggregator.add(sample.time_ns, attributed.labels, attributed.stack);
                }
                Event::Life(change) => attributor.life(&change),
            });
            if drained < DRAIN_EVENTS {
                break;
            }
        }
        self.keep_up();
        Ok(())
    }

    /// Tells the kernel side how to read the processes that are new.
    fn keep_up(&mut self) {
        for change in self.attributor.keep_up(cost::monotonic_ns()) {
            match change {
                Change::Configure(target, config) => {
                    if let Err(error) = self.sampler.configure(target, &config) {
                        tracing::debug!(%error, "a process is sampled without its runtime");
                    }
                }
                Change::Forget(target) => self.sampler.forget(target),
            }
        }
    }

    /// True when a window is over.
    pub(crate) fn needs_window(&self) -> bool {
        self.aggregator.needs_window(cost::monotonic_ns())
    }

    /// Opens the next window, with another sampling rate perhaps.
    pub(crate) fn open_window(&mut self, rate_hz: u32) -> Result<(), AgentError> {
        let current = agent_bpf::SamplerOptions { frequency_hz: rate_hz, ..Default::default() };
        if current.period_ns() != self.sampler.period_ns() {
            self.sampler.set_frequency(rate_hz)?;
        }
        self.close_counts();
        self.aggregator.open_window(now(), self.sampler.period_ns());
        Ok(())
    }

    /// A window that has ended, if one has.
    pub(crate) fn close_window(&mut self) -> Option<Closed> {
        self.aggregator.close_window(cost::monotonic_ns())
    }

    /// Takes in what is left and ends.
    pub(crate) fn finish(mut self) -> Result<(Vec<Closed>, Tally), AgentError> {
        self.pump(Duration::ZERO)?;
        self.close_counts();
        let tally = self.tally();
        Ok((self.aggregator.finish(now()), tally))
    }

    fn close_counts(&mut self) {
        let requests = self.attributor.take_requests();
        self.aggregator.set_requests(requests);
    }

    /// Gives back memory.
    pub(crate) fn trim(&mut self) {
        self.attributor.trim();
    }

    /// The sampler, for what it knows of itself.
    pub(crate) fn sampler(&self) -> &Sampler {
        &self.sampler
    }

    /// Everything counted so far.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = self.attributor.tally();
        tally.merge(self.aggregator.tally());
        let losses = self.sampler.losses();
        tally.set("sampler_losses_total", "samples", losses.samples);
        tally.set("sampler_losses_total", "life events", losses.life_events);
        tally.set("sampler_losses_total", "undecodable", losses.undecodable);
        tally.set("sampler_losses_total", "unfollowed", losses.unfollowed);
        tally.set("sampler_losses_total", "unconfigured", losses.unconfigured);
        tally
    }
}

fn now() -> Now {
    Now { monotonic_ns: cost::monotonic_ns(), wall_ns: cost::wall_ns() }
}
