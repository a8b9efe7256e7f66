//! Using a set-up: requests to addresses on loopback, or a command.

use std::{
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use analyzer::AnalyzerError;
use anyhow::{Context, bail};
use ureq::http::Uri;

use super::{
    TrialArgs,
    setup::{Setup, with_port},
};

/// How set-ups are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// Not at all.
    None,
    /// By so many requests to these addresses in turn.
    Requests { urls: Vec<String>, requests: u64 },
    /// By a line for the shell.
    Command(String),
}

/// What use came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) requests: u64,
    pub(super) failed: u64,
    pub(super) commands: u64,
}

/// Requests under way at once, so that every worker gets some.
const AT_ONCE: usize = 16;
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
const ASKED_EVERY: Duration = Duration::from_millis(100);

impl Load {
    pub(super) fn new(args: &TrialArgs) -> anyhow::Result<Self> {
        if let Some(command) = &args.load {
            return Ok(Self::Command(command.clone()));
        }
        for url in &args.urls {
            check_loopback(url)?;
        }
        Ok(match args.urls.is_empty() {
            true => Self::None,
            false => Self::Requests { urls: args.urls.clone(), requests: args.requests },
        })
    }

    /// What was done, in words.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::None => "not used".to_owned(),
            Self::Requests { urls, requests } => format!("{requests} requests to {}", urls.join(" ")),
            Self::Command(command) => command.clone(),
        }
    }

    /// Waits until the first address answers at all.
    pub(super) fn wait_until_served(
        &self,
        setup: &Setup,
        end: Instant,
        stop: &AtomicBool,
    ) -> anyhow::Result<()> {
        let Self::Requests { urls, .. } = self else { return Ok(()) };
        let url = with_port(urls.first().map_or("", String::as_str), setup.port());
        let client = client();
        while let Err(error) = ask(&client, &url) {
            if stop.load(Ordering::Relaxed) || Instant::now() >= end {
                bail!("{url} does not answer: {error}");
            }
            thread::sleep(ASKED_EVERY);
        }
        Ok(())
    }

    /// Uses a set-up.
    pub(super) fn run(&self, setup: &Setup, end: Instant, stop: &AtomicBool) -> anyhow::Result<Used> {
        match self {
            Self::None => Ok(Used::default()),
            Self::Requests { urls, requests } => {
                let urls: Vec<String> = urls.iter().map(|url| with_port(url, setup.port())).collect();
                request_all(&urls, *requests, &|| stop.load(Ordering::Relaxed) || Instant::now() >= end)
            }
            Self::Command(command) => run_command(&with_port(command, setup.port()), end, stop),
        }
    }
}

fn check_loopback(url: &str) -> anyhow::Result<()> {
    let parsed = with_port(url, 1).parse::<Uri>().ok();
    let host = parsed.as_ref().and_then(Uri::host).unwrap_or_default();
    let is_plain = parsed.as_ref().and_then(Uri::scheme_str) == Some("http");
    let is_loopback = host == "localhost" || host == "[::1]" || host.starts_with("127.");
    if is_plain && is_loopback {
        return Ok(());
    }
    Err(AnalyzerError::Usage(format!(
        "--url {url}: only http on loopback is asked, such as http://127.0.0.1:{{port}}/"
    ))
    .into())
}

fn client() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .proxy(None)
        .http_status_as_error(false)
        .timeout_global(Some(ANSWERED_WITHIN))
        // A connection that is kept stays with one worker.
        .max_idle_connections(0);
    config.build().into()
}

/// True for an answer that is no error.
fn ask(client: &ureq::Agent, url: &str) -> Result<bool, ureq::Error> {
    let mut answer = client.get(url).header("connection", "close").call()?;
    let is_good = answer.status().is_success() || answer.status().is_redirection();
    answer.body_mut().with_config().limit(u64::MAX).read_to_vec()?;
    Ok(is_good)
}

fn request_all(urls: &[String], requests: u64, is_over: &(dyn Fn() -> bool + Sync)) -> anyhow::Result<Used> {
    let (next, done, failed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let client = client();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let url = urls.get((number % urls.len().max(1) as u64) as usize);
                    let Some(url) = url.filter(|_| number < requests && !is_over()) else { return };
                    let is_good = ask(&client, url).unwrap_or(false);
                    done.fetch_add(1, Ordering::Relaxed);
                    failed.fetch_add(u64::from(!is_good), Ordering::Relaxed);
                }
            });
        }
    });
    let used = Used { requests: done.into_inner(), failed: failed.into_inner(), commands: 0 };
    if used.requests < requests {
        bail!(
            "only {} of {requests} requests were answered within --timeout; ask for fewer with --requests",
            used.requests
        );
    }
    // A set-up that answers with errors was not used.
    if used.failed * 2 > used.requests {
        bail!("{} of {requests} requests failed; the set-up does not serve these addresses", used.failed);
    }
    Ok(used)
}

fn run_command(command: &str, end: Instant, stop: &AtomicBool) -> anyhow::Result<Used> {
    let mut child = Command::new("sh");
    let child = child.args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let mut child = child.with_context(|| format!("cannot run `{command}`"))?;
    loop {
        if let Some(status) = child.try_wait().context("cannot wait for the load")? {
            if !status.success() {
                bail!("the load `{command}` failed ({status})");
            }
            return Ok(Used { commands: 1, ..Used::default() });
        }
        if stop.load(Ordering::Relaxed) || Instant::now() >= end {
            child.kill().and_then(|()| child.wait()).context("cannot end the load")?;
            bail!("the load `{command}` did not end within --timeout");
        }
        thread::sleep(ASKED_EVERY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_asked() {
        for url in [
            "http://127.0.0.1:{port}/",
            "http://localhost:{port}/a?b=c",
            "http://[::1]:80/",
            "http://127.3.2.1/",
        ] {
            assert!(check_loopback(url).is_ok(), "{url}");
        }
        for url in ["http://10.0.0.1/", "https://127.0.0.1/", "http://example.com/127.0.0.1", "nonsense", ""]
        {
            assert!(check_loopback(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_load_that_fails_or_goes_on_is_said() {
        let stop = AtomicBool::new(false);
        let later = || Instant::now() + Duration::from_secs(60);
        assert_eq!(run_command("exit 0", later(), &stop).unwrap().commands, 1);
        assert!(run_command("exit 3", later(), &stop).unwrap_err().to_string().contains("exit status: 3"));
        assert!(
            run_command("exec sleep 600", Instant::now(), &stop)
                .unwrap_err()
                .to_string()
                .contains("--timeout")
        );
    }
}
