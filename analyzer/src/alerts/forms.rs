//! A message as each kind of receiver reads it.

use analyzer_report::number::three_digits;
use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};
use wire::api::findings::{Finding, FindingKind, FindingState, Range};

use super::{
    config::Kind,
    plan::{Event, FORGETS_AFTER_MS, Message},
};

/// Endpoints that a text names.
const ENDPOINTS_MAX: usize = 3;

/// Characters of a name that a text has room for.
const NAME_CHARACTERS_MAX: usize = 300;

/// The body for a receiver of a kind; `pages` is where links lead.
pub(super) fn body(kind: Kind, message: &Message, pages: Option<&str>) -> Value {
    let link = pages.map(|pages| format!("{pages}{}", page(&message.finding)));
    match kind {
        Kind::Webhook => webhook(message, link.as_deref()),
        Kind::Slack => slack(message, link.as_deref()),
        Kind::Alertmanager => alertmanager(message, link.as_deref()),
    }
}

fn webhook(message: &Message, link: Option<&str>) -> Value {
    json!({
        "schema": "fewer.alert/1",
        "event": message.event,
        "at": time(message.sent.at_ms),
        "text": lines(message).join("\n"),
        "link": link,
        "finding": message.finding,
    })
}

/// Slack's own markup begins with these three characters; without them nothing can mention anybody.
fn slack(message: &Message, link: Option<&str>) -> Value {
    let safe = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let lines = lines(message);
    let (first, rest) = lines.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    let mut text = format!("*{}*", safe(first).replace('*', ""));
    for line in rest {
        text = format!("{text}\n{}", safe(line));
    }
    if let Some(link) = link {
        text = format!("{text}\n<{}|Look at it>", link.replace(['<', '>', '|'], ""));
    }
    json!({
        "text": safe(first),
        "blocks": [{ "type": "section", "text": { "type": "mrkdwn", "text": text } }],
    })
}

/// Labels say which alert it is, and so never change; what changes is an annotation.
fn alertmanager(message: &Message, link: Option<&str>) -> Value {
    let finding = &message.finding;
    let lines = lines(message);
    let ends_ms = match message.event {
        Event::Resolved => message.sent.at_ms,
        _ => message.sent.reminded_ms.saturating_add(FORGETS_AFTER_MS),
    };
    let starts_ms = if finding.at_ms > 0 { finding.at_ms } else { message.sent.at_ms };
    json!([{
        "labels": {
            "alertname": format!("fewer_{}", kind_label(finding.kind)),
            "finding": finding.id,
            "kind": kind_label(finding.kind),
            "service": finding.service,
        },
        "annotations": {
            "summary": subject(finding),
            "description": lines.get(1..).unwrap_or_default().join("\n"),
            "servers": three_digits(finding.servers.value),
            "owner": finding.owner,
        },
        "startsAt": time(starts_ms.min(ends_ms)),
        "endsAt": time(ends_ms),
        "generatorURL": link.unwrap_or_default(),
    }])
}

/// What a person reads: what happened, how much it is, and where.
fn lines(message: &Message) -> Vec<String> {
    let finding = &message.finding;
    let happened = match (message.event, finding.state) {
        (Event::New | Event::Reminder, _) => "New",
        (Event::Update, FindingState::Acknowledged) => "Acknowledged",
        (Event::Update, _) => "Changed",
        (Event::Resolved, FindingState::Fixed) => "Fixed",
        (Event::Resolved, _) => "Went away",
    };
    let mut lines = vec![format!("{happened}: {}", subject(finding))];
    if message.event != Event::Resolved {
        let cores = &finding.cores;
        lines.push(format!("Cost: {}; {} cores.", servers(&finding.servers), three_digits(cores.value)));
    }
    if !finding.function.is_empty() {
        let line = if finding.line > 0 { format!(":{}", finding.line) } else { String::new() };
        let file = if finding.file.is_empty() {
            String::new()
        } else {
            format!(" ({}{line})", short(&finding.file))
        };
        lines.push(format!("Function: {}{file}.", short(&finding.function)));
    }
    if !finding.endpoints.is_empty() {
        let named: Vec<String> =
            finding.endpoints.iter().take(ENDPOINTS_MAX).map(|name| short(name)).collect();
        let beyond = finding.endpoints.len().saturating_sub(ENDPOINTS_MAX);
        let more = if beyond > 0 { format!(" and {beyond} more") } else { String::new() };
        lines.push(format!("Endpoints: {}{more}.", named.join(", ")));
    }
    if let Some(acknowledged) =
        finding.acknowledged.as_ref().filter(|_| finding.state == FindingState::Acknowledged)
    {
        let until = time(acknowledged.expires_ms);
        lines.push(format!(
            "{} answers for it until {until}: {}.",
            short(&acknowledged.owner),
            short(&acknowledged.reason)
        ));
    } else if !finding.owner.is_empty() {
        lines.push(format!("Owner: {}.", short(&finding.owner)));
    }
    if finding.at_ms > 0 {
        lines.push(format!("Since {}.", time(finding.at_ms)));
    }
    lines
}

/// What it is, whatever happened to it.
fn subject(finding: &Finding) -> String {
    let place = match finding.service.as_str() {
        "" => String::new(),
        service => format!(" in {}", short(service)),
    };
    format!("{}{place}: {}", kind_words(finding.kind), short(&finding.title))
}

fn servers(range: &Range) -> String {
    let [value, low, high] = [range.value, range.low, range.high].map(three_digits);
    format!("{value} servers (95 % interval {low} to {high})")
}

/// One line of bounded length.
fn short(text: &str) -> String {
    let line = text.chars().map(|character| if character.is_control() { ' ' } else { character });
    line.take(NAME_CHARACTERS_MAX).collect()
}

fn kind_label(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::Regression => "regression",
        FindingKind::Flag => "flag",
        FindingKind::DeadCode => "dead_code",
        FindingKind::Sharing => "sharing",
        FindingKind::Capacity => "capacity",
    }
}

fn kind_words(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::Regression => "regression",
        FindingKind::Flag => "feature flag",
        FindingKind::DeadCode => "dead code",
        FindingKind::Sharing => "memory held more than once",
        FindingKind::Capacity => "capacity",
    }
}

/// The page that shows the finding.
fn page(finding: &Finding) -> String {
    let folder = match finding.kind {
        FindingKind::Regression => "regressions",
        FindingKind::Flag => "flags",
        FindingKind::DeadCode => "dead-code",
        FindingKind::Sharing => "sharing",
        FindingKind::Capacity => "capacity",
    };
    format!("/{folder}?finding={}", crate::forge::encoded(&finding.id))
}

fn time(at_ms: i64) -> String {
    DateTime::from_timestamp_millis(at_ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use wire::api::findings::Acknowledgement;

    use super::*;
    use crate::alerts::Sent;

    fn message(event: Event, state: FindingState) -> Message {
        let finding = Finding {
            id: "r/feed 1".into(),
            service: "feed".into(),
            title: "GET /feed costs +5.2 % CPU per request <!channel>".into(),
            state,
            servers: Range { value: 4.2, low: 3.1, high: 5.3 },
            cores: Range { value: 33.6, low: 24.8, high: 42.4 },
            owner: "@feed".into(),
            endpoints: ["GET /feed", "GET /a", "GET /b", "GET /c"].map(str::to_owned).to_vec(),
            function: "Feed.rank".into(),
            file: "feed/rank.py".into(),
            line: 10,
            at_ms: 1_777_626_000_000,
            acknowledged: Some(Acknowledgement {
                owner: "@ann".into(),
                reason: "ranks better".into(),
                expires_ms: 1_780_000_000_000,
                ..Acknowledgement::default()
            }),
            ..Finding::default()
        };
        let at_ms = 1_777_629_600_000;
        Message {
            receiver: "r".into(),
            event,
            finding,
            sent: Sent { state, servers: 4.2, at_ms, reminded_ms: at_ms },
        }
    }

    #[test]
    fn every_receiver_gets_its_form() {
        let new = message(Event::New, FindingState::New);
        let forms = [Kind::Webhook, Kind::Slack, Kind::Alertmanager]
            .map(|kind| format!("{:#}", body(kind, &new, Some("https://fewer.example"))));
        insta::assert_snapshot!("forms", forms.join("\n---\n"));
        assert!(!forms[1].contains("<!channel>"), "{}", forms[1]);
        let later = [
            message(Event::Update, FindingState::Acknowledged),
            message(Event::Resolved, FindingState::Fixed),
        ];
        let texts: Vec<String> = later.iter().map(|one| lines(one).join("\n")).collect();
        insta::assert_snapshot!("later", texts.join("\n---\n"));
        let over = body(Kind::Alertmanager, &later[1], None);
        assert_eq!(over[0]["endsAt"], "2026-05-01T10:00:00Z");
        assert_eq!(
            over[0]["labels"],
            body(Kind::Alertmanager, &new, None)[0]["labels"],
            "or it would be another alert"
        );
    }
}
