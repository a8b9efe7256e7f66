//! How answers go out: JSON, compressed as the client likes, with a tag of their content.

use std::io::{self, Write};

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use collector_store::{Answer, Unreadable};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::Error;

/// Names the header that lists what an answer had to leave out.
pub(crate) const INCOMPLETE: &str = "fewer-incomplete";

/// Bodies shorter than this are not worth compressing: they fit one packet.
const COMPRESS_FROM_BYTES: usize = 1200;

/// Unreadable folders that are named in a header.
const UNREADABLE_NAMED_MAX: usize = 5;

/// What the client said about the form of the answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Preferences {
    encoding: Option<Encoding>,
    /// The tags of the answers that the client has.
    known_tags: String,
}

/// A way to compress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Zstd,
    Gzip,
}

impl Preferences {
    pub(crate) fn new(headers: &HeaderMap) -> Self {
        let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
        let encoding = accepted.and_then(|accepted| {
            if accepts(accepted, "zstd") {
                return Some(Encoding::Zstd);
            }
            accepts(accepted, "gzip").then_some(Encoding::Gzip)
        });
        let known_tags = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        Self { encoding, known_tags: known_tags.unwrap_or_default().to_owned() }
    }

    /// Writes an answer as JSON. Takes time in proportion to it.
    pub(crate) fn json<T: Serialize>(&self, answer: &Answer<T>) -> Result<Response, Error> {
        let json = serde_json::to_vec(&answer.value).map_err(|error| Error::internal(&error))?;
        let encoding = self.encoding.filter(|_| json.len() >= COMPRESS_FROM_BYTES);
        let body = match encoding {
            None => json,
            Some(encoding) => encoding.compress(&json).map_err(|error| Error::internal(&error))?,
        };
        // The tag is of the bytes sent, so each encoding has its own.
        let tag = tag(&body);
        let mut response = match is_known(&self.known_tags, &tag) {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false => Bytes::from(body).into_response(),
        };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding, authorization"));
        if let Some(encoding) = encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
        }
        insert_text(headers, header::ETAG, &tag);
        say_unreadable(headers, &answer.unreadable);
        Ok(response)
    }
}

impl Encoding {
    fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// Fast rather than small: the answer is made for one request.
    fn compress(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Zstd => zstd::bulk::compress(bytes, 1),
            Self::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(bytes)?;
                encoder.finish()
            }
        }
    }
}

/// An answer made of what could all be read.
pub(crate) fn complete<T>(value: T) -> Answer<T> {
    Answer { value, unreadable: Vec::new() }
}

/// The same answer in another form.
pub(crate) fn map<T, U>(answer: Answer<T>, change: impl FnOnce(T) -> U) -> Answer<U> {
    Answer { value: change(answer.value), unreadable: answer.unreadable }
}

/// What is made from an answer that others use too.
pub(crate) fn map_ref<T, U>(answer: &Answer<T>, make: impl FnOnce(&T) -> U) -> Answer<U> {
    Answer { value: make(&answer.value), unreadable: answer.unreadable.clone() }
}

/// An answer that is also incomplete where another one was that it is made from.
pub(crate) fn join<T>(mut answer: Answer<T>, missing: Vec<Unreadable>) -> Answer<T> {
    let new: Vec<Unreadable> = missing.into_iter().filter(|one| !answer.unreadable.contains(one)).collect();
    answer.unreadable.extend(new);
    answer
}

/// Tells the client what is missing from an answer.
pub(crate) fn say_unreadable(headers: &mut HeaderMap, unreadable: &[Unreadable]) {
    if unreadable.is_empty() {
        return;
    }
    let folders: Vec<&str> =
        unreadable.iter().take(UNREADABLE_NAMED_MAX).map(|unreadable| unreadable.folder.as_ref()).collect();
    tracing::warn!(count = unreadable.len(), folders = folders.join(", "), "an answer is incomplete");
    let text = format!("{} unreadable; {}", unreadable.len(), folders.join(", "));
    insert_text(headers, header::HeaderName::from_static(INCOMPLETE), &text);
}

/// Whether an `If-None-Match` names a tag. What lies between may have marked the tag as weak, having compressed the
/// answer anew.
pub(crate) fn is_known(known_tags: &str, tag: &str) -> bool {
    known_tags
        .split(',')
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// Sets a header whose text is ours; what no header can carry is left out.
pub(crate) fn insert_text(headers: &mut HeaderMap, name: header::HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

/// A strong tag: 128 bits of the content's hash.
fn tag(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let hexadecimal: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hexadecimal}\"")
}

/// Whether an `Accept-Encoding` has a coding and does not refuse it.
fn accepts(accepted: &str, coding: &str) -> bool {
    accepted.split(',').any(|choice| {
        let mut parts = choice.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let quality = parts.find_map(|part| part.strip_prefix("q="));
        named && quality.is_none_or(|quality| quality.parse::<f32>().is_ok_and(|quality| quality > 0.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_tags_are_found() {
        for known in ["\"a\"", "\"b\", \"a\"", "W/\"a\"", "*"] {
            assert!(is_known(known, "\"a\""), "{known}");
        }
        for other in ["", "a", "\"b\"", "\"a"] {
            assert!(!is_known(other, "\"a\""), "{other}");
        }
    }

    #[test]
    fn encodings_are_taken_at_their_word() {
        let check = |accepted: &str, expected| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_str(accepted).unwrap());
            assert_eq!(Preferences::new(&headers).encoding, expected, "{accepted}");
        };
        check("gzip, deflate, br, zstd", Some(Encoding::Zstd));
        check("GZIP", Some(Encoding::Gzip));
        check("zstd;q=0, gzip;q=0.5", Some(Encoding::Gzip));
        check("br", None);
        check("", None);
    }
}
