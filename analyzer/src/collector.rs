//! The collector, asked over HTTP.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};

use crate::error::AnalyzerError;

/// An answer that takes longer is none.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// A collector that answers questions.
#[derive(Clone, Debug)]
pub struct Collector {
    url: String,
    token: Option<String>,
    client: ureq::Agent,
}

/// What a question is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Question<'a> {
    /// The selector's text.
    pub selector: &'a str,
    /// Start of the time range, in nanoseconds since the Unix epoch.
    pub start_ns: i64,
    /// Its end.
    pub end_ns: i64,
}

impl Collector {
    /// The collector at an address, with its token if it has one.
    pub fn new(url: &str, token: Option<String>) -> Self {
        let config =
            ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(false).build();
        Self { url: url.trim_end_matches('/').to_owned(), token, client: config.into() }
    }

    /// One answer of the API, such as `breakdown`, with parameters beside those of the question.
    pub fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        question: &Question,
        parameters: &[(&str, &str)],
    ) -> Result<T, AnalyzerError> {
        self.understood(&self.ask_bytes(path, question, parameters)?)
    }

    /// One answer of the API as it is, such as an exported profile.
    pub fn ask_bytes(
        &self,
        path: &str,
        question: &Question,
        parameters: &[(&str, &str)],
    ) -> Result<Vec<u8>, AnalyzerError> {
        let mut request = self
            .client
            .get(format!("{}/api/v1/{path}", self.url))
            .query("query", question.selector)
            .query("start", question.start_ns.to_string())
            .query("end", question.end_ns.to_string());
        for (name, value) in parameters {
            request = request.query(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let response = request.call().map_err(|error| self.failed(error.to_string()))?;
        self.answered(response, &format!(" (asking for {})", question.selector))
    }

    /// One answer of the API to a question that is about no time, such as `findings`.
    pub fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Result<T, AnalyzerError> {
        let mut request = self.client.get(format!("{}/api/v1/{path}", self.url));
        for (name, value) in parameters {
            request = request.query(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let response = request.call().map_err(|error| self.failed(error.to_string()))?;
        self.understood(&self.answered(response, "")?)
    }

    /// Hands something to the collector, and reads its answer.
    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, AnalyzerError> {
        let mut request = self
            .client
            .post(format!("{}/api/v1/{path}", self.url))
            .header("content-type", "application/json");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = serde_json::to_vec(body).map_err(|error| self.failed(error.to_string()))?;
        let response = request.send(&body).map_err(|error| self.failed(error.to_string()))?;
        self.understood(&self.answered(response, "")?)
    }

    fn understood<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, AnalyzerError> {
        serde_json::from_slice(body)
            .map_err(|error| self.failed(format!("its answer is not understood: {error}")))
    }

    fn answered(
        &self,
        mut response: ureq::http::Response<ureq::Body>,
        asking: &str,
    ) -> Result<Vec<u8>, AnalyzerError> {
        let status = response.status();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let body = body.map_err(|error| self.failed(error.to_string()))?;
        if !status.is_success() {
            let said: Option<wire::api::ErrorBody> = serde_json::from_slice(&body).ok();
            let message = said.map_or_else(|| format!("status {status}"), |said| said.error.message);
            return Err(match status.as_u16() {
                400 => AnalyzerError::Usage(format!("{message}{asking}")),
                _ => self.failed(message),
            });
        }
        Ok(body)
    }

    fn failed(&self, message: String) -> AnalyzerError {
        AnalyzerError::Collector { url: self.url.clone(), message }
    }
}

/// Adds a condition to a selector's text.
pub fn narrowed(selector: &str, label: &str, value: &str) -> String {
    let inner = selector.trim().trim_start_matches('{').trim_end_matches('}').trim().trim_end_matches(',');
    let quote =
        |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"));
    let condition = format!("{}={}", quote(label), quote(value));
    if inner.is_empty() { format!("{{{condition}}}") } else { format!("{{{inner}, {condition}}}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrowed_selector_is_still_a_selector() {
        for (selector, value) in [("", "GET /feed"), ("{}", "a\"b\\"), ("{service.name=\"feed\", }", "x")] {
            let text = narrowed(selector, "endpoint", value);
            let parsed = wire::selector::parse(&text).unwrap();
            let last = parsed.matchers.last().unwrap();
            assert_eq!((last.key.as_ref(), last.value.as_ref()), ("endpoint", value), "{text}");
        }
    }
}
