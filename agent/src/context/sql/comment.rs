//! The comment at the end of a query in which its sender says who it is, as `sqlcommenter` and OpenTelemetry write it:
//! `/*action='feed',route='%2Ffeed%2F%3Cint%3Aid%3E'*/`.

use std::borrow::Cow;

use crate::context::{labels, route};

/// What a comment says, for the keys that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Comment(Vec<(&'static str, String)>);

/// Keys that are kept; the first four name the sender. `endpoint` is what our SDKs add: method and route.
const KEYS: [&str; 9] = [
    "endpoint",
    "route",
    "controller",
    "action",
    "framework",
    "application",
    "app_name",
    "db_driver",
    "traceparent",
];
/// Pairs that are looked at.
const PAIRS_MAX: usize = 32;

/// Reads the comment that a text ends with; `None` without one, and for a comment of another form.
pub(super) fn parse(text: &str) -> Option<Comment> {
    let is_after = |character: char| character.is_whitespace() || character == ';' || character == '\0';
    let inside = text.trim_end_matches(is_after).strip_suffix("*/")?;
    let mut rest = inside.rsplit_once("/*")?.1.trim();
    let mut pairs: Vec<(&'static str, String)> = Vec::new();
    for _ in 0..PAIRS_MAX {
        let Some((key, value, after)) = pair(rest) else { break };
        let key = decode(key.trim());
        if let Some(known) = KEYS.iter().find(|known| **known == key)
            && pairs.iter().all(|(kept, _)| kept != known)
        {
            let mut value = decode(value).into_owned();
            labels::cut(&mut value, labels::VALUE_BYTES_MAX);
            pairs.push((known, value));
        }
        rest = after;
    }
    (!pairs.is_empty()).then_some(Comment(pairs))
}

impl Comment {
    /// The value of a key: `endpoint`, `route`, `controller`, `action`, `framework`, `application`, `app_name`, `db_driver`,
    /// `traceparent`.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(kept, value)| *kept == key && !value.is_empty())?;
        Some(value)
    }

    /// The endpoint that sent the query; without its method where the sender does not say it.
    pub(crate) fn calling_endpoint(&self) -> Option<String> {
        if let Some(endpoint) = self.get("endpoint") {
            return Some(endpoint.to_owned());
        }
        match (self.get("route"), self.get("controller"), self.get("action")) {
            (Some(route), _, _) => Some(route::readable(route)),
            (None, Some(controller), Some(action)) => Some(format!("{controller}#{action}")),
            (None, controller, action) => controller.or(action).map(str::to_owned),
        }
    }
}

/// Key, value and what follows of `key='value',…`. A quote in a value has a backslash before it.
fn pair(text: &str) -> Option<(&str, &str, &str)> {
    let (key, quoted) = text.split_once("='")?;
    let bytes = quoted.as_bytes();
    let is_end = |at: &usize| {
        bytes.get(*at) == Some(&b'\'') && at.checked_sub(1).and_then(|at| bytes.get(at)) != Some(&b'\\')
    };
    let end = (0..bytes.len()).find(is_end)?;
    let (value, after) = (quoted.get(..end)?, quoted.get(end + 1..)?);
    Some((key, value, after.trim_start().strip_prefix(',').unwrap_or_default()))
}

/// Undoes the encoding of URLs. Python's client doubles the percent sign, for a driver that then may not halve it.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '\\']) {
        return Cow::Borrowed(text);
    }
    let text = text.replace("%%", "%").replace("\\'", "'");
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| hexadecimal(after)).flatten();
        decoded.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

/// The byte that two digits stand for.
fn hexadecimal(text: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}
