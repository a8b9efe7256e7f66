//! `fewer up`: collector, web pages and agent on this host, in one process.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use agent::{AgentError, AgentOptions, budget::Ceilings, upload::ClientOptions};
use anyhow::Context;
use collector::{Access, Collector};
use tokio::sync::oneshot;

use crate::{
    analyze,
    args::UpArgs,
    ready::{self, Question},
    stop, terminal,
};

/// Most bytes of pushes that wait; the collector is in the same process, so few ever do.
const SPOOL_BYTES: u64 = 256 << 20;

/// When it is first looked for what got dearer, and how often after that.
const ANALYZES: (Duration, Duration) = (Duration::from_secs(120), Duration::from_secs(600));

/// Runs until a signal; returns the exit code.
pub(crate) fn run(args: &UpArgs) -> anyhow::Result<u8> {
    let options = args.collector.options()?;
    let listener = collector::listen(args.collector.listen)?;
    let address = listener.local_addr()?;
    let url = format!("http://{}", reachable(address));
    let token = read_token(args)?;
    let stop = stop::on_signals()?;
    let data_dir = options.data_dir.clone();
    if options.access == Access::Open && !address.ip().is_loopback() {
        tracing::warn!(%address, "everybody who can reach this address may read and send profiles (--open)");
    }
    let collector = Collector::start(options)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start threads")?;
    let (end, ended) = oneshot::channel::<()>();
    let served = {
        let stop = stop.clone();
        runtime.spawn(async move {
            let served = collector.serve(listener, async { drop(ended.await) }).await;
            // Without the collector the agent has nothing to do here.
            stop.store(true, Ordering::Relaxed);
            served
        })
    };
    terminal::say(&format!("fewer is at {url}\n  data in {}, Ctrl-C ends it\n", data_dir.display()));
    let question = Question { url: url.clone(), token: token.clone() };
    let agent = agent_options(args, url, token, data_dir.join("spool"));
    run_agent(&agent, &question, &stop)?;
    // The agent has sent its last window; only now may the collector end.
    drop(end);
    runtime.block_on(served).context("the collector's thread failed")??;
    Ok(0)
}

/// Runs the agent until `stop` is set. Without the permission to sample, what is stored can still be looked
/// at.
fn run_agent(options: &AgentOptions, question: &Question, stop: &AtomicBool) -> anyhow::Result<()> {
    // There is no first data to wait for once the agent has ended, whatever ended it.
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| ready::wait(question, &is_over));
        scope.spawn(|| {
            let collector = analyzer::collector::Collector::new(&question.url, question.token.clone());
            analyze::beside(&collector, stop, ANALYZES);
        });
        let result = agent::run(options, stop);
        is_over.store(true, Ordering::Relaxed);
        let Err(error @ AgentError::Sampler(_)) = result else {
            stop.store(true, Ordering::Relaxed);
            return result.context("the agent failed");
        };
        terminal::complain(&format!("this host is not profiled: {}", error.advice()));
        terminal::tell(
            "`fewer agent doctor` shows what this host permits. What is stored already, and what other agents send,\n\
             can be looked at.",
        );
        while !stop.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    })
}

fn agent_options(
    args: &UpArgs,
    collector: String,
    token: Option<String>,
    spool_directory: PathBuf,
) -> AgentOptions {
    // Memory is not judged: most of it is the collector's.
    let ceilings = Ceilings { rss_bytes: None, ..Ceilings::of_host(agent::cpu_count()) };
    AgentOptions {
        sampling: args.sampling.options(args.rate_hz),
        spool_directory,
        spool_limit_bytes: SPOOL_BYTES,
        collector: ClientOptions { collector, token, timeout: Duration::from_secs(30) },
        ceilings,
        memory_interval: args.looks.memory_interval(),
        code_interval: args.looks.code_interval(),
    }
}

fn read_token(args: &UpArgs) -> anyhow::Result<Option<String>> {
    let Some(path) = &args.collector.token_file else { return Ok(None) };
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Some(text.trim().to_owned()))
}

/// The address at which this machine itself reaches a listener.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listener_is_reached_from_here() {
        let reached = ["0.0.0.0:1", "[::]:2", "127.0.0.1:3", "10.0.0.1:4"]
            .map(|address| reachable(address.parse().unwrap()).to_string());
        assert_eq!(reached, ["127.0.0.1:1", "[::1]:2", "127.0.0.1:3", "10.0.0.1:4"]);
    }
}
