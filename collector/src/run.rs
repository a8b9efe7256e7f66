//! `fewer collector`, from its arguments to its end.

use std::{io, time::Duration};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use crate::{Access, Args, Collector, listen};

/// Queries that nobody waits for any more are left behind after this time.
const ENDS_WITHIN: Duration = Duration::from_secs(2);

/// Runs a collector until it is told to stop by an interrupt or a termination signal.
pub fn run(args: Args) -> anyhow::Result<()> {
    let options = args.options()?;
    // The port is taken first: it is what fails most often, and opening a store may take long.
    let listener = listen(args.listen)?;
    let address = listener.local_addr()?;
    let is_open = options.access == Access::Open;
    tracing::info!(data_dir = %options.data_dir.display(), "opening the store");
    let collector = Collector::start(options)?;
    if is_open && !address.ip().is_loopback() {
        tracing::warn!(%address, "everybody who can reach this address may read and send profiles (--open)");
    }
    let runtime = tokio::runtime::Runtime::new().context("cannot start threads")?;
    let served = runtime.block_on(async {
        let stop = told_to_stop().context("cannot wait for signals")?;
        tracing::info!("listening on http://{address}");
        collector.serve(listener, stop).await?;
        tracing::info!("stopped; the store is closed");
        Ok(())
    });
    runtime.shutdown_timeout(ENDS_WITHIN);
    served
}

fn told_to_stop() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
