//! `fewer view`: any profile, in the web pages.

use std::{fs, net::SocketAddr, path::Path, sync::atomic::Ordering, thread, time::Duration};

use anyhow::{Context, bail};
use collector::{Collector, Options};
use model::{Batch, Window};
use tokio::sync::oneshot;

use crate::{args::ViewArgs, ready, stop, terminal};

/// Larger files are not read: they would not fit into memory when unpacked.
const MAX_FILE_BYTES: u64 = 512 << 20;
const SECOND_NS: i64 = 1_000_000_000;
/// Files without a time get a window of this length that ends now.
const UNTIMED_NS: i64 = 10 * SECOND_NS;

/// Serves the file until a signal; returns the exit code.
pub(crate) fn run(args: &ViewArgs) -> anyhow::Result<u8> {
    let mut batch = read(&args.file)?;
    let range = set_times(&mut batch, ready::now_ns());
    let folder = tempfile::tempdir().context("cannot make a temporary directory")?;
    let mut options = Options::new(folder.path());
    // A profile may be as old as it likes.
    options.store.retention_ns = i64::MAX;
    options.store.ahead_ns = i64::MAX;
    let collector = Collector::start(options)?;
    collector.import(&batch)?;
    drop(batch);
    let listener = collector::listen(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let address = listener.local_addr()?;
    let stop = stop::on_signals()?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start threads")?;
    let (end, ended) = oneshot::channel::<()>();
    let served = runtime.spawn(async move { collector.serve(listener, async { drop(ended.await) }).await });
    let (start, end_text) = (ready::timestamp(range.start_ns), ready::timestamp(range.end_ns));
    terminal::say(&format!(
        "{} is at http://{address}/?start={start}&end={end_text}\nCtrl-C ends it\n",
        args.file.display()
    ));
    while !stop.load(Ordering::Relaxed) && !served.is_finished() {
        thread::sleep(Duration::from_millis(50));
    }
    drop(end);
    runtime.block_on(served).context("the server's thread failed")??;
    Ok(0)
}

fn read(path: &Path) -> anyhow::Result<Batch> {
    let name = path.display();
    let metadata = fs::metadata(path).with_context(|| format!("cannot open {name}"))?;
    if metadata.len() > MAX_FILE_BYTES {
        bail!("{name} has {} MB; at most {} MB are read", metadata.len() >> 20, MAX_FILE_BYTES >> 20);
    }
    let bytes = fs::read(path).with_context(|| format!("cannot read {name}"))?;
    let batch = wire::file::read_any(&path.to_string_lossy(), &bytes).with_context(|| name.to_string())?;
    if batch.total() == 0 {
        bail!("{name} has no samples");
    }
    Ok(batch)
}

/// Gives profiles without a time the last seconds before now; returns the whole seconds around all of them.
fn set_times(batch: &mut Batch, now_ns: i64) -> Window {
    for profile in batch.profiles.iter_mut().filter(|profile| profile.window.end_ns <= 0) {
        profile.window = Window { start_ns: now_ns - UNTIMED_NS, end_ns: now_ns };
    }
    for profile in batch.profiles.iter_mut().filter(|profile| profile.window.is_empty()) {
        profile.window.end_ns = profile.window.start_ns.saturating_add(SECOND_NS);
    }
    let starts = batch.profiles.iter().map(|profile| profile.window.start_ns);
    let ends = batch.profiles.iter().map(|profile| profile.window.end_ns);
    let (start_ns, end_ns) = (starts.min().unwrap_or(now_ns), ends.max().unwrap_or(now_ns));
    Window {
        start_ns: start_ns.div_euclid(SECOND_NS).saturating_mul(SECOND_NS),
        end_ns: end_ns.saturating_add(SECOND_NS - 1).div_euclid(SECOND_NS).saturating_mul(SECOND_NS),
    }
}

#[cfg(test)]
mod tests {
    use model::Profile;

    use super::*;

    fn check(window: (i64, i64), expected: (i64, i64), range_s: (i64, i64)) {
        let window = Window { start_ns: window.0, end_ns: window.1 };
        let mut batch =
            Batch { profiles: vec![Profile { window, ..Profile::default() }], ..Batch::default() };
        let range = set_times(&mut batch, 100 * SECOND_NS + 7);
        let set = batch.profiles[0].window;
        assert_eq!((set.start_ns, set.end_ns), expected);
        assert_eq!((range.start_ns / SECOND_NS, range.end_ns / SECOND_NS), range_s);
    }

    #[test]
    fn every_profile_gets_a_time() {
        let s = SECOND_NS;
        check((s + 5, 3 * s + 5), (s + 5, 3 * s + 5), (1, 4));
        check((5 * s, 5 * s), (5 * s, 6 * s), (5, 6));
        check((0, 0), (90 * s + 7, 100 * s + 7), (90, 101));
    }
}
