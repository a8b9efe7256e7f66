//! `fewer top`: where this host's CPU goes, live and without a collector.

mod by;
mod json;
mod screen;
mod text;
mod view;

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use agent::{Interval, RecordOptions, Target, Watch};
use anyhow::{Context, bail};

use crate::{args::TopArgs, record::have_ended, stop, terminal};
pub(crate) use by::By;
use screen::Screen;
use text::Layout;
use view::{Facts, Order, View};

const STEP: Duration = Duration::from_millis(50);

/// Runs until a signal, the last table or the end of all processes; returns the exit code.
pub(crate) fn run(args: &TopArgs) -> anyhow::Result<u8> {
    let by = match &args.by {
        Some(By::Function) if args.per_request => {
            bail!("--per-request: requests are not counted by function; give --by endpoint, flag or a label")
        }
        Some(by) => by.clone(),
        None if args.per_request => By::endpoint(),
        None => By::Function,
    };
    let watch = Watch::start(
        &RecordOptions {
            sampling: args.sampling.options(args.rate_hz),
            target: if args.pids.is_empty() { Target::Host } else { Target::Processes(args.pids.clone()) },
            ignored_pid: None,
        },
        args.interval,
    )?;
    let stop = stop::on_signals()?;
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let tables =
        Tables { args, by, host, cpu_count: agent::cpu_count(), lost_before: 0, screen: Screen::new() };
    let shown = tables.show_all(watch, &stop);
    // A reader that has seen enough is no failure of ours.
    let is_left = |error: &anyhow::Error| {
        error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    };
    shown.or_else(|error| if is_left(&error) { Ok(()) } else { Err(error) }).map(|()| 0)
}

/// Shows one table after the other.
struct Tables<'a> {
    args: &'a TopArgs,
    by: By,
    host: String,
    cpu_count: usize,
    /// Samples lost until the last table.
    lost_before: u64,
    screen: Screen,
}

impl Tables<'_> {
    fn show_all(mut self, mut watch: Watch, stop: &AtomicBool) -> anyhow::Result<()> {
        if self.screen.room().is_some() && !self.args.json {
            let start = format!("sampling {} at {} Hz …\n", self.host, self.args.rate_hz);
            self.screen.show(&start).context("cannot write to the terminal")?;
        }
        let mut left = self.args.count.unwrap_or(u64::MAX);
        while !stop.load(Ordering::Relaxed) && left > 0 {
            let Some(interval) = watch.step(STEP)? else {
                if have_ended(&self.args.pids) {
                    let rest = watch.finish()?;
                    return rest.iter().take(left as usize).try_for_each(|interval| self.show(interval));
                }
                continue;
            };
            // The first one may be too short to say anything: intervals end at whole multiples of the clock.
            if length(&interval) * 2 >= self.args.interval {
                self.show(&interval)?;
                left -= 1;
            }
        }
        Ok(())
    }

    fn show(&mut self, interval: &Interval) -> anyhow::Result<()> {
        let Self { args, by, .. } = self;
        let lost_samples = interval.summary.lost_samples;
        let facts = Facts {
            host: self.host.clone(),
            cpu_count: self.cpu_count,
            pids: args.pids.clone(),
            rate_hz: interval.summary.rate_hz,
            backend: interval.summary.backend.clone(),
            lost_samples: lost_samples.saturating_sub(self.lost_before),
        };
        self.lost_before = lost_samples;
        let order = if args.per_request { Order::PerRequest } else { Order::Cpu };
        let view = View::new(&interval.batch, interval.window, facts, by.clone(), order);
        let text = if args.json { json::line(&view, args.rows) } else { text::table(&view, &self.layout()) };
        self.screen.show(&text).context("cannot write the table")
    }

    fn layout(&self) -> Layout {
        let room = self.screen.room().map_or(usize::MAX, |lines| lines.saturating_sub(text::FRAME_LINES + 1));
        Layout {
            rows: self.args.rows.min(room).max(1),
            is_per_request: self.args.per_request,
            has_colour: terminal::with_colour(),
        }
    }
}

fn length(interval: &Interval) -> Duration {
    let window = interval.window;
    Duration::from_nanos(u64::try_from(window.end_ns - window.start_ns).unwrap_or_default())
}

#[cfg(test)]
mod tests;
