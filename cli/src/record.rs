//! `fewer record`: one stretch of sampling into a file or a table.

mod child;
mod report;
mod table;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use agent::{RecordOptions, Recorder, Recording, Target};
use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use wire::file::Format;

use crate::{args::RecordArgs, sources::Sources, stop, terminal};
use child::Child;

/// Without a command and without -d, a recording takes this long.
const DEFAULT_DURATION: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(50);

/// Carries out the command; returns the exit code.
pub(crate) fn run(args: &RecordArgs) -> anyhow::Result<u8> {
    let output = args.output.as_deref().map(check_output).transpose()?;
    let own_pid = std::process::id();
    let mut recorder = Recorder::start(&RecordOptions {
        sampling: args.sampling.options(args.rate_hz),
        target: target(args, own_pid),
        ignored_pid: (!args.command.is_empty()).then_some(own_pid),
    })?;
    let stop = stop::on_signals()?;
    // Sampling follows the descendants of this process, so the command is sampled from its first instruction.
    let mut child =
        args.command.split_first().map(|(program, rest)| Child::start(program, rest)).transpose()?;
    let limit = args.duration.or((args.command.is_empty()).then_some(DEFAULT_DURATION));
    sample(&mut recorder, child.as_mut(), limit, &args.pids, &stop)?;
    let code = child.map_or(Ok(0), Child::end)?;
    let recording = recorder.finish()?;
    if recording.batch.total() == 0 {
        bail!("nothing was sampled: {}", nothing_sampled(args));
    }
    print(args, &recording, output)?;
    Ok(code)
}

fn target(args: &RecordArgs, own_pid: u32) -> Target {
    match (args.command.is_empty(), args.pids.is_empty()) {
        (false, _) => Target::Processes(vec![own_pid]),
        (true, false) => Target::Processes(args.pids.clone()),
        (true, true) => Target::Host,
    }
}

fn nothing_sampled(args: &RecordArgs) -> &'static str {
    if args.command.is_empty() && args.pids.is_empty() {
        "no CPU was busy; record longer"
    } else {
        "what was recorded used no CPU; record longer, or finer with -F 999"
    }
}

/// What a recording is written to. Known before it starts, so that a typing error does not cost ten seconds.
fn check_output(path: &Path) -> anyhow::Result<(Format, PathBuf)> {
    let name = path.to_string_lossy();
    let format = Format::from_name(&name).with_context(|| {
        format!("-o {name}: the name must end in .pb.gz, .svg, .folded or .speedscope.json")
    })?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        bail!("-o {name}: the directory {} does not exist", folder.display());
    }
    if path.is_dir() {
        bail!("-o {name}: this is a directory; give a file name");
    }
    Ok((format, path.to_owned()))
}

/// Samples until the time is over, the command or all processes have ended, or a signal came.
fn sample(
    recorder: &mut Recorder,
    mut child: Option<&mut Child>,
    limit: Option<Duration>,
    pids: &[u32],
    stop: &AtomicBool,
) -> anyhow::Result<()> {
    let start = Instant::now();
    let progress = progress(limit);
    while !stop.load(Ordering::Relaxed) {
        let elapsed = start.elapsed();
        let left = limit.map_or(STEP, |limit| limit.saturating_sub(elapsed));
        if left.is_zero() {
            break;
        }
        recorder.step(STEP.min(left))?;
        progress.set_position(elapsed.as_millis() as u64);
        progress.set_message(format!("{} samples", recorder.samples()));
        let has_ended = match &mut child {
            Some(child) => child.has_ended()?,
            None => have_ended(pids),
        };
        if has_ended {
            break;
        }
    }
    progress.finish_and_clear();
    Ok(())
}

/// True when there were processes to look at and none of them is left.
pub(crate) fn have_ended(pids: &[u32]) -> bool {
    !pids.is_empty() && !pids.iter().any(|pid| Path::new("/proc").join(pid.to_string()).exists())
}

/// A bar where the end is known, else a count; nothing where nobody looks.
fn progress(limit: Option<Duration>) -> ProgressBar {
    let (length, template) = match limit {
        Some(limit) => (limit.as_millis() as u64, "recording {bar:30} {elapsed}  {msg}"),
        None => (0, "recording {spinner} {elapsed}  {msg}"),
    };
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr_with_hz(10));
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

fn print(args: &RecordArgs, recording: &Recording, output: Option<(Format, PathBuf)>) -> anyhow::Result<()> {
    let mut written = None;
    if let Some((format, path)) = output {
        let bytes = wire::file::write(format, &recording.batch)?;
        fs::write(&path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
        written = Some((path, bytes.len()));
    }
    let total = recording.batch.total();
    if args.json {
        terminal::say(&report::json(recording, written.as_ref().map(|(path, _)| path.as_path()), args.top));
        return Ok(());
    }
    let mut text = report::text(&recording.summary, &Sources::of(&recording.batch), total);
    if let Some((path, bytes)) = &written {
        text.push_str(&format!("wrote {} ({} kB)\n", path.display(), bytes.div_ceil(1000)));
    } else {
        terminal::say(&table::text(&calltree::top(&recording.batch), total, args.top));
    }
    io::Write::write_all(&mut io::stderr(), text.as_bytes()).context("cannot write the report")
}
