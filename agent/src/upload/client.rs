//! The HTTP side of a push.

use std::{net::IpAddr, time::Duration};

use ureq::http::{StatusCode, Uri, header};

/// Where and how to send.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// The collector's address, e.g. `http://127.0.0.1:4040`.
    pub collector: String,
    /// Sent as a bearer token.
    pub token: Option<String>,
    /// One exchange may take this long.
    pub timeout: Duration,
}

/// Why a collector's address cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It is not an address.
    #[error("collector: {address:?} is not a URL such as http://127.0.0.1:4040")]
    NotAUrl {
        /// What was given.
        address: String,
    },
    /// It asks for something other than HTTP.
    #[error(
        "collector: {address:?} asks for {scheme}, and this agent speaks plain HTTP only; \
         point it at a local proxy or tunnel that adds the encryption"
    )]
    Scheme {
        /// What was given.
        address: String,
        /// Its scheme.
        scheme: String,
    },
}

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The collector has it, now or from an earlier attempt.
    Stored,
    /// The collector will never take this push.
    Refused {
        /// What it said.
        reason: String,
    },
    /// It may go better later.
    Retry {
        /// What went wrong.
        reason: String,
        /// When the collector asked to be tried again.
        after: Option<Duration>,
    },
}

/// A connection to one collector, kept open between pushes.
#[derive(Debug)]
pub struct Client {
    url: String,
    authorization: Option<String>,
    http: ureq::Agent,
}

/// A collector cannot make the agent wait longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Of an error's body, this much is read.
const REASON_BYTES: u64 = 4096;

impl Delivery {
    /// Name in counters.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Refused { .. } => "refused",
            Self::Retry { .. } => "retried",
        }
    }
}

impl Client {
    /// Prepares to send; no connection is made yet.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let ClientOptions { collector: address, token, timeout } = options;
        let uri: Uri = address.parse().map_err(|_| ClientError::NotAUrl { address: address.clone() })?;
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return Err(ClientError::NotAUrl { address });
        };
        if scheme != "http" {
            let scheme = scheme.to_owned();
            return Err(ClientError::Scheme { address, scheme });
        }
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(timeout))
            .user_agent(concat!("fewer-agent/", env!("CARGO_PKG_VERSION")));
        if is_loopback(host) {
            // A proxy from the environment cannot reach this machine's own loopback.
            config = config.proxy(None);
        }
        let url = format!("{}/api/v1/push", address.trim_end_matches('/'));
        Ok(Self {
            url,
            authorization: token.map(|token| format!("Bearer {token}")),
            http: config.build().into(),
        })
    }

    /// Where pushes go.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends one push and waits for the answer.
    pub fn send(&self, body: &[u8]) -> Delivery {
        let mut request = self.http.post(&self.url).header(header::CONTENT_TYPE, wire::push::CONTENT_TYPE);
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        match request.send(body) {
            Ok(response) => delivery(response),
            Err(error) => Delivery::Retry { reason: error.to_string(), after: None },
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn delivery(mut response: ureq::http::Response<ureq::Body>) -> Delivery {
    let status = response.status();
    let after =
        response.headers().get(header::RETRY_AFTER).and_then(|seconds| seconds.to_str().ok()?.parse().ok());
    let after = after.map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT));
    let body = response.body_mut().with_config().limit(REASON_BYTES).lossy_utf8(true).read_to_string();
    if status.is_success() {
        return Delivery::Stored;
    }
    let said = body.unwrap_or_default();
    let reason = format!("{status}: {}", message(&said));
    if refuses(status) { Delivery::Refused { reason } } else { Delivery::Retry { reason, after } }
}

/// True when the answer is about this push. Other client errors are about the agent's settings, its rate or
/// the place it sends to, and end when somebody puts that right.
fn refuses(status: StatusCode) -> bool {
    let about_the_agent = matches!(status.as_u16(), 401 | 403 | 404 | 405 | 407 | 408 | 421 | 425 | 429);
    status.is_client_error() && !about_the_agent
}

/// The sentence in a collector's error body, else the start of whatever came.
fn message(body: &str) -> String {
    let json: Option<serde_json::Value> = serde_json::from_str(body).ok();
    let sentence = json.as_ref().and_then(|json| json.pointer("/error/message")?.as_str());
    sentence.unwrap_or(body).chars().take(200).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_cannot_be_used_say_why() {
        let problem = |collector: &str| {
            let options =
                ClientOptions { collector: collector.into(), token: None, timeout: Duration::from_secs(1) };
            Client::new(options)
                .map(|client| client.url().to_owned())
                .unwrap_or_else(|error| error.to_string())
        };
        let answers = ["http://127.0.0.1:4040", "http://h:1/base/", "https://h", "localhost:4040", "", "h"]
            .map(problem);
        insta::assert_snapshot!(answers.join("\n"), @r#"
        http://127.0.0.1:4040/api/v1/push
        http://h:1/base/api/v1/push
        collector: "https://h" asks for https, and this agent speaks plain HTTP only; point it at a local proxy or tunnel that adds the encryption
        collector: "localhost:4040" is not a URL such as http://127.0.0.1:4040
        collector: "" is not a URL such as http://127.0.0.1:4040
        collector: "h" is not a URL such as http://127.0.0.1:4040
        "#);
    }

    #[test]
    fn only_an_answer_about_the_push_refuses_it() {
        let refused: Vec<u16> = (100..600)
            .filter(|status| StatusCode::from_u16(*status).is_ok_and(refuses))
            .filter(|status| {
                [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 301].contains(status)
            })
            .collect();
        assert_eq!(refused, [400, 409, 413, 415, 422]);
    }

    #[test]
    fn the_message_is_found_in_the_collectors_error() {
        assert_eq!(message(r#"{"error":{"code":"bad","message":"no such field"}}"#), "no such field");
        assert_eq!(message(" plain\n"), "plain");
        assert_eq!(message(&"x".repeat(999)).len(), 200);
    }

    #[test]
    fn loopback_needs_no_proxy() {
        let hosts = ["127.0.0.1", "[::1]", "localhost", "10.0.0.1", "collector"];
        assert_eq!(hosts.map(is_loopback), [true, true, true, false, false]);
    }
}
