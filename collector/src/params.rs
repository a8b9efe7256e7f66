//! The parameters of a query, checked against the API's own document: a name that is not documented is refused, so
//! the document and the code cannot drift apart.

use std::{fmt::Display, ops::RangeInclusive, str::FromStr};

use axum::{
    extract::{FromRequestParts, MatchedPath, Query as Pairs},
    http::request::Parts,
};
use model::{ProfileType, Selector, Window, keys};
use regex::{Regex, RegexBuilder};
use utoipa::IntoParams;

use crate::{answer::Preferences, error::Error, state::Shared};

/// Bytes of a search pattern that are read.
const PATTERN_BYTES_MAX: usize = 4096;

/// Memory that a search pattern may compile to.
const PATTERN_MEMORY_BYTES_MAX: usize = 1 << 20;

/// The parameters of one request.
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    now_ns: i64,
    pub(crate) preferences: Preferences,
}

/// What every query is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    pub(crate) selector: Selector,
    pub(crate) window: Window,
    pub(crate) kind: ProfileType,
}

/// The text of a [`Selection`].
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SelectionText<'a> {
    /// Selector in the manner of Prometheus; everything by default.
    #[param(example = r#"{service.name="feed"}"#)]
    query: Option<&'a str>,
    /// Start of the time range, included: `now-1h`, RFC 3339 or Unix time; `now-1h` by default.
    start: Option<&'a str>,
    /// End of the time range, not included; `now` by default.
    end: Option<&'a str>,
    /// Profile type; `cpu` by default.
    r#type: Option<&'a str>,
}

impl SelectionText<'_> {
    fn parse(&self, now_ns: i64) -> Result<Selection, Error> {
        let selector = wire::selector::parse(self.query.unwrap_or_default())?;
        let window = window([self.start.unwrap_or("now-1h"), self.end.unwrap_or("now")], now_ns)?;
        let kind = self.r#type.unwrap_or("cpu");
        let kind = ProfileType::from_name(kind).ok_or_else(|| {
            Error::bad_request("bad_parameter", format!("`{kind}` is not a profile type"))
                .field("type")
                .fix(one_of(ProfileType::ALL.map(ProfileType::name)))
        })?;
        Ok(Selection { selector, window, kind })
    }
}

impl FromRequestParts<Shared> for Query {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Error> {
        let path =
            MatchedPath::from_request_parts(parts, state).await.map_err(|error| Error::internal(&error))?;
        let Pairs(pairs) = Pairs::<Vec<(String, String)>>::try_from_uri(&parts.uri).map_err(|_| {
            Error::bad_request("bad_parameter", "the query string is not URL-encoded text")
                .fix("encode it as UTF-8")
        })?;
        let known = state.parameters.get(path.as_str()).map_or(&[][..], Vec::as_slice);
        for (at, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(name) {
                return Err(unknown_parameter(name, known));
            }
            let repeats = pairs.iter().take(at).any(|(other, _)| other == name);
            if repeats && name != "root" {
                return Err(Error::bad_request("bad_parameter", format!("`{name}` is given more than once"))
                    .field(name)
                    .fix("give it once"));
            }
        }
        Ok(Self { pairs, now_ns: (state.clock)(), preferences: Preferences::new(&parts.headers) })
    }
}

impl Query {
    /// What the query is about.
    pub(crate) fn selection(&self) -> Result<Selection, Error> {
        let [query, start, end, r#type] = ["query", "start", "end", "type"].map(|name| self.text(name));
        SelectionText { query, start, end, r#type }.parse(self.now_ns)
    }

    /// The time range alone, and where it starts unless the query says.
    pub(crate) fn window(&self, default_start: &str) -> Result<Window, Error> {
        let [start, end] = ["start", "end"].map(|name| self.text(name));
        window([start.unwrap_or(default_start), end.unwrap_or("now")], self.now_ns)
    }

    /// A parameter as it was given.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).next()
    }

    /// Every value of a parameter that may repeat.
    pub(crate) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The label to group by, if there is one.
    pub(crate) fn by(&self) -> Option<String> {
        self.text("by").filter(|by| !by.is_empty()).map(|by| keys::canonical(by).into_owned())
    }

    /// A number within bounds.
    pub(crate) fn number<T>(&self, name: &str, default: T, range: RangeInclusive<T>) -> Result<T, Error>
    where
        T: FromStr + PartialOrd + Display,
    {
        let Some(text) = self.text(name) else { return Ok(default) };
        text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
            Error::bad_request("bad_parameter", format!("`{text}` is not a number that `{name}` takes"))
                .field(name)
                .fix(format!("give a number from {} to {}", range.start(), range.end()))
        })
    }

    /// One of a few words; the first is the default.
    pub(crate) fn choice<const N: usize>(
        &self,
        name: &str,
        words: [&'static str; N],
    ) -> Result<&'static str, Error> {
        let Some(text) = self.text(name) else { return Ok(words.first().copied().unwrap_or_default()) };
        words.into_iter().find(|word| *word == text).ok_or_else(|| {
            Error::bad_request("bad_parameter", format!("`{text}` is not a value of `{name}`"))
                .field(name)
                .fix(one_of(words))
        })
    }

    /// A pattern to search names with.
    pub(crate) fn pattern(&self, name: &str) -> Result<Regex, Error> {
        let text = self.text(name).unwrap_or_default();
        if text.is_empty() {
            return Err(Error::bad_request("bad_pattern", "there is no pattern").field(name).fix("give one"));
        }
        compile(name, text)?.map_err(|error| {
            // The expression's parser draws a picture over several lines; the last one says what is wrong.
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Error::bad_request("bad_pattern", format!("the pattern is not a regular expression: {reason}"))
                .field(name)
                .fix(r"write a backslash before . * + ? ( ) [ ] { } | ^ $ \ to mean the character itself")
        })
    }

    /// A pattern that a person is typing: what is no regular expression is plain text to look for.
    pub(crate) fn loose_pattern(&self, name: &str) -> Result<Option<Regex>, Error> {
        let Some(text) = self.text(name).filter(|text| !text.is_empty()) else { return Ok(None) };
        match compile(name, text)? {
            Ok(pattern) => Ok(Some(pattern)),
            Err(_) => compile(name, &regex::escape(text))?.map(Some).map_err(|error| Error::internal(&error)),
        }
    }
}

/// From a start until an end, which is after it.
fn window([start, end]: [&str; 2], now_ns: i64) -> Result<Window, Error> {
    let time = |field, text| wire::time::parse(text, now_ns).map_err(|error| Error::bad_time(field, &error));
    let window = Window { start_ns: time("start", start)?, end_ns: time("end", end)? };
    if window.is_empty() {
        return Err(Error::bad_request(
            "bad_time",
            "the time range ends before it starts, or where it starts",
        )
        .field("end")
        .fix("give an end that is after the start"));
    }
    Ok(window)
}

/// Case counts only where the pattern has a capital letter, as in the page's own search.
fn compile(name: &str, text: &str) -> Result<Result<Regex, regex::Error>, Error> {
    if text.len() > PATTERN_BYTES_MAX {
        return Err(Error::bad_request("over_limit", "the pattern is too long")
            .field(name)
            .limit(PATTERN_BYTES_MAX as u64)
            .fix("write a shorter one"));
    }
    let ignores_case = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    Ok(RegexBuilder::new(text).case_insensitive(ignores_case).size_limit(PATTERN_MEMORY_BYTES_MAX).build())
}

fn unknown_parameter(name: &str, known: &[String]) -> Error {
    let fix = match known {
        [] => "this address takes no parameters".to_owned(),
        _ => format!("the parameters here are {}", known.join(", ")),
    };
    Error::bad_request("unknown_parameter", format!("there is no parameter `{name}` here"))
        .field(name)
        .fix(fix)
}

fn one_of<const N: usize>(words: [&'static str; N]) -> String {
    format!("give one of {}", words.join(", "))
}
