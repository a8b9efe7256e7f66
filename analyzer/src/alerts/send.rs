//! Messages, sent. One that is not taken is planned again the next time; none is repeated at once, because a receiver
//! that did not answer may have taken it.

use std::{fs, path::Path, time::Duration};

use super::{
    config::{AlertConfig, Kind, Receiver},
    forms,
    plan::{Message, Plan},
    sent::SentState,
};
use crate::error::AnalyzerError;

/// A receiver that takes longer has not taken it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// After so many failures in a row a receiver is left alone until the next time.
const FAILURES_MAX: u32 = 3;

/// A message that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the receiver \"{receiver}\" did not take {messages} message(s): {reason}")]
pub struct Failure {
    /// Who.
    pub receiver: String,
    /// How many.
    pub messages: u64,
    /// What happened last.
    pub reason: String,
}

/// Sends a plan's messages, and writes what was told to `path` after each one. Whoever fails is reported, and keeps
/// nobody else from being told.
pub fn send(plan: &Plan, config: &AlertConfig, path: &Path) -> Result<Vec<Failure>, AnalyzerError> {
    let client: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .build()
        .into();
    let mut sent = SentState::read(path)?;
    let mut failures = Vec::new();
    for receiver in &config.receivers {
        let messages = plan.messages.iter().filter(|message| message.receiver == receiver.name);
        let mut failed = Failure { receiver: receiver.name.clone(), messages: 0, reason: String::new() };
        let mut in_a_row = 0;
        for message in messages {
            if in_a_row >= FAILURES_MAX {
                failed.messages += 1;
                continue;
            }
            match deliver(&client, receiver, message, config.pages.as_deref()) {
                Ok(()) => {
                    in_a_row = 0;
                    sent.remember(&receiver.name, &message.finding.id, message.sent.clone());
                    sent.write(path)?;
                }
                Err(reason) => {
                    in_a_row += 1;
                    failed.messages += 1;
                    failed.reason = reason;
                }
            }
        }
        if failed.messages > 0 {
            failures.push(failed);
        }
    }
    Ok(failures)
}

fn deliver(
    client: &ureq::Agent,
    receiver: &Receiver,
    message: &Message,
    pages: Option<&str>,
) -> Result<(), String> {
    let url = match &receiver.url_file {
        Some(path) => secret(path)?,
        None => receiver.url.clone(),
    };
    let url = match receiver.kind {
        Kind::Alertmanager => format!("{}/api/v2/alerts", url.trim_end_matches('/')),
        Kind::Webhook | Kind::Slack => url,
    };
    let mut request =
        client.post(url).header("content-type", "application/json").header("user-agent", "fewer");
    if let Some(path) = &receiver.token_file {
        request = request.header("authorization", format!("Bearer {}", secret(path)?));
    }
    let body = forms::body(receiver.kind, message, pages).to_string();
    // An address may be a secret, and errors of the client do not have it.
    let response = request.send(body).map_err(|error| format!("no answer: {error}"))?;
    match response.status() {
        status if status.is_success() => Ok(()),
        status => Err(format!("it answered with status {}", status.as_u16())),
    }
}

fn secret(path: &Path) -> Result<String, String> {
    let text =
        fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(text.trim().to_owned())
}
