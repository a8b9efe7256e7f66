//! A forge's API over HTTP: bounded patience, and a create is never repeated without looking whether it was done.

use std::{path::Path, time::Duration};

use serde_json::Value;
use ureq::{
    http::{HeaderMap, Method, Request, StatusCode},
    tls::{PemItem, RootCerts, TlsConfig},
};

use super::ForgeError;
use crate::error::AnalyzerError;

/// An answer that takes longer is none.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How often one thing is tried.
const ATTEMPTS_MAX: u32 = 4;

/// Longer is not waited at a time: a job that sleeps for an hour costs more than a missing comment.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Before the second attempt; doubled before each further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Bytes of an answer that are read: a hundred of the longest comments.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Pages of a list that are read; a longer list is an error, because what is not seen cannot be updated.
const PAGES_MAX: u32 = 100;

/// Time, which passes outside.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    /// Waits.
    pub wait: &'a dyn Fn(Duration),
    /// Seconds since the Unix epoch.
    pub now_s: &'a dyn Fn() -> i64,
}

/// What forges are spoken to through.
pub struct Connection<'a> {
    client: ureq::Agent,
    outside: Outside<'a>,
}

/// One forge's API.
pub(super) struct Api<'a> {
    pub(super) connection: &'a Connection<'a>,
    /// Address without a slash at its end.
    pub(super) base: &'a str,
    /// Name and value of the header that says who we are.
    pub(super) token: Option<(&'static str, String)>,
}

/// What to do, and how to speak of it when it fails.
#[derive(Clone, Copy)]
pub(super) struct Action {
    /// Such as `write a comment`.
    pub(super) name: &'static str,
    /// The right that it takes.
    pub(super) right: &'static str,
}

/// What became of a create.
pub(super) enum Created<T> {
    /// It was created now, and this is what the forge answered.
    Now(Value),
    /// It was found to be there, after an attempt that seemed to have failed.
    Found(T),
}

/// One answer.
struct Answer {
    body: Value,
    has_next_page: bool,
}

/// One attempt that failed.
enum Failed {
    /// It may work later; the forge may have said when.
    Passing { reason: String, wait: Option<Duration> },
    /// It will not work.
    Lasting(ForgeError),
}

impl<'a> Connection<'a> {
    /// Ready to speak. With a file of certificates in PEM form, those are trusted and no others.
    pub fn new(certificates: Option<&Path>, outside: Outside<'a>) -> Result<Self, AnalyzerError> {
        let roots = match certificates {
            None => RootCerts::WebPki,
            Some(path) => root_certificates(path)?,
        };
        let tls = TlsConfig::builder().root_certs(roots).build();
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .tls_config(tls)
            // A token goes to the address that it was given for and to no other.
            .max_redirects(0)
            .max_redirects_will_error(false);
        Ok(Self { client: config.build().into(), outside })
    }
}

impl Api<'_> {
    /// Reads; None when there is no such thing or it is not ours to see.
    pub(super) fn get_if_allowed(&self, path: &str, action: Action) -> Result<Option<Value>, ForgeError> {
        match self.patiently(Method::GET, path, None, action) {
            Ok(answer) => Ok(Some(answer.body)),
            Err(ForgeError::Rights { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads.
    pub(super) fn get(&self, path: &str, action: Action) -> Result<Value, ForgeError> {
        Ok(self.patiently(Method::GET, path, None, action)?.body)
    }

    /// Reads a list to its end, or until `found` has what it looks for. `path` has parameters already.
    pub(super) fn find<T>(
        &self,
        path: &str,
        action: Action,
        mut found: impl FnMut(&Value) -> Option<T>,
    ) -> Result<Option<T>, ForgeError> {
        for page in 1..=PAGES_MAX {
            let answer = self.patiently(Method::GET, &format!("{path}&page={page}"), None, action)?;
            // GitHub wraps some lists.
            let list = answer.body.as_array().or_else(|| answer.body.get("check_runs")?.as_array());
            if let Some(one) = list.into_iter().flatten().find_map(&mut found) {
                return Ok(Some(one));
            }
            if !answer.has_next_page {
                return Ok(None);
            }
        }
        let reason = format!("the list has more than {PAGES_MAX} pages");
        Err(ForgeError::Unavailable { action: action.name, reason })
    }

    /// Changes what is there. Doing it twice is doing it once.
    pub(super) fn change(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        action: Action,
    ) -> Result<(), ForgeError> {
        self.patiently(method, path, Some(body), action).map(|_| ())
    }

    /// Creates once: before each further attempt `find` looks whether an earlier one did it after all.
    pub(super) fn create<T>(
        &self,
        path: &str,
        body: &Value,
        action: Action,
        mut find: impl FnMut() -> Result<Option<T>, ForgeError>,
    ) -> Result<Created<T>, ForgeError> {
        let mut attempt = 1;
        loop {
            match self.once(&Method::POST, path, Some(body), action) {
                Ok(answer) => return Ok(Created::Now(answer.body)),
                Err(failed) => self.wait_after(failed, attempt, action)?,
            }
            if let Some(found) = find()? {
                return Ok(Created::Found(found));
            }
            attempt += 1;
        }
    }

    fn patiently(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        action: Action,
    ) -> Result<Answer, ForgeError> {
        let mut attempt = 1;
        loop {
            match self.once(&method, path, body, action) {
                Ok(answer) => return Ok(answer),
                Err(failed) => self.wait_after(failed, attempt, action)?,
            }
            attempt += 1;
        }
    }

    /// Waits if there is to be another attempt.
    fn wait_after(&self, failed: Failed, attempt: u32, action: Action) -> Result<(), ForgeError> {
        let (reason, asked) = match failed {
            Failed::Lasting(error) => return Err(error),
            Failed::Passing { reason, wait } => (reason, wait),
        };
        let given_up = |reason: String| Err(ForgeError::Unavailable { action: action.name, reason });
        if attempt >= ATTEMPTS_MAX {
            return given_up(format!("{reason}, {ATTEMPTS_MAX} times"));
        }
        let wait = asked.unwrap_or(FIRST_WAIT * 2_u32.pow(attempt - 1));
        if wait > WAIT_MAX {
            return given_up(format!("{reason}; it asks to wait for {} s", wait.as_secs()));
        }
        (self.connection.outside.wait)(wait);
        Ok(())
    }

    fn once(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        action: Action,
    ) -> Result<Answer, Failed> {
        let passing = |reason: String| Failed::Passing { reason, wait: None };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}/{path}", self.base))
            .header("accept", "application/json")
            .header("user-agent", "fewer");
        if let Some((name, value)) = &self.token {
            request = request.header(*name, value);
        }
        let client = &self.connection.client;
        let sent = match body {
            None => request.body(()).map(|request| client.run(request)),
            Some(body) => {
                let request = request.header("content-type", "application/json");
                request.body(body.to_string()).map(|request| client.run(request))
            }
        };
        let wrong = |message: String| {
            Failed::Lasting(ForgeError::Rejected { action: action.name, status: 0, message })
        };
        let mut response = sent
            .map_err(|error| wrong(error.to_string()))?
            .map_err(|error| passing(format!("no answer: {error}")))?;
        let read = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let read = read.map_err(|error| passing(format!("half an answer: {error}")))?;
        let status = response.status();
        let body: Value = serde_json::from_slice(&read).unwrap_or_default();
        if status.is_success() {
            return Ok(Answer { body, has_next_page: has_next_page(response.headers()) });
        }
        Err(self.failed((status, response.headers()), &body, action))
    }

    fn failed(&self, (status, headers): (StatusCode, &HeaderMap), body: &Value, action: Action) -> Failed {
        let message = message(body);
        let code = status.as_u16();
        if let Some(wait) = self.rate_limit(status, headers, &message) {
            return Failed::Passing { reason: format!("its rate limit is reached (status {code})"), wait };
        }
        if status.is_server_error() || code == 408 {
            return Failed::Passing {
                reason: format!("it answered with status {code}"),
                wait: seconds(headers),
            };
        }
        Failed::Lasting(match code {
            401 | 403 | 404 => {
                ForgeError::Rights { action: action.name, status: code, message, right: action.right }
            }
            _ => ForgeError::Rejected { action: action.name, status: code, message },
        })
    }

    /// When to come back, if that is all that is wrong. GitHub says 403 to both too much and too few rights.
    fn rate_limit(&self, status: StatusCode, headers: &HeaderMap, message: &str) -> Option<Option<Duration>> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let is_used_up = ["x-ratelimit-remaining", "ratelimit-remaining"].map(header).contains(&Some("0"));
        let asked = seconds(headers);
        let is_limited = match status.as_u16() {
            429 => true,
            403 => asked.is_some() || is_used_up || message.to_ascii_lowercase().contains("rate limit"),
            _ => false,
        };
        let until = ["x-ratelimit-reset", "ratelimit-reset"].map(header).into_iter().flatten().next();
        let until: Option<i64> = until.filter(|_| is_used_up).and_then(|text| text.parse().ok());
        let left =
            until.map(|until| until.saturating_sub((self.connection.outside.now_s)()).max(0) as u64 + 1);
        is_limited.then(|| asked.or(left.map(Duration::from_secs)))
    }
}

/// What `retry-after` says; a date is not read.
fn seconds(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

fn has_next_page(headers: &HeaderMap) -> bool {
    let links = headers.get_all("link").iter().filter_map(|value| value.to_str().ok());
    links.flat_map(|value| value.split(',')).any(|link| link.contains("rel=\"next\""))
}

/// What it said, in one short line.
fn message(body: &Value) -> String {
    let said = ["message", "error", "error_description"].iter().find_map(|name| match body.get(name)? {
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    });
    let said = said.unwrap_or_else(|| "it did not say why".to_owned());
    said.chars().filter(|character| !character.is_control()).take(200).collect()
}

/// An object with one more field, if there is a value for it.
pub(super) fn with(mut object: Value, name: &str, value: Option<Value>) -> Value {
    if let (Some(fields), Some(value)) = (object.as_object_mut(), value) {
        fields.insert(name.to_owned(), value);
    }
    object
}

/// Percent-encoded, for one part of a path or a parameter.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => encoded += &format!("%{byte:02X}"),
        }
    }
    encoded
}

fn root_certificates(path: &Path) -> Result<RootCerts, AnalyzerError> {
    let wrong = |message: String| AnalyzerError::File { file: path.display().to_string(), message };
    let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| wrong(error.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(wrong("it has no certificate in PEM form".to_owned()));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}
