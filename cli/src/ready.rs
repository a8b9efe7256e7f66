//! Waiting until the first data can really be queried.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant, SystemTime},
};

use wire::api;

use crate::terminal;

/// What is asked, of whom.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// The collector's address.
    pub(crate) url: String,
    /// The token that it wants.
    pub(crate) token: Option<String>,
}

const EVERY: Duration = Duration::from_millis(500);
/// A window takes ten seconds and a start up to twenty; after this long something is wrong.
const PATIENCE: Duration = Duration::from_secs(45);

/// Asks until there is an answer with data from after the start, and says so. Ends early when `stop` is set.
pub(crate) fn wait(question: &Question, stop: &AtomicBool) {
    let start = Instant::now();
    let since = timestamp(now_ns());
    let mut has_complained = false;
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(EVERY);
        let seconds = start.elapsed().as_secs_f64();
        match ask(question, &since) {
            Some(top) if top.total > 0 => {
                let (cpu_s, functions) = (top.total as f64 / 1e9, top.functions_total);
                terminal::say(&format!(
                    "Ready after {seconds:.0} s: {cpu_s:.1} s of CPU in {functions} functions. Open {}\n",
                    question.url
                ));
                return;
            }
            _ if start.elapsed() > PATIENCE && !has_complained => {
                has_complained = true;
                let seconds = PATIENCE.as_secs();
                terminal::complain(&format!(
                    "still no data after {seconds} s; RUST_LOG=info shows what goes on inside"
                ));
            }
            _ => {}
        }
    }
}

/// RFC 3339 in UTC, to the millisecond.
pub(crate) fn timestamp(at_ns: i64) -> String {
    chrono::DateTime::from_timestamp_nanos(at_ns).to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// Nanoseconds since the Unix epoch.
pub(crate) fn now_ns() -> i64 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX)
}

fn ask(question: &Question, since: &str) -> Option<api::Top> {
    let config = ureq::Agent::config_builder().proxy(None).timeout_global(Some(Duration::from_secs(5)));
    let http: ureq::Agent = config.build().into();
    let mut request =
        http.get(format!("{}/api/v1/top", question.url)).query("start", since).query("end", "now");
    if let Some(token) = &question.token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let body = request.query("limit", "1").call().ok()?.body_mut().read_to_string().ok()?;
    serde_json::from_str(&body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_what_the_api_reads() {
        assert_eq!(timestamp(1_769_846_400_123_456_789), "2026-01-31T08:00:00.123Z");
        let at_ns = 1_769_846_400_123_000_000;
        assert_eq!(wire::time::parse(&timestamp(at_ns), 0).ok(), Some(at_ns));
    }
}
