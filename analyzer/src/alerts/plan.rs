//! What is to be told now.

use serde::Serialize;
use wire::api::findings::{Finding, FindingState};

use super::{
    config::{AlertConfig, Kind, Receiver},
    sent::{Sent, SentState, is_over},
};
use crate::owners::matches_name;

/// Messages to one receiver at a time, the largest findings first; the others wait for the next time.
const MESSAGES_MAX: usize = 50;

/// A finding that changed by less of its size is no news.
const CHANGE_MIN: f64 = 0.25;

/// Alertmanager forgets an alert at the time that it was given as its end.
pub(super) const FORGETS_AFTER_MS: i64 = 24 * 3_600_000;

/// What happened to a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It was found, or came back.
    New,
    /// It became larger or smaller, or somebody answers for it.
    Update,
    /// It is over.
    Resolved,
    /// Nothing; only for receivers that forget.
    Reminder,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its receiver's name.
    pub receiver: String,
    /// What happened.
    pub event: Event,
    /// To which finding.
    pub finding: Finding,
    /// What is remembered once it was taken.
    pub sent: Sent,
}

/// What is to be told, and what not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// In the order in which they are sent.
    pub messages: Vec<Message>,
    /// Findings that wait for the end of quiet hours.
    pub quiet: u64,
    /// Findings below their threshold.
    pub small: u64,
    /// Messages that wait because there are too many.
    pub waiting: u64,
}

/// Plans what is told of these findings to whom.
pub fn plan(findings: &[Finding], sent: &SentState, config: &AlertConfig, now_ms: i64) -> Plan {
    let mut plan = Plan::default();
    for receiver in &config.receivers {
        let mut messages = Vec::new();
        for finding in findings.iter().filter(|finding| !finding.id.is_empty()) {
            let last = sent.last(&receiver.name, &finding.id);
            let Some(event) = event(finding, last, receiver, now_ms) else { continue };
            if event == Event::New && finding.servers.value < threshold(finding, config) {
                plan.small += 1;
            } else if event != Event::Reminder && is_quiet(finding, config, now_ms) {
                plan.quiet += 1;
            } else {
                messages.push(message(finding, last, (receiver, event), now_ms));
            }
        }
        messages.sort_by(|left, right| {
            let by_size = right.finding.servers.value.total_cmp(&left.finding.servers.value);
            by_size.then_with(|| left.finding.id.cmp(&right.finding.id))
        });
        plan.waiting += messages.len().saturating_sub(MESSAGES_MAX) as u64;
        messages.truncate(MESSAGES_MAX);
        plan.messages.extend(messages);
    }
    plan
}

/// What there is to tell, whatever its size and the hour.
fn event(finding: &Finding, last: Option<&Sent>, receiver: &Receiver, now_ms: i64) -> Option<Event> {
    let open = last.filter(|last| !is_over(last.state));
    match open {
        None => (finding.state == FindingState::New).then_some(Event::New),
        Some(_) if is_over(finding.state) => Some(Event::Resolved),
        Some(last) if last.state != finding.state => Some(Event::Update),
        Some(last) if has_changed(last.servers, finding.servers.value) => Some(Event::Update),
        Some(last) => {
            let is_forgotten_soon = now_ms - last.reminded_ms >= FORGETS_AFTER_MS / 2;
            (receiver.kind == Kind::Alertmanager && is_forgotten_soon).then_some(Event::Reminder)
        }
    }
}

fn has_changed(told: f64, now: f64) -> bool {
    (now - told).abs() > CHANGE_MIN * told.abs().max(f64::MIN_POSITIVE)
}

/// The smallest of the thresholds of its endpoints.
fn threshold(finding: &Finding, config: &AlertConfig) -> f64 {
    let of_endpoint = |endpoint: &String| {
        let mut thresholds = config.thresholds.iter();
        let matching = thresholds.find(|one| matches_name(one.endpoint.as_bytes(), endpoint.as_bytes()));
        matching.map_or(config.least_servers, |one| one.servers)
    };
    finding.endpoints.iter().map(of_endpoint).reduce(f64::min).unwrap_or(config.least_servers)
}

fn is_quiet(finding: &Finding, config: &AlertConfig, now_ms: i64) -> bool {
    let hours = config.quiet_hours.filter(|hours| hours.covers(now_ms));
    hours.is_some_and(|hours| finding.servers.value < hours.but_from_servers)
}

fn message(
    finding: &Finding,
    last: Option<&Sent>,
    (receiver, event): (&Receiver, Event),
    now_ms: i64,
) -> Message {
    let told =
        Sent { state: finding.state, servers: finding.servers.value, at_ms: now_ms, reminded_ms: now_ms };
    // A reminder tells nobody anything: what was told before is still what they know.
    let sent = match (event, last) {
        (Event::Reminder, Some(last)) => Sent { reminded_ms: now_ms, ..last.clone() },
        _ => told,
    };
    Message { receiver: receiver.name.clone(), event, finding: finding.clone(), sent }
}

#[cfg(test)]
mod tests {
    use wire::api::findings::Range;

    use super::*;
    use crate::alerts::parse;

    const HOUR_MS: i64 = 3_600_000;

    const CONFIG: &str = r#"
        [quiet_hours]
        from = "22:00"
        to = "06:00"
        but_from_servers = 40.0
        [[threshold]]
        endpoint = "GET /health*"
        servers = 20.0
        [[receiver]]
        name = "am"
        kind = "alertmanager"
        url = "http://localhost"
    "#;

    fn finding(id: &str, servers: f64, state: FindingState) -> Finding {
        let servers = Range { value: servers, low: servers, high: servers };
        Finding { id: id.into(), servers, state, ..Finding::default() }
    }

    /// Carries plans out in memory and writes down what happened: `hour: event id …`.
    fn told(steps: &[(i64, Finding)]) -> Vec<String> {
        let config = parse("alerts.toml", CONFIG).unwrap();
        let mut sent = SentState::default();
        let mut told = Vec::new();
        for (hour, finding) in steps {
            let plan = plan(std::slice::from_ref(finding), &sent, &config, hour * HOUR_MS);
            for message in plan.messages {
                told.push(format!("{hour}: {:?} {}", message.event, message.finding.id));
                sent.remember(&message.receiver, &message.finding.id, message.sent);
            }
        }
        told
    }

    #[test]
    fn a_finding_is_told_once_then_only_what_changes() {
        use FindingState::{Acknowledged, Fixed, New, WentAway};
        let steps = [
            (8, finding("a", 4.0, New)),
            (9, finding("a", 4.2, New)),
            (10, finding("a", 4.9, New)),
            (11, finding("a", 5.1, New)),
            (12, finding("a", 5.1, Acknowledged)),
            (13, finding("a", 5.1, Acknowledged)),
            (14, finding("a", 0.0, Fixed)),
            (15, finding("a", 0.0, Fixed)),
            (16, finding("a", 9.0, New)),
            (17, finding("a", 0.0, WentAway)),
        ];
        let expected =
            ["8: New a", "11: Update a", "12: Update a", "14: Resolved a", "16: New a", "17: Resolved a"];
        assert_eq!(told(&steps), expected);
    }

    #[test]
    fn what_is_small_known_or_over_before_it_was_told_is_not_told() {
        use FindingState::{Acknowledged, Fixed, New};
        let health =
            |servers| Finding { endpoints: vec!["GET /healthz".into()], ..finding("h", servers, New) };
        let steps = [
            (8, finding("a", 0.9, New)),
            (8, finding("b", 9.0, Acknowledged)),
            (8, finding("c", 9.0, Fixed)),
            (8, health(19.0)),
            (9, health(21.0)),
            (
                10,
                Finding { endpoints: vec!["GET /healthz".into(), "GET /".into()], ..finding("i", 2.0, New) },
            ),
        ];
        assert_eq!(told(&steps), ["9: New h", "10: New i"]);
    }

    #[test]
    fn quiet_hours_hold_what_is_still_true_afterwards() {
        use FindingState::{New, WentAway};
        let steps = [
            (23, finding("a", 4.0, New)),
            (23, finding("b", 4.0, New)),
            (23, finding("c", 50.0, New)),
            (28, finding("b", 0.0, WentAway)),
            (30, finding("a", 4.0, New)),
            (30, finding("b", 0.0, WentAway)),
            (47, finding("a", 0.0, WentAway)),
            (54, finding("a", 0.0, WentAway)),
        ];
        assert_eq!(told(&steps), ["23: New c", "30: New a", "54: Resolved a"]);
    }

    #[test]
    fn a_receiver_that_forgets_is_reminded_and_a_flood_is_dammed() {
        let steady: Vec<(i64, Finding)> =
            (8..46).map(|hour| (hour, finding("a", 4.0, FindingState::New))).collect();
        assert_eq!(told(&steady), ["8: New a", "20: Reminder a", "32: Reminder a", "44: Reminder a"]);
        let config = parse("alerts.toml", CONFIG).unwrap();
        let many: Vec<Finding> =
            (0..60).map(|at| finding(&format!("f{at:02}"), f64::from(at) + 1.0, FindingState::New)).collect();
        let plan = plan(&many, &SentState::default(), &config, 12 * HOUR_MS);
        assert_eq!((plan.messages.len(), plan.waiting), (MESSAGES_MAX, 10));
        assert_eq!(plan.messages[0].finding.id, "f59");
    }
}
